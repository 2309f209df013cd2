"""Saving a value and reading it back, as two steps would."""

import json
import tempfile
from pathlib import Path
from typing import Any

from jobs import artifacts
from jobs.artifacts import previews
from jobs.language import sentence


def kept(value, annotation=Any, read_as=None, folder=None, **options):
    """What saving left, and what reading it back gives; what every artifact must be is checked on the way."""
    folder = folder or Path(tempfile.mkdtemp(prefix="kept-"))
    saved = artifacts.save(value, annotation, folder, **options)
    assert (saved.file is None) or (saved.file.parent == folder and saved.value is None)
    assert [path for path in folder.iterdir() if path != saved.file] == []  # nothing is left beside the file
    assert saved.executable is artifacts.is_executable(saved.format)
    assert len(json.dumps(saved.preview, allow_nan=False)) <= previews.MOST_BYTES
    assert saved.preview["kind"] in previews.KINDS
    json.dumps([saved.value, saved.metadata], allow_nan=False)
    return saved, read(saved, annotation if read_as is None else read_as)


def read(saved, annotation=Any, **options):
    """Read a value back from what a row would hold of it."""
    value = json.loads(json.dumps(saved.value))
    facts = json.loads(json.dumps(saved.metadata))
    given = {"value": value, "file": saved.file, "type": saved.type, "metadata": facts} | options
    return artifacts.load(saved.format, annotation, **given)


def words(saved):
    """What saving told the log."""
    return [sentence(notice) for notice in saved.notices]
