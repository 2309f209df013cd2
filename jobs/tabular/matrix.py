"""Matrices on disk, larger than memory if they must be: written in random order and few bytes, read in blocks.

A file is a `.npy` file; where its rows are packed, the arrays that unpack them follow:

    header | row 0: numbers f4 x n | looked_up u1 x l | marked u1 or u2 x m | row 1 ... | RowLayout.save: 4 arrays

Where categories have many values (`coded`), a row also holds a u2 for each, and 4 more arrays follow for each.
Where rows have entries of their own (`sparse`), each also says where these end; all of them follow one more array.
"""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np

from jobs.tabular import coded as coded_columns
from jobs.tabular.coded import CODED, CodedColumn, CompactRows, codes_of
from jobs.tabular.prefetch import Background
from jobs.tabular.sparse import ENDS, ENTRY, PackedRows, SparseRows
from store import files
from store.files import FileRef

BLOCK_ROWS = 65_536
BLOCK_BYTES = 64 << 20
BUCKET_BYTES = 64 << 20
UNPACKED_BYTES = 1 << 20
IN_MEMORY = 128 << 20
COPIED_BYTES = 1 << 20


class RowLayout:
    """How the rows of a matrix lie on disk: each column of the table in as few bytes as give its numbers back exactly.

    A column takes a float32 for each of its numbers; or, if it has few different ones, the place of its number in a
    table of 256; or, if at most one of its numbers is 1 and the others are 0, the place of that one; or a code, which
    stands for several numbers; or, if few of very many numbers are not 0, those as entries of the row."""

    def __init__(
        self,
        numbers: Sequence[int],
        looked_up: Sequence[int],
        tables: np.ndarray,
        marked: Sequence[tuple[int, int]],
        coded: Sequence[CodedColumn] = (),
        sparse: int = 0,
        usual_entries: float = 0.0,
    ) -> None:
        """Take places in the matrix: of plain numbers; of numbers that are looked up, each in its row of `tables`; and
        start and width of each group of which one number is 1. Then what the codes of columns stand for; how many
        columns are entries, and how many entries a row has, about."""
        self.numbers: np.ndarray = np.asarray(numbers, np.int64)
        self.looked_up: np.ndarray = np.asarray(looked_up, np.int64)
        self._tables = tables
        self.marked: np.ndarray = np.asarray(marked, np.int64).reshape(-1, 2)
        self.coded = list(coded)
        widths = [int(self.marked[:, 1].sum()), *(column.width for column in coded)]
        self.width = len(self.numbers) + len(self.looked_up) + sum(widths) + sparse
        self.plain = len(self.numbers) == self.width
        most = max(self.marked[:, 1], default=0)
        self.dtype = (
            np.dtype((np.float32, (self.width,)))
            if self.plain
            else np.dtype(
                [
                    ("numbers", "<f4", (len(self.numbers),)),
                    ("looked_up", "u1", (len(self.looked_up),)),
                    ("marked", "u1" if most < 1 << 8 else "<u2", (len(self.marked),)),
                    *([(CODED, "<u2", (len(self.coded),))] if coded else []),
                    *([(ENDS, "<i8")] if sparse else []),
                ]
            )
        )
        self.sparse = sparse
        # About how many bytes a row takes with its entries.
        self.row_bytes = self.dtype.itemsize + usual_entries * ENTRY.itemsize
        self._first = np.arange(len(self.looked_up)) * self._tables.shape[1]
        self._runs = [_runs(places) for places in (self.numbers, self.looked_up)]

    @classmethod
    def load(cls, stream: BinaryIO, coded: int, sparse: bool) -> "RowLayout":
        """Read a form with so many coded columns, and with entries or without."""
        numbers, looked_up, tables, marked = (np.load(stream) for _part in range(4))
        many = coded_columns.load(stream, coded)
        return cls(numbers, looked_up, tables, marked, many, int(np.load(stream)) if sparse else 0)

    def save(self, stream: files.Incoming) -> None:
        own = (self.numbers, self.looked_up, self._tables, self.marked)
        many = (part for column in self.coded for part in column.parts())
        for part in (*own, *many, *([np.array(self.sparse)] if self.sparse else [])):
            np.save(stream, part)

    def held_out(self) -> "RowLayout":
        """Return the form of rows that nothing was learned from; their codes begin later by `codes_before`."""
        other = copy.copy(self)
        other.coded = [column.held_out() for column in self.coded]
        return other

    @property
    def codes_before(self) -> np.ndarray:
        """How many codes of each coded column come before those of rows that nothing was learned from."""
        return np.array([column.codes_before for column in self.coded], np.uint16)

    def unpacked(self, rows: PackedRows) -> np.ndarray:
        """Return rows as float32, all columns beside each other."""
        if isinstance(rows, SparseRows):
            whole = self.unpacked(rows.rows)
            rows.fill(whole)
            return whole
        if self.plain:
            return rows
        matrix = np.zeros((len(rows), self.width), np.float32)
        at_once = max(1, UNPACKED_BYTES // (4 * self.width))
        for start in range(0, len(rows), at_once):
            self._unpack(rows[start : start + at_once], matrix[start : start + at_once])
        return matrix

    def _unpack(self, rows: np.ndarray, matrix: np.ndarray) -> None:
        for values, runs in zip((rows["numbers"], self.numbers_of(rows)), self._runs, strict=True):
            for there, here in runs:
                matrix[:, there] = values[:, here]
        flat, begins = matrix.reshape(-1), np.arange(0, matrix.size, self.width)
        for (start, width), places in zip(self.marked, rows["marked"].T, strict=True):
            flat[begins + (start + np.minimum(places, width - 1))] = places < width
        for column, codes in zip(self.coded, codes_of(rows), strict=True):
            column.unpack(codes, matrix)

    def numbers_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the numbers that are looked up, as the tables say."""
        looked_up: np.ndarray = self._tables.ravel()[rows["looked_up"] + self._first]
        return looked_up


def _runs(places: np.ndarray) -> list[tuple[slice, slice]]:
    """Return where values that stay side by side go to, and where they are: moving them together is much faster."""
    edges = [0, *(np.flatnonzero(np.diff(places) != 1) + 1), len(places)]
    return [
        (slice(places[first], places[last - 1] + 1), slice(first, last))
        for first, last in pairwise(edges)
        if first < last
    ]


class Matrix:
    """A `.npy` file of one or two dimensions, or of rows in a form that follows them in the file; small ones stay
    in memory, parts of large ones are read on demand."""

    def __init__(self, path: Path, compact: bool = False) -> None:
        """With `compact`, a category is one column and not as many as it has values."""
        self._form: RowLayout | CompactRows | None = None
        with path.open("rb") as stream:
            np.lib.format.read_magic(stream)
            self.shape, _order, self._stored = np.lib.format.read_array_header_1_0(stream)
            self.dtype, self._offset = self._stored, stream.tell()
            if self._stored.names:
                stream.seek(self.rows * self._stored.itemsize, 1)
                coded = self._stored[CODED].shape[0] if CODED in self._stored.names else 0
                form = RowLayout.load(stream, coded, ENDS in self._stored.names)
                self._form = CompactRows(form) if compact else form
                self._entries_at = stream.tell()
                self.shape, self.dtype = (self.rows, self._form.width), np.dtype(np.float32)
        self._path = path
        small = math.prod(self.shape) * self.dtype.itemsize <= IN_MEMORY
        self._whole = self._read(0, self.rows) if small else None

    @property
    def rows(self) -> int:
        return int(self.shape[0])

    def part(self, start: int, end: int) -> np.ndarray:
        """Return rows from start up to, not including, end."""
        return self._read(start, min(end, self.rows)) if self._whole is None else self._whole[start:end]

    def _read(self, start: int, end: int) -> np.ndarray:
        width = 1 if self._form else math.prod(self.shape[1:])
        # Where the entries of the first row begin stands in the row before it.
        before = 1 if self._form and self._form.sparse and start else 0
        offset = self._offset + (start - before) * width * self._stored.itemsize
        rows_read = np.fromfile(self._path, self._stored, (end - start + before) * width, offset=offset)
        if not self._form:
            return rows_read.reshape(-1, *self.shape[1:])
        if not self._form.sparse:
            return self._form.unpacked(rows_read)
        return self._form.unpacked(self._with_entries(rows_read[before:], int(rows_read[ENDS][0]) if before else 0))

    def _with_entries(self, rows: np.ndarray, begin: int) -> SparseRows:
        """Return rows with their entries, which begin at the given one."""
        count = int(rows[ENDS][-1]) - begin if len(rows) else 0
        entries = np.fromfile(self._path, ENTRY, count, offset=self._entries_at + begin * ENTRY.itemsize)
        rows[ENDS] -= begin
        return SparseRows(rows, entries)

    def blocks(self) -> Iterator[np.ndarray]:
        rows = min(BLOCK_ROWS, max(1, BLOCK_BYTES // (math.prod(self.shape[1:]) * self.dtype.itemsize)))
        for start in range(0, self.rows, rows):
            yield self.part(start, start + rows)


class MatrixInMemory(Matrix):
    """Rows that are in no file."""

    def __init__(self, whole: np.ndarray) -> None:
        self.shape, self.dtype, self._whole = whole.shape, whole.dtype, whole


class MatrixFile:
    """A `.npy` file that is written block by block; its number of rows is known beforehand."""

    def __init__(self, path: Path, rows: int, form: RowLayout | np.dtype) -> None:
        self._file, self._form = files.writing(path), form
        self._dtype = form.dtype if isinstance(form, RowLayout) else form
        header = {
            "descr": np.lib.format.dtype_to_descr(self._dtype.base),
            "fortran_order": False,
            "shape": (rows, *self._dtype.shape),
        }
        np.lib.format.write_array_header_1_0(self._file, header)
        self._entries, self._entries_path = 0, path.with_name(f"{path.name}.entries")

    def write(self, block: PackedRows) -> None:
        if isinstance(block, SparseRows):
            _append(self._entries_path, block.entries)
            entries, block = len(block.entries), block.after(self._entries)
            self._entries += entries
        if len(block):
            self._file.write(np.ascontiguousarray(block, dtype=self._dtype.base).view(np.uint8).data.cast("B"))

    def close(self) -> FileRef:
        """Finish the file; return its hash and size."""
        if isinstance(self._form, RowLayout) and not self._form.plain:
            self._form.save(self._file)
        if self._entries:
            with self._entries_path.open("rb") as stream:
                while chunk := stream.read(COPIED_BYTES):
                    self._file.write(chunk)
        self._entries_path.unlink(missing_ok=True)
        self._file.close()
        return self._file.ref


class Shuffle:
    """Takes rows as they come and writes them in random order. As many as fit into one bucket are put into their places
    in memory; more go into random buckets on disk, each of which is then shuffled."""

    def __init__(self, folder: Path, rows: int, form: RowLayout, label: np.dtype, random: np.random.Generator) -> None:
        self._rows, self._form, self._label = rows, form, label
        self._random = random
        count = max(1, math.ceil(rows * form.row_bytes / BUCKET_BYTES))
        self._placed = _InMemoryShuffle(rows, form, label, random) if count == 1 else None
        self._buckets = [] if count == 1 else [_Bucket(folder / f"bucket-{number}") for number in range(count)]

    def add(self, features: PackedRows, labels: np.ndarray) -> None:
        if self._placed:
            self._placed.add(features, labels)
            return
        chosen = self._random.integers(0, len(self._buckets), len(labels))
        order = np.argsort(chosen, kind="stable")
        edges = np.searchsorted(chosen[order], np.arange(len(self._buckets) + 1))
        for bucket, start, end in zip(self._buckets, edges[:-1], edges[1:], strict=True):
            rows = order[start:end]
            bucket.add(features[rows], labels[rows])

    def write(
        self,
        features: Path,
        labels: Path,
        progress: Callable[[int], None] = lambda _rows: None,
    ) -> tuple[FileRef, FileRef]:
        """Write both files; call `progress` with the number of rows written."""
        x_file = MatrixFile(features, self._rows, self._form)
        y_file = MatrixFile(labels, self._rows, self._label)
        rows = 0
        with Background() as background:
            for x, y in self._shuffled():
                background(x_file.write, x)
                y_file.write(y)
                rows += len(y)
                progress(rows)
        return x_file.close(), y_file.close()

    def _shuffled(self) -> Iterator[tuple[PackedRows, np.ndarray]]:
        if self._placed:
            yield self._placed.x, self._placed.y
        for bucket in self._buckets:
            x, y = bucket.take(self._form, self._label)
            order = self._random.permutation(len(y))
            yield x[order], y[order]


class _InMemoryShuffle:
    """Rows in memory, each put into its random place as it comes."""

    def __init__(self, rows: int, form: RowLayout, label: np.dtype, random: np.random.Generator) -> None:
        self._x: np.ndarray = np.empty(0 if form.sparse else rows, form.dtype)
        self._parts: list[SparseRows] = []
        self.y: np.ndarray = np.empty(rows, label)
        self._order = random.permutation(rows)
        self._seen = 0

    def add(self, features: PackedRows, labels: np.ndarray) -> None:
        places = self._order[self._seen : self._seen + len(labels)]
        self._seen += len(labels)
        self.y[places] = labels
        if isinstance(features, SparseRows):
            self._parts.append(features)
        else:
            self._x[places] = features

    @property
    def x(self) -> PackedRows:
        """All rows, each at its place."""
        return SparseRows.joined(self._parts)[np.argsort(self._order)] if self._parts else self._x


class _Bucket:
    """Some of the rows, in two files, and their entries in a third."""

    def __init__(self, path: Path) -> None:
        self._paths = [path.with_suffix(suffix) for suffix in (".x", ".y", ".entries")]
        self._entries = 0
        for each in self._paths:
            each.touch()

    def add(self, features: PackedRows, labels: np.ndarray) -> None:
        if isinstance(features, SparseRows):
            _append(self._paths[2], features.entries)
            entries, features = len(features.entries), features.after(self._entries)
            self._entries += entries
        for path, block in zip(self._paths[:2], (features, labels), strict=True):
            _append(path, block)

    def take(self, form: RowLayout, label: np.dtype) -> tuple[PackedRows, np.ndarray]:
        """Return all rows, and delete the bucket."""
        rows = np.fromfile(self._paths[0], form.dtype)
        x = SparseRows(rows, np.fromfile(self._paths[2], ENTRY)) if form.sparse else rows
        y: np.ndarray = np.fromfile(self._paths[1], label)
        for path in self._paths:
            path.unlink()
        return x, y


def _append(path: Path, block: np.ndarray) -> None:
    with path.open("ab") as stream:  # opened each time: there can be more buckets than open files
        np.ascontiguousarray(block).tofile(stream)
