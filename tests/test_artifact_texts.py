"""Texts and pictures: each comes back as its type, and is shown as what it is."""

import io
import sys
import types
from typing import Any

import numpy as np
import pytest
from helpers.kept import kept, read, words
from PIL import Image
from plotly import graph_objects

from jobs import artifacts
from jobs.artifacts import CSVString, HTMLString, JSONString, MarkdownString, images

TEXTS = [MarkdownString("# ğ\n<script>"), HTMLString("<p>a</p>"), CSVString("a,b\n1,2\n"), JSONString('{"a": 1}')]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: type(text).__name__)
def test_a_text_comes_back_as_its_type(text):
    """A text that says what it is stays that, with or without an annotation, and is a str like any other."""
    for annotation in (Any, type(text)):
        saved, loaded = kept(text, annotation)
        assert loaded == text and type(loaded) is type(text) and saved.type == type(text).__name__
        assert saved.file.read_text() == text
    assert type(read(saved, str)) is str
    plain, loaded = kept(str(text), type(text))
    assert plain.format == saved.format and type(loaded) is type(text)


def test_texts_are_shown_as_what_they_are():
    """Markdown and HTML keep their kind, CSV is a table, JSON a tree."""
    shown = [kept(text)[0].preview for text in TEXTS]
    assert [each["kind"] for each in shown] == ["markdown", "html", "table", "tree"]
    assert shown[2]["columns"] == [{"name": "a", "type": "text"}, {"name": "b", "type": "text"}]
    assert shown[2]["rows"] == [["1", "2"]] and shown[3]["value"] == {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        HTMLString("<b>" * 10**6),
        MarkdownString("\x02" * 10**6),
        CSVString("a,b\n" * 10**5),
        CSVString('"' * 10),
        CSVString(""),
        JSONString("{"),
        JSONString("[" * 10**5),
        JSONString("[1," * 10**5),
    ],
    ids=lambda text: f"{type(text).__name__} {text[:4]!r}",
)
def test_texts_that_are_long_or_broken_have_a_preview(text):
    """What is no CSV or JSON is shown as the text that it is, and what is long is cut."""
    assert kept(text)[0].preview["kind"] != "none"


def test_half_signs_are_kept():
    """A text that no file can hold as UTF-8 is not lost."""
    _, loaded = kept(MarkdownString("\ud800"))
    assert loaded == "\ud800"


def picture(mode, size=(50, 40)):
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 4)).astype("uint8")
    return Image.fromarray(pixels).convert(mode)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_a_picture_comes_back_pixel_by_pixel(mode):
    """Pictures of Pillow are PNG files, shown small."""
    value = picture(mode)
    saved, loaded = kept(value, Image.Image)
    assert saved.format == "png" and loaded.mode == mode and loaded.tobytes() == value.tobytes()
    assert saved.preview["kind"] == "picture" and (saved.metadata["width"], saved.metadata["height"]) == (50, 40)


@pytest.mark.parametrize("mode", ["CMYK", "F", "HSV"])
def test_a_picture_that_png_would_change_is_told(mode):
    """Colours are not converted silently."""
    saved, loaded = kept(picture(mode))
    assert saved.format == "cloudpickle" and mode in words(saved)[0] and loaded.mode == mode


def test_a_large_picture_is_shown_small():
    """A picture of noise, which compresses badly, has a preview that fits."""
    shown = kept(picture("RGB", (2000, 1500)))[0].preview
    assert (shown["kind"], shown["width"], shown["height"]) == ("picture", 2000, 1500)


def test_only_png_is_read_as_png(tmp_path):
    """Pillow reads some fifty formats; a file that is another one is refused."""
    file = tmp_path / "picture"
    picture("RGB").save(file, format="GIF")
    with pytest.raises(OSError, match="cannot identify"):
        artifacts.load("png", Any, file=file)


def test_a_figure_of_plotly_comes_back_as_one():
    """Its JSON is the file, and its preview as long as it is small enough."""
    value = graph_objects.Figure(graph_objects.Bar(y=np.arange(4)), {"title": {"text": "ğ"}})
    saved, loaded = kept(value)
    assert saved.format == "plotly" and loaded == value
    assert saved.preview["kind"] == "plotly" and saved.preview["figure"]["layout"]["title"]["text"] == "ğ"
    large = kept(graph_objects.Figure(graph_objects.Scatter(y=list(map(str, range(50_000))))))[0]
    assert large.preview["kind"] == "size"


def test_a_figure_of_matplotlib_is_a_picture(monkeypatch):
    """A stand-in with Matplotlib's savefig: the figure is a PNG, and the log says that steps below get the picture."""
    module = types.ModuleType("matplotlib.figure")

    class Figure:
        def savefig(self, target, *, format, dpi, bbox_inches):  # noqa: A002
            picture("RGB", (dpi, dpi)).save(target, format=format)

    Figure.__module__, Figure.__qualname__ = "matplotlib.figure", "Figure"
    module.Figure = Figure
    monkeypatch.setitem(sys.modules, "matplotlib.figure", module)
    saved, loaded = kept(Figure())
    assert (saved.type, saved.format) == ("matplotlib.figure.Figure", "png")
    assert loaded.size == (150, 150) and saved.preview["kind"] == "picture"
    assert 'materializer="pickle"' in words(saved)[0]


def test_the_type_of_a_picture_is_told_by_its_bytes():
    """SVG and HTML, which can hold scripts, are no pictures."""
    for text in (b"<svg onload=alert(1)>", b"<html>", b"%PDF", b""):
        assert images.media_type(text) is None
    stream = io.BytesIO()
    picture("RGB").save(stream, format="JPEG")
    assert images.media_type(stream.getvalue()) == "image/jpeg"
