"""Artifacts: a value of a known type to bytes and back, with something to look at.

`keeping` finds the format of a value; each format has a file: `json_values` (with `tagged` for what JSON alone would
change, and `sameness`, by which everything is compared with what was saved), `frames` and `arrow`, `arrays`,
`estimators`, `libraries`, `files`, `texts`, `pictures`, `parts` for several of them, `own_formats` for an author's, and
`pickles` for the rest. `previews` says what pages draw, and `annotations` reads what the code says of a type. Not here:
steps, workflows and rows, who may read what (the caller checks signatures), and how previews are drawn.
"""

from jobs.artifacts.errors import ArtifactError
from jobs.artifacts.keeping import is_executable, load, save
from jobs.artifacts.own_formats import Materializer, materializer
from jobs.artifacts.previews import Preview
from jobs.artifacts.saved import ROW_BYTES, Saved
from jobs.artifacts.texts import CSVString, HTMLString, JSONString, MarkdownString

__all__ = [
    "ROW_BYTES",
    "ArtifactError",
    "CSVString",
    "HTMLString",
    "JSONString",
    "MarkdownString",
    "Materializer",
    "Preview",
    "Saved",
    "is_executable",
    "load",
    "materializer",
    "save",
]
