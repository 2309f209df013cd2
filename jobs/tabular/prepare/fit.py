"""Fit: the encoder, on training rows only, or on a random part of them where there are very many."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.pipeline import Pipeline

from jobs.pipelines import StepContext
from jobs.tabular import reader
from jobs.tabular.facts import fact
from jobs.tabular.prefetch import prefetched
from jobs.tabular.prepare import encoder
from jobs.tabular.prepare.categories import Many, crossing_of, many_of, native_of, packed_of
from jobs.tabular.prepare.split import TRAINING, random_for
from jobs.tabular.prepare.table import batches_of
from jobs.tabular.prepare.tails import Tail, tails_of
from jobs.tabular.prepare.work import FIT_READ, TARGET_READ, Work
from store import files
from store.messages import Message, Notice

FITTED_ROWS = 100_000
FITTED_BYTES = 128 << 20


@dataclass(frozen=True, slots=True)
class Fitted:
    """The encoder, the one for algorithms that take categories as such, and what is packed of categories of many
    values."""

    encoder: Pipeline
    native: Pipeline | None
    many: dict[str, Many]


@dataclass(frozen=True, slots=True)
class RowsToFit:
    """Training rows, or a random part of them; the place of each in the table; and the number to predict, if it is
    one."""

    rows: pd.DataFrame
    places: np.ndarray
    numbers: np.ndarray | None


def fitted_encoder(work: Work, choices: encoder.Choices) -> Fitted:
    """Return the encoders for the features of the table, fitted."""
    given = _rows_to_fit(work)
    work.context.progress(FIT_READ, 1, fact("fitting"))
    found = _found(work, given, choices)
    built = encoder.build(work.features, _written_names(work.context), choices, found)
    target = None
    if found.many:
        target = work.target.codes[given.places] if given.numbers is None else given.numbers
    encoder.fit(built, given.rows, target)
    native = native_of(built, given.rows)
    many: dict[str, Many] = {}
    if target is not None:
        many = packed_of(built, native, given.rows, target, crossing_of(work.position[given.places]))
    return Fitted(built, native, many)


def _found(work: Work, given: RowsToFit, choices: encoder.Choices) -> encoder.Found:
    """Return what the rows ask for, as far as that was chosen. Workflows of before there was a choice have none."""
    params = work.context.params
    tails: dict[str, Tail] = {}
    if params.get("tails", "keep") != "keep" and choices.scaling != "none":
        tails = tails_of(given.rows, [each.name for each in work.features if each.kind == "number"], given.numbers)
    many: list[str] = []
    if params.get("many_values", "together") != "together":
        own_category = choices.text_gaps == "own_category"
        many = many_of(given.rows, work.features, choices.max_categories, own_category)
    return encoder.Found(tails, many, work.target.labels is not None)


def _written_names(context: StepContext) -> dict[str, str]:
    """Return the names as pandas reads them from the file, where a column is called otherwise here."""
    source = reader.reopen(files.unverified(context.dataset.file), context.dataset.dialect)
    return {written: name for written, name in zip(source.written_names, source.names, strict=True) if written != name}


def _rows_to_fit(work: Work) -> RowsToFit:
    """Return the training rows, or a random part of them when there are very many."""
    target = None if work.target.labels is not None else work.context.params["target"]
    names = work.names if target is None else [*work.names, target]
    share = _most_rows(work) / work.training
    random = random_for(work.context.params, "fit")
    parts, places, start = [], [], 0
    for batch in prefetched(batches_of(work.table, names)):
        chosen = work.use[start : start + batch.num_rows] == TRAINING
        if share < 1:
            chosen &= random.random(batch.num_rows, dtype=np.float32) < share
        parts.append(batch.filter(pa.array(chosen)))
        places.append(start + np.flatnonzero(chosen))
        start += batch.num_rows
        work.progress(TARGET_READ, FIT_READ, start, "rows_read")
    table = pa.Table.from_batches(parts)
    if share < 1:
        message = Message("fitted_on_part", {"fitted": table.num_rows, "training": work.training})
        work.notices.append(Notice(message))
    numbers = None if target is None else table[target].to_numpy()
    return RowsToFit(table.select(work.names).to_pandas(), np.concatenate(places), numbers)


def _most_rows(work: Work) -> int:
    """Return how many rows fit into memory: a text takes room as such, and as the columns scikit-learn makes of it."""
    most = work.context.params["max_categories"]
    row = sum(
        16 if column.kind in ("number", "date") else 64 + 4 * min(most, column.distinct) for column in work.features
    )
    return min(FITTED_ROWS, FITTED_BYTES // row)
