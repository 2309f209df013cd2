"""Reference: what validation rows hold, as counts, so that the rows a model predicts later can be compared with them.

Rows that a model has learned from would make it look at home anywhere, so it is those that choose the epoch. The file
holds a version, as it outlives this code:

    {"version": 2, "part": "validation", "rows": 150000, "sketched": 20000, "columns": {name: sketch}, "target": sketch}
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.tabular import sketch
from jobs.tabular.prepare.split import random_for
from jobs.tabular.prepare.work import Work

NAME = "reference"
# More rows than these make later comparisons no sharper; of very wide tables fewer fit into memory.
MOST_ROWS = 20_000
MOST_CELLS = 1 << 19


class Reference:
    """Some of the validation rows, drawn by chance that follows from the seed, until they are counted."""

    def __init__(self, work: Work) -> None:
        most = max(1, min(MOST_ROWS, MOST_CELLS // max(1, len(work.names))))
        count = min(most, work.validation)
        random = random_for(work.context.params, NAME)
        self._chosen = np.sort(random.choice(work.validation, count, replace=False, shuffle=False))
        self._work, self._passed = work, 0
        self._parts: list[pa.Table] = []
        self._lengths: dict[str, list[np.ndarray]] = {}
        self._labels: list[np.ndarray] = []

    def add(self, rows: pa.Table, validation: np.ndarray, labels: np.ndarray) -> None:
        """Take what was drawn of the next validation rows, which are given by their places."""
        first, last = np.searchsorted(self._chosen, [self._passed, self._passed + len(validation)])
        chosen = validation[self._chosen[first:last] - self._passed]
        self._passed += len(validation)
        if len(chosen):
            self._parts.append(self._short(rows.select(self._work.names).take(chosen)))
            self._labels.append(labels[chosen])

    def _short(self, rows: pa.Table) -> pa.Table:
        """Return rows with cut texts, and keep how long they were: a text can have any length."""
        for place, name in enumerate(rows.column_names):
            if rows.schema.field(place).type == pa.string():
                cells = rows.column(place).combine_chunks()
                self._lengths.setdefault(name, []).append(sketch.lengths_of(cells))
                rows = rows.set_column(place, name, sketch.shortened(cells))
        return rows

    def as_json(self) -> dict[str, Any]:
        """Return what the rows hold."""
        rows, target = pa.concat_tables(self._parts), np.concatenate(self._labels)
        labels = self._work.target.labels
        return {
            "version": sketch.VERSION,
            "part": "validation",
            "rows": self._work.validation,
            "sketched": rows.num_rows,
            "columns": {name: self._sketch(name, rows[name].combine_chunks()) for name in self._work.names},
            "target": sketch.of_numbers(target)
            if labels is None
            else sketch.of_labels([str(label) for label in labels], target),
        }

    def _sketch(self, name: str, cells: pa.Array) -> sketch.Sketch:
        lengths = self._lengths.get(name)
        return sketch.of_cells(cells, np.concatenate(lengths) if lengths else None)

    def save(self, path: Path) -> None:
        """Write what the rows hold."""
        path.write_text(json.dumps(self.as_json(), ensure_ascii=False, allow_nan=False), encoding="utf-8")
