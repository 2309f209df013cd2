"""docs/coming-from.md is true: what is the same runs, and what is not there is refused by name."""

import re
from importlib import import_module
from pathlib import Path

import pytest
from helpers import authored, flowcast
from trainyard.cache_policies import INPUTS, NO_CACHE, TASK_SOURCE

import trainyard
from jobs.pipelines import PipelineError
from store import steps
from store.tables import Status
from trainyard import (
    Cache,
    allow_failure,
    exponential_backoff,
    flow,
    get_run_logger,
    pipeline,
    step,
    task,
    transaction,
    unmapped,
)

pytestmark = pytest.mark.usefixtures("home", "no_loop")

PAGE = (Path(__file__).parent.parent / "docs" / "coming-from.md").read_text()
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| ") and "---" not in line]
REFUSED = sorted({name for row in ROWS if row[-1] == "refused by name" for name in re.findall(r"`([^`]+)`", row[0])})
WITH_ADVICE = ["pause_flow_run", "suspend_flow_run", "RunInput", "concurrency", "rate_limit", "CachePolicy"]
SAME = """
from trainyard.tasks import exponential_backoff
from trainyard.futures import wait
from trainyard.artifacts import create_markdown_artifact, create_table_artifact, create_link_artifact
from trainyard.artifacts import create_image_artifact, create_progress_artifact, update_progress_artifact
from trainyard.cache_policies import INPUTS, TASK_SOURCE, NO_CACHE, NONE
from trainyard.logging import get_run_logger
from trainyard.transactions import transaction
from trainyard.types import HTMLString, MarkdownString, CSVString, JSONString
from trainyard.client import Client
from trainyard.exceptions import DoesNotExistException
from trainyard import ArtifactConfig, StepRetryConfig, get_step_context, log_metadata, pipeline, step, unmapped
"""


@pytest.mark.parametrize("line", SAME.strip().splitlines())
def test_these_imports_change_their_package_only(line):
    """Each is there under the name that the page gives."""
    exec(line, {})


@pytest.mark.parametrize("name", [*REFUSED, *WITH_ADVICE])
def test_what_is_not_there_says_what_to_write(name):
    """A name when it is imported, an option when it is given, a method when it is looked up."""
    if name.endswith("="):
        for decorate in (task, step, flow, pipeline):
            with pytest.raises(PipelineError, match="which is not there"):
                decorate(**{name[:-1]: "x"})(lambda: None)
    elif name.startswith("."):
        for made in (flowcast.double, flowcast.maps):
            with pytest.raises(PipelineError, match="which is not there"):
                getattr(made, name.strip(".()"))
    else:
        plain = name.partition("(")[0]
        with pytest.raises(ImportError, match=f"trainyard has no {plain}: "):
            getattr(trainyard, plain)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("task_runners", "ThreadPoolTaskRunner"),
        ("states", "Completed"),
        ("variables", "Variable"),
        ("runtime", "flow_run"),
        ("concurrency.sync", "concurrency"),
        ("input", "RunInput"),
        ("config", "DockerSettings"),
        ("context", "get_run_context"),
        ("deployments", "run_deployment"),
        ("logger", "get_logger"),
    ],
)
def test_modules_of_other_tools_are_refused_by_name(module, name):
    """`from trainyard.states import Completed` says what to write, rather than that there is no such module."""
    with pytest.raises(ImportError, match=f"trainyard has no {name}: "):
        getattr(import_module(f"trainyard.{module}"), name)


@pytest.mark.parametrize("option", ["on_running", "on_cancellation", "on_crashed", "on_commit"])
def test_hooks_that_are_not_there(option):
    """An unknown option names those there are."""
    with pytest.raises(PipelineError, match=option):
        task(**{option: flowcast.undone})(lambda: None)


@pytest.mark.parametrize("option", ["log_prints", "persist_result"])
def test_what_is_always_on_cannot_be_switched_off(option):
    """And may be switched on."""
    task(**{option: True})(lambda: None)
    with pytest.raises(PipelineError, match=option):
        task(**{option: False})(lambda: None)


def test_other_attributes_are_not_there():
    """Hasattr says so, as libraries ask for names of their own."""
    assert not hasattr(flowcast.double, "no_such_thing") and not hasattr(flowcast.maps, "no_such_thing")


seen = []


def told(task, run, state):
    seen.append(state.name)


def transient(task, run, state):
    """Not for what is never there."""
    assert (task.name, state.type, state.message) == (run.name, "FAILED", "never")
    try:
        state.result()
    except LookupError:
        return False
    return True


@task(
    name="Read data",
    retries=2,
    retry_delay_seconds=exponential_backoff(1),
    retry_jitter_factor=0.5,
    retry_condition_fn=transient,
    task_run_name="page {page}",
    tags=["api"],
    log_prints=True,
    persist_result=True,
    on_completion=[told],
)
def read(page: int) -> int:
    return page


@task(cache_policy=INPUTS + TASK_SOURCE)
def kept(page: int) -> int:
    return page * 10


@task(cache_policy=NO_CACHE, retries=1, retry_delay_seconds=0, retry_condition_fn=transient)
def hopeless() -> int:
    raise LookupError("never")


@flow(name="Everything", flow_run_name="everything-{pages}", retries=0)
def everything(pages: int = 2) -> list[str]:
    futures = read.map(list(range(pages)), return_state=False) if pages > 5 else read.map(list(range(pages)))
    first = kept.submit(futures[0], wait_for=[futures[1]])
    state = kept(5, return_state=True)
    hopeless.submit()
    try:
        hopeless()
    except LookupError as error:
        get_run_logger().info("caught %s", error)
    with transaction() as together:
        together.set("a", 1)
        assert together.get("a") == 1
    return [str(first.result()), state.name, str(state.result()), str(together.get("b", 2))]


def test_a_flow_of_prefect_runs():
    """Options, futures, states, retries with a condition, hooks with three arguments; a task that failed and was not
    looked at does not fail the flow."""
    run = authored.run(everything)
    rows = authored.rows(run)
    assert run.status is Status.completed, [(row.key, row.error) for row in rows.values()]
    assert run.name == "everything-2"
    assert authored.left(run)[run.pipeline, "output"] == ["0", "Completed", "50", "2"]
    assert [row.label for row in rows.values() if row.name == "Read data"] == ["page 0", "page 1"]
    failed = [row for row in rows.values() if row.status is Status.failed]
    assert len(failed) == 2 and all(row.handled and row.attempt == 1 for row in failed)  # the condition said no
    assert seen == ["Completed"] * 2


def test_a_cache_policy_reuses_across_runs():
    """A task alone is reused within its run only."""
    authored.run(everything)
    again = authored.rows(authored.run(everything))
    assert again["kept"].reused_from
    assert not [row for row in again.values() if row.name == "Read data" and row.reused_from]
    assert Cache.inputs + Cache.code == INPUTS + TASK_SOURCE


@task
def plus(a: int, b: list[int], c: object = None) -> int:
    return a + sum(b)


@flow
def maps_as_prefect() -> list[int]:
    broken = hopeless.submit()
    return plus.map([1, 2], unmapped([10]), c=allow_failure(broken)).result()


def test_maps_of_prefect():
    """Lists side by side, one whole, and what failed as the exception."""
    run = authored.run(maps_as_prefect)
    assert authored.left(run)[run.pipeline, "output"] == [11, 12]


@flow
def asks_for_a_state() -> int:
    return flowcast.inner([1], return_state=True)


def test_the_state_of_a_flow_in_a_flow_is_refused():
    """With what to write instead."""
    run = authored.run(asks_for_a_state)
    (driver,) = steps.of_workflow(run.id)
    assert driver.error.code == "flow_return_state"


@step
def total(numbers: list[int]) -> int:
    return sum(numbers)


@pipeline(dynamic=True)
def handles(count: int = 3) -> int:
    loaded = flowcast.load_numbers(count)
    each = total.map([[1], [2]])
    both = flowcast.scale.product(number=[1, 2], factors=unmapped([3]))
    if loaded.load():
        return sum(one.load() for one in each) + sum(one.load() for one in both)
    return 0


def test_a_dynamic_pipeline_of_zenml_runs():
    """Handles, if, map, product."""
    run = authored.run(handles)
    assert run.status is Status.completed, [(row.key, row.error) for row in steps.of_workflow(run.id)]
    assert authored.left(run)[run.pipeline, "output"] == 12


@pipeline
def touches() -> None:
    if flowcast.load_numbers(2):
        total([1])


def test_a_touched_handle_is_refused():
    """With what to write instead."""
    with pytest.raises(PipelineError, match="does not exist yet"):
        authored.start(touches)


def test_a_step_outside_is_its_function():
    """No run, no home."""
    assert total([1, 2]) == 3 and flowcast.double.submit(2).result() == 4
