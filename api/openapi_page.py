"""The page at /api/docs: drawn here from the OpenAPI description, so that it needs neither scripts nor the internet."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterator
from html import escape
from typing import Any

# A part of an OpenAPI document: its shape is that of the standard.
Spec = dict[str, Any]

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 14px/1.5 ui-monospace, monospace; }
pre { overflow-x: auto; padding: .5rem .75rem; border: 1px solid #8884; border-radius: .5rem; }
summary { cursor: pointer; padding: .4rem 0; }
summary b { display: inline-block; min-width: 4.5rem; }
dt { font-family: ui-monospace, monospace; font-size: 14px; }
dd { margin: 0 0 .4rem 1.5rem; }
"""
POLICY = (
    "default-src 'none'; base-uri 'none'; "
    f"style-src 'sha256-{b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
)
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} API</title>
<style>{style}</style>
<p><a href="../">Back to the app</a></p>
<h1>{title} API</h1>
<p>{about}</p>
<p>For programs: <a href="{root}/openapi.json">openapi.json</a></p>
{parts}
</html>
"""


def manual(spec: Spec, root: str) -> str:
    """Every route with what it takes and a command to try it; `root` is the address of the API."""
    parts = []
    group = None
    for path, method, route in _routes(spec):
        if (tag := route.get("tags", [""])[0]) != group:
            group = tag
            parts.append(f"<h2>{escape(tag)}</h2>")
        parts.append(_route(path, method, route, spec, root))
    info = spec["info"]
    return PAGE.format(
        style=STYLE,
        title=escape(info["title"]),
        about=_text(info["description"]),
        root=escape(root),
        parts="\n".join(parts),
    )


def _routes(spec: Spec) -> Iterator[tuple[str, str, Spec]]:
    for path, methods in spec["paths"].items():
        for method, route in methods.items():
            yield path, method.upper(), route


def _route(path: str, method: str, route: Spec, spec: Spec, root: str) -> str:
    fields = [
        _field(each["name"], each.get("schema", {}), each.get("required", False), each["in"])
        for each in route.get("parameters", [])
    ]
    body = _body(route, spec)
    required = body.get("required", [])
    fields += [_field(name, schema, name in required, "body") for name, schema in body.get("properties", {}).items()]
    listed = f"<dl>{''.join(fields)}</dl>" if fields else ""
    listed += _answer(route, spec)
    summary = _text(route.get("summary", ""))
    return (
        f"<details><summary><b>{method}</b> <code>/api{escape(path)}</code> {summary}</summary>"
        f"<p>{_text(route.get('description', ''))}</p>{listed}"
        f"<pre>{escape(_command(root + path, method, route, body))}</pre></details>"
    )


def _text(text: str) -> str:
    """Text of ours as HTML; what stands between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _answer(route: Spec, spec: Spec) -> str:
    """What comes back: the status, the name of the document and its fields."""
    status = next(each for each in route["responses"] if each.startswith("2"))
    answer: Spec = route["responses"][status]
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    several = schema.get("type") == "array"
    name = (schema.get("items", schema) if several else schema).get("$ref", "").rsplit("/", 1)[-1]
    if not name:
        return f"<p>Answers {escape(status)}.</p>"
    fields = ", ".join(spec["components"]["schemas"][name].get("properties", {}))
    what = f"a list of <code>{escape(name)}</code>" if several else f"<code>{escape(name)}</code>"
    return f"<p>Answers {escape(status)} with {what}: {escape(fields)}.</p>"


def _field(name: str, schema: Spec, required: bool, place: str) -> str:
    kinds = [each.get("type", "") for each in schema.get("anyOf", [schema])]
    words = [" or ".join(kind for kind in kinds if kind and kind != "null"), f"in the {place}"]
    words.append("required" if required else "optional")
    description = f" {schema['description']}" if "description" in schema else ""
    return f"<dt>{escape(name)}</dt><dd>{escape(', '.join(filter(None, words)))}.{_text(description)}</dd>"


def _body(route: Spec, spec: Spec) -> Spec:
    content = route.get("requestBody", {}).get("content", {})
    schema: Spec = content.get("application/json", {}).get("schema", {})
    if "$ref" in schema:
        schema = spec["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return schema


def _command(path: str, method: str, route: Spec, body: Spec) -> str:
    if "text/csv" in route.get("requestBody", {}).get("content", {}):
        return f"curl --data-binary @customers.csv '{path}?name=customers.csv'"
    command = "curl" if method == "GET" else f"curl -X {method}"
    if body:
        needed = ", ".join(f'"{name}": ...' for name in body.get("required", []) or body.get("properties", {}))
        command += f" -H 'Content-Type: application/json' -d '{{{needed}}}'"
    return f"{command} {path}"
