"""The verbs: what they write, what they reuse, and what they refuse."""

import io
from dataclasses import replace

import pytest
from helpers import cast, tables
from helpers.refusals import refuses
from helpers.tables import numbers, turkish

from jobs.engine import runner
from jobs.language import text_of
from jobs.pipelines import registry
from jobs.verbs import datasets, queries, short_form
from jobs.verbs import workflows as verbs
from store import logs, steps, workflows
from store.errors import NotFoundError, RequestError
from store.tables import Status
from store.workflows import Filter


def do(workflow):
    """Be the worker: run every step, here and now."""
    for step in steps.of_workflow(workflow.id):
        runner.run_step(step.id, step.attempt)
    return workflow


def reused(workflow):
    return [step.name for step in steps.of_workflow(workflow.id) if step.reused_from]


@pytest.fixture
def customers(home):
    return datasets.add([turkish(rows=120)], "customers.csv")


@pytest.fixture
def done(customers):
    """A completed workflow."""
    return do(short_form.start(customers.id, "abone mi", "LR", {"epochs": 3}))


def test_a_workflow_starts_with_the_originals_defaults(customers):
    """Codes of the original are accepted, its names keep their defaults; small tables are passed over more often."""
    made = short_form.start(customers.id, "abone mi", "MLP")
    assert made.facets["algorithm"] == "mlp" and made.name == "customers, neural network"
    wanted = {"learning_rate": 0.01, "batch_size": 32, "epochs": 100, "test_size": 0.2, "random_state": 42}
    assert {name: made.params[name] for name in wanted} == wanted


def test_the_same_request_starts_one_workflow(customers):
    """A double click is one workflow."""
    first, second = (short_form.start(customers.id, "abone mi", "LR", request="click") for _ in range(2))
    assert first.id == second.id


def test_restart_trains_again_and_reuses_what_is_above(done):
    """Restart is a new workflow with the same values; upload and preprocess are reused, train runs."""
    again = do(verbs.restart(done.id))
    assert (again.parent_id, again.params, again.id != done.id) == (done.id, done.params, True)
    assert "train" not in reused(again) and reused(again)[:2] == ["upload", "preprocess"]


def test_run_from_here_changes_one_cell_and_reuses_the_rest(done):
    """Other settings in train: what is above is reused, and the preview says so before."""
    draft = verbs.changed(done.id, "train", {"learning_rate": 0.5})
    plan = verbs.plan(draft.pipeline, draft.params, draft.inputs)
    assert [cell.reused_from for cell in plan] == [done.id, done.id, None, None]
    again = do(verbs.rerun_from(done.id, "train", {"learning_rate": 0.5}))
    assert again.params["learning_rate"] == 0.5 and reused(again) == ["upload", "preprocess"]


def test_run_from_here_with_another_algorithm_keeps_what_still_fits(done):
    """Settings that the new algorithm does not have are dropped, shared ones are kept."""
    again = verbs.rerun_from(done.id, "train", {"algorithm": "hist_gradient_boosting"})
    assert again.facets["algorithm"] == "hist_gradient_boosting" and again.params["epochs"] == 3


def test_what_nobody_touched_follows_the_new_algorithm(done):
    """A setting that stood at its default takes the new algorithm's; one that somebody set stays."""
    boosting = {"algorithm": "hist_gradient_boosting"}
    assert done.params["learning_rate"] == 0.01
    draft = verbs.changed(done.id, "train", boosting)
    assert (draft.params["learning_rate"], draft.params["epochs"]) == (0.1, 3)
    touched = verbs.rerun_from(done.id, "train", {"learning_rate": 0.2})
    assert verbs.changed(touched.id, "train", boosting).params["learning_rate"] == 0.2


def test_what_was_proposed_for_an_algorithm_is_not_kept_for_another(customers):
    """Epochs that were proposed for few rows were touched by nobody: another algorithm gets its own."""
    started = short_form.start(customers.id, "abone mi", "SVM")
    assert started.params["epochs"] == 100
    boosting = verbs.changed(started.id, "train", {"algorithm": "hist_gradient_boosting"}).params
    fresh = short_form.draft(customers.id, "abone mi", "hist_gradient_boosting").params
    assert boosting["epochs"] == fresh.get("epochs", 10) != 100
    again = verbs.rerun_from(started.id, "train", {"algorithm": "hist_gradient_boosting"})
    assert verbs.changed(again.id, "train", {"algorithm": "linear_svm"}).params["epochs"] == 100


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"epochs": 100},
        {"algorithm": "mlp", "epochs": 7, "learning_rate": 0.3},
        {"algorithm": "hist_gradient_boosting", "learning_rate": 0.01, "test_size": 0.3},
        {"algorithm": "linear_svm", "features": ["yaş", "gelir"], "alpha": 0.2},
    ],
)
def test_what_would_be_usual_is_asked_for_few_params(customers, monkeypatch, params):
    """What each param would be beside the others is as if each was asked for singly, and only touched ones are: on the
    page of a wide table every redraw asks."""
    chosen = verbs.propose("tabular", {"data": customers.id}, {"target": "abone mi", **params})
    old = verbs.start("tabular", chosen, {"data": customers.id})
    pipeline, given = registry.get("tabular"), {"data": customers}
    expected = {}
    for name in pipeline.params(old.params):
        others = pipeline.propose({each: value for each, value in old.params.items() if each != name}, given)
        expected[name] = others.get(name, pipeline.params(others)[name].default)
    asked, propose = [], pipeline.propose
    monkeypatch.setattr(
        verbs.registry,
        "get",
        lambda _name: replace(pipeline, propose=lambda *of: (asked.append(1), propose(*of))[1]),
    )
    assert verbs.usual(old, old.params) == expected
    assert len(asked) <= 4 + 2 * len(params) < len(expected)


def test_an_algorithm_that_was_chosen_stays(customers):
    """Changing another setting keeps the algorithm, though it is not the one that is proposed."""
    started = short_form.start(customers.id, "abone mi", "SVM", {"epochs": 3})
    again = verbs.rerun_from(started.id, "train", {"learning_rate": 0.2})
    assert again.facets["algorithm"] == "linear_svm"
    assert again.params | {"learning_rate": 0.01} == started.params


def test_a_name_that_nobody_gave_follows_what_is_run(done):
    """Run from here with another algorithm is called by that one; a name that a person gave stays."""
    again = verbs.rerun_from(done.id, "train", {"algorithm": "hist_gradient_boosting"})
    assert again.name != done.name and "boosting" in again.name.lower()
    verbs.describe(done.id, name="For Monday")
    assert verbs.rerun_from(done.id, "train", {"algorithm": "hist_gradient_boosting"}).name == "For Monday"


def test_compose_takes_data_from_one_and_configuration_from_the_other(done):
    """Dataset and target of the first, algorithm and settings of the second."""
    other = datasets.add([turkish(rows=90, seed=9)], "others.csv")
    config = short_form.start(other.id, "abone mi", "SVM", {"epochs": 2, "test_size": 0.3})
    made = verbs.compose(done.id, config.id)
    assert made.inputs == done.inputs and made.facets == {"target": "abone mi", "algorithm": "linear_svm"}
    assert (made.params["epochs"], made.params["test_size"]) == (2, 0.3)


def test_compose_that_cannot_work_says_why(done):
    """A configuration for numbers does not fit data with classes, and nothing is started."""
    houses = datasets.add([numbers(rows=60)], "houses.csv")
    config = short_form.start(houses.id, "price", "sgd_regressor")
    count = workflows.count(workflows.Filter())
    with refuses(RequestError, match="is not a number"):
        verbs.compose(done.id, config.id)
    assert workflows.count(workflows.Filter()) == count


def test_compose_with_an_algorithm_that_fits_the_data(done):
    """A change takes the place of a choice that does not fit; settings that the new one does not have are left out."""
    houses = datasets.add([numbers(rows=60)], "houses.csv")
    config = short_form.start(
        houses.id, "price", "hist_gradient_boosting_regressor", {"max_leaf_nodes": 7, "test_size": 0.3}
    )
    made = verbs.compose(done.id, config.id, params={"algorithm": "linear_svm"})
    assert made.facets == {"target": "abone mi", "algorithm": "linear_svm"}
    assert made.params["test_size"] == 0.3 and "max_leaf_nodes" not in made.params
    with refuses(RequestError, match="no parameter 'speed'"):
        verbs.compose(done.id, config.id, params={"algorithm": "linear_svm", "speed": 1})


def test_many_are_cancelled_at_once(done):
    """Those that have ended already stay as they are."""
    first, second = (short_form.start(done.inputs["data"].dataset_id, "abone mi", "SVM") for _ in range(2))
    assert verbs.cancel_all([first.id, done.id, second.id]) == [first.id, second.id]
    assert {workflows.get(each.id).status for each in (first, second)} == {Status.cancelled}
    assert workflows.get(done.id).status is Status.completed


@pytest.mark.parametrize(
    ("target", "algorithm", "params", "words"),
    [
        ("nothing", "LR", {}, "has no column 'nothing'; choose the target from müşteri no"),
        ("abone mi", "magic", {}, "There is no algorithm 'magic'"),
        ("abone mi", "LR", {"speed": 1}, "There is no parameter 'speed'"),
        ("abone mi", "LR", {"epochs": "many"}, "epochs must be a whole number"),
        ("abone mi", "LR", {"test_size": 2}, "test_size must be between"),
        ("abone mi", "LR", {"features": ["gelir", "ghost"]}, "has no column 'ghost'"),
        ("abone mi", "LR", {"features": []}, "choose at least one"),
        ("abone mi", "sgd_regressor", {}, "is not a number"),
        ("gelir", "LR", {}, "different values, too many for classes"),
        ("kayıt tarihi", "LR", {}, "cannot be predicted"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(customers, target, algorithm, params, words):
    """A wrong target, algorithm or setting is one sentence that names it, and no workflow."""
    with refuses(RequestError, match=words):
        short_form.start(customers.id, target, algorithm, params)
    assert workflows.count(workflows.Filter()) == 0


def test_what_does_not_exist_is_not_found(home):
    """Verbs on things that are not there say which."""
    for verb in (verbs.restart, verbs.retry, verbs.cancel):
        with refuses(NotFoundError, match="There is no workflow 7"):
            verb(7)


def test_only_what_can_change_changes(done):
    """A completed workflow can be neither cancelled nor retried."""
    with refuses(RequestError, match="already completed"):
        verbs.cancel(done.id)
    with refuses(RequestError, match="only a failed or cancelled workflow"):
        verbs.retry(done.id)


def test_deleting_keeps_what_others_need(done):
    """Deleting a workflow keeps files that a reused step of another still has, and removes the rest."""
    again = do(verbs.rerun_from(done.id, "train", {"learning_rate": 0.5}))
    own = set(steps.artifacts_of(steps.of_workflow(done.id)[2].id).values())
    shared = set(steps.artifacts_of(steps.of_workflow(again.id)[1].id).values())
    verbs.remove([done.id])
    from store import files

    assert not any(files.path_of(kept.sha256).exists() for kept in own)
    assert all(files.verified(kept) for kept in shared)
    assert {step.status for step in steps.of_workflow(again.id)} == {Status.completed}


def notices(dataset, algorithm, **params):
    draft = short_form.draft(dataset.id, "price", algorithm, params)
    return verbs.notices(draft.pipeline, draft.params, draft.inputs)


def test_a_sample_is_told_before_the_start(home, monkeypatch):
    """An algorithm that needs its rows in memory says beforehand from how many it learns, when they are not all."""
    from jobs.tabular import algorithms

    dataset = datasets.add(io.BytesIO(tables.numbers(5_000)), "prices.csv")
    key = "hist_gradient_boosting_regressor"
    assert notices(dataset, key) == []
    monkeypatch.setattr(algorithms, "IN_MEMORY_BYTES", 6 * 8 * 3_000)
    (told,) = notices(dataset, key)
    assert told.startswith(
        "Boosting (numbers) needs its rows in memory, so it learns from about 3,000 random rows of "
        "the 3,250 that are for learning."
    )
    assert notices(dataset, key, features=["size"]) == [], "one column needs less memory"
    assert notices(dataset, "sgd_regressor") == [], "it learns from all, part by part"
    ended = tables.run(dataset, "price", key, until="train", epochs=1)["train"]
    log = [text_of(line.text, line.message) for line in logs.tail(ended.id)]
    assert any("learns from 3,000 random rows" in text for text in log)


def test_a_list_of_words_is_read_where_it_is_written(home):
    """Statuses and pipelines with commas are several, with or without blanks; a filter itself holds no commas."""
    first, second = cast.play(), cast.play("elsewhen")
    which = queries.which("Pending, running", "play , elsewhen", sort="id:asc")
    assert which == Filter(statuses=("pending", "running"), pipelines=("play", "elsewhen"), sort="id", descending=False)
    assert [each.id for each in workflows.find(which)] == [first, second]
    assert [each.id for each in workflows.find(Filter(pipelines=("elsewhen",)))] == [second]
    assert workflows.find(Filter(pipelines=("play,elsewhen",))) == []
