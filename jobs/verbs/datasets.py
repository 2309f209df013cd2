"""The verbs on datasets: add, read differently, remove; and the bundled sample."""

import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path, PurePosixPath

from jobs.tabular import sandbox
from jobs.tabular.ahead.arriving import arriving
from jobs.tabular.dialect import EXTENSIONS, format_of, read_settings, words_of
from jobs.tabular.table_name import name_of
from jobs.verbs.chunks import Bytes, chunks_of
from jobs.verbs.permission import deed
from store import datasets, files
from store.datasets import Dataset, Description
from store.errors import ConflictError, InvalidError
from store.files import FileRef, Incoming
from store.messages import Message
from store.settings import ROOT

__all__ = ["add", "describe", "file_name", "format_of", "redescribe", "remove", "remove_all", "sample", "words_of"]

# Up to this size the profile is of the whole file; beyond, of its first part, until the upload step has read it all.
PROFILED_WHOLE = 16 << 20
SAMPLE = ROOT / "jobs/tabular/samples/customer_churn.csv"

LONGEST_NAME = 100
# Kinds of signs that control, direct or stand for nothing.
UNSEEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
LONG_EXTENSIONS = ("parquet", "ndjson")


@deed("add", "dataset")
def add(
    content: Bytes | Incoming, file_name: str, dialect: Mapping[str, object] | None = None, size: int | None = None
) -> Dataset:
    """Add a table: store its bytes once and profile it; the same file again is the same dataset. `size` is the
    announced one, for a stream whose length is not known in advance."""
    name = _dataset_name(file_name)
    read_settings(dialect or {})
    announced = size or _size_of(content)
    files.check_room(announced)
    sandbox.make_ready()
    with _incoming(content) as incoming, arriving(incoming.path, announced, dialect or {}, PROFILED_WHOLE) as reading:
        for chunk in () if isinstance(content, Incoming) else chunks_of(content):
            incoming.write(chunk)
            reading.more()
        path = incoming.path
        reading.complete()
        incoming.sync()
        description = reading.described() or _description(path, incoming.size, dialect)
        dataset = datasets.add(name, incoming.keep(), description)
        reading.offer(dataset)
    return dataset


@deed("read again", "as dataset")
def redescribe(dataset_id: int, dialect: Mapping[str, object]) -> Dataset:
    """The same bytes read differently, as a new version; settings not named stay as they were."""
    before = datasets.get(dataset_id)
    chosen = _changed(before.dialect, dialect)
    description = _description(files.verified(before.file), before.size, chosen)
    return datasets.add(before.name, FileRef(before.sha256, before.size), description)


@deed("describe", "dataset")
def describe(dataset_id: int, name: str) -> Dataset:
    """Change what a dataset is called, in all of its versions."""
    datasets.get(dataset_id)
    if not (clean := _clean(name)):
        raise InvalidError(Message("dataset_unnamed"), "name")
    datasets.rename(dataset_id, clean)
    return datasets.get(dataset_id)


@deed("delete", "dataset")
def remove(dataset_id: int) -> None:
    """Delete a dataset that no workflow uses, and the table that waits for its first step."""
    gone = datasets.get(dataset_id)
    datasets.remove(dataset_id)
    files.drop_waiting(name_of(gone.sha256, gone.dialect))


@deed("delete", "dataset")
def remove_all(dataset_ids: Sequence[int]) -> list[int]:
    """Delete datasets; none of them where one does not exist or a workflow uses one."""
    for dataset in map(datasets.get, dataset_ids):
        if dataset.used_by:
            raise ConflictError(Message("dataset_in_use", {"dataset": dataset.title, "count": dataset.used_by}))
    for dataset_id in dataset_ids:
        remove(dataset_id)
    return list(dataset_ids)


@deed("add sample", "dataset")
def sample() -> Dataset:
    """The bundled example: customers of a phone company, and which of them left."""
    return add(SAMPLE, SAMPLE.name)


def file_name(dataset: Dataset) -> str:
    """Return what to call the file of a dataset, with the extension of its format."""
    extension = "tsv" if dataset.dialect.get("delimiter") == "\t" else EXTENSIONS[format_of(dataset.dialect)]
    return f"{dataset.name}.{extension}".replace("/", "_")


def _description(path: Path, size: int, dialect: Mapping[str, object] | None) -> Description:
    return sandbox.look(path, size, dialect, None if size <= PROFILED_WHOLE else PROFILED_WHOLE)


def _changed(before: Mapping[str, object], dialect: Mapping[str, object]) -> dict[str, object]:
    """Merge the new settings into the old; what depends on a changed one is detected again unless chosen too."""
    chosen = read_settings(dialect)
    if chosen.get("format", format_of(before)) != format_of(before):
        return dict(dialect)
    changed = {name for name, value in chosen.items() if value != before.get(name)}
    settings: dict[str, object] = dict(before)
    if "sheet" in changed:
        settings.pop("header", None)
    if changed & {"delimiter", "encoding"}:
        settings = {name: value for name, value in settings.items() if name == "encoding"}
    if "decimal" in changed:
        settings.pop("thousands", None)
    return {**settings, **dialect}


def _size_of(content: Bytes | Incoming) -> int:
    """Return the size of a file, 0 where it is not known before all of it is read."""
    if isinstance(content, Incoming):
        return content.size
    return content.stat().st_size if isinstance(content, Path) else 0


def _incoming(content: Bytes | Incoming) -> AbstractContextManager[Incoming]:
    """Return the file on disk that takes the bytes, or that they are in already."""
    return nullcontext(content) if isinstance(content, Incoming) else files.incoming()


def _dataset_name(file_name: str) -> str:
    """A file name that is safe to show: no folders, no control or direction signs, no extension, 100 characters."""
    base = _sayable(PurePosixPath(unicodedata.normalize("NFC", str(file_name)).replace("\\", "/")).name)
    stem, dot, extension = base.strip().rpartition(".")
    if dot and (len(extension) <= 5 or extension.casefold() in LONG_EXTENSIONS):
        base = stem
    return _clean(base).strip(".").strip() or "table"


def _clean(name: str) -> str:
    """A name on one line, of 100 characters at most, without signs that cannot be seen."""
    return " ".join(_sayable(unicodedata.normalize("NFC", name)).split())[:LONGEST_NAME].strip()


def _sayable(name: str) -> str:
    return "".join(sign for sign in name if unicodedata.category(sign) not in UNSEEN)
