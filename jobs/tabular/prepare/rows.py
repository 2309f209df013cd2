"""Rows: all of a small table as they are, for what prepares and trains anew on parts of them."""

from typing import Any

import numpy as np
import pyarrow as pa

from jobs.tabular.prepare.split import UNUSED
from jobs.tabular.prepare.table import batches_of, floats_of
from jobs.tabular.prepare.work import Work


def save_rows(work: Work, position: np.ndarray) -> None:
    """Save the features and the target of every usable row, and the number by which the rows are divided."""
    import joblib

    usable = work.use != UNUSED
    name = work.context.params["target"]
    names = work.names if work.target.labels is not None else [*work.names, name]
    table = pa.Table.from_batches(list(batches_of(work.table, names))).filter(pa.array(usable))
    target = work.target.codes[usable] if work.target.labels is not None else floats_of(table[name].combine_chunks())
    rows: dict[str, Any] = {"rows": table.select(work.names).to_pandas(), "target": target}
    joblib.dump({**rows, "position": position[usable]}, work.context.folder / "rows.joblib")
    work.context.save("rows", work.context.folder / "rows.joblib")
