"""Fit: the encoder, on training rows only, or on a random part of them where there are very many."""

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.pipeline import Pipeline

from jobs.pipelines import StepContext
from jobs.tabular import reader
from jobs.tabular.facts import fact
from jobs.tabular.prefetch import prefetched
from jobs.tabular.prepare import encoder
from jobs.tabular.prepare.split import TRAINING, random_for
from jobs.tabular.prepare.table import batches_of
from jobs.tabular.prepare.tails import Tail, tails_of
from jobs.tabular.prepare.work import FIT_READ, TARGET_READ, Work
from store import files
from store.messages import Message, Notice

FITTED_ROWS = 100_000
FITTED_BYTES = 128 << 20


def fitted_encoder(work: Work, choices: encoder.Choices) -> Pipeline:
    """Return the encoder for the features of the table, fitted."""
    rows, target = _rows_to_fit(work)
    work.context.progress(FIT_READ, 1, fact("fitting"))
    tails = _tails(work, rows, target) if choices.scaling != "none" else {}
    built = encoder.build(work.features, _written_names(work.context), choices, tails)
    encoder.fit(built, rows)
    return built


def _tails(work: Work, rows: pd.DataFrame, target: np.ndarray | None) -> dict[str, Tail]:
    if work.context.params.get("tails", "keep") == "keep":  # as before there was a choice
        return {}
    return tails_of(rows, [column.name for column in work.features if column.kind == "number"], target)


def _written_names(context: StepContext) -> dict[str, str]:
    """Return the names as pandas reads them from the file, where a column is called otherwise here."""
    source = reader.reopen(files.unverified(context.dataset.file), context.dataset.dialect)
    return {written: name for written, name in zip(source.written_names, source.names, strict=True) if written != name}


def _rows_to_fit(work: Work) -> tuple[pd.DataFrame, np.ndarray | None]:
    """Return the training rows, or a random part of them when there are very many; and the number to predict, if it is
    one."""
    target = None if work.target.labels is not None else work.context.params["target"]
    names = work.names if target is None else [*work.names, target]
    share = _most_rows(work) / work.training
    random = random_for(work.context.params, "fit")
    parts, start = [], 0
    for batch in prefetched(batches_of(work.table, names)):
        chosen = work.use[start : start + batch.num_rows] == TRAINING
        if share < 1:
            chosen &= random.random(batch.num_rows, dtype=np.float32) < share
        parts.append(batch.filter(pa.array(chosen)))
        start += batch.num_rows
        work.progress(TARGET_READ, FIT_READ, start, "rows_read")
    table = pa.Table.from_batches(parts)
    if share < 1:
        message = Message("fitted_on_part", {"fitted": table.num_rows, "training": work.training})
        work.notices.append(Notice(message))
    numbers = None if target is None else table[target].to_numpy()
    return table.select(work.names).to_pandas(), numbers


def _most_rows(work: Work) -> int:
    """Return how many rows fit into memory: a text takes room as such, and as the columns scikit-learn makes of it."""
    most = work.context.params["max_categories"]
    row = sum(
        16 if column.kind in ("number", "date") else 64 + 4 * min(most, column.distinct) for column in work.features
    )
    return min(FITTED_ROWS, FITTED_BYTES // row)
