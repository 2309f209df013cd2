"""Whatever dies while a flow runs: it ends with the same value, no step is done twice, none is lost."""

import time

import psutil
import pytest
from conftest import forget
from helpers.running import finish
from helpers.waiting import until

from jobs.engine import queue, queue_view
from jobs.services import presence
from jobs.verbs import workflows as verbs
from store import actors, schema, steps, workflows
from store.settings import settings
from store.tables import Status

pytestmark = [pytest.mark.live, pytest.mark.slow]

VALUE = 2 + 3 + 4 + 5 + 6
COUNTED = ["counted", "counted[0]", "counted[1]", "counted[2]", "counted_2"]


@pytest.fixture(scope="module", params=["parked", pytest.param("lingering", marks=pytest.mark.rare)])
def crew(request, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINYARD_HOME", str(tmp_path_factory.mktemp("flows")))
        patch.setenv("TRAINYARD_PIPELINES", "helpers.survivors,helpers.flowcast")
        patch.setenv("TRAINYARD_WORKERS", "2")
        patch.setenv("TRAINYARD_LINGER_SECONDS", "60" if request.param == "lingering" else "0")
        forget()
        schema.prepare()
        with presence.using() as use, actors.acting(actors.operator()):
            use.wait_until_ready()
            yield use
    forget()


def is_whole(number, once=True):
    """It completed with its value, and each step was done to its end, once unless its worker died beside it."""
    assert finish(number, 90) is Status.completed, [(row.key, row.error) for row in steps.of_workflow(number)]
    driver = steps.of_workflow(number)[0]
    from store import outputs

    (left,) = outputs.of_workflow(number, driver.key)
    assert left.value == [VALUE]
    done = (settings().folder / f"done-{number}").read_text().split()
    assert (sorted(done) if once else sorted(set(done))) == COUNTED
    assert [row.key for row in steps.of_workflow(number)].count("counted") == 1


@pytest.mark.parametrize("place", range(6))
def test_the_driver_is_killed_at_each_of_its_calls(crew, place):
    """The next attempt goes on from what is written down."""
    number = verbs.start("survives", {"place": place}).id
    is_whole(number)
    assert steps.of_workflow(number)[0].attempt == 2


@pytest.mark.parametrize("place", [101, 102, 104])
def test_a_step_is_killed(crew, place):
    """It is tried again; the driver waits on."""
    number = verbs.start("survives", {"place": place}).id
    is_whole(number)
    assert sorted(row.attempt for row in steps.of_workflow(number)[1:] if row.role is None) == [1, 1, 1, 1, 2]


def test_every_worker_is_killed(crew):
    """New ones take the flow and its steps up again; a step that had not ended is done anew, and counts once."""
    number = verbs.start("survives", {"seconds": 0.4}).id
    for _ in range(2):
        until(lambda: any(row.status is Status.running for row in steps.of_workflow(number)), 20)
        time.sleep(0.1)
        for worker in queue_view.snapshot().workers:
            psutil.Process(worker.pid).kill()
        crew.wait_until_ready()
    is_whole(number, once=False)


def test_the_queue_loses_everything(crew):
    """The rows know what is to be done."""
    number = verbs.start("survives", {"seconds": 0.3}).id
    for _ in range(4):
        time.sleep(0.25)
        queue.connection().flushall()
    is_whole(number)


def test_a_flow_waits_without_a_process(crew):
    """While it asks, both workers are free; and so they are after a restart of everything."""
    number = verbs.start("asks", {}).id
    until(lambda: any(row.status is Status.waiting for row in steps.of_workflow(number)), 30)
    until(lambda: [row.workflow_id for row in queue_view.snapshot().workers] == [None, None], 30)
    assert workflows.get(number).status is Status.running
    verbs.cancel(number)


@pytest.mark.rare
def test_one_of_a_thousand_is_retried_alone(crew):
    """Three items fail twice and then succeed, one for good: mended and retried alone, it completes the flow."""
    number = verbs.start("thousand", {"chunk": 25}).id
    assert finish(number, 240) is Status.failed
    rows = {row.key: row for row in steps.of_workflow(number)}
    assert [key for key, row in rows.items() if row.status is Status.failed] == ["thousand", "stubborn[500]"]
    assert {rows[f"stubborn[{each}]"].attempt for each in (3, 250, 998)} == {3}
    (settings().folder / "mended").touch()
    verbs.retry(number, "stubborn[500]")
    assert finish(number, 60) is Status.completed
    again = {row.key: row for row in steps.of_workflow(number)}
    changed = [key for key, row in again.items() if row.attempt != rows[key].attempt]
    assert changed == ["thousand", "stubborn[500]"] and len(again) == 1_001
    (settings().folder / "mended").unlink()
