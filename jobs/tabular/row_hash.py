"""Row hash: a number that follows from what a row holds, so that equal rows meet and a row is known again.

A cell counts by its value: 1,0 in one file and 1.00 in another are equal, as are 7 read as a number and 7 read as text.
The order of the columns makes no difference, nor does how a file is written.
"""

import hashlib
from collections.abc import Collection

import numpy as np
import pandas as pd
import pyarrow as pa

# Of a hash so many bits are kept for each row: equal rows have equal ones, and others seldom.
KEPT, KEPT_SHIFT = np.uint32, np.uint64(32)

_GOLDEN, _FIRST, _SECOND = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_MISSING = np.uint64(0x1F83D9ABFB41BD6B)
_SHIFTS = tuple(np.uint64(n) for n in (30, 27, 31))
# Most rows whose hashes are sorted to count duplicates; of more rows, those of a share of all hashes are counted.
SORTED_ROWS = 4_000_000


def hashes_of(batch: pa.RecordBatch, names: Collection[str] | None = None) -> np.ndarray:
    """Return one number of 64 bits for each row of a typed batch, by all columns or by those that are named."""
    total = np.zeros(batch.num_rows, dtype=np.uint64)
    for name, cells in zip(batch.schema.names, batch.columns, strict=True):
        if names is None or name in names:
            values = _cells(cells)
            values ^= _salt(name)
            total += mixed(values)
    return mixed(total)


def share_of(hashes: np.ndarray, seed: int) -> np.ndarray:
    """Return where in [0, 1) each hash falls, differently for each seed."""
    drawn: np.ndarray = mixed(
        hashes.astype(np.uint64) ^ mixed(np.array([seed], dtype=np.int64).view(np.uint64) + _GOLDEN)
    )
    return np.asarray((drawn >> np.uint64(11)) * 2.0**-53)


def mixed(values: np.ndarray) -> np.ndarray:
    """Return numbers in which each bit of the given ones has changed half of all bits, as splitmix64 ends."""
    result: np.ndarray = values >> _SHIFTS[0]
    result ^= values
    shifted = np.empty_like(result)
    for factor, shift in zip((_FIRST, _SECOND), _SHIFTS[1:], strict=True):
        result *= factor
        result ^= np.right_shift(result, shift, out=shifted)
    return result


def _salt(name: str) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little"))


def _cells(cells: pa.Array) -> np.ndarray:
    if cells.type == pa.float64():
        return _numbers(cells.to_numpy(zero_copy_only=False))
    if pa.types.is_timestamp(cells.type):
        whole: np.ndarray = cells.cast(pa.int64()).fill_null(np.iinfo(np.int64).min).to_numpy(zero_copy_only=False)
        return whole.view(np.uint64) + _GOLDEN
    return _texts(cells)


def _numbers(values: np.ndarray) -> np.ndarray:
    bits: np.ndarray = (values + 0.0).view(np.uint64)  # -0.0 equals 0.0
    return np.where(np.isnan(values), _MISSING, bits) if np.isnan(values.sum()) else bits


def _texts(cells: pa.Array) -> np.ndarray:
    """Hash each different text once; one that is a number counts as that number."""
    encoded = cells.dictionary_encode()
    texts = encoded.dictionary.to_pandas()
    known = np.empty(len(texts) + 1, dtype=np.uint64)
    known[-1] = _MISSING
    if len(texts):
        objects = texts.to_numpy(dtype=object)
        known[:-1] = pd.util.hash_array(objects, categorize=False)
        numbers = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64)
        is_number = np.isfinite(numbers)
        known[:-1][is_number] = _numbers(numbers[is_number])
    result: np.ndarray = known[encoded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)]
    return result


class Duplicates:
    """Counts rows that equal an earlier one, in bounded memory."""

    def __init__(self) -> None:
        self._parts: list[np.ndarray] = []
        self._held = self._rows = 0
        self._below = 1.0  # the share of all hashes that is looked at

    def add(self, hashes: np.ndarray) -> None:
        self._rows += len(hashes)
        kept = hashes if self._below == 1 else hashes[share_of(hashes, 0) < self._below]
        self._parts.append(kept)
        self._held += len(kept)
        while self._held > SORTED_ROWS:
            self._below /= 2
            self._parts = [part[share_of(part, 0) < self._below] for part in self._parts]
            self._held = sum(map(len, self._parts))

    def count(self) -> int:
        """Return how many rows there are more than different ones; about, where there are very many rows."""
        if not self._held:
            return 0
        held = np.concatenate(self._parts)
        held.sort()
        return round(int((held[1:] == held[:-1]).sum()) / self._below)
