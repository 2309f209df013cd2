"""Pictures: images of Pillow and figures of Matplotlib as PNG, figures of Plotly as their JSON."""

import io
import json
from pathlib import Path
from typing import Any

from jobs.artifacts import images, previews
from jobs.artifacts.annotations import library, type_name
from jobs.artifacts.errors import ArtifactError, LossyError
from jobs.artifacts.saved import Saved, Stored
from store.messages import Message

DOTS, FEWER_DOTS = 150, (72, 40)  # per inch: of the file, and of previews until one is small enough
WIDEST = 480


def save(value: Any, annotation: Any, folder: Path) -> Saved | None:
    """Save a picture or figure; None if it is none."""
    if isinstance(value, library("plotly.basedatatypes", "BaseFigure")):
        return _save_plotly(value, annotation, folder)
    if isinstance(value, library("PIL.Image", "Image")):
        return _save_image(value, annotation, folder)
    if isinstance(value, library("matplotlib.figure", "Figure")):
        return _save_figure(value, annotation, folder)
    return None


def load_png(stored: Stored) -> object:
    """The picture, as an image of Pillow."""
    try:
        from PIL import Image
    except ImportError:
        raise ArtifactError(Message("artifact_library_missing", {"format": "png", "package": "pillow"})) from None
    with Image.open(stored.file, formats=["PNG"]) as image:
        image.load()
        return image.copy()


def load_plotly(stored: Stored) -> object:
    try:
        from plotly import io as plotly_io
    except ImportError:
        raise ArtifactError(Message("artifact_library_missing", {"format": "plotly", "package": "plotly"})) from None
    return plotly_io.from_json(stored.file.read_text())


def _save_plotly(value: Any, annotation: Any, folder: Path) -> Saved:
    """The figure as JSON. Plotly's own HTML is never used: it holds scripts."""
    text = value.to_json()
    file = folder / "figure.json"
    file.write_text(text)
    preview: previews.Preview = {"kind": "plotly", "figure": json.loads(text)}
    if previews.size_of(preview) > previews.MOST_BYTES:
        preview = {"kind": "size", "name": "figure.json", "size": file.stat().st_size}
    return Saved(type_name(value, annotation), "plotly", file=file, preview=preview)


def _save_image(value: Any, annotation: Any, folder: Path) -> Saved:
    file = folder / "picture.png"
    preview = _thumbnail(value)
    changed = Message("picture_changed", {"mode": value.mode})
    try:
        value.save(file, format="PNG")
        if not _same_picture(value, file):
            raise LossyError(changed, preview)
    except LossyError:
        file.unlink()
        raise
    except (OSError, ValueError, KeyError) as error:  # a mode that PNG does not have
        file.unlink(missing_ok=True)
        raise LossyError(changed, preview) from error
    facts = {"width": value.width, "height": value.height, "mode": value.mode}
    kind = type_name(value, annotation)
    return Saved(kind, "png", file=file, preview=preview, metadata=facts)


def _same_picture(value: Any, file: Path) -> bool:
    from PIL import Image

    with Image.open(file) as read:
        same_mode = read.mode == value.mode and read.size == value.size
        if not same_mode or read.tobytes() != value.tobytes():
            return False
        return bool(value.mode != "P" or read.convert("RGBA").tobytes() == value.convert("RGBA").tobytes())


def _thumbnail(value: Any) -> previews.Preview:
    """A smaller copy, in colours that every browser shows."""
    for widest in (WIDEST, 240, 120):
        small = value.copy()
        small.thumbnail((widest, widest))
        buffer = io.BytesIO()
        try:
            small.convert("RGBA" if "A" in value.mode else "RGB").save(buffer, format="PNG")
        except (OSError, ValueError):
            break
        if picture := images.of_bytes(buffer.getvalue()):
            return {**picture, "width": value.width, "height": value.height}
    return {"kind": "none", "text": f"{value.width} x {value.height}"}


def _save_figure(value: Any, annotation: Any, folder: Path) -> Saved:
    """A figure as the picture that it draws; it cannot be read back as a figure without running code."""
    file = folder / "figure.png"
    value.savefig(str(file), format="png", dpi=DOTS, bbox_inches="tight")
    preview: previews.Preview = {"kind": "size", "name": "figure.png", "size": file.stat().st_size}
    for dots in FEWER_DOTS:
        buffer = io.BytesIO()
        value.savefig(buffer, format="png", dpi=dots, bbox_inches="tight")
        if picture := images.of_bytes(buffer.getvalue()):
            preview = picture
            break
    notices = (Message("figure_as_picture"),)
    return Saved(type_name(value, annotation), "png", file=file, preview=preview, notices=notices)
