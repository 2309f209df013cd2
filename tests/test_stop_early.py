"""A running training can be stopped early: it keeps its best epoch, says so, and is not reused as if it were whole."""

import io

import pytest
from helpers import cast, notebooks, tables
from helpers.notebooks import page, text
from helpers.refusals import refuses
from helpers.visitors import checked
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from api.app import create
from jobs.cli.app import main
from jobs.pipelines import StepContext
from jobs.verbs import datasets
from jobs.verbs import workflows as verbs
from store import actors, logs, steps, workflows
from store.actors import Actor, Role
from store.errors import ConflictError, ForbiddenError


@pytest.fixture
def customers(home):
    return datasets.add(io.BytesIO(tables.turkish()), "customers.csv")


@pytest.fixture
def stopped(customers, monkeypatch):
    """A workflow that was stopped in its fourth epoch; its steps by name."""
    usual = StepContext.metric

    def metric(self, epoch, **values):
        usual(self, epoch, **values)
        if epoch == 4:
            verbs.stop_early(self._claim.step.workflow_id)
            self.flush()

    with monkeypatch.context() as patch:
        patch.setattr(StepContext, "metric", metric)
        return tables.run(customers, "abone mi", "LR", epochs=30)


def test_the_best_epoch_so_far_is_kept(stopped):
    """The step completes with the epochs it has, the steps below go on, and both result and log say so."""
    train = stopped["train"]
    assert [step.status for step in stopped.values()] == ["completed"] * 4
    assert (train.result["epochs_run"], train.result["stopped_by_person"]) == (4, True)
    assert 1 <= train.result["best_epoch"] <= 4 and steps.model_of(train.workflow_id)
    assert [notice["code"] for notice in train.result["notices"]] == ["stopped_by_person"]
    codes = [line.message.code for line in logs.tail(train.id, 100) if line.message]
    assert {"stop_early_asked", "stopped_by_person", "best_epoch"} <= set(codes)


def test_it_is_not_reused_as_if_it_were_whole(customers, stopped):
    """The same settings train anew and to the end, and what was made from the part is not reused either."""
    plan = verbs.plan("tabular", workflows.get(stopped["train"].workflow_id).params, {"data": customers.id})
    assert {cell.key: cell.reused_from is None for cell in plan} == {
        "upload": False,
        "preprocess": False,
        "train": True,
        "evaluate": True,
    }
    again = tables.run(customers, "abone mi", "LR", epochs=30)
    assert again["train"].result["epochs_run"] == 30 and again["train"].reused_from is None
    assert not again["train"].result["stopped_by_person"] and again["evaluate"].reused_from is None


def test_a_whole_training_is_whole(customers, monkeypatch):
    """Asked in its last epoch, a training has everything, so it is as any other."""
    usual = StepContext.metric

    def metric(self, epoch, **values):
        usual(self, epoch, **values)
        if epoch == 3:
            verbs.stop_early(self._claim.step.workflow_id)
            self.flush()

    with monkeypatch.context() as patch:
        patch.setattr(StepContext, "metric", metric)
        ended = tables.run(customers, "abone mi", "LR", epochs=3)
    assert not ended["train"].result["stopped_by_person"]
    assert tables.run(customers, "abone mi", "LR", epochs=3)["train"].reused_from == ended["train"].id


def test_only_a_running_step_that_can_is_asked(customers, home, capsys):
    """What waits, is over or cannot end early refuses, by verb, command and request; viewers may not."""
    pending = tables.workflow(customers, "abone mi", "LR")["train"].workflow_id
    with refuses(ConflictError, match="Cancel stops a workflow at once"):
        verbs.stop_early(pending)
    other = cast.play()
    steps.claim(steps.of_workflow(other)[0].id, 1, "a")
    with refuses(ConflictError, match="that can end early"):
        verbs.stop_early(other)
    with actors.acting(Actor("vera", Role.viewer, "page")), pytest.raises(ForbiddenError):
        verbs.stop_early(pending)
    assert main(["stop", str(pending)]) == 1 and "Cancel stops" in capsys.readouterr().err
    client = TestClient(Starlette(routes=[Mount("/api", create())]), base_url="http://localhost")
    answer = client.post(f"/api/workflows/{pending}/stop")
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_stop_early")


def test_the_page_offers_it_while_training_runs(home):
    """The cell of a running training has the button; once pressed, it says that it stops."""
    number = notebooks.done(notebooks.tabular(), "upload", "preprocess")
    notebooks.claim(number, "train")
    seen = page(id=number)
    train = notebooks.step_of(number, "train")
    button = seen.button(key=f"stop-early-{train.id}")
    assert button.label == "Stop and keep the best epoch"
    seen = checked(button.click().run())
    assert steps.get(train.id).stop_early and "Stopping; what it has so far is kept" in text(seen)
