"""Limits by tag: how many steps with a tag run at the same time, counted when a step is claimed."""

import json
import threading

import pytest
from helpers import authored
from helpers.visitors import checked, said
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from api.app import create
from jobs.authoring.pipeline import pipeline
from jobs.authoring.step import step
from jobs.cli.app import main
from jobs.engine import limits as held
from jobs.verbs import tag_limits
from jobs.verbs import workflows as verbs
from store import actors, limits, steps, workflows
from store.errors import InvalidError, NotFoundError
from store.tables import Status

pytestmark = pytest.mark.usefixtures("home", "cheap")


@step(tags=["db"])
def queries(number: int) -> int:
    return number


@step
def adds(numbers: list[int]) -> int:
    return sum(numbers)


@pipeline(tags=["nightly"])
def asking(count: int = 4) -> None:
    adds([queries(number) for number in range(count)])


@pytest.fixture(autouse=True)
def operator():
    with actors.acting(actors.operator()):
        yield


def claimed(rows):
    """Claims of steps, as workers make them."""
    return [claim for row in rows if (claim := steps.claim(row.id, row.attempt, "w")) is not None]


def test_a_claim_counts_the_running_steps_with_the_tag():
    """No more steps than may run are claimed; the others are held, and go on in their order as places become free."""
    tag_limits.put("db", 2)
    number = authored.start(asking)
    rows = steps.of_workflow(number)[:4]
    running = claimed(rows)
    assert [claim.step.id for claim in running] == [row.id for row in rows[:2]]
    assert [row.held_by for row in steps.of_workflow(number)] == [None, None, "db", "db", None]
    assert not any(row.id in {each.id for each in steps.waiting()} for row in rows[2:])
    assert (limits.listed()[0].running, limits.listed()[0].waiting) == (2, 2)
    assert limits.let_in() == []
    steps.complete(running[0], "f", steps.Outcome({}))
    assert [each.id for each in limits.let_in()] == [rows[2].id]
    assert len(claimed(rows[2:])) == 1  # the place is taken, by whoever came first
    tag_limits.put("db", 5)
    assert not any(row.held_by for row in steps.of_workflow(number))


def test_claims_at_the_same_time_are_counted_exactly(home):
    """Many workers that claim at once never run more than may."""
    tag_limits.put("db", 3)
    number = authored.start(asking, count=24)
    rows = steps.of_workflow(number)[:24]
    taken, barrier = [], threading.Barrier(8)

    def work(mine):
        with actors.acting(actors.operator()):
            barrier.wait()
            taken.extend(claimed(mine))

    threads = [threading.Thread(target=work, args=(rows[start::8],)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 3
    assert sum(row.status is Status.running for row in steps.of_workflow(number)) == 3


def test_tags_of_a_pipeline_count_for_its_steps():
    """A limit on the tag of a run holds all of its steps; 0 lets none begin, and without the limit all go on."""
    tag_limits.put("nightly", 0)
    number = authored.start(asking)
    assert steps.of_workflow(number)[0].tags == ["db", "nightly"] and steps.of_workflow(number)[4].tags == ["nightly"]
    assert claimed(steps.of_workflow(number)) == []
    tag_limits.remove("nightly")
    assert authored.work_off(number).status is Status.completed


def test_held_steps_end_with_their_workflow():
    """A workflow whose steps are held can be cancelled and retried."""
    tag_limits.put("db", 0)
    number = authored.start(asking)
    claimed(steps.of_workflow(number))
    assert verbs.cancel(number).status is Status.cancelled
    assert limits.listed()[0].waiting == 4  # the rows say so, and nothing waits
    assert held.let_in() == 0
    tag_limits.remove("db")
    verbs.retry(number)
    assert not any(row.held_by for row in steps.of_workflow(number))
    assert authored.work_off(number).status is Status.completed


def test_what_cannot_be_is_refused():
    for tag, most in (("db", -1), ("a,b", 1), ("", 1)):
        with pytest.raises(InvalidError):
            tag_limits.put(tag, most)
    with pytest.raises(NotFoundError):
        tag_limits.remove("nothing")


def test_commands_and_requests(capsys):
    """The same from a terminal and over HTTP."""
    assert main(["limit", "set", "db", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["most"] == 2
    client = TestClient(Starlette(routes=[Mount("/api", create())]), base_url="http://localhost")
    assert client.put("/api/limits/db", json={"most": 3}).json()[0]["most"] == 3
    assert client.put("/api/limits/db", json={"most": -3}).status_code == 422
    assert client.get("/api/limits").json()[0]["tag"] == "db"
    assert client.delete("/api/limits/db").json() == []
    assert client.delete("/api/limits/db").status_code == 404
    assert main(["limit", "list"]) == 0
    assert "No tag has a limit" in capsys.readouterr().out


def test_the_page_shows_and_sets_limits():
    """On Queues, limits stand with how many run and wait; a held step says what it waits for."""
    from helpers.pages import opened

    tag_limits.put("db", 0)
    number = authored.start(asking)
    claimed(steps.of_workflow(number))
    page = opened("queues.py")
    assert "Limits by tag" in said(page)
    page.selectbox(key="queues-limits-tag").set_value("db")
    page.number_input(key="queues-limits-most").set_value(4)
    checked(page.run())
    checked(page.button(key="queues-limits-set").click().run())
    assert limits.listed()[0].most == 4 and workflows.get(number).status is Status.pending
    tag_limits.put("db", 0)
    claimed(steps.of_workflow(number))
    assert "aiting for tag db" in said(opened("workflow.py", id=number))
