"""Keeping: typed values between a process and the store, as a step saves what it leaves and a flow what it gives."""

from collections.abc import Mapping
from typing import Any

from jobs import artifacts
from jobs.authoring import body
from jobs.pipelines.context import StepContext
from jobs.pipelines.errors import PipelineError
from jobs.pipelines.handed import Pattern, leaves
from store import files, keys
from store.files import FileRef
from store.outputs import Handed


def kept(value: Any, annotation: Any, context: StepContext, owner: str, name: str) -> Handed:
    """Keep a value that a flow gives to a step."""
    try:
        saved = artifacts.save(value, annotation, context.folder)
    except artifacts.ArtifactError as error:
        raise PipelineError(error.message) from error
    ref = files.keep(saved.file) if saved.file else body.ref_of(saved.value)
    return Handed(
        f"{owner}.{name}",
        saved.type,
        saved.format,
        saved.executable,
        None if saved.file else [saved.value],
        ref.sha256,
        ref.size,
        keys.sign(ref.sha256) if saved.executable else None,
        saved.metadata,
        None,
    )


def loaded(handed: Handed, annotation: Any, context: StepContext) -> Any:
    """A value that a step left, for a flow that asks for it."""
    return body.loaded(handed, annotation, context.folder, lambda notice: context.log(notice, "warning"))


def files_of(handed: Mapping[str, Pattern]) -> list[FileRef]:
    """The files that are kept for a step."""
    found = [each["kept"] for pattern in handed.values() for each in leaves(pattern) if "kept" in each]
    return [FileRef(each["sha256"], each["size"]) for each in found if each["value"] is None]
