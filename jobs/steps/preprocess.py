"""Preprocess: from the typed table to matrices for training and validation. All is fitted on training rows only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from jobs import algorithms, profile, reader
from jobs.algorithms import MOST_CLASSES
from jobs.pipelines import Param, Params, step
from jobs.recorder import Recorder, StepError
from jobs.steps.matrix import Sheet, Shuffle
from store import files

FITTED_ROWS = 100_000
SAMPLE_ROWS = 2_000
DRAWN_ROWS = 5_000_000
PART_ROWS = 65_536
PART_BYTES = 16 << 20
MOST_MATRIX_COLUMNS = 20_000
FEW_ROWS = 50

_TARGET = Param("target", "column", "", "Target", "The column to predict.")
_FEATURES = Param("features", "columns", None, "Columns to learn from", "Empty: those proposed.")
_TEST_SIZE = Param("test_size", "float", 0.2, "Validation share", "Share of the rows kept aside to test on.", low=0.05,
                   high=0.9)
_RANDOM = Param("random_state", "int", 42, "Random seed", "The same seed gives the same result.", low=0,
                high=2**32 - 1, advanced=True)
_GAPS = Param("gaps", "choice", "median", "Gaps in numbers", "What stands in for a missing number.",
              choices=("median", "mean", "zero"), advanced=True)
_TEXT_GAPS = Param("text_gaps", "choice", "most_frequent", "Gaps in texts", "What stands in for a missing text.",
                   choices=("most_frequent", "own_category"), advanced=True)
_SCALING = Param("scaling", "choice", "standard", "Scaling", "standard: mean 0 and spread 1. minmax: 0 to 1.",
                 choices=("standard", "minmax", "none"), advanced=True)
_CATEGORIES = Param("max_categories", "int", 50, "Most categories", "Rarer values of a text column share one category.",
                    low=2, high=1_000, advanced=True)


class _Task(Param):
    """Follows from the algorithm; nobody chooses it."""

    def read(self, value: Any) -> Any:
        return self.default


def _params(chosen: Params) -> Sequence[Param]:
    task = algorithms.get(chosen.get("algorithm") or "logistic_regression").task
    fixed = _Task("task", "choice", task, "Task", "Follows from the algorithm.", choices=(task,), advanced=True)
    return (_TARGET, _FEATURES, _TEST_SIZE, _RANDOM, _GAPS, _TEXT_GAPS, _SCALING, _CATEGORIES, fixed)


@dataclass
class _Target:
    """The labels of all rows, as codes or numbers; rows without one are not kept."""

    values: np.ndarray
    kept: np.ndarray
    labels: np.ndarray | None = None
    notices: list[dict[str, Any]] = field(default_factory=list)

    @property
    def dropped(self) -> int:
        return int(len(self.kept) - self.kept.sum())


@step("preprocess", needs=("upload",), params=_params, version=2)
def preprocess(recorder: Recorder) -> dict[str, Any]:
    """Make matrices out of the table, and the fitted way from raw rows to them."""
    params, uploaded = recorder.params, recorder.result("upload")
    columns = {column["name"]: column for column in uploaded["columns_profile"]}
    table = recorder.file("upload", "table")
    features, left_out = _choose_features(columns, params)
    target = _read_target(table, columns[params["target"]], params["task"], uploaded["rows"])
    training, validation, split_notices = _split(target, params)
    notices = target.notices + split_notices
    recorder.log(f"{int(training.sum()):,} rows to learn from, {int(validation.sum()):,} to test on.")
    return _transform(_Work(recorder, table, features, left_out, target, training, validation, notices))


@dataclass
class _Work:
    recorder: Recorder
    table: Path
    features: list[dict[str, Any]]
    left_out: list[dict[str, Any]]
    target: _Target
    training: np.ndarray
    validation: np.ndarray
    notices: list[dict[str, Any]]

    @property
    def names(self) -> list[str]:
        return [column["name"] for column in self.features]


def _choose_features(columns: dict[str, dict[str, Any]], params: dict[str, Any],
                     ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The columns to learn from, and why the others are left out."""
    target, wanted = params["target"], params["features"]
    if target not in columns:
        raise StepError(f"There is no column {target}; choose the target from {', '.join(list(columns)[:20])}.")
    if unknown := [name for name in wanted or [] if name not in columns]:
        raise StepError(f"There is no column {unknown[0]} to learn from.")
    features, left_out = [], []
    for name, column in columns.items():
        if name == target:
            continue
        if column["kind"] == "empty":
            left_out.append({"column": name, "reason": "every cell is missing"})
        elif wanted is not None and name not in wanted:
            left_out.append({"column": name, "reason": "not chosen"})
        elif wanted is None and column["role"] != "feature":
            left_out.append({"column": name, "reason": column["reason"] or "left out"})
        else:
            features.append(column)
    if not features:
        raise StepError("There is no column left to learn from; choose at least one besides the target.")
    return features, left_out


def _read_target(table: Path, column: dict[str, Any], task: str, rows: int) -> _Target:
    return _read_numbers(table, column, rows) if task == "regression" else _read_classes(table, column, rows)


def _read_numbers(table: Path, column: dict[str, Any], rows: int) -> _Target:
    name = column["name"]
    if column["kind"] != "number":
        raise StepError(f"{name} is not a number column; choose an algorithm for classes, such as logistic regression.")
    values = _filled(rows, np.float64, (_floats(batch.column(0)) for batch in _batches(table, [name])))
    kept = ~np.isnan(values)
    target = _Target(values[kept], kept)
    _check_dropped(target, name)
    if len(target.values) and target.values.min() == target.values.max():
        raise StepError(f"{name} has the same value in every row; there is nothing to predict.")
    return target


def _filled(rows: int, kind: type, parts: Iterator[np.ndarray]) -> np.ndarray:
    """One array out of parts, without holding both."""
    whole: np.ndarray = np.empty(rows, dtype=kind)
    start = 0
    for part in parts:
        whole[start:start + len(part)] = part
        start += len(part)
    return whole


def _read_classes(table: Path, column: dict[str, Any], rows: int) -> _Target:
    name = column["name"]
    if column["kind"] in ("date", "empty"):
        raise StepError(f"{name} holds {'dates' if column['kind'] == 'date' else 'nothing'}; "
                        "choose another column to predict.")
    known: dict[Any, int] = {}
    codes = _filled(rows, np.int8, (_codes(batch.column(0), known, column) for batch in _batches(table, [name])))
    kept = codes >= 0
    if len(known) < 2:
        raise StepError(f"{name} has only one value; there is nothing to predict.")
    labels = sorted(known)
    rank = np.empty(len(known), dtype=np.int16)
    rank[[known[label] for label in labels]] = np.arange(len(labels))
    target = _Target(rank[codes[kept]], kept, _label_array(labels, column))
    _check_dropped(target, name)
    _tell_words(target, name)
    if len(labels) > len(target.values) / 2:
        raise StepError(f"{name} has another value in almost every row, so there is nothing to learn; choose another "
                        "target.")
    return target


def _tell_words(target: _Target, name: str) -> None:
    """Words that may mean missing are values here; who meant otherwise is told how to say so."""
    assert target.labels is not None
    for code, label in enumerate(target.labels):
        if label in reader.WORDS:
            count = int((target.values == code).sum())
            text = (f"{name}: {label} is a value of its own, in {count:,} {'row' if count == 1 else 'rows'}. Where it "
                    "means that nothing is known, empty those cells in the file.")
            target.notices.append(reader.notice(text, name, "warning"))


def _codes(cells: pa.Array, known: dict[Any, int], column: dict[str, Any]) -> np.ndarray:
    """Labels as numbers in order of appearance; -1 where there is none."""
    name = column["name"]
    encoded = cells.dictionary_encode()
    places = []
    for value in encoded.dictionary.to_pylist():
        if value is None or value != value:
            places.append(-1)
            continue
        if column["kind"] == "number" and not column["whole"] and len(known) >= 20:
            raise StepError(f"{name} has many different numbers; choose an algorithm that predicts a number, such as "
                            "boosting (numbers).")
        places.append(known.setdefault(value, len(known)))
        if len(known) > MOST_CLASSES:
            other = " or an algorithm that predicts a number" if column["kind"] == "number" else ""
            raise StepError(f"{name} has more than {MOST_CLASSES} different values; choose a target with fewer{other}.")
    positions = encoded.indices.fill_null(len(places)).to_numpy(zero_copy_only=False)
    return np.array([*places, -1], dtype=np.int32)[positions]


def _label_array(labels: list[Any], column: dict[str, Any]) -> np.ndarray:
    """Labels as the file has them: whole numbers stay whole, texts stay texts."""
    if column["kind"] != "number":
        return np.array(labels, dtype=object)
    return np.array(labels, dtype=np.int64 if column["whole"] else np.float64)


def _check_dropped(target: _Target, name: str) -> None:
    total = len(target.kept)
    if target.dropped > total / 2:
        raise StepError(f"{name} is missing in {target.dropped:,} of {total:,} rows; more than half, so there is too "
                        "little to learn from.")
    if total - target.dropped < reader.FEWEST_ROWS:
        raise StepError(f"Only {total - target.dropped} rows have a value in {name}; at least {reader.FEWEST_ROWS} are "
                        "needed.")
    if target.dropped:
        words = "1 row was" if target.dropped == 1 else f"{target.dropped:,} rows were"
        target.notices.append(reader.notice(f"{words} dropped because {name} is missing.", name, "warning"))


def _split(target: _Target, params: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, list[dict[str, Any]]]:
    """Which rows of the table are for training and which for validation."""
    from sklearn.model_selection import train_test_split

    count = len(target.values)
    notices: list[dict[str, Any]] = []
    if count > DRAWN_ROWS:
        # So many rows have every class in its share anyway, and drawing each row by itself needs no list of rows.
        tested = _random(params, "split").random(count, dtype=np.float32) < params["test_size"]
    else:
        stratify, notices = _stratify(target, params)
        _learn, rows = train_test_split(np.arange(count), test_size=params["test_size"],
                                        random_state=params["random_state"], stratify=stratify)
        tested = np.zeros(count, dtype=bool)
        tested[rows] = True
    if target.labels is not None:
        _show_every_class(target, tested)
    validation = np.zeros(len(target.kept), dtype=bool)
    validation[target.kept] = tested
    return target.kept & ~validation, validation, notices


def _show_every_class(target: _Target, tested: np.ndarray) -> None:
    """A class of which every row was drawn for testing gives one back: what was never seen cannot be learned."""
    assert target.labels is not None
    seen = np.bincount(target.values[~tested], minlength=len(target.labels))
    for code in np.flatnonzero(seen == 0):
        tested[np.flatnonzero(target.values == code)[0]] = False
    if not tested.any():
        raise StepError("No row is left to test on; use more rows or a bigger validation share.")


def _random(params: dict[str, Any], purpose: str) -> np.random.Generator:
    """Chance that follows from the seed, and is another one for every purpose."""
    return np.random.default_rng([params["random_state"], *purpose.encode()])


def _stratify(target: _Target, params: dict[str, Any]) -> tuple[np.ndarray | None, list[dict[str, Any]]]:
    if target.labels is None:
        return None, []
    counts = np.bincount(target.values, minlength=len(target.labels))
    tested = len(target.values) * params["test_size"]
    single = [str(label) for label, count in zip(target.labels, counts, strict=True) if count < 2]
    if single:
        text = f"{params['target']}: {', '.join(single[:3])} occurs only once, so rows were split without regard to it."
        return None, [reader.notice(text, params["target"], "warning")]
    if min(tested, len(target.values) - tested) < len(target.labels):
        text = "There are fewer rows to test on than values of the target, so rows were split at random."
        return None, [reader.notice(text, params["target"], "warning")]
    return target.values, []


def _transform(work: _Work) -> dict[str, Any]:
    """Fit on training rows, transform everything, save it."""
    import joblib

    from jobs.steps import columns as ways

    recorder, params = work.recorder, work.recorder.params
    dialect = recorder.dataset.dialect
    choices = ways.Choices(params["gaps"], params["text_gaps"], params["scaling"], params["max_categories"],
                           dialect.get("decimal", "."), dialect.get("thousands", ""))
    way = ways.build(work.features, _written_names(recorder), choices)
    recorder.progress(0, 1, "learning how to fill gaps and scale")
    rows = _rows_to_fit(work)
    way.fit(rows)
    width = int(way.transform(rows.iloc[:1]).shape[1])
    if width > MOST_MATRIX_COLUMNS:
        raise StepError(f"The columns would become {width:,} columns of numbers, more than {MOST_MATRIX_COLUMNS:,}; "
                        "choose fewer columns or lower max_categories.")
    gaps = _write_matrices(work, way, width)
    joblib.dump({"way": way, "labels": work.target.labels}, recorder.folder / "transformer.joblib")
    recorder.save("transformer", recorder.folder / "transformer.joblib")
    done = ways.deeds(way, work.features, gaps, choices)
    return _told(work, done, width)


def _told(work: _Work, done: dict[str, str], width: int) -> dict[str, Any]:
    target, params = work.target, work.recorder.params
    rows = int(work.training.sum())
    classes = counts = None
    if target.labels is not None:
        classes = [str(label) for label in target.labels]
        numbers = np.bincount(target.values, minlength=len(classes))
        counts = {label: int(count) for label, count in zip(classes, numbers, strict=True)}
    if rows < FEW_ROWS:
        work.notices.append(reader.notice(f"Only {rows} rows to learn from; scores will be shaky.", None, "warning"))
    return {
        "task": params["task"], "target": params["target"], "classes": classes, "class_counts": counts,
        "features": work.names, "left_out": work.left_out,
        "columns": [{"column": name, "did": done[name]} for name in work.names],
        "train_rows": rows, "validation_rows": int(work.validation.sum()), "rows_dropped": target.dropped,
        "matrix_columns": width, "notices": work.notices,
    }


def _written_names(recorder: Recorder) -> dict[str, str]:
    """Names as pandas reads them from the file, where we call a column otherwise."""
    source = reader.reopen(files.path_of(recorder.dataset.sha256), recorder.dataset.dialect)
    return {written: name for written, name in zip(source.written_names, source.names, strict=True) if written != name}


def _rows_to_fit(work: _Work) -> pd.DataFrame:
    """The training rows, or a random part of them when there are very many."""
    chosen, count = work.training, int(work.training.sum())
    if count > FITTED_ROWS:
        random = _random(work.recorder.params, "fit")
        chosen = chosen & (random.random(len(chosen), dtype=np.float32) < FITTED_ROWS / count)
        work.notices.append(reader.notice("How to fill gaps, scale and group values was learned from "
                                          f"{int(chosen.sum()):,} of the {count:,} rows, taken at random."))
    parts, start = [], 0
    for batch in _batches(work.table, work.names):
        parts.append(batch.filter(pa.array(chosen[start:start + batch.num_rows])))
        start += batch.num_rows
    return pa.Table.from_batches(parts).to_pandas()


def _write_matrices(work: _Work, way: Any, width: int) -> dict[str, int]:
    """Transform batch by batch; returns the gaps of each column."""
    recorder, target, folder = work.recorder, work.target, work.recorder.folder
    label = np.int16 if target.labels is not None else np.float64
    shuffle = Shuffle(folder, int(work.training.sum()), width, label, _random(recorder.params, "shuffle"))
    validation_rows = int(work.validation.sum())
    val_x = Sheet(folder / "val_X.npy", validation_rows, width, np.float32)
    val_y = Sheet(folder / "val_y.npy", validation_rows, None, label)
    sample = _Sample(work)
    gaps = dict.fromkeys(work.names, 0)
    seen = 0
    for frame, start in _frames(work):
        part = slice(start, start + len(frame))
        kept, training, validation = work.target.kept[part], work.training[part], work.validation[part]
        labels = target.values[seen:seen + int(kept.sum())]
        seen += len(labels)
        if not len(labels):
            continue
        rows = frame[kept]
        for name, count in rows.isna().sum().items():
            gaps[str(name)] += int(count)
        with np.errstate(over="ignore"):  # numbers beyond float32 become infinite, and training says what to do
            matrix = way.transform(rows)
        learn, test = training[kept], validation[kept]
        shuffle.add(matrix[learn], labels[learn])
        val_x.write(matrix[test])
        val_y.write(labels[test])
        sample.add(rows[test], labels[test])
        recorder.progress(part.stop, len(target.kept), f"{part.stop:,} rows prepared")
        recorder.check()
    val_x.close()
    val_y.close()
    shuffle.write(folder / "train_X.npy", folder / "train_y.npy")
    sample.save(folder / "sample.joblib")
    for name in ("train_X", "train_y", "val_X", "val_y"):
        recorder.save(name, folder / f"{name}.npy")
    recorder.save("sample", folder / "sample.joblib")
    return gaps


class _Sample:
    """Some raw validation rows, for finding out which columns matter."""

    def __init__(self, work: _Work) -> None:
        total = int(work.validation.sum())
        random = _random(work.recorder.params, "sample")
        self._chosen = np.zeros(total, dtype=bool)
        self._chosen[random.permutation(total)[:SAMPLE_ROWS]] = True
        self._seen = 0
        self._parts: list[pd.DataFrame] = []
        self._labels: list[np.ndarray] = []

    def add(self, rows: pd.DataFrame, labels: np.ndarray) -> None:
        chosen = self._chosen[self._seen:self._seen + len(rows)]
        self._seen += len(rows)
        self._parts.append(rows[chosen])
        self._labels.append(labels[chosen])

    def save(self, path: Path) -> None:
        import joblib

        rows = pd.concat([part for part in self._parts if len(part)], ignore_index=True)
        joblib.dump({"rows": rows, "codes": np.concatenate(self._labels)}, path)


def _frames(work: _Work) -> Iterator[tuple[pd.DataFrame, int]]:
    """The feature columns part by part, each with the position of its first row."""
    start = 0
    for batches in _grouped(_batches(work.table, work.names)):
        frame = pa.Table.from_batches([_without_words(batch) for batch in batches]).to_pandas()
        yield frame, start
        start += len(frame)


def _grouped(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    """Batches together: preparing a few large parts is faster than many small ones."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(one.num_rows for one in held) >= PART_ROWS or sum(one.nbytes for one in held) >= PART_BYTES:
            yield held
            held = []
    if held:
        yield held


def _without_words(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = [profile.without_words(cells) if cells.type == pa.string() else cells for cells in batch.columns]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _batches(table: Path, names: list[str]) -> Iterator[pa.RecordBatch]:
    """Some columns of the table, read into memory batch by batch, in the table's order."""
    with pa.OSFile(str(table)) as stream:
        schema = pa.ipc.open_file(stream).schema
        options = pa.ipc.IpcReadOptions(included_fields=[schema.get_field_index(name) for name in names])
        opened = pa.ipc.open_file(stream, options=options)
        for position in range(opened.num_record_batches):
            yield opened.get_batch(position).select(names)


def _floats(cells: pa.Array) -> np.ndarray:
    return cells.to_numpy(zero_copy_only=False)
