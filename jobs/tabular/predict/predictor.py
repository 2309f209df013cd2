"""The predictor of a completed workflow, as its user sees it: a sandbox loads the model, never this process."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from jobs.pipelines.predictions import (
    Effect,
    FilePredictions,
    Job,
    PredictorColumn,
    Row,
    RowPredictions,
    RowReasons,
    Trained,
    WordEffect,
)
from jobs.tabular.column import Column
from jobs.tabular.dialect import EXCEL
from jobs.tabular.predict.request import Answer, Request, can_predict, job_of, profile_of, request_of
from jobs.tabular.sandbox_client import Places, Sandbox
from store.errors import RequestError, UnavailableError
from store.messages import Message, Notice

# Beside what the server itself has: the model, one part of the rows as texts, and their matrix.
MEMORY = 1 << 30
SECONDS = 60
# 20 columns of numbers and texts are predicted and written at more than twice this rate.
BYTES_PER_SECOND = 1 << 20
SLOWER_IN_EXCEL = 4

PATIENCE_SECONDS = 60.0

SANDBOX = Sandbox("jobs.tabular.predict.work", MEMORY, at_once=3, patience=PATIENCE_SECONDS)
# Files and models that are written take up to minutes, rows a moment: they leave a place to these.
FILES = Places(2, PATIENCE_SECONDS)


def predictor(trained: Trained) -> "TablePredictor | None":
    """Return the predictor of a completed workflow; None where its steps left too little, as in older releases."""
    return TablePredictor(trained) if can_predict(trained) else None


class TablePredictor:
    """Predicts one column of a table from others."""

    def __init__(self, trained: Trained) -> None:
        self._trained = trained
        self._prepared: Mapping[str, Any] = trained.results["preprocess"]
        self._profile = profile_of(trained)

    @property
    def target(self) -> str:
        return str(self._prepared["target"])

    @cached_property
    def columns(self) -> Sequence[PredictorColumn]:
        values = {each["column"]: each.get("values", []) for each in self._prepared.get("columns", [])}
        return [_column(self._profile[name], values.get(name, [])) for name in self._prepared["features"]]

    def rows(self, rows: Sequence[Row], explain: bool = False) -> RowPredictions:
        answer = self._ask({"rows": [dict(row) for row in rows], "explain": explain, "seconds": SECONDS})
        reasons = [
            RowReasons(each["exact"], each["of"], [_effect(effect) for effect in each["effects"]], each["base"])
            for each in answer["reasons"]
        ]
        return RowPredictions(answer["predictions"], answer["probabilities"], _notices(answer), reasons)

    def file(self, source: Path, target: Path, as_excel: bool = False) -> FilePredictions:
        size = source.stat().st_size
        given: Request = {
            "source": str(source.absolute()),
            "written": str(target.absolute()),
            "seconds": SECONDS + size // (BYTES_PER_SECOND // SLOWER_IN_EXCEL if as_excel else BYTES_PER_SECOND),
        }
        return file_predictions(self._ask({**given, "written_as": EXCEL} if as_excel else given))

    def model(self, target: Path) -> None:
        size = self._trained.model().stat().st_size
        self._ask({"written": str(target.absolute()), "seconds": SECONDS + size // BYTES_PER_SECOND})

    def job(self, as_excel: bool = False) -> Job:
        return job_of(self._trained, as_excel)

    def _ask(self, given: Request) -> Answer:
        request: Request = {**request_of(self._trained), **given}
        try:
            with FILES.taken() if "written" in given else nullcontext():
                answer: Answer = SANDBOX.ask(request)
        except RequestError as refused:
            kind = UnavailableError if isinstance(refused, UnavailableError) else RequestError
            raise kind(_about_a_model(refused.message), refused.field) from None
        return answer


def _about_a_model(message: Message) -> Message:
    """Return why the sandbox ended, where it was the work with a model that ended it."""
    match message.code:
        case "sandbox_busy":
            return Message("predict_busy")
        case "file_needs_memory":
            return Message("predict_needs_memory", {"memory": message.values["memory"]})
        case "file_too_slow":
            return Message("predict_too_slow")
        case "file_crashed_reader":
            return Message("predict_crashed", {"reason": message.values["reason"]})
        case _:
            return message


def file_predictions(answer: Answer) -> FilePredictions:
    """Return what was answered about a file that is written."""
    return FilePredictions(
        answer["rows"],
        answer["media_type"],
        answer["suffix"],
        answer["columns"],
        answer["added"],
        answer["preview"],
        _notices(answer),
    )


def _notices(answer: Answer) -> list[Notice]:
    return [Notice.from_json(stored) for stored in answer["notices"]]


def _effect(given: Mapping[str, Any]) -> Effect:
    words = [WordEffect(**word) for word in given["words"]]
    return Effect(given["column"], given["value"], given["usual"], given["effect"], words)


def _column(column: Column, listed: Sequence[str]) -> PredictorColumn:
    """Return a column with its values, the most frequent ones first."""
    values = tuple(dict.fromkeys([*(str(value) for value, _count in column.top), *listed]))
    if column.kind == "number":
        return PredictorColumn(
            column.name, "number", whole=column.whole, low=column.min, high=column.max, usual=column.mean
        )
    if column.kind == "date":
        moment: Literal["datetime", "date"] = "datetime" if column.timed else "date"
        return PredictorColumn(column.name, "time" if column.has_no_day else moment, low=column.min, high=column.max)
    if column.kind == "free_text":
        return PredictorColumn(column.name, "text", values=values[:1])
    return PredictorColumn(column.name, "category", values=values, usual=values[0] if values else None)
