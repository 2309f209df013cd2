"""Leaking columns: what gives the target away in a sample of the training rows, before anything is learned."""

import numpy as np
import pyarrow as pa

from jobs.tabular.leak_sample import MOST_COLUMNS, balanced, leaks_of_classes, leaks_of_numbers, rows_for
from jobs.tabular.prepare.split import TRAINING, random_for
from jobs.tabular.prepare.table import batches_at, floats_of, sizes_of
from jobs.tabular.prepare.work import Work
from store.messages import Message, Notice

# The sample comes from so many parts of the table, so that a big one is not read once more.
PARTS = 4


def leak_notices(work: Work) -> list[Notice]:
    """Return what is to be known about columns that give the target away."""
    return [Notice(leak, "warning", _column(leak)) for leak in _leaks(work)]


def _column(leak: Message) -> str:
    return str(leak.values.get("column", leak.values.get("first")))


def _leaks(work: Work) -> list[Message]:
    target = work.context.params["target"]
    names = [column.name for column in work.features if column.kind != "free_text"][:MOST_COLUMNS]
    if not names:
        return []
    sizes = sizes_of(work.table, target)
    parts = sorted({int(place) for place in np.linspace(0, len(sizes) - 1, PARTS)})
    starts = np.concatenate([[0], np.cumsum(sizes)])
    places = np.concatenate([np.arange(starts[part], starts[part + 1]) for part in parts])
    within = np.flatnonzero(work.use[places] == TRAINING)
    random, most = random_for(work.context.params, "leaks"), rows_for(len(names))
    if work.target.labels is None:
        chosen = random.permutation(within)[:most]
        rows = _rows(work, parts, [*names, target], chosen)
        return leaks_of_numbers(rows, names, target, floats_of(rows[target]))
    codes = work.target.codes[places[within]]
    taken, weights = balanced(codes, most, random)
    rows = _rows(work, parts, names, within[taken])
    return leaks_of_classes(rows, names, target, np.unique(codes[taken], return_inverse=True)[1], weights)


def _rows(work: Work, parts: list[int], names: list[str], chosen: np.ndarray) -> pa.Table:
    return pa.Table.from_batches(batches_at(work.table, names, parts)).take(pa.array(chosen))
