"""A picture that the step saved: {"artifact": name, "media_type": "image/png"}."""

import io
import re

import streamlit as st
from PIL import Image

from jobs.pipelines.shapes import MEDIA_TYPES
from pages.parts import words
from pages.parts.values import Files, Value

LARGEST = 20_000_000
SVG = "image/svg+xml"
# As Streamlit finds one: any other text it takes for an address or the name of a file.
_SVG = re.compile(r"\s*(<\?xml[\s\S]*<svg\s|<svg[\s>])")


def draw(value: Value, key: str, files: Files) -> None:
    content = files(value["artifact"])
    if content is None:
        st.caption(f"The step saved no file {words.plain(value['artifact'])}.")
    elif len(content) > LARGEST:
        st.caption(f"This picture is {words.size(len(content))}; pictures up to {words.size(LARGEST)} are shown.")
    elif not is_picture(content, value.get("media_type", MEDIA_TYPES[0])):
        st.caption(f"{words.plain(value['artifact'])} is no picture.")
    else:
        with st.container(key=key):
            st.image(
                content.decode("utf-8", "replace").lstrip() if value.get("media_type") == SVG else content,
                caption=words.plain(value["label"]) if value.get("label") else None,
                width="content",
            )


def is_picture(content: bytes, media_type: str) -> bool:
    """Whether a file holds what can be drawn as this type."""
    if media_type == SVG:
        return _SVG.match(content.decode("utf-8", "replace")) is not None
    try:
        with Image.open(io.BytesIO(content)) as picture:
            picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False
    return True
