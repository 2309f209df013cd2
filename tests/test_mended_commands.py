"""Commands and requests that say more: what is missing, what does not fit, and what is not known."""

import json
from dataclasses import replace

import psutil
import pytest
from helpers import cast
from helpers.refusals import refuses
from helpers.written import played

from jobs.cli import own_modules
from jobs.cli.app import main
from jobs.cli.watch import Updates
from jobs.services import presence
from jobs.verbs import workflows as verbs
from pages.parts.workflow_list import view
from store import metrics, steps, workflows
from store.errors import RequestError
from store.settings import settings
from store.steps import Outcome
from store.workflows import Filter


@pytest.fixture
def command(home, capsys):
    def run(*words):
        code = main([str(word) for word in words])
        return code, *capsys.readouterr()

    return run


def test_an_empty_list_says_why(command, home):
    """Nothing fits is another thing than nothing is there, as in the wrong folder."""
    code, out, _ = command("list")
    assert code == 0 and f"No workflows in {home}" in out and "TRAINYARD_HOME" in out
    played()
    for words in (["--pipeline", "nope"], ["--facet", "mode=nothing"]):
        assert "No workflow fits; there is 1 in all." in command("list", *words)[1]


def test_a_completed_workflow_without_a_model_says_so(command):
    """Its training has completed; there was none to save."""
    assert "none of its steps saved one" in command("model", played(accuracy=0.5), "-o", "x.joblib")[2]


def test_a_broken_module_fails_the_list_of_pipelines(command, monkeypatch, tmp_path):
    """A script that looks whether all is well learns it by the exit code; the document stays one."""
    monkeypatch.setenv("TRAINYARD_PROJECT", str(tmp_path))
    monkeypatch.setenv("TRAINYARD_PIPELINES", "broken_one")
    (tmp_path / "broken_one.py").write_text("import nothing_there\n")
    settings.cache_clear()
    code, out, wrong = command("pipelines", "--json")
    assert code == 1 and "broken_one.py, line 1" in wrong and json.loads(out)


@pytest.fixture
def app(home, monkeypatch):
    """An app that runs on this home, started with these modules."""

    def runs(modules):
        monkeypatch.setattr(presence, "state", lambda: {"pid": psutil.Process().pid})
        given = {"TRAINYARD_PIPELINES": modules, "TRAINYARD_PROJECT": "/work"}
        monkeypatch.setattr(psutil.Process, "environ", lambda _process: given)

    return runs


def test_a_pipeline_that_only_the_app_knows_is_found_with_its_setting(command, app, monkeypatch):
    """A fresh terminal does not have TRAINYARD_PIPELINES; the sentence has what to type."""
    monkeypatch.setenv("TRAINYARD_PIPELINES", "")
    settings.cache_clear()
    assert "TRAINYARD_PIPELINES names no module" in command("submit", "--pipeline", "nope")[2]
    app("first,odd")
    wrong = command("submit", "--pipeline", "nope")[2]
    assert "export TRAINYARD_PIPELINES=first,odd TRAINYARD_PROJECT=/work" in wrong


def test_what_the_running_app_cannot_load_is_refused(command, app):
    """It would fail in the worker; the app must be started again."""
    app("other")
    code, _, wrong = command("submit", "--pipeline", "play")
    assert code == 1 and "Start the app again with TRAINYARD_PIPELINES=other,helpers.cast" in wrong
    assert not workflows.find(Filter())
    app("helpers.cast")
    own_modules.check("play")


def test_a_setting_of_a_step_above_is_refused(home):
    """From here means that what is above is reused."""
    workflow_id = cast.play()
    with refuses(RequestError, match="number is a setting of count, which comes before judge; run from count"):
        verbs.changed(workflow_id, "judge", {"number": 5})
    assert verbs.changed(workflow_id, "count", {"number": 5, "mood": "good"}).params["number"] == 5


def test_what_two_steps_record_under_one_name_is_told_apart(home):
    """Neither is lost where workflows are listed, sorted and compared."""
    low, high = two_losses(0.1), two_losses(0.9)
    keys = [step.key for step in steps.of_workflow(low)]
    early = f"{keys[0]}/loss"
    assert workflows.get(low).scores == {early: 0.1, "loss": 0.5}
    assert [row.id for row in workflows.find(Filter(sort=early, descending=True))] == [high, low]
    assert [row.id for row in workflows.find(Filter(sort=early, descending=False))] == [low, high]
    assert set(metrics.names_of([low, high])) == {early, "loss"}
    assert [point.value for point in metrics.overlay([low], early)[low]] == [0.1, 0.1]
    assert [point.value for point in metrics.overlay([low], "loss")[low]] == [0.5, 0.5]


def two_losses(first):
    workflow_id = cast.play()
    for step, loss in zip(steps.of_workflow(workflow_id)[:2], (first, 0.5), strict=True):
        claim = steps.claim(step.id, 1, "worker")
        points = [(epoch, "loss", loss) for epoch in (1, 2)]
        steps.complete(claim, f"print-{step.id}", Outcome({"scores": {"loss": loss}}), points)
    return workflow_id


def test_a_step_that_is_reused_shows_no_epochs_anew(home):
    """They are those of another workflow; and of many epochs at once, the line says that some are left out."""
    step = steps.of_workflow(two_losses(0.1))[0]
    updates, rows = Updates(step.workflow_id), [{"epoch": epoch, "loss": 0.5} for epoch in range(1, 26)]
    told = [str(line) for line in updates._epochs(step, rows)]
    assert len(told) == 21 and "5 earlier epochs" in told[0]
    assert not list(updates._epochs(replace(step, reused_from=7), rows))


def test_a_pipeline_is_sorted_by_its_own_scores(home):
    """Once a pipeline is chosen, scores of others would only empty the column."""
    two_losses(0.1)
    played(accuracy=0.5)
    assert {"loss", "-accuracy"} <= set(view.sorts())
    assert "loss" in view.sorts("play") and "loss" not in view.sorts("another")
