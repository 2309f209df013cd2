"""A pipeline that leaves an artifact of every kind that is shown or downloaded differently."""

from pathlib import Path
from typing import Annotated

import pandas as pd

from jobs.artifacts import CSVString, HTMLString, MarkdownString
from jobs.artifacts.images import png
from jobs.authoring.inside import get_step_context
from jobs.authoring.pipeline import pipeline
from jobs.authoring.returns import ArtifactConfig
from jobs.authoring.step import step

EVIL = "<script>alert(1)</script>"


class Odd:
    """Of a type that no format holds."""


@step
def small(word: str = "plain") -> Annotated[dict[str, str], ArtifactConfig("facts", tags=["t"])]:
    get_step_context().add_output_metadata({"source": "web"})
    return {"word": word, "html": EVIL}


@step
def texts() -> tuple[Annotated[HTMLString, "page"], Annotated[MarkdownString, "notes"], Annotated[CSVString, "rows"]]:
    return HTMLString(EVIL), MarkdownString("# hello"), CSVString("a,b\n1,2\n")


@step
def files() -> tuple[Annotated[Path, "drawing"], Annotated[bytes, "picture"], Annotated[Path, "script"]]:
    import numpy

    drawing = Path("drawing.svg")
    drawing.write_text(f"<svg xmlns='http://www.w3.org/2000/svg'>{EVIL}</svg>")
    script = Path("a page.html")
    script.write_text(EVIL)
    return drawing, png(numpy.zeros((9, 9, 3), "uint8")), script


@step
def frame() -> Annotated[pd.DataFrame, "frame"]:
    return pd.DataFrame({"a": [1, 2]})


@step
def odd() -> Annotated[Odd, "odd"]:
    return Odd()


@pipeline
def leaving(word: str = "plain") -> None:
    small(word)
    texts()
    files()
    frame()
    odd()
