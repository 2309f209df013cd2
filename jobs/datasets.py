"""The verbs on datasets: add, read differently, remove; and the bundled sample."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import pandas as pd
import pyarrow as pa

from jobs import profile, reader
from store import datasets, files
from store.datasets import Dataset
from store.files import CHUNK, Kept

# Up to this size the profile is of the whole file; beyond, of its first part, until the upload step has read it all.
PROFILED_WHOLE = 64 << 20
SAMPLE = Path(__file__).parent / "samples" / "customer_churn.csv"

Bytes = Path | BinaryIO | Iterable[bytes]


@dataclass(frozen=True, slots=True)
class _Looked:
    dialect: dict[str, Any]
    found: profile.Profile

    def as_row(self) -> dict[str, Any]:
        """What the database remembers."""
        return {
            "dialect": self.dialect, "rows": self.found.rows if self.found.exact else None, "exact": self.found.exact,
            "columns": self.found.columns, "preview": self.found.preview, "notices": self.found.notices,
            "proposal": self.found.proposal,
        }


def add(content: Bytes, file_name: str, dialect: Mapping[str, Any] | None = None) -> Dataset:
    """Take in a CSV file: keep its bytes once, find out what is in it; the same file again is the same dataset."""
    name = _dataset_name(file_name)
    reader.read_overrides(dialect or {})
    with files.incoming() as incoming:
        for chunk in _chunks(content):
            incoming.write(chunk)
        looked = _look(incoming.path, incoming.size, dialect)
        kept = incoming.keep()
    return datasets.add(name, kept, looked.as_row())


def redescribe(dataset_id: int, dialect: Mapping[str, Any]) -> Dataset:
    """The same bytes read differently, as a new version; settings not named stay as they were."""
    before = datasets.get(dataset_id)
    chosen = _changed(before.dialect, dialect)
    looked = _look(files.verified(before.kept), before.size, chosen)
    return datasets.add(before.name, Kept(before.sha256, before.size), looked.as_row())


def remove(dataset_id: int) -> None:
    """Delete a dataset that no workflow uses."""
    datasets.remove(dataset_id)


def sample() -> Dataset:
    """The bundled example: customers of a phone company, and which of them left."""
    return add(SAMPLE, SAMPLE.name)


def table(dataset: Dataset, limit: int = 200) -> pd.DataFrame:
    """The first rows, as typed columns."""
    source = reader.reopen(files.path_of(dataset.sha256), dataset.dialect)
    found: list[pa.RecordBatch] = []
    for batch in reader.batches(source):
        found.append(profile.typed(batch.slice(0, limit), dataset.columns, source.dialect))
        limit -= found[-1].num_rows
        if limit <= 0:
            break
    return pa.Table.from_batches(found, profile.schema_of(dataset.columns)).to_pandas()


def _look(path: Path, size: int, dialect: Mapping[str, Any] | None) -> _Looked:
    source = reader.inspect(path, dialect)
    first = None if size <= PROFILED_WHOLE else PROFILED_WHOLE
    found = profile.profile(source, reader.batches(source), size, first)
    # A server goes on for weeks; what reading needed is given back at once.
    pa.default_memory_pool().release_unused()
    return _Looked(source.dialect.as_dict(), found)


def _changed(before: Mapping[str, Any], dialect: Mapping[str, Any]) -> dict[str, Any]:
    """The old settings with the new ones; what depends on a changed setting is found out again unless chosen too."""
    changed = {name for name, value in reader.read_overrides(dialect).items() if value != before.get(name)}
    kept = dict(before)
    if changed & {"delimiter", "encoding"}:
        kept = {name: value for name, value in kept.items() if name == "encoding"}
    if "decimal" in changed:
        kept.pop("thousands", None)
    return {**kept, **dialect}


def _chunks(content: Bytes) -> Iterable[bytes]:
    if isinstance(content, Path):
        with content.open("rb") as stream:
            yield from iter(lambda: stream.read(CHUNK), b"")
    elif hasattr(content, "read"):
        yield from iter(lambda: content.read(CHUNK), b"")
    else:
        yield from content


def _dataset_name(file_name: str) -> str:
    """A file name that is safe to show: no folders, no control or direction signs, no extension, 100 characters."""
    base = PurePosixPath(unicodedata.normalize("NFC", str(file_name)).replace("\\", "/")).name
    clean = "".join(sign for sign in base if unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
    stem, dot, extension = clean.strip().rpartition(".")
    if dot and len(extension) <= 5:
        clean = stem
    clean = " ".join(clean.split()).strip(".")[:100].strip()
    return clean or "table"

