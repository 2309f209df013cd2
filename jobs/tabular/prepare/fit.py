"""Fit: the encoder, on training rows only, or on a random part of them where there are very many."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.pipeline import Pipeline

from jobs.pipelines import StepContext
from jobs.tabular import reader
from jobs.tabular.column import Column
from jobs.tabular.facts import fact, failure
from jobs.tabular.limits import MISSING
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
# What a letter of a text takes: as such, and as a part of words that are counted.
LETTER_BYTES = 8
USUAL_LETTERS = 200.0
# A text is Turkish when so many of its rows have a letter that only Turkish has.
TURKISH_SHARE = 0.05
# What scikit-learn takes for a word.
_WORD = re.compile(r"\b\w\w+\b")


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
    return encoder.Found(tails, many, work.target.labels is not None, _turkish(work, given.rows))


def _turkish(work: Work, rows: pd.DataFrame) -> list[str]:
    """Return the texts in which I is the capital of ı; refuse those without a word."""
    texts = {column.name: rows[column.name] for column in work.features if column.kind == "free_text"}
    for name, cells in texts.items():
        if not has_words(cells):
            raise failure("no_words", column=name)
    return [name for name, cells in texts.items() if _is_turkish(cells.dropna())]


def has_words(cells: pd.Series) -> bool:
    """Return whether any of these texts has a word."""
    return any(text not in MISSING and _WORD.search(text) for text in cells.dropna())


def _is_turkish(texts: pd.Series) -> bool:
    """Return whether I is the capital of ı in these texts."""
    return bool(sum("ı" in text or "İ" in text for text in texts) > TURKISH_SHARE * len(texts))


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
    row = sum(_bytes_of(column, most) for column in work.features)
    return min(FITTED_ROWS, FITTED_BYTES // row)


def _bytes_of(column: Column, most: int) -> int:
    """Return what a cell takes."""
    if column.kind in ("number", "date"):
        return 16
    if column.kind == "free_text":
        return 64 + int(LETTER_BYTES * (column.letters or USUAL_LETTERS))
    return 64 + 4 * min(most, column.distinct)
