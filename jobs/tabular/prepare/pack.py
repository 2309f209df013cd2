"""Packing: what the fitted encoder makes of the typed table, to the last bit, but faster and in few bytes."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from jobs.tabular.coded import CODED, CodedColumn
from jobs.tabular.column import Column
from jobs.tabular.matrix import RowLayout
from jobs.tabular.prepare.categories import Many
from jobs.tabular.prepare.encoder import WORDS, of_numbers, widths, words_of
from jobs.tabular.sparse import ENDS, ENTRY, PackedRows, SparseRows

# Distinct values of a column that are remembered, and what they all may take; beyond that they are forgotten.
MOST_KNOWN = 100_000
KNOWN_BYTES = 128 << 20
MADE_BYTES = 64 << 20
# The byte that stands for a gap where a number takes one byte.
GAP = 255
# The lowest number of the parts of a date that are looked up, as each has few; of the others each takes a float32.
DATE_PARTS = {"month": 1, "day": 1, "weekday": 0, "hour": 0, "minute": 0}


class Packer:
    """Encodes parts of the typed table as the fitted encoder's `transform` does, to the last bit, but faster, and packs
    them into few bytes.

    Numbers, which are numbers already, go straight through the fitted figures. Texts go through the encoder, whose
    words become entries of the rows. Of everything else, each distinct value goes through the encoder once; what it
    makes of a date are numbers and places in tables."""

    def __init__(
        self, fitted: Pipeline, columns: Sequence[Column] = (), many: Mapping[str, Many] | None = None
    ) -> None:
        """`columns` are the profiles of its features; without them, no number is looked up in a table. `many` says what
        the codes of categories of many values stand for."""
        self._many = dict(many or {})
        self._width = dict(widths(fitted))
        parts = [
            (label, part, list(names))
            for label, part, names in fitted.named_steps["columns"].transformers_
            if isinstance(part, Pipeline)
        ]
        self._parts = [each for each in parts if words_of(each[1]) is None]
        # The encoder puts them behind all others.
        self._texts = [(part, names) for _label, part, names in parts if words_of(part) is not None]
        self._known: dict[str, tuple[pa.Array, np.ndarray]] = {}
        # Which parts of a date are looked up, and where.
        self._looked_up: dict[str, dict[int, np.ndarray]] = {}
        whole = {column.name: column for column in columns if column.kind == "number" and column.whole}
        self._lowest = {name: column.min for name, column in whole.items() if _different(column) <= GAP + 1}
        self._full = {name for name, column in whole.items() if column.max - column.min == GAP}
        self.form = self._formed()

    def _formed(self) -> RowLayout:
        numbers: list[int] = []
        tables: dict[int, np.ndarray] = {}
        marked: list[tuple[int, int]] = []
        coded: list[CodedColumn] = []
        start = 0
        for label, part, names in self._parts:
            for position, name in enumerate(names):
                width = self._width[name]
                if name in self._many:
                    coded.append(self._many[name].column(start))
                elif "categories" in part.named_steps:
                    marked.append((start, width))
                elif of_numbers(label) and name in self._lowest:
                    tables[start] = _table(part, position, self._lowest[name], name in self._full)
                elif dates := part.named_steps.get("parts"):
                    parts = [each for each, _step in dates.transformer_list]
                    self._looked_up[name] = own = {
                        place: _table(part, place, DATE_PARTS[each])
                        for place, each in enumerate(parts)
                        if each in DATE_PARTS
                    }
                    tables |= {start + place: table for place, table in own.items()}
                    numbers += [start + place for place in range(width) if place not in own]
                else:
                    numbers += range(start, start + width)
                start += width
        words = sum(self._width[name] for _part, names in self._texts for name in names)
        # As often as a word is in the rows that the encoder was fitted on: that is what the weight of a word says.
        usual = sum(float(np.exp(1 - part.named_steps[WORDS].idf_).sum()) for part, _names in self._texts)
        looked_up = np.array([*tables.values()], np.float32).reshape(-1, GAP + 1)
        return RowLayout(numbers, list(tables), looked_up, marked, coded, words, usual)

    def pack(self, rows: pa.Table, folds: np.ndarray | None = None) -> PackedRows:
        """Return rows in the form that `form` unpacks to a float32 matrix; `folds` are the parts in which rows are
        learned from, where there are categories of many values."""
        packed: np.ndarray = np.empty(rows.num_rows, self.form.dtype)
        numbers = packed if self.form.plain else packed["numbers"]
        number = looked_up = marked = coded = 0
        for label, part, names in self._parts:
            if not of_numbers(label):
                self._learn(part, rows.select(names))
            for position, name in enumerate(names):
                column, width = rows[name], self._width[name]
                if of_numbers(label) and name in self._lowest:
                    packed["looked_up"][:, looked_up] = _places(column.to_numpy(), self._lowest[name])
                    looked_up += 1
                elif of_numbers(label):
                    numbers[:, number] = _scaled(part, position, column.to_numpy())
                    number += 1
                else:
                    values, made = self._known[name]
                    known = made[pc.index_in(column, value_set=values).to_numpy()]
                    if name in self._many:
                        packed[CODED][:, coded] = known if folds is None else self._many[name].as_learned(known, folds)
                        coded += 1
                    elif "categories" in part.named_steps:
                        packed["marked"][:, marked] = known
                        marked += 1
                    else:
                        places = [*self._looked_up[name]]
                        others = [place for place in range(width) if place not in places]
                        packed["looked_up"][:, looked_up : looked_up + len(places)] = known[:, places]
                        numbers[:, number : number + len(others)] = known[:, others]
                        looked_up, number = looked_up + len(places), number + len(others)
        return self._with_words(packed, rows) if self._texts else packed

    def _with_words(self, packed: np.ndarray, rows: pa.Table) -> SparseRows:
        """Return packed rows with the words of their texts."""
        if not len(packed):
            return SparseRows(packed, np.empty(0, ENTRY))
        texts = [part.transform(rows.select(names).to_pandas()) for part, names in self._texts]
        words = sparse.hstack(texts, format="csr", dtype=np.float32)
        words.sort_indices()
        packed[ENDS] = words.indptr[1:]
        entries = np.empty(words.nnz, ENTRY)
        entries["place"], entries["value"] = words.indices + (self.form.width - words.shape[1]), words.data
        return SparseRows(packed, entries)

    def values(self, name: str, most: int) -> list[str]:
        """Return the values of a category that were packed, in the order of the alphabet; none where they are more."""
        packed = self._known[name][0].drop_null() if name in self._known else ()
        return sorted(map(str, packed), key=str.casefold) if len(packed) <= most else []

    def _learn(self, part: Pipeline, rows: pa.Table) -> None:
        """Put values that are new through the encoder, all columns at once."""
        new = {}
        for name in rows.column_names:
            values = rows[name].unique()
            most = min(MOST_KNOWN, KNOWN_BYTES // (4 * self.form.width))
            if name in self._known and len(self._known[name][0]) < most:
                values = values.filter(pc.invert(pc.is_in(values, value_set=self._known[name][0])))
            else:
                self._known.pop(name, None)
            new[name] = values
        longest = max(map(len, new.values()))
        padded = pa.table(
            {
                name: pa.concat_arrays([values, pa.nulls(longest - len(values), values.type)])
                for name, values in new.items()
            }
        )
        at_once = max(1, MADE_BYTES // (4 * sum(self._width[name] for name in new)))
        made = [self._made(part, padded.slice(start, at_once)) for start in range(0, longest, at_once)]
        for name, values in new.items() if made else ():
            own = np.concatenate([each[name] for each in made])[: len(values)]
            if name in self._known:
                known, before = self._known[name]
                values, own = pa.concat_arrays([known, values]), np.concatenate([before, own])
            self._known[name] = values, own

    def _made(self, part: Pipeline, rows: pa.Table) -> dict[str, np.ndarray]:
        """Return what the encoder makes of each value; of a category, the place of the marked column, or one beyond."""
        if (name := rows.column_names[0]) in self._many:  # a part of its own
            return {name: self._many[name].codes(rows.to_pandas())}
        values: dict[str, np.ndarray] = {}
        made, start = part.transform(rows.to_pandas()).astype(np.float32), 0
        for name in rows.column_names:
            own = made[:, start : start + self._width[name]]
            start += self._width[name]
            if "categories" in part.named_steps:
                own = np.where(own.any(axis=1), own.argmax(axis=1), self._width[name]).astype(np.uint16)
            for place, table in self._looked_up.get(name, {}).items():
                own[:, place] = _places_in(table, own[:, place])
            values[name] = own
        return values


def _different(column: Column) -> int:
    """Return how many whole numbers may stand in a column, a gap counted as one."""
    return int(column.max - column.min) + 1 + (column.missing > 0)


def _places(values: np.ndarray, lowest: int) -> np.ndarray:
    """Return the place in its table of each number that is looked up."""
    return np.where(np.isnan(values), GAP, values - lowest).astype(np.uint8)


def _table(part: Pipeline, position: int, lowest: float, full: bool = False) -> np.ndarray:
    """Return what the encoder makes of a whole number by how much it is more than the lowest, and in the end of a gap,
    unless the numbers fill the table."""
    values = np.arange(GAP + 1, dtype=np.float64) + lowest
    values[GAP] = values[GAP] if full else np.nan
    table: np.ndarray = _scaled(part, position, values).astype(np.float32)
    return table


def _places_in(table: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return where values are in a table that holds all of them."""
    order = np.argsort(table, kind="stable")
    return order[np.searchsorted(table[order], values)]


def _scaled(part: Pipeline, position: int, values: np.ndarray) -> np.ndarray:
    """Return one column of numbers as the fitted imputer and scalers change it."""
    gaps, scale = part.named_steps["gaps"], part.named_steps.get("scale")
    missing = np.isnan(values)
    if missing.any():
        values = np.where(missing, gaps.statistics_[position], values)
    if unit := part.named_steps.get("unit"):
        values = (values - unit.center_[position] if unit.with_centering else values) / unit.scale_[position]
        values = np.arcsinh(values)
    if isinstance(scale, StandardScaler):
        values = (values - scale.mean_[position]) / scale.scale_[position]
    elif isinstance(scale, MinMaxScaler):
        values = values * scale.scale_[position] + scale.min_[position]
    return values
