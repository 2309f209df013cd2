"""The matrices: training rows in random order, validation and test rows as they come, and some of those raw."""

from collections.abc import Iterator
from pathlib import Path

import joblib
import numpy as np
import pyarrow as pa

from jobs.tabular.coded import CODED
from jobs.tabular.facts import failure
from jobs.tabular.matrix import MatrixFile, RowLayout, Shuffle
from jobs.tabular.prefetch import Background, prefetched
from jobs.tabular.prepare.categories import CROSSED, crossing_of
from jobs.tabular.prepare.pack import Packer
from jobs.tabular.prepare.reference import NAME as REFERENCE
from jobs.tabular.prepare.reference import Reference
from jobs.tabular.prepare.split import TEST, TRAINING, UNUSED, VALIDATION, random_for
from jobs.tabular.prepare.table import floats_of, parts_of
from jobs.tabular.prepare.work import ENCODED, FIT_READ, Work
from jobs.tabular.sparse import PackedRows, SparseRows
from store import files
from store.files import FileRef

SAMPLE_ROWS = 2_000
PACKED_BYTES = 64 << 20


def write_matrices(work: Work, packer: Packer) -> dict[str, int]:
    """Encode the table part by part and save the matrices; return how many gaps each column had."""
    _check_room(work, packer.form)
    writers = _Writers(work, packer.form)
    gaps = dict.fromkeys(work.names, 0)
    start = 0
    with Background() as background:
        for rows in _parts(work, max(1, int(PACKED_BYTES // packer.form.row_bytes))):
            part = slice(start, start + rows.num_rows)
            start = part.stop
            use = work.use[part]
            used = use != UNUSED
            if not used.all():
                rows, use = rows.filter(pa.array(used)), use[used]
            for name in work.names:
                gaps[name] += _gaps(rows[name])
            # Numbers beyond float32 become infinite here; training says what to do about them.
            with np.errstate(over="ignore"):
                matrix = packer.pack(rows, _folds(work, part, used, use) if packer.form.coded else None)
            background(writers.add, matrix, writers.labels(rows, part, used), use, rows)
            work.progress(FIT_READ, ENCODED, start, "rows_encoded")
    writers.save()
    return gaps


def _folds(work: Work, part: slice, used: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Return in which parts the used rows of a part of the table are learned from."""
    folds = crossing_of(work.position[part][used])
    folds[use != TRAINING] = CROSSED
    return folds


def _check_room(work: Work, form: RowLayout) -> None:
    """Refuse before anything is written what would fill the disk."""
    needed, free = (work.training + work.validation + work.test) * form.row_bytes, files.room()
    if needed > free:
        raise failure("no_room_for_matrices", needed=needed / 1e9, free=free / 1e9)


def _parts(work: Work, most: int) -> Iterator[pa.Table]:
    """Yield the features, and a number to predict, part by part, at most so many rows each."""
    names = work.names if work.target.labels is not None else [*work.names, work.context.params["target"]]
    tables = prefetched(parts_of(work.table, names))
    return (table.slice(start, most) for table in tables for start in range(0, table.num_rows, most))


def _gaps(column: pa.ChunkedArray) -> int:
    if column.type == pa.float64():
        return int(np.isnan(column.to_numpy()).sum())
    return int(column.null_count)


class _Writers:
    """The files that the step leaves, while they are written."""

    def __init__(self, work: Work, form: RowLayout) -> None:
        self._work, self._folder = work, work.context.folder
        label: np.dtype = np.dtype(np.int16 if work.target.labels is not None else np.float64)
        random = random_for(work.context.params, "shuffle")
        self._shuffle = Shuffle(self._folder, work.training, form, label, random)
        self._held_out = {VALIDATION: _HeldOut(self._folder, "val", work.validation, form, label)}
        if work.test:
            self._held_out[TEST] = _HeldOut(self._folder, "test", work.test, form, label)
        self._sample, self._reference = _Sample(work), Reference(work)
        self._label = label

    def labels(self, rows: pa.Table, part: slice, used: np.ndarray) -> np.ndarray:
        """Return the target of the used rows of a part."""
        target = self._work.target
        if target.labels is None:
            return floats_of(rows[self._work.context.params["target"]])
        codes: np.ndarray = target.codes[part][used].astype(self._label)
        return codes

    def add(self, matrix: PackedRows, labels: np.ndarray, use: np.ndarray, rows: pa.Table) -> None:
        """Take the next rows, encoded, with their labels and uses."""
        training = np.flatnonzero(use == TRAINING)
        self._shuffle.add(matrix[training], labels[training])
        for part, held_out in self._held_out.items():
            own = np.flatnonzero(use == part)
            held_out.add(matrix[own], labels[own])
            if part == VALIDATION:
                self._sample.add(rows, own, labels)
                self._reference.add(rows, own, labels)

    def save(self) -> None:
        """Finish the files and hand them over as the step's output."""
        context, work = self._work.context, self._work
        scale = len(work.use) / work.training
        train = self._shuffle.write(
            self._folder / "train_X.npy",
            self._folder / "train_y.npy",
            lambda rows: work.progress(ENCODED, 1, int(rows * scale), "rows_shuffled"),
        )
        written = dict(zip(("train_X", "train_y"), train, strict=True))
        for held_out in self._held_out.values():
            written |= held_out.close()
        for name, known in written.items():
            context.save(name, self._folder / f"{name}.npy", known)
        self._sample.save(self._folder / "sample.joblib")
        context.save("sample", self._folder / "sample.joblib")
        self._reference.save(self._folder / "reference.json")
        context.save(REFERENCE, self._folder / "reference.json")


class _HeldOut:
    """Rows that no training sees, in the order of the table: two files."""

    def __init__(self, folder: Path, name: str, rows: int, form: RowLayout, label: np.dtype) -> None:
        self._x, self._before = MatrixFile(folder / f"{name}_X.npy", rows, form.held_out()), form.codes_before
        self._y = MatrixFile(folder / f"{name}_y.npy", rows, label)
        self._name = name

    def add(self, matrix: PackedRows, labels: np.ndarray) -> None:
        """Take the next rows, whose codes change."""
        if len(self._before):
            (matrix.rows if isinstance(matrix, SparseRows) else matrix)[CODED] -= self._before
        self._x.write(matrix)
        self._y.write(labels)

    def close(self) -> dict[str, FileRef]:
        return {f"{self._name}_X": self._x.close(), f"{self._name}_y": self._y.close()}


class _Sample:
    """Some raw validation rows, by which the importance of columns is measured."""

    def __init__(self, work: Work) -> None:
        random = random_for(work.context.params, "sample")
        count = min(SAMPLE_ROWS, work.validation)
        self._chosen = np.sort(random.choice(work.validation, count, replace=False, shuffle=False))
        self._names = work.names
        self._passed = 0
        self._parts: list[pa.Table] = []
        self._labels: list[np.ndarray] = []

    def add(self, rows: pa.Table, validation: np.ndarray, labels: np.ndarray) -> None:
        """Take what was drawn of the next validation rows, which are given by their places."""
        first, last = np.searchsorted(self._chosen, [self._passed, self._passed + len(validation)])
        chosen = validation[self._chosen[first:last] - self._passed]
        self._passed += len(validation)
        self._parts.append(rows.select(self._names).take(chosen))
        self._labels.append(labels[chosen])

    def save(self, path: Path) -> None:
        rows = pa.concat_tables(self._parts).to_pandas()
        joblib.dump({"rows": rows, "codes": np.concatenate(self._labels)}, path)
