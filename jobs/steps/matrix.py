"""Matrices on disk, larger than memory if they must be: written in random order, read in blocks."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from jobs.ahead import Behind
from store import files
from store.files import Kept

BLOCK_ROWS = 65_536
BLOCK_BYTES = 64 << 20
BUCKET_BYTES = 64 << 20
IN_MEMORY = 128 << 20


class Matrix:
    """A `.npy` file of one or two dimensions; small ones are kept in memory, large ones read when asked for."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as stream:
            np.lib.format.read_magic(stream)
            self.shape, _order, self.dtype = np.lib.format.read_array_header_1_0(stream)
            self._offset = stream.tell()
        self._path = path
        small = math.prod(self.shape) * self.dtype.itemsize <= IN_MEMORY
        self._whole = np.load(path) if small else None

    @property
    def rows(self) -> int:
        return int(self.shape[0])

    def part(self, start: int, end: int) -> np.ndarray:
        """Rows from start up to, not including, end."""
        if self._whole is not None:
            return self._whole[start:end]
        width = math.prod(self.shape[1:])
        count = (min(end, self.rows) - start) * width
        offset = self._offset + start * width * self.dtype.itemsize
        return np.fromfile(self._path, self.dtype, count, offset=offset).reshape(-1, *self.shape[1:])

    def blocks(self) -> Iterator[np.ndarray]:
        rows = min(BLOCK_ROWS, max(1, BLOCK_BYTES // (math.prod(self.shape[1:]) * self.dtype.itemsize)))
        for start in range(0, self.rows, rows):
            yield self.part(start, start + rows)


class Sheet:
    """A `.npy` file that is written block by block; its number of rows is known beforehand."""

    def __init__(self, path: Path, rows: int, width: int | None, dtype: type) -> None:
        self._file = files.writing(path)
        shape = (rows,) if width is None else (rows, width)
        header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)
        self._dtype = dtype

    def write(self, block: np.ndarray) -> None:
        if len(block):
            self._file.write(np.ascontiguousarray(block, dtype=self._dtype).data.cast("B"))

    def close(self) -> Kept:
        """What the file is known as."""
        self._file.close()
        return self._file.kept


class Shuffle:
    """Takes rows as they come and writes them in random order. As many as fit into one bucket are put into their places
    in memory; more go into random buckets on disk, each of which is then shuffled."""

    def __init__(self, folder: Path, rows: int, width: int, label: type, random: np.random.Generator) -> None:
        self._rows, self._width, self._label = rows, width, label
        self._random = random
        count = max(1, math.ceil(rows * width * 4 / BUCKET_BYTES))
        self._placed = _Placed(rows, width, label, random) if count == 1 else None
        self._buckets = [] if count == 1 else [_Bucket(folder / f"bucket-{number}") for number in range(count)]

    def add(self, features: np.ndarray, labels: np.ndarray) -> None:
        if self._placed:
            self._placed.add(features, labels)
            return
        chosen = self._random.integers(0, len(self._buckets), len(labels))
        order = np.argsort(chosen, kind="stable")
        edges = np.searchsorted(chosen[order], np.arange(len(self._buckets) + 1))
        for bucket, start, end in zip(self._buckets, edges[:-1], edges[1:], strict=True):
            rows = order[start:end]
            bucket.add(features[rows], labels[rows])

    def write(self, features: Path, labels: Path, told: Callable[[int], None] = lambda _rows: None,
              ) -> tuple[Kept, Kept]:
        """Write both files; `told` hears how many rows are written."""
        x_sheet = Sheet(features, self._rows, self._width, np.float32)
        y_sheet = Sheet(labels, self._rows, None, self._label)
        rows = 0
        with Behind() as behind:
            for x, y in self._shuffled():
                behind(x_sheet.write, x)
                y_sheet.write(y)
                rows += len(y)
                told(rows)
        return x_sheet.close(), y_sheet.close()

    def _shuffled(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        if self._placed:
            yield self._placed.x, self._placed.y
        for bucket in self._buckets:
            x, y = bucket.take(self._width, self._label)
            order = self._random.permutation(len(y))
            yield x[order], y[order]


class _Placed:
    """Rows in memory, each put into its random place as it comes."""

    def __init__(self, rows: int, width: int, label: type, random: np.random.Generator) -> None:
        self.x = np.empty((rows, width), np.float32)
        self.y: np.ndarray = np.empty(rows, label)
        self._order = random.permutation(rows)
        self._seen = 0

    def add(self, features: np.ndarray, labels: np.ndarray) -> None:
        places = self._order[self._seen:self._seen + len(labels)]
        self._seen += len(labels)
        self.x[places], self.y[places] = features, labels


class _Bucket:
    """Some of the rows, in two files."""

    def __init__(self, path: Path) -> None:
        self._paths = [path.with_suffix(suffix) for suffix in (".x", ".y")]
        for each in self._paths:
            each.touch()

    def add(self, features: np.ndarray, labels: np.ndarray) -> None:
        for path, block in zip(self._paths, (features, labels), strict=True):
            with path.open("ab") as stream:  # not kept open: there may be more buckets than files may be open
                np.ascontiguousarray(block).tofile(stream)

    def take(self, width: int, label: type) -> tuple[np.ndarray, np.ndarray]:
        """All rows; the bucket is gone afterwards."""
        x = np.fromfile(self._paths[0], np.float32).reshape(-1, width)
        y: np.ndarray = np.fromfile(self._paths[1], label)
        for path in self._paths:
            path.unlink()
        return x, y
