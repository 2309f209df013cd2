"""Run control: one step of many tried again, several workflows at once, changed params, tags, and what a control would
do, told before."""

import json
from pathlib import Path

import pytest
from helpers import authored
from helpers.visitors import address, checked, said
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from api.app import create
from jobs.authoring.pipeline import pipeline
from jobs.authoring.step import step
from jobs.cli.app import main
from jobs.language import sentence
from jobs.verbs import bulk, outlooks
from jobs.verbs import workflows as verbs
from store import actors, steps, workflows
from store.errors import ConflictError, InvalidError, NotFoundError
from store.tables import Status
from store.workflows import Filter

pytestmark = pytest.mark.usefixtures("home", "cheap")
APP = str(Path(__file__).parent.parent / "pages" / "navigation.py")


@step
def part(folder: str, name: str) -> str:
    if (Path(folder) / name).exists():
        raise ValueError(f"{name} is bad")
    return name


@step
def whole(parts: list[str]) -> int:
    return len(parts)


@pipeline(tags=["nightly", "sales"])
def mapped(folder: str, names: list[str] = ["a", "b", "c", "d"], extra: int = 1) -> None:  # noqa: B006
    parts = [part(folder, name) for name in names]
    whole(parts[:2])
    whole(parts)


@pytest.fixture(autouse=True)
def operator():
    with actors.acting(actors.operator()):
        yield


@pytest.fixture
def bad(tmp_path):
    """A workflow of which parts b and c failed, and a folder in which they can be mended."""
    for name in "bc":
        (tmp_path / name).touch()
    return authored.run(mapped, folder=str(tmp_path)), tmp_path


def statuses(workflow):
    return {key: str(row.status) for key, row in authored.rows(workflow).items()}


def test_one_failed_step_is_tried_again(bad):
    """Retry of one step runs it, and what only waited for it; what needs another failed step stays as it is."""
    workflow, folder = bad
    assert statuses(workflow) == {
        **{"part": "completed", "part_2": "failed", "part_3": "failed", "part_4": "completed"},
        **{"whole": "skipped", "whole_2": "skipped"},
    }
    (folder / "b").unlink()
    cells = outlooks.of("retry", workflow.id, step="part_2")
    assert [(cell.key, cell.reused_from) for cell in cells] == [
        ("part", workflow.id),
        ("part_2", None),
        ("part_4", workflow.id),
        ("whole", None),
    ]
    verbs.retry(workflow.id, "part_2")
    assert statuses(workflow)["part_2"] == "pending" and workflows.get(workflow.id).status is Status.running
    ended = authored.work_off(workflow.id)
    assert statuses(ended) == {
        **{"part": "completed", "part_2": "completed", "part_3": "failed", "part_4": "completed"},
        **{"whole": "completed", "whole_2": "skipped"},
    }
    assert ended.status is Status.failed
    (folder / "c").unlink()
    verbs.retry(workflow.id, "whole_2")  # with the failed step that it needs
    assert authored.work_off(workflow.id).status is Status.completed
    assert {key: row.attempt for key, row in authored.rows(ended).items()} == {
        **{"part": 1, "part_2": 2, "part_3": 2, "part_4": 1},
        **{"whole": 2, "whole_2": 2},
    }


def test_a_step_is_tried_again_while_others_run(tmp_path):
    """A failed part need not wait until the rest has ended; one that is not over cannot be retried."""
    (tmp_path / "a").touch()
    number = authored.start(mapped, folder=str(tmp_path))
    from jobs.engine.runner import StepFailedError, run_step

    first = steps.of_workflow(number)[0]
    with pytest.raises(StepFailedError):
        run_step(first.id, 1)
    (tmp_path / "a").unlink()
    assert verbs.retry(number, "part").status is Status.pending
    for key, error in (("part_2", ConflictError), ("part", ConflictError), ("nobody", InvalidError)):
        with pytest.raises(error):
            verbs.retry(number, key)
    assert authored.work_off(number).status is Status.completed


def test_after_a_cancel_one_step_can_go_on(tmp_path):
    """Of a cancelled workflow, a step goes on with what it needs; the others stay cancelled."""
    number = authored.start(mapped, folder=str(tmp_path))
    verbs.cancel(number)
    verbs.retry(number, "whole")
    ended = authored.work_off(number)
    assert statuses(ended)["whole"] == "completed" and statuses(ended)["part_3"] == "cancelled"
    assert ended.status is Status.cancelled


def test_restart_takes_changed_params_and_says_before_what_is_reused(tmp_path):
    """The plan of each control names what runs and what is reused, and the start does just that."""
    first = authored.run(mapped, folder=str(tmp_path))
    changes = {"names": ["a", "x", "z"]}
    cells = outlooks.of("restart", first.id, changes)
    assert [(cell.key, cell.reused_from) for cell in cells] == [
        ("part", first.id),
        ("part_2", None),
        ("part_3", None),
        ("whole", None),
        ("whole_2", None),
    ]
    again = authored.work_off(verbs.restart(first.id, changes).id)
    assert again.params == {**first.params, **changes} and again.parent_id == first.id
    assert [key for key, row in authored.rows(again).items() if row.reused_from] == ["part"]
    cells = outlooks.of("rerun", first.id, step="whole")
    assert [cell.key for cell in cells if cell.reused_from is None] == ["whole"]
    with pytest.raises(InvalidError, match="no_step_of_pipeline"):
        outlooks.of("rerun", first.id, step="nothing")
    composed = verbs.compose(first.id, again.id, params={"names": ["y"]})
    assert composed.params["names"] == ["y"]
    assert len(outlooks.of("compose", first.id, {"names": ["y"]}, config_from=again.id)) == 3


def test_several_at_once_each_with_what_became_of_it(bad):
    """Bulk control does what it can, and names what was refused."""
    failed, folder = bad
    waiting = authored.start(mapped, folder=str(folder))
    outcomes = bulk.do("cancel", [failed.id, waiting, 999])
    assert [(each.workflow_id, each.refused and each.refused.code) for each in outcomes] == [
        (failed.id, "workflow_over"),
        (waiting, None),
        (999, "no_such_workflow"),
    ]
    assert all(sentence(each.refused) for each in outcomes if each.refused)
    restarted = bulk.do("restart", [failed.id, waiting])
    assert [workflows.get(each.started).parent_id for each in restarted] == [failed.id, waiting]
    assert [bool(each.refused) for each in bulk.do("delete", [waiting, restarted[0].started, waiting])] == [False, True]
    with pytest.raises(InvalidError, match="no_such_control"):
        bulk.do("explode", [1])


def test_tags_come_from_the_code_and_are_changed_later(tmp_path):
    """A run has the tags of its pipeline; others are added and taken away, and found again."""
    first = authored.run(mapped, folder=str(tmp_path))
    second = authored.run(mapped, {"options": {"tags": ["weekly"]}}, folder=str(tmp_path))
    assert (first.tags, second.tags) == (("nightly", "sales"), ("weekly",))
    verbs.tag([first.id, second.id], ["kept", "weekly"], ["sales"])
    assert workflows.get(first.id).tags == ("kept", "nightly", "weekly")
    assert [each.id for each in workflows.find(Filter(tags=("kept",)))] == [second.id, first.id]
    assert [each.id for each in workflows.find(Filter(tags=("kept", "nightly")))] == [first.id]
    assert workflows.tags_used() == ["kept", "nightly", "weekly"]
    for wrong in (["a,b"], [" "], ["x" * 61], [f"t{number}" for number in range(21)]):
        with pytest.raises(InvalidError):
            verbs.tag([first.id], wrong)
    with pytest.raises(NotFoundError):
        verbs.tag([first.id, 999], ["x"])
    workflows.remove([first.id])
    assert workflows.tags_used() == ["kept", "weekly"]


def test_commands_do_the_same(bad, capsys):
    """Retry of one step, plans, several at once and tags from a terminal."""
    workflow, folder = bad
    other = authored.run(mapped, folder=str(folder))
    assert main(["retry", str(workflow.id), "--step", "part_2", "--plan"]) == 0
    assert "2 of 4 steps would run" in capsys.readouterr().out
    assert main(["restart", str(workflow.id), "--set", 'names=["a"]', "--plan", "--json"]) == 0
    assert [cell["key"] for cell in json.loads(capsys.readouterr().out)] == ["part", "whole", "whole_2"]
    done = authored.run(mapped, folder=str(folder), names=["a"])
    assert main(["retry", str(other.id), str(done.id)]) == 1
    assert "is completed; only a failed" in " ".join(capsys.readouterr().out.split())
    assert main(["tag", str(workflow.id), str(other.id), "--add", "x", "--remove", "sales", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0] == {"workflow_id": workflow.id, "tags": ["nightly", "x"]}
    assert main(["list", "--tag", "x", "--tag", "nightly", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2
    assert main(["retry", str(workflow.id), str(other.id), "--step", "a"]) == 2


def test_requests_do_the_same(bad):
    """The same over HTTP."""
    workflow, folder = bad
    served = Starlette(routes=[Mount("/api", create())])
    with TestClient(served, base_url="http://localhost") as client:

        def post(path, **body):
            return client.post(f"/api/workflows/{path}", json=body)

        plan = post(f"{workflow.id}/plan", control="retry", step="part_2").json()
        assert [cell["reused_from"] for cell in plan] == [workflow.id, None, workflow.id, None]
        assert post(f"{workflow.id}/plan", control="rerun").status_code == 422
        assert post(f"{workflow.id}/plan", control="retry", params={"a": 1}).status_code == 422
        (folder / "b").unlink()
        retried = post(f"{workflow.id}/retry", step="part_2").json()
        assert {each["key"]: each["status"] for each in retried["steps"]}["part_3"] == "failed"
        assert post(f"{workflow.id}/retry", step="part_2").status_code == 409
        again = post(f"{workflow.id}/restart", params={"extra": 2}).json()
        assert again["params"]["extra"] == 2 and again["tags"] == ["nightly", "sales"]
        outcomes = post("bulk", do="cancel", ids=[again["id"], 999]).json()
        assert [(each["workflow_id"], each["error_code"]) for each in outcomes] == [
            (again["id"], None),
            (999, "no_such_workflow"),
        ]
        post("bulk", do="tag", ids=[workflow.id], add=["one"])
        changed = client.patch(f"/api/workflows/{workflow.id}", json={"tags": ["two"]}).json()
        assert changed["tags"] == ["two"]
        listed = client.get("/api/workflows", params={"tag": "two"})
        assert [each["id"] for each in listed.json()] == [workflow.id] and listed.headers["X-Total-Count"] == "1"


def opened(page, **query):
    test = AppTest.from_file(APP, default_timeout=30).switch_page(page)
    test.query_params.update({name: str(value) for name, value in query.items()})
    return test.run()


def press(test, key):
    return checked(test.button(key=key).click().run())


def test_the_page_retries_one_step(bad):
    """Where several steps failed, each cell offers to try only it again; skipped ones, too."""
    workflow, folder = bad
    (folder / "b").unlink()
    row = authored.rows(workflow)["part_2"]
    page = press(opened("workflow.py", id=workflow.id), f"retry-one-{row.id}")
    assert statuses(workflow)["part_2"] == "pending" and statuses(workflow)["part_3"] == "failed"
    assert page.button(key=f"retry-one-{authored.rows(workflow)['part_3'].id}")


def test_the_page_runs_again_with_other_params(tmp_path):
    """The dialog shows the params, what would run and what would be reused, and starts just that."""
    first = authored.run(mapped, folder=str(tmp_path))
    row = authored.rows(first)["whole"]
    page = opened("workflow.py", id=first.id)
    page.session_state["workflow-state"].ask("again", (first.id, "whole"))
    page.run()
    assert "1 step would run, 5 reused" in said(page)
    page.number_input(key=f"again-{first.id}-extra").set_value(5)
    page.run()
    assert "extra 1 → 5" in said(page)
    page = press(page, "again-start")
    newest = workflows.find(Filter(), 1)[0]
    assert newest.params["extra"] == 5 and newest.origin == "rerun" and address(page)["id"] == str(newest.id)
    assert row.key == "whole"


def test_the_list_asks_once_and_tells_what_became_of_each(bad):
    """Ticked rows are retried together after one question; what was refused is named."""
    failed, folder = bad
    done = authored.run(mapped, folder=str(folder), names=["a"])
    page = opened("workflows.py")
    page.session_state["workflows-state"].ask("all-retry", (failed.id, done.id))
    page.run()
    assert "1 workflow of these did not fail" in said(page)
    page = press(page, "all-retry-sure")
    assert workflows.get(failed.id).status is Status.running
    assert "1 of 2 workflows retried" in said(page) and "is completed" in said(page)
    press(page, "outcomes-close")


def test_several_are_tagged_from_the_list(bad):
    """The dialog adds tags to all ticked rows, and takes away those that they have."""
    failed, folder = bad
    other = authored.run(mapped, folder=str(folder), names=["a"])
    page = opened("workflows.py")
    page.session_state["workflows-state"].ask("all-tag", (failed.id, other.id))
    page.run()
    page.multiselect(key="tag-add").set_value(["nightly"])
    page.multiselect(key="tag-remove").set_value(["sales"])
    press(page.run(), "tag-save")
    assert {each.tags for each in workflows.get_many([failed.id, other.id])} == {("nightly",)}


def test_the_list_filters_by_tags_of_its_address(tmp_path):
    """Tags are a column and a filter, which the URL holds."""
    first = authored.run(mapped, folder=str(tmp_path))
    second = authored.run(mapped, {"options": {"tags": ["weekly"]}}, folder=str(tmp_path))
    page = opened("workflows.py", tag="weekly")
    assert [list(tags) for tags in page.dataframe[0].value["tags"]] == [["weekly"]]
    page.multiselect(key="workflows-tags").set_value(["nightly"])
    page.run()
    assert address(page)["tag"] == "nightly" and page.dataframe[0].value.iloc[0]["workflow"].startswith(f"#{first.id} ")
    assert second.id != first.id
