"""Files: the rows of a file of any format that is read, in parts, written again with their predictions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from jobs.tabular import reader
from jobs.tabular.csv.writer import Writer
from jobs.tabular.dialect import CSV, EXCEL, format_of
from jobs.tabular.predict import dates
from jobs.tabular.predict.marks import Marks, marks_of, rewritten
from jobs.tabular.predict.names import matched
from jobs.tabular.predict.request import Answer
from jobs.tabular.predict.scoring import Scored, Scorer, plain
from jobs.tabular.predict.workbook import LONGEST_CELL, WorkbookWriter
from store.errors import RequestError
from store.messages import Message, Notice, Values

PREVIEW_ROWS = 20
LONGEST_EXAMPLE = 40
# What is noticed in a file with advice to change a setting.
ADVISED = ("not_utf8", "other_sheets", "thousands_mark")
PREDICTION, PROBABILITY, CHANCE_OF = "prediction", "probability", "chance of"


def predict(
    scorer: Scorer, path: Path, written: Path, progress: Callable[[int], object] = lambda _rows: None
) -> Answer:
    """Predict the rows of a file and write it with its predictions, in its own dialect or as an Excel file; `progress`
    is called with the rows so far."""
    settings = scorer.request.get("settings")
    source = reader.reopen(path, settings) if settings else reader.inspect(path)
    notices = [_where_nothing_is_set(notice) for notice in source.notices]
    found = matched(scorer.names, scorer.request["known"], source.names, notices, "file")
    places = {name: source.names.index(given) for name, given in found.items()}
    added = _added(scorer, source.names, notices)
    parts = _parts(source, scorer.rows_at_once)
    first = next(parts, None)
    if first is None:
        raise RequestError(Message("predict_no_rows"), "file")
    marks = _marks_of(first, scorer, places, source.dialect, notices)
    forms = _dates_of(first, scorer, places, source.dialect, notices)
    preview: list[list[str | None]] = []
    count = 0
    by_given = {found[name]: form for name, form in forms.items()}
    numbers = [found[each["name"]] for each in scorer.features if each["kind"] == "number"]
    with _writer(scorer, path, written, source, by_given, added, marks, numbers) as writer:
        for part in chain([first], parts):
            scored = scorer.score(_texts(part, scorer, places, marks, forms))
            columns = [*part.to_pydict().values(), *_shown(scorer, scored, marks.decimal)]
            writer.write(columns)
            if (more := PREVIEW_ROWS - len(preview)) > 0:
                preview += [list(row) for row in zip(*(column[:more] for column in columns), strict=True)]
            count += part.num_rows
            progress(count)
    if writer.other_encoding:
        notices.append(Notice(Message("predict_other_encoding", {"encoding": source.dialect.as_dict()["encoding"]})))
    if writer.quoted:
        notices.append(Notice(Message("predict_cells_quoted", {"count": writer.quoted})))
    if writer.cut:
        notices.append(Notice(Message("predict_cells_cut", {"count": writer.cut, "most": LONGEST_CELL}), "warning"))
    return {
        "rows": count,
        "suffix": writer.suffix,
        "media_type": writer.media_type,
        "columns": [*source.names, *added],
        "added": added,
        "preview": preview,
        "notices": [notice.as_json() for notice in [*notices, *scorer.notices()]],
    }


def _where_nothing_is_set(notice: Notice) -> Notice:
    """Return a notice with advice that helps here, where how a file is read cannot be chosen."""
    code = notice.message.code
    return replace(notice, message=Message(f"predict_{code}", notice.message.values)) if code in ADVISED else notice


def _writer(
    scorer: Scorer,
    path: Path,
    written: Path,
    source: reader.Source,
    formats: Mapping[str, str],
    added: Sequence[str],
    marks: Marks,
    numbers: Sequence[str],
) -> Writer | WorkbookWriter:
    """Return what writes the wanted format; an Excel file stays one."""
    dialect = source.dialect.as_dict()
    if EXCEL not in (scorer.request.get("written_as"), dialect.get("format")):
        return Writer(written, path, source, scorer.labels, added)
    sheet = str(dialect.get("sheet") or "") or None
    return WorkbookWriter(written, [*source.names, *added], formats, added[1:], marks, numbers, sheet)


def _added(scorer: Scorer, names: Sequence[str], notices: list[Notice]) -> list[str]:
    """Return the names of the new columns; one that the file has already is numbered."""
    added = []
    wanted = [PREDICTION, PROBABILITY] if scorer.gives_chances else [PREDICTION]
    for name in [*wanted, f"{CHANCE_OF} {scorer.wanted}"] if scorer.ranks else wanted:
        free, number = name, 1
        while free in names:
            number += 1
            free = f"{name}_{number}"
        if free != name:
            notices.append(Notice(Message("predict_column_taken", {"column": name, "name": free})))
        added.append(free)
    return added


def _parts(source: reader.Source, most: int) -> Iterator[pa.RecordBatch]:
    for batch in source.batches():
        for start in range(0, batch.num_rows, most):  # none where a batch is empty
            yield batch.slice(start, most)


def _marks_of(
    part: pa.RecordBatch, scorer: Scorer, places: Mapping[str, int], dialect: reader.Dialect, notices: list[Notice]
) -> Marks:
    usual = Marks(scorer.request["decimal"], scorer.request["thousands"])
    detected = Marks(dialect.decimal, dialect.thousands)
    if _has_types(dialect):
        return detected
    numbers = [part.column(places[each["name"]]) for each in scorer.features if each["kind"] == "number"]
    return marks_of(numbers, usual, detected, notices)


def _dates_of(
    part: pa.RecordBatch, scorer: Scorer, places: Mapping[str, int], dialect: reader.Dialect, notices: list[Notice]
) -> dict[str, str]:
    """Return how the dates of each column are written."""
    formats = {}
    for name, usual in scorer.dates.items():
        cells = part.column(places[name])
        formats[name] = given = dates.format_of(cells, usual, dialect.day_first)
        if given != usual and not _has_types(dialect):
            example = next((str(cell) for cell in cells.to_pylist() if cell), "")
            values: Values = {"column": name, "example": example[:LONGEST_EXAMPLE]}
            notices.append(Notice(Message("predict_other_dates", values), "info", name))
    return formats


def _has_types(dialect: reader.Dialect) -> bool:
    """Return whether cells are numbers and dates by themselves, so that they are written in one way only."""
    return format_of(dialect.as_dict()) != CSV


def _texts(
    part: pa.RecordBatch, scorer: Scorer, places: Mapping[str, int], marks: Marks, written: Mapping[str, str]
) -> dict[str, list[str | None]]:
    """Return the cells that the model needs, with numbers and dates written as where it learned."""
    decimal, thousands = scorer.request["decimal"], scorer.request["thousands"]
    texts = {}
    for feature in scorer.features:
        cells = part.column(places[feature["name"]])
        if feature["kind"] == "number" and (marks.decimal, marks.thousands) != (decimal, thousands):
            cells = rewritten(cells, marks, decimal)
        elif (usual := scorer.dates.get(str(feature["name"]))) and written[feature["name"]] != usual:
            cells = dates.rewritten(cells, written[feature["name"]], usual)
        texts[str(feature["name"])] = cells.to_pylist()
    return texts


def _shown(scorer: Scorer, scored: Scored, decimal: str) -> list[list[str]]:
    """Return the new columns as texts."""
    chances = [] if scored.chance is None else [scored.chance.tolist()]
    if scorer.ranks:
        chances.append(scorer.ranking(scored))
    shown = [[f"{chance:.6f}".replace(".", decimal) for chance in column] for column in chances]
    return [[_text(value, decimal) for value in plain(scored.predictions)], *shown]


def _text(value: Any, decimal: str) -> str:
    return repr(value).replace(".", decimal) if isinstance(value, float) else str(value)
