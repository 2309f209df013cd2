"""What no column can hold: it is refused or cut at once and in words, on every database alike."""

import time

import pytest
from helpers import cast
from helpers.bounded import done, lines_of, saves

from jobs.language import sentence
from jobs.pipelines import Input, Message, StepError, context, pipeline, registry, step
from jobs.pipelines.params import Param
from jobs.verbs import workflows as verbs
from store import attempts, metrics, steps, workflows
from store.errors import RequestError
from store.tables import Status
from store.text import LARGEST_INTEGER, LONGEST_FACET
from store.workflows import Filter


@pytest.fixture(autouse=True)
def only_for_one_test(monkeypatch):
    """Pipelines that a test registers are gone after it."""
    monkeypatch.setattr(registry, "_here", dict(registry._here))


def refuses_epoch(context):
    context.metric(int(time.time() * 1000), loss=1.0)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (lambda _: {"scores": {"x" * 61: 1.0}}, "score_name_too_long"),
        (saves("n" * 61), "file_name_too_long"),
        (refuses_epoch, "epoch_too_large"),
        (lambda context: context.continue_from(LARGEST_INTEGER + 1), "epoch_too_large"),
        (lambda _: {"a": {1: 2, "1": 3}}, "result_keys_equal"),
    ],
)
def test_what_no_column_holds_is_refused_in_words(home, body, code):
    """The step fails with a sentence that names the limit, and not with an error of the database."""
    row = done(body)
    assert row.status is Status.failed and row.error.code == code
    assert sentence(row.error) != str(row.error)


def test_names_and_epochs_of_the_greatest_length_are_stored(home):
    """What just fits is stored."""

    def body(context):
        context.metric(LARGEST_INTEGER, **{"m" * 60: 1.0})
        saves("n" * 60)(context)
        return {"scores": {"x" * 60: 1.0}}

    row = done(body)
    assert row.status is Status.completed, row.error
    assert workflows.get(row.workflow_id).scores == {"x" * 60: 1.0} and list(metrics.curves(row.id)) == ["m" * 60]
    assert list(steps.artifacts_of(row.id)) == ["n" * 60]


def test_levels_of_any_length_and_long_names_of_metrics_are_stored(home):
    """A level such as exception becomes the level that a log shows, and the name of a metric is cut."""

    def body(context):
        for level in ("exception", "critical", "warn", "somewhat unusual"):
            context.log("hello", level)
        context.metric(1, **{"m" * 70: 1.0})
        return {}

    row = done(body)
    assert row.status is Status.completed, row.error
    assert [level for level, _ in lines_of(row)] == ["error", "error", "warning", "somewhat"]
    assert list(metrics.curves(row.id)) == ["m" * 60]


def test_a_score_beyond_all_numbers_is_left_out(home):
    """A whole number that no float can be is left out of the scores, and the log says so."""
    row = done(lambda _: {"scores": {"big": 10**400, "small": 1}})
    assert row.status is Status.completed and workflows.get(row.workflow_id).scores == {"small": 1.0}
    assert any("big" in line for _, line in lines_of(row))


def test_progress_that_is_no_number_is_none(home):
    """Progress of NaN counts as none, as a page cannot show it."""

    def body(context):
        context.progress(float("nan"), 10)
        context.flush()
        return {"progress": steps.running()[0].progress}

    assert done(body).result == {"progress": 0.0}


def test_an_error_with_a_long_code_or_odd_values_keeps_its_sentence(home):
    """Code and values of an error of the author's own reach the page, whatever they are."""

    def body(_):
        raise StepError(Message("x" * 50, {"why": float("nan"), "what": {1, 2}}))

    row = done(body)
    assert row.error.code == "x" * 50 and row.error.values["what"] == "{1, 2}"
    (attempt,) = attempts.of_steps([row.id])[row.id]
    assert attempt.code == "x" * 40


def test_records_that_the_database_refuses_are_dropped_and_said(home, monkeypatch):
    """One line that the database refuses costs itself and its neighbours, and not the heartbeat, the lines after it or
    the result."""
    monkeypatch.setattr(context, "storable_message", lambda message: message)

    def body(context):
        context.log(Message("odd", {"what": {1, 2}}))
        context.flush()
        context.log("after")
        context.flush()
        context.log(Message("odd", {"what": {1, 2}}))  # goes with the result
        return {"ok": True}

    row = done(body)
    assert row.status is Status.completed and row.result == {"ok": True}
    said = [line for _, line in lines_of(row)]
    assert "after" in said and len([line for line in said if "refused" in line]) == 2


# Facets and inputs


def test_a_long_facet_is_cut_and_still_found(home):
    """A facet of some kilobytes is cut to what an index holds; a filter by the whole value finds its workflow."""
    long = "".join(chr(0x4E00 + number) for number in range(8000))
    pipeline("faceted", step("s", version=1)(lambda _: {}), facets=lambda *_: {"long": long, "odd": "a\0b"})
    workflow = verbs.start("faceted", {})
    assert len(workflow.facets["long"]) == LONGEST_FACET and workflow.facets["odd"] == "ab"
    assert [each.id for each in workflows.find(Filter(facets={"long": (long,)}))] == [workflow.id]
    assert workflows.has_facet("long", long)


@pytest.mark.parametrize("what", ["facet", "input"])
def test_a_long_name_of_a_facet_or_an_input_is_refused(home, what):
    """Before anything is written, in words."""
    name = "n" * 61
    declared = {"facets": lambda *_: {name: "a"}} if what == "facet" else {"inputs": (Input(name),)}
    with pytest.raises(RequestError) as refused:
        pipeline("named", step("s", version=1)(lambda _: {}), **declared)
        verbs.start("named", {}, {name: cast.dataset().id} if what == "input" else {})
    assert "60 characters" in sentence(refused.value.message)
    assert workflows.count(Filter()) == 0


@pytest.mark.parametrize("kind", ["text", "column", "columns"])
@pytest.mark.parametrize("given", ["\ud800", "a\0b"])
def test_half_a_character_in_a_param_is_refused(kind, given):
    """A param that no database holds and nobody can print is refused where it is chosen."""
    with pytest.raises(RequestError) as refused:
        Param("title", kind, "", "Title").read([given] if kind == "columns" else given)
    assert refused.value.message.code == "param_broken_text" and refused.value.field == "title"
    sentence(refused.value.message).encode()
