"""Pipelines of people's own: started, restarted, edited and reused as honestly as the built-in one."""

import contextlib
import os
import textwrap

import pytest
from helpers import cast
from helpers.refusals import refuses

from jobs.engine import runner
from jobs.language import sentence
from jobs.pipelines import describer, registry
from jobs.verbs import short_form
from jobs.verbs import workflows as verbs
from store import datasets, metrics, steps, workflows
from store.errors import NotFoundError, RequestError
from store.tables import Status
from store.workflows import Filter

HELPER = "FACTOR = 2\n\n\ndef scaled(number):\n    return number * FACTOR\n"
MINE = """
from jobs.pipelines import Input, Measure, Param, pipeline, step
import helper_of_mine


@step("topla", params=[Param("number", "int", 3, "Number", low=1)])
def topla(context):
    return {"total": helper_of_mine.scaled(context.params["number"])}


@step("eğit", needs=("topla",), params=[Param("epochs", "int", 2, "Epochs")])
def egit(context):
    total = context.result("topla")["total"]
    for epoch in range(1, context.params["epochs"] + 1):
        context.metric(epoch, loss=1 / epoch)
    return {"scores": {"accuracy": 0.5, "total": float(total)}}


@step("sına", needs=("eğit",))
def sina(context):
    context.metric(1, loss=9.0)
    return {"scores": {"accuracy": 0.75}}


pipeline(
    "benim", topla, egit, sina,
    label="My own",
    measures=(Measure("accuracy", share=True, main=True),),
    facets=lambda params, inputs: {"size": "big" if params["number"] > 5 else "small"},
    title=lambda params, inputs: f"total of {params['number']}",
    check=lambda params, inputs: [],
)
"""
OTHER = """
from jobs.pipelines import Param, pipeline, step


@step("topla", params=[Param("number", "int", 3, "Number", low=1)])
def topla(context):
    return {"total": -1}


pipeline("other", topla)
"""


@pytest.fixture
def project(home, tmp_path, monkeypatch):
    """A folder with a module of somebody's own, and a helper beside it."""
    (tmp_path / "helper_of_mine.py").write_text(HELPER)
    (tmp_path / "mine_of_test.py").write_text(MINE)
    (tmp_path / "other_of_test.py").write_text(OTHER)
    monkeypatch.setenv("TRAINYARD_PROJECT", str(tmp_path))
    monkeypatch.setenv("TRAINYARD_PIPELINES", "mine_of_test,other_of_test")
    from store.settings import settings

    settings.cache_clear()
    yield tmp_path
    describer.close()


def do(workflow):
    """Run every step as a worker's child does: forked, so that it loads the code as it is now."""
    for step in steps.of_workflow(workflow.id):
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                runner.run_step(step.id, steps.get(step.id).attempt)
            os._exit(0)
        os.waitpid(child, 0)
    return workflows.get(workflow.id)


def of(workflow):
    return {step.key: step for step in steps.of_workflow(workflow.id)}


def test_a_pipeline_of_ones_own_is_started_by_the_one_verb(project):
    """A step may be called eğit; facets, title and measures come from the pipeline, and no dataset is needed."""
    made = do(verbs.start("benim", {"number": 7}))
    assert made.status is Status.completed, [step.error for step in steps.of_workflow(made.id)]
    assert (made.name, made.facets, made.inputs) == ("total of 7", {"size": "big"}, {})
    assert [each.id for each in workflows.find(Filter(facets={"size": ("big",)}))] == [made.id]
    assert workflows.find(Filter(facets={"size": ("small",)})) == [] and workflows.facet_values("size") == ["big"]
    assert registry.get("benim").measure("val_accuracy").share


def test_scores_and_numbers_belong_to_their_steps(project):
    """Two steps that leave the same score, or log the same number, lose none of them; the later one is shown."""
    made = do(verbs.start("benim", {}))
    found = of(made)
    assert found["eğit"].scores["accuracy"] == 0.5 and found["sına"].scores == {"accuracy": 0.75}
    assert made.scores == {"accuracy": 0.75, "eğit/accuracy": 0.5, "total": 6}
    rows = metrics.of_workflow(made.id)
    assert [(row["step"], row["epoch"], row["loss"]) for row in rows] == [
        ("eğit", 1, 1.0),
        ("eğit", 2, 0.5),
        ("sına", 1, 9.0),
    ]
    assert [each.id for each in workflows.find(Filter(sort="accuracy"))] == [made.id]


def test_the_cache_does_not_cross_pipelines(project):
    """A step of the same name and params in another pipeline is another step, and gets its own result."""
    do(verbs.start("benim", {"number": 3}))
    other = do(verbs.start("other", {"number": 3}))
    assert of(other)["topla"].result == {"total": -1} and of(other)["topla"].reused_from is None


def test_unchanged_code_is_reused_and_changed_code_runs(project):
    """Equal code on equal params is reused; a change in a helper, or in one of its constants, runs anew."""
    first = do(verbs.start("benim", {}))
    again = do(verbs.start("benim", {}))
    assert [step.reused_from is not None for step in steps.of_workflow(again.id)] == [True, True, True]
    (project / "helper_of_mine.py").write_text(f"# a comment\n{HELPER}")
    assert {cell.reused_from for cell in verbs.plan("benim", {})} <= {first.id, again.id}
    assert of(do(verbs.start("benim", {})))["topla"].reused_from is not None, "a comment changes nothing"
    (project / "helper_of_mine.py").write_text(HELPER.replace("FACTOR = 2", "FACTOR = 5"))
    assert verbs.plan("benim", {})[0].reused_from is None
    edited = do(verbs.start("benim", {}))
    assert of(edited)["topla"].result == {"total": 15} and edited.scores["total"] == 15.0


def test_an_edit_between_start_and_run_counts(project):
    """The fingerprint is of the code that the child has loaded, and not of what was there at the start."""
    do(verbs.start("benim", {}))
    waiting = verbs.start("benim", {})
    (project / "helper_of_mine.py").write_text(HELPER.replace("FACTOR = 2", "FACTOR = 7"))
    assert of(do(waiting))["topla"].result == {"total": 21}


def test_restart_and_run_from_here_keep_the_pipeline(project):
    """Restart starts the same pipeline; run from here changes one cell of it and reuses what is above."""
    first = do(verbs.start("benim", {"number": 4}))
    again = verbs.restart(first.id)
    assert (again.pipeline, again.params, again.parent_id) == ("benim", first.params, first.id)
    from_here = do(verbs.rerun_from(first.id, "eğit", {"epochs": 5}))
    assert of(from_here)["topla"].reused_from is not None and of(from_here)["eğit"].reused_from is None
    assert from_here.params["epochs"] == 5 and from_here.params["number"] == 4


def test_what_is_wrong_is_refused_before_anything_is_written(project):
    """A wrong param, an unknown one, an unknown pipeline and a dataset that nobody takes are one sentence each."""
    for pipeline, params, inputs, words in (
        ("benim", {"number": 0}, {}, "number must be at least 1"),
        ("benim", {"speed": 1}, {}, "There is no parameter 'speed'"),
        ("nobodys", {}, {}, "There is no pipeline 'nobodys'"),
        ("benim", {}, {"data": cast.dataset().id}, "takes no dataset"),
        ("play", {}, {}, "needs a dataset"),
    ):
        with refuses(RequestError, match=words):
            verbs.start(pipeline, params, inputs)
    assert workflows.count(Filter()) == 0


def test_a_broken_edit_is_told_and_mended_without_a_restart(project):
    """A module that cannot be imported says why; other pipelines go on, and a repaired one is back at once."""
    (project / "mine_of_test.py").write_text("def broken(:\n")
    assert [each.name for each in registry.everything() if each.name in ("benim", "other")] == ["other"]
    with refuses(RequestError, match="cannot be imported: SyntaxError"):
        verbs.start("benim", {})
    (project / "mine_of_test.py").write_text(MINE)
    assert registry.get("benim").shown == "My own"


def test_code_that_is_gone_fails_its_step_with_a_reason(project):
    """A step whose module is gone when it runs says so, and Retry works once it is back."""
    made = verbs.start("benim", {})
    (project / "mine_of_test.py").rename(project / "elsewhere.txt")
    failed = do(made)
    assert failed.status is Status.failed and of(failed)["topla"].error.code == "code_gone"
    assert "no such module" in sentence(of(failed)["topla"].error)
    (project / "elsewhere.txt").rename(project / "mine_of_test.py")
    assert do(verbs.retry(made.id)).status is Status.completed


def test_nothing_above_a_child_imports_peoples_code(project):
    """The process that asks knows a pipeline's facts, and has not loaded its module."""
    import sys

    assert registry.get("benim").step("eğit").needs == ("topla",)
    assert "mine_of_test" not in sys.modules and "helper_of_mine" not in sys.modules


def test_a_step_reads_only_what_it_declares(home):
    """A dataset or param that is not declared, and a step that does not come before, are refused with the repair."""
    from jobs.pipelines import Param, pipeline, step

    @step("sly")
    def sly(context):
        return {"name": context.dataset.name}

    @step("blind", needs=("sly",))
    def blind(context):
        return context.result("later")

    @step("greedy", params=[Param("own", "int", 1, "Own"), Param("more", "int", 1, "More")])
    def greedy(context):
        return {"own": context.params["own"], "others": context.params["number"]}

    made = registry._here.pop("sly_one", None) or pipeline("sly_one", sly, blind, greedy, inputs=(registry.Input(),))
    registry._here["sly_one"] = made
    workflow = verbs.start("sly_one", {}, {"data": cast.dataset().id})
    for each in steps.of_workflow(workflow.id):
        if each.key != "blind":
            with pytest.raises(runner.StepFailedError):
                runner.run_step(each.id, 1)
    assert "add reads_dataset=True" in sentence(of(workflow)["sly"].error)
    failed = of(workflow)["greedy"]
    assert sentence(failed.error) == (
        "Step greedy does not declare the param 'number'; it declares: more, own. "
        'Add Param("number", ...) to its params=.'
    )
    assert failed.status is Status.failed and failed.error_code == "refused", "another attempt would not help"
    registry._here.pop("sly_one")


READS_ONCE = """
from jobs.pipelines import Input, Param, pipeline, step


@step("measure", reads_dataset=True)
def measure(context):
    return {"columns": context.dataset_file().read_text().count(",")}


@step("tell", needs=("measure",))
def tell(context):
    return {"told": context.result("measure")["columns"]}


pipeline("tells", measure, tell, inputs=(Input("data"),))
"""


def test_a_step_that_reads_no_dataset_does_not_depend_on_it(project):
    """When the step above leaves the same for another dataset, the one below is reused, as its plan says."""
    (project / "other_of_test.py").write_text(READS_ONCE)
    first, second = (cast.dataset_of(content).id for content in (b"a,b\n1,2\n", b"c,d\n3,4\n"))
    do(verbs.start("tells", {}, {"data": first}))
    again = do(verbs.start("tells", {}, {"data": second}))
    assert of(again)["measure"].result == of(workflows.get(again.id))["measure"].result
    planned = {cell.key: cell.reused_from for cell in verbs.plan("tells", {}, {"data": second})}
    assert of(again)["measure"].reused_from is None
    assert planned["tell"] and of(again)["tell"].reused_from


def test_a_wrong_input_is_refused_under_its_own_name(project):
    """What is wrong with an input names the field inputs.NAME; in the short form the field is dataset_id."""
    for pipeline, inputs, field in (
        ("play", {"data": 7}, "inputs.data"),
        ("play", {}, "inputs.data"),
        ("benim", {"rows": cast.dataset().id}, "inputs.rows"),
    ):
        for verb in (verbs.start, verbs.plan):
            with pytest.raises(RequestError) as refused:
                verb(pipeline, {}, inputs)
            assert refused.value.field == field
    with pytest.raises(NotFoundError) as refused:
        short_form.start(7, "churned")
    assert refused.value.field == "dataset_id"


TWO_INPUTS = """
from jobs.pipelines import Input, Param, pipeline, step


@step("look", reads_dataset=True, params=[Param("column", "column", "", "Column")])
def look(context):
    first = context.dataset_file().read_text().split(",")[0]
    return {"first": first, "same": context.dataset == context.input("sales")}


pipeline(
    "two", look,
    inputs=(Input("sales"), Input("customers")),
    propose=lambda chosen, inputs: {**chosen, "column": next(iter(inputs.values())).columns[0]["name"]},
    title=lambda params, inputs: " and ".join(inputs),
)
"""


@pytest.mark.parametrize("order", [("sales", "customers"), ("customers", "sales")])
def test_the_first_input_is_the_one_that_is_declared_first(project, order):
    """In whatever order a request names them, and whatever they are called, the pipeline's own order counts."""
    (project / "other_of_test.py").write_text(TWO_INPUTS)
    contents = {"sales": b"sold,b\n1,2\n", "customers": b"age,b\n1,2\n"}
    inputs = {name: cast.dataset_of(contents[name]).id for name in order}
    made = do(verbs.start("two", {}, inputs))
    assert (made.name, list(made.inputs)) == ("sales and customers", ["sales", "customers"])
    assert of(made)["look"].result == {"first": "sold", "same": True}
    assert made.data.dataset_id == inputs["sales"]
    assert verbs.propose("two", inputs) == {"column": "a"}
    (problem,) = verbs.problems("two", {"column": "zzz"}, inputs)
    assert problem.message.values["dataset"] == datasets.get(inputs["sales"]).title
    other_way = dict(reversed(inputs.items()))
    assert list(verbs.restart(made.id).inputs) == ["sales", "customers"]
    assert verbs.plan("two", {}, other_way)[0].reused_from == made.id
    swapped = TWO_INPUTS.replace('Input("sales"), Input("customers")', 'Input("customers"), Input("sales")')
    assert swapped != TWO_INPUTS
    (project / "other_of_test.py").write_text(swapped)
    assert of(do(verbs.start("two", {}, inputs)))["look"].result == {"first": "age", "same": False}


def test_a_described_pipeline_is_as_its_author_wrote_it(project):
    """Params that depend on others, results and labels survive the way through the child."""
    (project / "other_of_test.py").write_text(
        textwrap.dedent("""
        from jobs.pipelines import Param, Table, pipeline, step

        @step("show", label="Show it", params=lambda chosen: [
            Param("kind", "choice", "a", "Kind", choices=("a", "b")),
            *([Param("extra", "float", 0.5, "Extra", low=0, high=1)] if chosen.get("kind") == "b" else []),
        ], timeout=7, max_attempts=1)
        def show(context):
            return {"rows": Table(["x"], [[1], [2]], label="Rows"), "extra": context.params.get("extra")}

        pipeline("other", show, description="Shows rows.")
        """)
    )
    described = registry.get("other")
    assert described.description == "Shows rows." and described.step("show").title == "Show it"
    assert list(described.params({})) == ["kind"] and list(described.params({"kind": "b"})) == ["kind", "extra"]
    made = do(verbs.start("other", {"kind": "b", "extra": "0.25"}))
    step = of(made)["show"]
    assert step.result == {
        "rows": {"kind": "table", "columns": ["x"], "rows": [[1], [2]], "label": "Rows"},
        "extra": 0.25,
    }
    assert (step.timeout, step.max_attempts) == (7, 1)


def test_programs_and_commands_start_any_pipeline(project, capsys):
    """The API and the command line list it with its params, start it, and find it by its facet."""
    import json

    from starlette.testclient import TestClient

    from api.app import create
    from jobs.cli.app import main

    client = TestClient(create(), base_url="http://localhost")
    told = client.get("/pipelines/benim").json()
    assert told["params"]["properties"]["number"]["minimum"] == 1 and told["inputs"] == []
    assert [step["key"] for step in told["steps"]] == ["topla", "eğit", "sına"]
    assert "benim" in [each["name"] for each in client.get("/pipelines").json()]
    assert client.get("/pipelines/nobodys").status_code == 404
    made = client.post("/workflows", json={"pipeline": "benim", "params": {"number": 9}, "name": "by a program"})
    assert made.status_code == 201 and made.json()["facets"] == {"size": "big"}
    wrong = client.post("/workflows", json={"pipeline": "benim", "params": {"number": "many"}})
    assert wrong.status_code == 422 and "whole number" in wrong.json()["detail"]
    assert [each["id"] for each in client.get("/workflows?pipeline=benim&facet=size=big").json()] == [made.json()["id"]]
    capsys.readouterr()
    assert main(["list", "--pipeline", "benim", "--facet", "size=big", "--json"]) == 0
    assert [each["name"] for each in json.loads(capsys.readouterr().out)] == ["by a program"]


DEPENDENT = """
from jobs.pipelines import Param, pipeline, step
import numpy


def depth_or_rate(chosen):
    return [Param("depth", "int", 2, "Depth") if chosen["mode"] == "tree" else Param("rate", "float", 0.1, "Rate")]


@step("first", params=[Param("mode", "choice", "tree", "Mode", choices=("tree", "line"))])
def first(context):
    return {"scores": {"rows": numpy.int64(3)}, "share": numpy.float32(0.5)}


@step("second", needs=("first",), params=depth_or_rate)
def second(context):
    return {"values": [context.params, {1, 2}]}


pipeline("dependent", first, second)
"""
BROKEN = """
from jobs.pipelines import Param, pipeline, step


@step("first", params=[Param("rows", "integer", 1, "Rows")])
def first(context):
    return {}


pipeline("broken", first)
"""


def test_params_that_depend_on_others_see_their_defaults(project):
    """A step whose params depend on those of a step above gets them with defaults, whatever the user chose."""
    (project / "other_of_test.py").write_text(DEPENDENT)
    assert list(registry.get("dependent").params({})) == ["mode", "depth"]
    assert list(registry.get("dependent").params({"mode": "line"})) == ["mode", "rate"]
    made = verbs.start("dependent", {"depth": 5})
    assert made.params == {"mode": "tree", "depth": 5}
    with refuses(RequestError, match="no parameter 'rate'"):
        verbs.start("dependent", {"rate": 0.2})


def test_single_numbers_of_numpy_are_stored_and_other_objects_are_named(project):
    """A number of NumPy is a number; for what cannot be stored the sentence says where it is and what to do."""
    (project / "other_of_test.py").write_text(DEPENDENT)
    found = of(do(verbs.start("dependent", {})))
    assert found["first"].scores == {"rows": 3.0}
    told = sentence(found["second"].error)
    assert "result['values'][1] is of type set" in told and "context.save" in told


def test_a_param_of_an_unknown_kind_is_a_fault_of_its_module(project):
    """The kinds that exist are listed, and other pipelines stay."""
    (project / "other_of_test.py").write_text(BROKEN)
    assert registry.get("benim")
    assert any("of kind 'integer'; choose one of int, float" in sentence(fault) for fault in describer.faults())
