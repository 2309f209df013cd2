"""The outputs of one step: what each is, its preview, and its download."""

import json
from collections.abc import Callable, Sequence

import streamlit as st

from pages.parts import words
from pages.parts.outputs import previews
from store import files
from store.outputs import Output

MOST_TABS = 12
MOST_FACTS = 8
# A download goes through the memory of the server.
LARGEST = 200_000_000
# Metadata that a preview of each kind shows itself.
SEEN = {
    "table": ("rows", "columns"),
    "tree": ("length", "size"),
    "text": ("length", "size"),
    "markdown": ("length",),
    "html": ("length",),
    "histogram": ("shape", "dtype"),
    "card": ("class", "versions"),
    "picture": ("width", "height"),
    "size": ("name", "size", "files"),
}
SUFFIXES = {
    "json": "json",
    "bytes": "bin",
    "parquet": "parquet",
    "npy": "npy",
    "npz": "npz",
    "joblib": "joblib",
    "safetensors": "safetensors",
    "keras": "keras",
    "folder": "tar",
    "png": "png",
    "plotly": "json",
    "markdown": "md",
    "html": "html",
    "csv": "csv",
    "text": "json",
    "parts": "zip",
    "parts-code": "zip",
    "cloudpickle": "pickle",
}


def draw(left: Sequence[Output], key: str) -> None:
    """Outputs that fit in a line above each other; of the others one below its name, several behind tabs."""
    short = [(each, value) for each in left if (value := previews.leaf(each.preview)) is not None]
    for output, value in short:
        _head(output, f"{key}-{output.id}", value)
    fitting = {output.id for output, _ in short}
    larger = [each for each in left if each.id not in fitting]
    if len(larger) == 1:
        _whole(larger[0], f"{key}-{larger[0].id}")
    elif larger:
        tabs = st.tabs([words.plain(each.name) for each in larger[:MOST_TABS]], key=f"{key}-tabs")
        for tab, each in zip(tabs, larger, strict=False):
            with tab:
                _whole(each, f"{key}-{each.id}")
        for each in larger[MOST_TABS:]:
            with st.expander(words.plain(each.name), type="compact", key=f"{key}-more-{each.id}"):
                _whole(each, f"{key}-{each.id}")


def _whole(output: Output, key: str) -> None:
    _head(output, key)
    previews.draw(output.preview, f"{key}-preview")


def _head(output: Output, key: str, value: str | None = None) -> None:
    """Its name and what is known of it, and the button that saves it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        name = f"**{words.plain(output.name)}**"
        st.markdown(f"{name} {value}" if value is not None else name, width="content")
        about = [words.plain(output.type), f"version {output.version}", words.size(output.size)]
        st.caption(" · ".join(about), width="content")
        for tag in output.tags:
            st.badge(words.plain(tag), color="gray")
        _download(output, key)
    facts = [
        f"{words.plain(words.inside(words.titled(name)))} {words.plain(_fact(value))}"
        for name, value in output.metadata.items()
        if value is not None and name not in SEEN.get(str(output.preview.get("kind")), ())
    ]
    if facts:
        more = f" · and {words.count(len(facts) - MOST_FACTS)} more" if len(facts) > MOST_FACTS else ""
        st.caption(" · ".join(facts[:MOST_FACTS]) + more)


def _fact(value: object) -> str:
    text = words.value(value) if not isinstance(value, dict) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _download(output: Output, key: str) -> None:
    if output.size > LARGEST:
        st.caption(f"Too large to save from here; load it with Python: load({output.step!r})")
        return
    code = " Loading this file runs the code in it." if output.executable else ""
    st.download_button(
        "Save",
        _content(output),
        file_name=file_name(output),
        # Never a type that a browser would open as a page.
        mime="application/octet-stream",
        key=f"{key}-save",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
        help=f"{words.plain(file_name(output))}, {words.size(output.size)}.{code}",
    )


def _content(output: Output) -> Callable[[], bytes]:
    """Return what reads the value once it is wanted, in another thread."""
    file, value = output.file, output.value

    def read() -> bytes:
        if file is not None:
            return files.verified(file).read_bytes()
        return json.dumps(value[0] if value else None, ensure_ascii=False, indent=2).encode()

    return read


def file_name(output: Output) -> str:
    """As what it is saved: a file under its own name, all else under that of the output."""
    if output.format == "file" and isinstance(own := output.metadata.get("name"), str) and own:
        return own
    suffix = SUFFIXES.get(output.format, "bin")
    return f"{output.name}-{output.version}.{suffix}"
