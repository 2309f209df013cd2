"""The job that predicts a big file: a pipeline of one step, so that it is queued, watched, cancelled and repeated like
other work. The step runs in a process of its own, which may load a model; it holds one part of the rows at a time."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from jobs.pipelines import Input, Param, StepContext, pipeline, step
from jobs.pipelines.params import Params
from jobs.pipelines.predictions import PREDICTIONS, JobResult, trained
from jobs.tabular.dialect import EXCEL
from jobs.tabular.facts import fact
from jobs.tabular.fitness import DATA
from jobs.tabular.predict.names import matched
from jobs.tabular.predict.request import (
    AS_GIVEN,
    CUT_AT,
    CUT_LABEL,
    JOB,
    TRAINED_BY,
    WRITTEN_AS,
    Cut,
    can_predict,
    params_of,
    profile_of,
    request_of,
)
from store.datasets import Dataset
from store.errors import RequestError
from store.messages import Message, Values

BY = Param(TRAINED_BY, "int", None, "Trained by", "The number of the workflow whose model predicts.", low=1)
AS = Param(
    WRITTEN_AS, "choice", AS_GIVEN, "Written as", "Like the rows themselves, or as Excel.", choices=(AS_GIVEN, EXCEL)
)
# A threshold that is moved later changes no job: its rows are those that were predicted.
LABEL = Param(CUT_LABEL, "text", None, "Predicted from the threshold on", "One of two classes.", advanced=True)
AT = Param(
    CUT_AT, "float", None, "Threshold", "From which chance, or score, on that class is predicted.", advanced=True
)


@step("predict_rows", params=(BY, AS, LABEL, AT), reads_dataset=True, version=6, label="Predict")
def predict_rows(context: StepContext) -> dict[str, Any]:
    """Predict the rows of a table with the model of a workflow, and leave them as a file."""
    from jobs.tabular.predict import files
    from jobs.tabular.predict.scoring import Scorer

    dataset = context.dataset
    request = request_of(trained(context.params[TRAINED_BY]))
    how = {"settings": dataset.dialect, "written_as": context.params[WRITTEN_AS], "cut": _cut(context.params)}
    scorer = Scorer({**request, **how})
    written = context.folder / PREDICTIONS

    def progress(rows: int) -> None:
        context.check()
        context.progress(rows, max(rows, dataset.rows or 0), fact("predicting_rows", rows=rows))

    answer = files.predict(scorer, context.dataset_file(), written, progress)
    saved = context.save(PREDICTIONS, written)
    return {
        **asdict(JobResult(answer["rows"], answer["suffix"], answer["media_type"])),
        "size": saved.size,
        "added": answer["added"],
        "notices": answer["notices"],
        "preview": {"kind": "table", "label": "First rows", "columns": answer["columns"], "rows": answer["preview"]},
    }


def _cut(params: Params) -> Cut | None:
    label, value = LABEL.read(params.get(CUT_LABEL)), AT.read(params.get(CUT_AT))
    return None if label is None or value is None else {"label": label, "value": value}


def _propose(chosen: Params, _inputs: Mapping[str, Dataset]) -> dict[str, Any]:
    """Return what is chosen, with the threshold that the workflow has now."""
    if chosen.get(CUT_AT) is not None or not chosen.get(TRAINED_BY):
        return dict(chosen)
    try:
        return {**params_of(trained(BY.read(chosen[TRAINED_BY]))), **chosen}
    except RequestError:  # the check says why
        return dict(chosen)


def _check(params: Params, inputs: Mapping[str, Dataset]) -> list[RequestError]:
    """Return why a workflow cannot predict this table: it has no model, or a column is missing."""
    try:
        known = trained(BY.read(params.get(TRAINED_BY)) or 0)
    except RequestError as refused:
        return [RequestError(refused.message, TRAINED_BY)]
    if not can_predict(known):
        return [RequestError(known.no_model, TRAINED_BY)]
    classes = known.results["preprocess"].get("classes") or []
    if (cut := _cut(params)) and (len(classes) != 2 or cut["label"] not in classes):
        values: Values = {"workflow": known.workflow_id, "label": cut["label"]}
        return [RequestError(Message("threshold_of_no_class", values), CUT_LABEL)]
    names = [str(name) for name in known.results["preprocess"]["features"]]
    given = [str(column["name"]) for column in inputs[DATA].columns]
    try:
        matched(names, [*profile_of(known)], given, [], f"inputs.{DATA}")
    except RequestError as refused:
        return [refused]
    return []


def _title(params: Params, inputs: Mapping[str, Dataset]) -> str:
    return f"{inputs[DATA].name}, by #{params[TRAINED_BY]}"


PIPELINE = pipeline(
    JOB,
    predict_rows,
    label="Predictions",
    description="Predicts the rows of a table with the model of a workflow that learned from a table like it.",
    inputs=(Input(DATA, "Rows", "The rows to predict."),),
    check=_check,
    propose=_propose,
    title=_title,
    offered=False,
)
