"""Plain pages: small HTML for those who have not signed in. They load nothing, run no script, and are in no frame."""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, Response

from store.program import LOGO

if TYPE_CHECKING:
    from jinja2 import Template

STYLE = """
:root { color-scheme: light dark; --line: #8886; --accent: #1f5fa8; --on-accent: #fff; --bad: #b3372f; }
@media (prefers-color-scheme: dark) { :root { --accent: #6aa5e8; --on-accent: #12161c; --bad: #e8796f; } }
body { font: 16px/1.5 system-ui, sans-serif; display: grid; place-items: center; min-height: 90vh; margin: 0 1rem; }
main { width: 100%; max-width: 22rem; }
svg { height: 2rem; width: auto; }
h1 { font-size: 1.25rem; margin: 1.5rem 0 1rem; }
label { display: block; margin-bottom: 1rem; }
input, select, textarea { display: block; box-sizing: border-box; width: 100%; font: inherit; padding: .5rem .75rem;
        margin-top: .25rem; border: 1px solid var(--line); border-radius: .5rem; background: transparent;
        color: inherit; }
button, .provider { display: block; box-sizing: border-box; width: 100%; font: inherit; padding: .5rem;
         text-align: center; border: 1px solid var(--accent); border-radius: .5rem; cursor: pointer;
         text-decoration: none; }
button { background: var(--accent); color: var(--on-accent); }
.provider { color: inherit; margin-top: .75rem; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
[role=alert] { color: var(--bad); }
p { margin: 1rem 0; }
.question { white-space: pre-line; overflow-wrap: anywhere; }
.quiet { background: transparent; color: inherit; margin-top: .75rem; }
"""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    f"style-src 'sha256-{b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'",
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
}


def page(template: str, status: int, headers: Mapping[str, str] | None = None, **values: Any) -> Response:
    """A page made of a template beside this file; what is in `values` is shown letter by letter."""
    html = _template(template).render(style=STYLE, logo=LOGO.read_text(), **values)
    return HTMLResponse(html, status, HEADERS | dict(headers or {}))


@cache
def _template(name: str) -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # where nobody signs in, it is not needed

    folder = FileSystemLoader(Path(__file__).parent)
    return Environment(loader=folder, autoescape=True, undefined=StrictUndefined).get_template(name)
