"""Rows that were sent as values, not in a file: as texts, written as in the table that the model learned from."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, time
from typing import Any

from jobs.tabular.predict.names import matched
from jobs.tabular.predict.reasons import Reasons
from jobs.tabular.predict.request import Answer
from jobs.tabular.predict.scoring import Scorer, plain
from jobs.tabular.profile.cells import TIME_FORMATS
from store.errors import RequestError
from store.messages import Message, Notice


def predict(scorer: Scorer, rows: Sequence[Mapping[str, Any]]) -> Answer:
    """Predict rows. A column that no row has is refused; where some have it, it is a gap in the others."""
    given = list(dict.fromkeys(name for row in rows for name in row))
    notices: list[Notice] = []
    found = matched(scorer.names, scorer.request["known"], given, notices, "rows")
    predictions: list[Any] = []
    probabilities: list[dict[str, float]] = []
    reasons: list[Reasons] = []
    labels = [str(label) for label in scorer.labels]
    for start in range(0, len(rows), scorer.rows_at_once):
        part = rows[start : start + scorer.rows_at_once]
        cells = {
            str(feature["name"]): [
                _text(row.get(found[feature["name"]]), feature, scorer.request["decimal"], start + number)
                for number, row in enumerate(part, start=1)
            ]
            for feature in scorer.features
        }
        scored = scorer.score(cells)
        if scorer.request.get("explain") and scorer.gives_reasons:
            reasons += [
                scorer.reasons({name: texts[place] for name, texts in cells.items()}, said)
                for place, said in enumerate(scored.predictions)
            ]
        predictions += plain(scored.predictions)
        if scored.chances is not None:
            probabilities += [dict(zip(labels, chances, strict=True)) for chances in scored.chances.tolist()]
    notices += scorer.notices()
    return {
        "predictions": predictions,
        "probabilities": probabilities,
        "reasons": reasons,
        "notices": [notice.as_json() for notice in notices],
    }


def _text(value: Any, feature: Mapping[str, Any], decimal: str, row: int) -> str | None:
    """Return a value as the table writes it."""
    if value is None or isinstance(value, str):
        return _date(value, feature["format"]) if value and feature["kind"] == "date" else value
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float):
        text = str(int(value)) if float(value).is_integer() and abs(value) < 1 << 53 else repr(value)
        return text.replace(".", decimal) if feature["kind"] == "number" else text
    raise RequestError(Message("predict_value_not_plain", {"column": str(feature["name"]), "row": row}), "rows")


def _date(text: str, form: str | None) -> str:
    """Return a date as the table writes dates, where it is given in the way of ISO 8601."""
    if form is None or "%" not in form or _is_date(text, form):
        return text
    given = text.strip()
    with suppress(ValueError):
        # A time of the day is no date, as its day would be in 1900; and a day alone is no time of the day.
        if form not in TIME_FORMATS or ("-" in given and ":" in given):
            return datetime.fromisoformat(given).strftime(form)
        return time.fromisoformat(given).strftime(form)
    return text


def _is_date(text: str, form: str) -> bool:
    try:
        datetime.strptime(text.strip(), form)
    except ValueError:
        return False
    return True
