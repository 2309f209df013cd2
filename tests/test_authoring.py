"""Pipelines that are plain functions: traced, started, reused, tried again."""

import logging
import threading
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import pytest
from helpers import authored
from pydantic import BaseModel

from jobs.authoring.inside import get_run_logger, get_step_context, log_metadata, log_metric
from jobs.authoring.options import Cache, Retry, exponential_backoff
from jobs.authoring.pipeline import pipeline
from jobs.authoring.returns import ArtifactConfig, outputs_of
from jobs.authoring.step import step
from jobs.language import sentence
from jobs.pipelines import PipelineError
from jobs.verbs import own_code
from jobs.verbs import workflows as verbs
from store import actors, logs, metrics, outputs
from store.errors import InvalidError, RequestError
from store.tables import Status

pytestmark = pytest.mark.usefixtures("home", "cheap")
# What is in here is no part of the code that is compared, or each call would change the code of steps.
SEEN = threading.local()


class Size(StrEnum):
    small = "s"
    large = "l"


class User(BaseModel):
    name: str
    size: Size = Size.small


@step
def make_user(name: str, size: Size = Size.small) -> Annotated[User, "user"]:
    SEEN.calls.append(name)
    return User(name=name, size=size)


@step
def crawl(user: User, links: list[str]) -> Annotated[list[str], "pages"]:
    assert isinstance(user, User)
    return [f"{user.name}/{link}" for link in links]


@step
def note() -> None:
    SEEN.calls.append("note")


@pipeline
def etl(name: str, links: list[str], size: Size = Size.small) -> str:
    """Collects what a person wrote.

    In detail."""
    user = make_user(name, size=size)
    return crawl(user=user, links=links).invocation_id


@pipeline
def every_author(names: list[str] = ["ada", "bob"]) -> None:  # noqa: B006 - as people write it
    last = [etl(name, [name]) for name in names]
    note(after=last)


@pytest.fixture(autouse=True)
def nothing_called():
    SEEN.calls = []


def test_a_step_is_a_plain_function_elsewhere():
    """Outside of a pipeline a step is called as the function it is, so that unit tests need nothing."""
    assert crawl(make_user("ada"), ["x"]) == ["ada/x"]


def test_calls_become_steps_that_hand_on_values():
    """Each call is a step; what one returns is given to the next as the type that it is annotated with."""
    workflow = authored.run(etl, name="ada", links=["x", "y"], size="l")
    assert workflow.status is Status.completed
    assert list(authored.rows(workflow)) == ["make_user", "crawl"]
    assert authored.left(workflow) == {
        ("make_user", "user"): {"name": "ada", "size": "l"},
        ("crawl", "pages"): ["ada/x", "ada/y"],
    }


def test_all_rows_exist_before_anything_runs():
    """A pipeline in a pipeline is a group of its steps, and steps that are called again have keys of their own."""
    started = authored.start(every_author)
    found = {row.key: row for row in authored.steps.of_workflow(started)}
    assert list(found) == ["make_user", "crawl", "make_user_2", "crawl_2", "note"]
    assert found["crawl_2"].group == "etl_2" and found["note"].group is None
    assert SEEN.calls == []
    assert authored.work_off(started).status is Status.completed
    assert SEEN.calls[-1] == "note"


def test_equal_steps_are_reused_until_code_or_inputs_change():
    """The second run takes over what is equal, and says so; another parameter runs again what depends on it."""
    authored.run(etl, name="ada", links=["x"])
    again = authored.rows(authored.run(etl, name="ada", links=["x"]))
    assert all(row.reused_from for row in again.values())
    other = authored.rows(authored.run(etl, name="ada", links=["z"]))
    assert other["make_user"].reused_from and not other["crawl"].reused_from
    fresh = authored.run(etl, {"options": {"enable_cache": False}}, name="ada", links=["x"])
    assert not any(row.reused_from for row in authored.rows(fresh).values())


def test_a_step_runs_again_with_all_below_it():
    """Run from here repeats the step and what needs it, also with another param; what is above is reused."""
    first = authored.run(etl, name="ada", links=["x"])
    with actors.acting(actors.operator()):
        again = authored.work_off(verbs.rerun_from(first.id, "crawl", {}).id)
        changed = authored.work_off(verbs.rerun_from(first.id, "crawl", {"links": ["y"]}).id)
        with pytest.raises(InvalidError, match="nobody"):
            verbs.rerun_from(first.id, "nobody", {})
    for each in (again, changed):
        rows = authored.rows(each)
        assert rows["make_user"].reused_from and not rows["crawl"].reused_from
    assert authored.left(changed)[("crawl", "pages")] == ["ada/y"]


def test_outputs_are_versions_of_their_name():
    """What a step leaves is a version of its name; one that is reused is the same version."""
    first = authored.run(etl, name="ada", links=["x"])
    authored.run(etl, name="bob", links=["x"])
    again = authored.run(etl, name="ada", links=["x"])
    assert [each.version for each in outputs.listed("user")] == [1, 2, 1]
    assert [each.workflow_id for each in outputs.listed("user", version=1)] == [again.id, first.id]


@step
def touches(pages: list[str]) -> int:
    return len(pages)


TOUCHES = {
    "if": lambda pages: pages and None,
    "for": lambda pages: list(pages),
    "len": lambda pages: len(pages),
    "compare": lambda pages: pages > 3,
    "load": lambda pages: pages.load(),
    "attribute": lambda pages: pages.columns,
}


@pytest.mark.parametrize("how", TOUCHES)
def test_a_handle_that_is_touched_is_refused_with_the_repair(how):
    """Looking at a value that does not exist yet is refused, and never silently true."""

    @pipeline(name=f"touch_{how}")
    def touching():
        TOUCHES[how](crawl(make_user("ada"), ["x"]))

    with pytest.raises(PipelineError, match="Pass it to a step"):
        touching.graph({}, {})


MISTAKES = {
    "an argument too many": (lambda: crawl(make_user("a"), [], 3), "crawl is called with the wrong arguments"),
    "a wrong type": (lambda: crawl(make_user("a"), 3), "crawl: links must be list"),
    "after nothing": (lambda: note(after="nobody"), "'nobody'"),
    "an id twice": (lambda: (note(id="x"), note(id="x")), "already a step with the id 'x'"),
    "nothing to pass on": (lambda: touches(note()), "returns nothing"),
    "a value that is no JSON": (lambda: touches([object()]), "touches: pages"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_wrong_call_is_refused_before_anything_is_written(mistake):
    """A mistake in the body of a pipeline is one sentence that names the step."""
    body, words = MISTAKES[mistake]
    wrong = pipeline(name="wrong")(lambda: body())
    with pytest.raises((PipelineError, RequestError)) as refused:
        wrong.graph({}, {})
    assert words in sentence(refused.value.message)


def test_a_step_inside_a_function_is_refused_as_nobody_finds_it():
    """A step must be at the top of a module, where other processes find it."""

    @step
    def local() -> None: ...

    with pytest.raises(PipelineError, match="top of its module"):
        pipeline(name="inner")(lambda: local()).graph({}, {})


def test_params_are_a_form_by_annotation():
    """Types make kinds and choices, defaults are shown, and what has none is required."""

    @pipeline(name="form")
    def form(
        count: int,
        rate: float = 0.5,
        word: str = "a",
        yes: bool = False,
        size: Size = Size.small,
        side: Literal["left", "right"] = "left",
        day: date = date(2026, 1, 2),
        names: list[str] | None = None,
    ):
        note()

    params = {param.name: param for param in form.registered.own_params}
    assert {name: param.kind for name, param in params.items()} == {
        "count": "int",
        "rate": "float",
        "word": "text",
        "yes": "bool",
        "size": "choice",
        "side": "choice",
        "day": "json",
        "names": "json",
    }
    assert params["count"].required and not params["names"].required
    assert params["size"].choices == ("s", "l") and params["day"].default == "2026-01-02"
    with pytest.raises(RequestError, match="count"):
        authored.start(form)
    with pytest.raises(RequestError, match="day"):
        authored.start(form, count=1, day="no day")
    assert authored.start(form, count="3", names='["x"]', day="2026-03-04")


@step(retries=2, retry_delay_seconds=0)
def flaky(fails: int) -> int:
    SEEN.calls.append("flaky")
    if len(SEEN.calls) <= fails:
        raise ValueError("not yet")
    return fails


@step(retry=Retry(5, on=lambda error: isinstance(error, KeyError)))
def picky() -> int:
    SEEN.calls.append("picky")
    raise ValueError("no")


def test_a_step_is_tried_again_as_often_as_its_author_says():
    """Retries are the author's; a step that fails more often has failed."""
    tried = pipeline(name="tried")(lambda fails: flaky(fails))
    assert authored.run(tried, fails=2).status is Status.completed
    SEEN.calls.clear()
    failed = authored.run(tried, fails=9)
    assert failed.status is Status.failed and len(SEEN.calls) == 3


def test_a_condition_says_whether_another_try_helps():
    """A retry that the condition refuses is not made."""
    assert authored.run(pipeline(name="picks")(lambda: picky())).status is Status.failed
    assert SEEN.calls == ["picky"]


def test_a_step_without_retries_fails_at_once():
    """An error is not tried again unless the author says so."""

    def broken() -> None: ...

    failing = pipeline(name="fails")(lambda: fails_once())
    assert authored.run(failing).status is Status.failed
    assert SEEN.calls == ["once"]


@step
def fails_once() -> None:
    SEEN.calls.append("once")
    raise ValueError("no")


@pytest.mark.parametrize(
    ("retry", "delays"),
    [
        (Retry(3, delay=2, backoff=3), [2, 6, 18]),
        (Retry(3, delay=[1, 5]), [1, 5, 5]),
        (Retry(0), []),
    ],
)
def test_delays_between_retries(retry, delays):
    """A delay is multiplied after each try, or taken from a list whose last one is repeated."""
    assert retry.delays() == delays
    assert exponential_backoff(2)(3) == [2, 4, 8]


@step(on_start=lambda: SEEN.calls.append("start"), on_success=lambda: SEEN.calls.append("success"))
def hooked() -> int:
    return 1


def heard(error):
    SEEN.calls.append(str(error))


@step(on_failure=heard, on_end=heard)
def hooked_failing() -> int:
    raise ValueError("no")


def test_hooks_are_called_in_the_process_of_the_step():
    """Hooks are called at the start, on success and on failure; a failure's get the error if they take it."""
    authored.run(pipeline(name="hooks")(lambda: hooked()))
    assert SEEN.calls == ["start", "success"]
    SEEN.calls.clear()
    authored.run(pipeline(name="hooks2")(lambda: hooked_failing()))
    assert SEEN.calls == ["no", "no"]


def looks_on(task, run, state):
    SEEN.calls.append((task.name, run.attempt, state.name))


@step(on_success=looks_on)
def watched() -> int:
    return 1


def test_a_hook_may_take_the_task_its_run_and_its_state():
    """As code has it that was written for Prefect."""
    authored.run(pipeline(name="hooks3")(lambda: watched()))
    assert SEEN.calls == [("watched", 1, "Completed")]


@step
def says() -> Annotated[int, ArtifactConfig("said", tags=["t"], run_metadata={"by": "config"})]:
    seen = get_step_context()
    assert seen.step_name == "says" and seen.step_run.attempt == 1 and seen.pipeline.name == "speaks"
    seen.add_output_metadata({"rows": 3})
    seen.add_output_tags(["u"])
    log_metadata({"source": "web"})
    log_metric("loss", 0.5, epoch=1)
    log_metric("accuracy", 0.9)
    get_run_logger().warning("careful %s", "now")
    return 3


def test_a_step_says_what_it_left_and_measured():
    """Metadata and tags stand beside outputs, metrics are drawn, scores sort workflows, and a logger writes the log."""
    workflow = authored.run(pipeline(name="speaks")(lambda: says()))
    (output,) = outputs.of_workflow(workflow.id)
    assert output.name == "said" and output.tags == ["t", "u"]
    assert output.metadata["rows"] == 3 and output.metadata["by"] == "config"
    row = authored.rows(workflow)["says"]
    assert row.result == {"scores": {"accuracy": 0.9}, "metadata": {"source": "web"}}
    assert metrics.of_workflow(workflow.id) == [{"epoch": 1, "loss": 0.5}]
    assert ("warning", "careful now") in [(line.level, line.text) for line in logs.tail(row.id)]


@step
def two(n: int) -> tuple[Annotated[int, "first"], Annotated[str, "second"]]:
    return n, str(n)


@step
def pair() -> tuple[int, str]:
    return 1, "x"


@step
def whole() -> tuple[int, str]:
    both = 1, "x"
    print(both)
    return both


@step
def odd() -> tuple([int, str]):  # noqa: C409 - as another tool's example writes it
    return 1, "x"


def test_outputs_follow_the_return_annotation():
    """Several outputs are those of an annotated tuple, or of one that is returned as a tuple literal."""
    assert [each.name for each in outputs_of(two.function, "two")] == ["first", "second"]
    assert [each.name for each in outputs_of(pair.function, "pair")] == ["output_0", "output_1"]
    assert [each.name for each in outputs_of(whole.function, "whole")] == ["output"]
    assert [each.name for each in outputs_of(odd.function, "odd")] == ["output_0", "output_1"]
    assert outputs_of(note.function, "note") == ()


@step
def join(numbers: list[int], named: dict[str, str]) -> str:
    return f"{sum(numbers)} {named['s']}"


def test_values_are_handed_on_in_lists_and_dicts():
    """A handle may stand in a list or dict beside plain values."""

    def body():
        n, s = two(4)
        join([n, 1, two(5)[0]], {"s": s})

    workflow = authored.run(pipeline(name="joins")(body))
    assert authored.left(workflow)[("join", "output")] == "10 4"


def test_a_configuration_file_sets_parameters_and_options(tmp_path):
    """A YAML file gives parameters, run name, tags and options of steps; code counts more; two values are refused."""
    file = tmp_path / "etl.yaml"
    file.write_text(
        "parameters: {name: ada, links: [x]}\nrun_name: 'etl {name} {date}'\ntags: [nightly]\nenable_cache: false\n"
        "settings: {docker: {parent_image: x, skip_build: true}}\nsteps: {crawl: {enable_cache: true}}\n"
    )
    configured = etl.with_options(config_path=str(file))
    assert configured.run.parameters == {"name": "ada", "links": ["x"]}
    planned = configured.graph(configured.plain(configured.run.parameters), configured.run.as_json())
    assert planned.title.startswith("etl ada 2") and planned.tags == ("nightly",)
    assert [each.fresh for each in planned.steps] == [True, False]
    with pytest.raises(PipelineError, match="differently"):
        configured(name="bob")
    file.write_text("paramters: {}\n")
    with pytest.raises(RequestError, match="paramters"):
        etl.with_options(config_path=str(file))
    with pytest.raises(RequestError, match="missing"):
        etl.with_options(config_path=str(tmp_path / "missing.yaml"))


def test_a_param_in_file_and_command_is_compared_as_it_is_read():
    """A command gives texts: the same value in both is no contradiction, another one is refused."""
    authored.start(etl, name="ada", links=["x"])
    both = {"parameters": {"links": ["x"]}}
    with actors.acting(actors.operator()):
        assert own_code.run("etl", {"name": "ada", "links": '["x"]'}, both).params["links"] == ["x"]
        with pytest.raises(RequestError, match="links"):
            own_code.run("etl", {"name": "ada", "links": '["y"]'}, both)


OPTIONS = {
    "unknown": ({"retrys": 3}, "retrys"),
    "another tool's": ({"experiment_tracker": "mlflow"}, "log_metric"),
    "not there": ({"secrets": ["x"]}, "environment"),
    "always on": ({"log_prints": False}, "always"),
    "a wrong type": ({"tags": 3}, "tags="),
    "too many retries": ({"retries": 99}, "at most 50"),
    "no function": ({"on_failure": 3}, "on_failure=function"),
    "a number of retries": ({"retry": 3}, "max_retries=3"),
    "a delay in words": ({"retry": {"max_retries": 1, "delay": "1 min"}}, "delay=10"),
}


@pytest.mark.parametrize("what", OPTIONS)
def test_options_that_do_nothing_are_refused_by_name(what):
    """Whatever is accepted works; all else is refused with what to write instead."""
    options, words = OPTIONS[what]
    with pytest.raises(PipelineError, match=words):
        step(**options)(lambda: None)


def test_a_changed_option_leaves_results_valid():
    """Retries, tags and timeouts do not change what a step makes; its code and outputs do."""
    from jobs.pipelines.code_hash import identity

    def texts(**options):
        return identity(make_user.with_options(**options).definition()).text

    assert texts() == texts(retries=3, tags=["x"], timeout_seconds=5, cache_policy=Cache.default)
    assert texts() != identity(crawl.definition()).text


def test_a_pipeline_in_a_step_is_refused():
    """A step that calls a pipeline says what to do instead."""
    workflow = authored.run(pipeline(name="nests")(lambda: calls_pipeline()))
    assert workflow.status is Status.failed


@step
def calls_pipeline() -> None:
    etl("a", ["b"])


def test_a_logger_outside_of_a_step_is_a_usual_one(caplog):
    """The same code can log in a test."""
    with caplog.at_level(logging.INFO, "trainyard.run"):
        get_run_logger().propagate = True
        get_run_logger().info("hello")
    assert "hello" in caplog.text


def test_in_a_checkout_only_what_people_add_is_kept(tmp_path, monkeypatch):
    """A pipeline that is tried in the folder of Trainyard itself does not bring a copy of Trainyard with it."""
    from jobs.authoring import snapshot

    for name in ("jobs/__init__.py", "trainyard/__init__.py", "mine.py", "mine_too/jobs.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    monkeypatch.setattr(snapshot, "ROOT", tmp_path)
    assert list(snapshot.look(tmp_path).files) == ["mine.py", "mine_too/jobs.py"]


def test_the_code_of_a_script_is_kept_by_content(tmp_path):
    """The same folder is kept once; what is ignored, too large or an environment is left out and told."""
    from jobs.authoring import snapshot

    (tmp_path / "mine.py").write_text("x = 1")
    (tmp_path / "big.csv").write_bytes(b"x" * (snapshot.LARGEST_FILE + 1))
    (tmp_path / ".trainyardignore").write_text("# data\ndata\n")
    for name in ("data", "venv_of_mine", "__pycache__"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.py").write_text("")
    (tmp_path / "venv_of_mine" / "pyvenv.cfg").write_text("")
    first = snapshot.take(tmp_path, "mine")
    assert snapshot.take(tmp_path, "mine") == first
    from store import codes

    kept = codes.get(first.code_id)
    assert kept.files == 2 and kept.left_out == ["big.csv", "venv_of_mine/"]
    (folder,) = first.unpacked()
    assert sorted(path.name for path in Path(folder).iterdir()) == [".trainyardignore", "mine.py"]
    (tmp_path / "mine.py").write_text("x = 2")
    assert snapshot.take(tmp_path, "mine").contents != first.contents
