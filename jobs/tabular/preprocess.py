"""Preprocess: from the typed table to matrices for training and validation. All is fitted on training rows only."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from jobs.pipelines.context import Recorder, StepError
from jobs.pipelines.registry import step
from jobs.tabular import profile
from jobs.tabular.csv import reader
from jobs.tabular.limits import FEWEST_ROWS, MOST_CLASSES, WORDS
from jobs.tabular.matrix import Form, Sheet, Shuffle
from jobs.tabular.prefetch import Behind, ahead
from jobs.tabular.prepare.params import params as declared
from store import files

FITTED_ROWS = 100_000
FITTED_BYTES = 128 << 20
SAMPLE_ROWS = 2_000
DRAWN_ROWS = 5_000_000
PART_ROWS = 65_536
PART_BYTES = 16 << 20
PACKED_BYTES = 64 << 20
MOST_MATRIX_COLUMNS = 20_000
FEW_ROWS = 50
# So many rows are counted at once.
COUNTED_ROWS = 1 << 20

# Where the stages of the step begin.
READ_TARGET, FITTED, PREPARED, SHUFFLED = 0.06, 0.08, 0.2, 0.87

MISSING = -1
NOT_USED, LEARNED, TESTED = 0, 1, 2


@dataclass
class _Target:
    """What is to be predicted, for all rows in one byte each: the class by its position (0 where it is a number), or
    MISSING; rows without one are not kept."""

    codes: np.ndarray
    labels: np.ndarray | None = None
    counts: list[int] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)

    @property
    def kept(self) -> int:
        return sum(self.counts)

    @property
    def dropped(self) -> int:
        return len(self.codes) - self.kept


@step("preprocess", needs=("upload",), params=declared, version=4)
def preprocess(recorder: Recorder) -> dict[str, Any]:
    """Make matrices out of the table, and the fitted way from raw rows to them."""
    params, uploaded = recorder.params, recorder.result("upload")
    columns = {column["name"]: column for column in uploaded["columns_profile"]}
    recorder.progress(0, 1, "checking the table")
    table = recorder.file("upload", "table")
    features, left_out = _choose_features(columns, params)
    recorder.progress(READ_TARGET, 1, "reading the target")
    target = _read_target(table, columns[params["target"]], params["task"], uploaded["rows"])
    use, split_notices = _split(target, params)
    work = _Work(recorder, table, features, left_out, target, use, target.notices + split_notices)
    recorder.log(f"{work.training:,} rows to learn from, {work.validation:,} to test on.")
    return _transform(work)


@dataclass
class _Work:
    recorder: Recorder
    table: Path
    features: list[dict[str, Any]]
    left_out: list[dict[str, Any]]
    target: _Target
    use: np.ndarray
    notices: list[dict[str, Any]]

    def __post_init__(self) -> None:
        self.training, self.validation = (int(np.count_nonzero(self.use == use)) for use in (LEARNED, TESTED))

    @property
    def names(self) -> list[str]:
        return [column["name"] for column in self.features]


def _choose_features(
    columns: dict[str, dict[str, Any]],
    params: dict[str, Any],
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
    numbers = (_floats(batch[name]) for batch in _batches(table, [name]))
    codes = _filled(rows, (np.where(np.isnan(values), MISSING, 0) for values in numbers))
    target = _Target(codes, None, [int(np.count_nonzero(codes == 0))])
    _check_dropped(target, name)
    if column["min"] == column["max"]:
        raise StepError(f"{name} has the same value in every row; there is nothing to predict.")
    return target


def _filled(rows: int, parts: Iterator[np.ndarray]) -> np.ndarray:
    """One array out of parts, without holding both."""
    whole: np.ndarray = np.empty(rows, dtype=np.int8)
    start = 0
    for part in parts:
        whole[start : start + len(part)] = part
        start += len(part)
    return whole


def _read_classes(table: Path, column: dict[str, Any], rows: int) -> _Target:
    name = column["name"]
    if column["kind"] in ("date", "empty"):
        raise StepError(
            f"{name} holds {'dates' if column['kind'] == 'date' else 'nothing'}; choose another column to predict."
        )
    known: dict[Any, int] = {}
    codes = _filled(rows, (_codes(batch[name], known, column) for batch in _batches(table, [name])))
    if len(known) < 2:
        raise StepError(f"{name} has only one value; there is nothing to predict.")
    labels = sorted(known)
    rank = np.full(len(known) + 1, MISSING, dtype=np.int8)
    rank[[known[label] for label in labels]] = np.arange(len(labels))
    counts = np.zeros(len(rank), dtype=np.int64)
    for part in _parts(rows):
        codes[part] = rank[codes[part]]
        counts += np.bincount(codes[part] + 1, minlength=len(rank))
    target = _Target(codes, _label_array(labels, column), counts[1:].tolist())
    _check_dropped(target, name)
    _tell_words(target, name)
    if len(labels) > target.kept / 2:
        raise StepError(
            f"{name} has another value in almost every row, so there is nothing to learn; choose another target."
        )
    return target


def _parts(rows: int) -> Iterator[slice]:
    """All rows, so many at once that what is computed of them takes little memory."""
    return (slice(start, min(start + COUNTED_ROWS, rows)) for start in range(0, rows, COUNTED_ROWS))


def _tell_words(target: _Target, name: str) -> None:
    """Words that may mean missing are values here; who meant otherwise is told how to say so."""
    assert target.labels is not None
    for code, label in enumerate(target.labels):
        if label in WORDS:
            count = target.counts[code]
            text = (
                f"{name}: {label} is a value of its own, in {count:,} {'row' if count == 1 else 'rows'}. Where it "
                "means that nothing is known, empty those cells in the file."
            )
            target.notices.append(reader.notice(text, name, "warning"))


def _codes(cells: pa.Array, known: dict[Any, int], column: dict[str, Any]) -> np.ndarray:
    """Labels as numbers in order of appearance; MISSING where there is none."""
    name = column["name"]
    encoded = cells.dictionary_encode()
    places = []
    for value in encoded.dictionary.to_pylist():
        if value is None or value != value:
            places.append(MISSING)
            continue
        if column["kind"] == "number" and not column["whole"] and value not in known and len(known) >= 20:
            raise StepError(
                f"{name} has many different numbers; choose an algorithm that predicts a number, such as "
                "boosting (numbers)."
            )
        places.append(known.setdefault(value, len(known)))
        if len(known) > MOST_CLASSES:
            other = " or an algorithm that predicts a number" if column["kind"] == "number" else ""
            raise StepError(f"{name} has more than {MOST_CLASSES} different values; choose a target with fewer{other}.")
    positions = encoded.indices.fill_null(len(places)).to_numpy(zero_copy_only=False)
    return np.array([*places, MISSING], dtype=np.int8)[positions]


def _label_array(labels: list[Any], column: dict[str, Any]) -> np.ndarray:
    """Labels as the file has them: whole numbers stay whole, texts stay texts."""
    if column["kind"] != "number":
        return np.array(labels, dtype=object)
    return np.array(labels, dtype=np.int64 if column["whole"] else np.float64)


def _check_dropped(target: _Target, name: str) -> None:
    total = len(target.codes)
    if target.dropped > total / 2:
        raise StepError(
            f"{name} is missing in {target.dropped:,} of {total:,} rows; more than half, so there is too "
            "little to learn from."
        )
    if target.kept < FEWEST_ROWS:
        raise StepError(f"Only {target.kept} rows have a value in {name}; at least {FEWEST_ROWS} are needed.")
    if target.dropped:
        words = "1 row was" if target.dropped == 1 else f"{target.dropped:,} rows were"
        target.notices.append(reader.notice(f"{words} dropped because {name} is missing.", name, "warning"))


def _split(target: _Target, params: dict[str, Any]) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """What each row of the table is used for."""
    use = np.where(target.codes == MISSING, np.int8(NOT_USED), np.int8(LEARNED))
    notices: list[dict[str, Any]] = []
    if target.kept > DRAWN_ROWS:
        # So many rows have every class in its share anyway, and drawing each row by itself needs no list of rows.
        random = _random(params, "split")
        for part in _parts(len(use)):
            drawn = random.random(len(use[part]), dtype=np.float32) < params["test_size"]
            use[part][drawn & (use[part] == LEARNED)] = TESTED
    else:
        notices = _split_exactly(target, params, use)
    if target.labels is not None:
        _show_every_class(target, use)
    return use, notices


def _split_exactly(target: _Target, params: dict[str, Any], use: np.ndarray) -> list[dict[str, Any]]:
    """As scikit-learn's train_test_split does with the same seed."""
    from sklearn.model_selection import train_test_split

    share, seed = params["test_size"], params["random_state"]
    stratify, notices = _stratify(target, params)
    kept = np.flatnonzero(use == LEARNED)
    if stratify:
        rows = _drawn_by_class(target.codes[kept], share, seed)
    else:
        rows = train_test_split(np.arange(len(kept)), test_size=share, random_state=seed)[1]
    use[kept[rows]] = TESTED
    return notices


def _drawn_by_class(codes: np.ndarray, share: float, seed: int) -> np.ndarray:
    """The rows that train_test_split draws when it stratifies, without the Python lists that make it slow."""
    from sklearn.utils.extmath import _approximate_mode

    random = np.random.RandomState(seed)
    counts = np.bincount(codes)
    tested = math.ceil(share * len(codes))
    learned_by_class = _approximate_mode(counts, len(codes) - tested, random)
    tested_by_class = _approximate_mode(counts - learned_by_class, tested, random)
    drawn, own = [], np.split(np.argsort(codes, kind="stable"), np.cumsum(counts)[:-1])
    for rows, first, count in zip(own, learned_by_class, tested_by_class, strict=True):
        drawn.append(rows[random.permutation(len(rows))[first : first + count]])
    return np.concatenate(drawn)


def _show_every_class(target: _Target, use: np.ndarray) -> None:
    """A class of which every row was drawn for testing gives one back: what was never seen cannot be learned."""
    assert target.labels is not None
    counts = np.zeros(len(target.labels), dtype=np.int64)
    for part in _parts(len(use)):
        counts += np.bincount(target.codes[part][use[part] == LEARNED], minlength=len(counts))
    for code in np.flatnonzero(counts == 0):
        use[np.flatnonzero(target.codes == code)[0]] = LEARNED
    if not (use == TESTED).any():
        raise StepError("No row is left to test on; use more rows or a bigger validation share.")


def _random(params: dict[str, Any], purpose: str) -> np.random.Generator:
    """Chance that follows from the seed, and is another one for every purpose."""
    return np.random.default_rng([params["random_state"], *purpose.encode()])


def _stratify(target: _Target, params: dict[str, Any]) -> tuple[bool, list[dict[str, Any]]]:
    """Whether classes keep their shares in both parts."""
    if target.labels is None:
        return False, []
    tested = target.kept * params["test_size"]
    single = [str(label) for label, count in zip(target.labels, target.counts, strict=True) if count < 2]
    if single:
        text = f"{params['target']}: {', '.join(single[:3])} occurs only once, so rows were split without regard to it."
        return False, [reader.notice(text, params["target"], "warning")]
    if min(tested, target.kept - tested) < len(target.labels):
        text = "There are fewer rows to test on than values of the target, so rows were split at random."
        return False, [reader.notice(text, params["target"], "warning")]
    return True, []


def _transform(work: _Work) -> dict[str, Any]:
    """Fit on training rows, transform everything, save it."""
    import joblib

    from jobs.tabular import columns as ways

    recorder, params = work.recorder, work.recorder.params
    dialect = recorder.dataset.dialect
    choices = ways.Choices(
        params["gaps"],
        params["text_gaps"],
        params["scaling"],
        params["max_categories"],
        dialect.get("decimal", "."),
        dialect.get("thousands", ""),
    )
    way = ways.build(work.features, _written_names(recorder), choices)
    rows = _rows_to_fit(work)
    recorder.progress(PREPARED, 1, "learning how to fill gaps and scale")
    ways.fit(way, rows)
    ready = ways.Ready(way, work.features)
    if (width := ready.form.width) > MOST_MATRIX_COLUMNS:
        raise StepError(
            f"The columns would become {width:,} columns of numbers, more than {MOST_MATRIX_COLUMNS:,}; "
            "choose fewer columns or lower max_categories."
        )
    _check_room(work, ready.form)
    gaps = _write_matrices(work, ready)
    joblib.dump({"way": way, "labels": work.target.labels}, recorder.folder / "transformer.joblib")
    recorder.save("transformer", recorder.folder / "transformer.joblib")
    done = ways.deeds(way, work.features, gaps, choices)
    return _told(work, done, width)


def _check_room(work: _Work, form: Form) -> None:
    """Better told now than when the disk is full."""
    needed, free = (work.training + work.validation) * form.dtype.itemsize, files.room()
    if needed > free:
        raise StepError(
            f"Prepared, the rows take {needed / (1 << 30):,.1f} GB, and the disk of the server has "
            f"{free / (1 << 30):,.1f} GB free. Make room and retry, or choose fewer columns or lower "
            "max_categories."
        )


def _told(work: _Work, done: dict[str, str], width: int) -> dict[str, Any]:
    target, params = work.target, work.recorder.params
    rows = work.training
    classes = counts = None
    if target.labels is not None:
        classes = [str(label) for label in target.labels]
        counts = dict(zip(classes, target.counts, strict=True))
    if rows < FEW_ROWS:
        work.notices.append(reader.notice(f"Only {rows} rows to learn from; scores will be shaky.", None, "warning"))
    return {
        "task": params["task"],
        "target": params["target"],
        "classes": classes,
        "class_counts": counts,
        "features": work.names,
        "left_out": work.left_out,
        "columns": [{"column": name, "did": done[name]} for name in work.names],
        "train_rows": rows,
        "validation_rows": work.validation,
        "rows_dropped": target.dropped,
        "matrix_columns": width,
        "notices": work.notices,
    }


def _written_names(recorder: Recorder) -> dict[str, str]:
    """Names as pandas reads them from the file, where we call a column otherwise."""
    source = reader.reopen(files.path_of(recorder.dataset.sha256), recorder.dataset.dialect)
    return {written: name for written, name in zip(source.written_names, source.names, strict=True) if written != name}


def _rows_to_fit(work: _Work) -> pd.DataFrame:
    """The training rows, or a random part of them when there are very many."""
    share = _fitted(work) / work.training
    random = _random(work.recorder.params, "fit")
    parts, start = [], 0
    for batch in ahead(_batches(work.table, work.names)):
        chosen = work.use[start : start + batch.num_rows] == LEARNED
        if share < 1:
            chosen &= random.random(batch.num_rows, dtype=np.float32) < share
        parts.append(batch.filter(pa.array(chosen)))
        start += batch.num_rows
        _tell(work, FITTED, PREPARED, start, "rows looked at")
    table = pa.Table.from_batches(parts)
    if share < 1:
        work.notices.append(
            reader.notice(
                "How to fill gaps, scale and group values was learned from "
                f"{table.num_rows:,} of the {work.training:,} rows, taken at random."
            )
        )
    return table.to_pandas()


def _fitted(work: _Work) -> int:
    """How many rows are fitted on at once: a text takes room as such, and as the columns that scikit-learn makes."""
    most = work.recorder.params["max_categories"]
    row = sum(
        16 if column["kind"] in ("number", "date") else 64 + 4 * min(most, column["distinct"])
        for column in work.features
    )
    return min(FITTED_ROWS, FITTED_BYTES // row)


def _tell(work: _Work, begin: float, end: float, rows: int, words: str) -> None:
    """Progress of a stage that goes through the rows, as a part of the step's."""
    work.recorder.progress(begin + (end - begin) * rows / len(work.use), 1, f"{rows:,} {words}")
    work.recorder.check()


def _write_matrices(work: _Work, ready: Any) -> dict[str, int]:
    """Transform part by part; returns the gaps of each column."""
    sheets = _Sheets(work, ready.form)
    gaps = dict.fromkeys(work.names, 0)
    start = 0
    with Behind() as behind:
        for rows in _tables(work, max(1, PACKED_BYTES // ready.form.dtype.itemsize)):
            part = slice(start, start + rows.num_rows)
            start = part.stop
            use = work.use[part]
            kept = use != NOT_USED
            if not kept.all():
                rows, use = rows.filter(pa.array(kept)), use[kept]
            for name in work.names:
                gaps[name] += _gaps(rows[name])
            with np.errstate(over="ignore"):  # numbers beyond float32 become infinite, and training says what to do
                matrix = ready.pack(rows)
            behind(sheets.add, matrix, sheets.labels(rows, part, kept), use, rows)
            _tell(work, PREPARED, SHUFFLED, start, "rows prepared")
    sheets.save()
    return gaps


def _gaps(column: pa.ChunkedArray) -> int:
    if column.type == pa.float64():
        return int(np.isnan(column.to_numpy()).sum())
    return int(column.null_count)


class _Sheets:
    """What the step leaves: rows to learn from in random order, rows to test on as they come, and some of those raw."""

    def __init__(self, work: _Work, form: Form) -> None:
        self._work, self._folder = work, work.recorder.folder
        label: np.dtype = np.dtype(np.int16 if work.target.labels is not None else np.float64)
        random = _random(work.recorder.params, "shuffle")
        self._shuffle = Shuffle(self._folder, work.training, form, label, random)
        self._val_x = Sheet(self._folder / "val_X.npy", work.validation, form)
        self._val_y = Sheet(self._folder / "val_y.npy", work.validation, label)
        self._sample = _Sample(work)
        self._label = label

    def labels(self, rows: pa.Table, part: slice, kept: np.ndarray) -> np.ndarray:
        target = self._work.target
        if target.labels is None:
            return _floats(rows[self._work.recorder.params["target"]])
        return target.codes[part][kept].astype(self._label)

    def add(self, matrix: np.ndarray, labels: np.ndarray, use: np.ndarray, rows: pa.Table) -> None:
        learn, test = np.flatnonzero(use == LEARNED), np.flatnonzero(use == TESTED)
        self._shuffle.add(matrix[learn], labels[learn])
        self._val_x.write(matrix[test])
        self._val_y.write(labels[test])
        self._sample.add(rows, test, labels)

    def save(self) -> None:
        recorder, work = self._work.recorder, self._work
        scale = len(work.use) / work.training
        train = self._shuffle.write(
            self._folder / "train_X.npy",
            self._folder / "train_y.npy",
            lambda rows: _tell(work, SHUFFLED, 1, int(rows * scale), "rows shuffled"),
        )
        kept = dict(zip(("train_X", "train_y"), train, strict=True))
        kept |= {"val_X": self._val_x.close(), "val_y": self._val_y.close()}
        for name, known in kept.items():
            recorder.save(name, self._folder / f"{name}.npy", known)
        self._sample.save(self._folder / "sample.joblib")
        recorder.save("sample", self._folder / "sample.joblib")


class _Sample:
    """Some raw validation rows, for finding out which columns matter."""

    def __init__(self, work: _Work) -> None:
        random = _random(work.recorder.params, "sample")
        count = min(SAMPLE_ROWS, work.validation)
        self._chosen = np.sort(random.choice(work.validation, count, replace=False, shuffle=False))
        self._names = work.names
        self._seen = 0
        self._parts: list[pa.Table] = []
        self._labels: list[np.ndarray] = []

    def add(self, rows: pa.Table, tested: np.ndarray, labels: np.ndarray) -> None:
        first, last = np.searchsorted(self._chosen, [self._seen, self._seen + len(tested)])
        chosen = tested[self._chosen[first:last] - self._seen]
        self._seen += len(tested)
        self._parts.append(rows.select(self._names).take(chosen))
        self._labels.append(labels[chosen])

    def save(self, path: Path) -> None:
        import joblib

        rows = pa.concat_tables(self._parts).to_pandas()
        joblib.dump({"rows": rows, "codes": np.concatenate(self._labels)}, path)


def _tables(work: _Work, most: int) -> Iterator[pa.Table]:
    """What is learned from, and a number to predict, part by part, at most so many rows each."""
    names = work.names if work.target.labels is not None else [*work.names, work.recorder.params["target"]]
    tables = ahead(
        pa.Table.from_batches([_without_words(batch) for batch in batches]).combine_chunks()
        for batches in _grouped(_batches(work.table, names))
    )
    return (table.slice(start, most) for table in tables for start in range(0, table.num_rows, most))


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
        wanted = pa.schema([(name, _unpacked(schema.field(name).type)) for name in names])
        for position in range(opened.num_record_batches):
            yield opened.get_batch(position).select(names).cast(wanted)


def _unpacked(kind: pa.DataType) -> pa.DataType:
    return pa.string() if kind == pa.string_view() else kind


def _floats(cells: pa.Array | pa.ChunkedArray) -> np.ndarray:
    return cells.to_numpy() if isinstance(cells, pa.ChunkedArray) else cells.to_numpy(zero_copy_only=False)
