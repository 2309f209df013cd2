"""The page of a sweep in each of its states, and the ways to it."""

from dataclasses import replace

import pytest
from helpers import cast
from helpers.tables import turkish
from helpers.visitors import APP, Visitor, address, checked, press, said, text
from streamlit.testing.v1 import AppTest

from jobs.cli.app import main
from jobs.engine import runner
from jobs.pipelines import registry
from jobs.verbs import datasets, leaderboard, people, sweeps
from pages.parts.sweep import board as drawing
from store import steps, workflows
from store import sweeps as stored
from store.errors import NotFoundError
from store.messages import Message
from store.tables import Status
from store.workflows import Filter


def opened(file="sweep.py", **query):
    page = AppTest.from_file(APP, default_timeout=30).switch_page(file)
    page.query_params.update({name: str(value) for name, value in query.items()})
    return checked(page.run())


def begin(**params):
    return sweeps.start("choir", params, {"data": cast.dataset().id}).id


def finish(*only):
    """Be workers and the tick, until every sweep is over."""
    while sweeps.go_on() and (ready := [step for step in steps.waiting() if not only or step.workflow_id in only]):
        for step in ready:
            try:
                runner.run_step(step.id, step.attempt)
            except runner.StepFailedError:
                continue


def table(page):
    return page.dataframe[0].value


def test_without_sweeps_the_page_leads_to_the_first(home):
    """Nothing there is a designed state; a number that is none is told, and the latest are offered."""
    assert "No sweeps yet" in said(opened())
    number = begin()
    page = opened(id=99)
    assert "There is no sweep 99" in said(page) and f"Sweep {number}: tiny, 4 choices of voice" in text(page)
    assert "0 of 4 trials completed, 4 waiting" in said(page)


def test_a_sweep_that_runs_fills_its_leaderboard(home):
    """Before anything ended all trials are there and wait; as they end the best comes first."""
    number = begin()
    page = opened(id=number)
    assert list(table(page)["value:voice"]) == ["soprano", "alto", "tenor", "bass"]
    assert set(table(page)["score"]) == {"–"} and "No trial has recorded a curve yet." in said(page)
    finish()
    page = opened(id=number)
    assert list(table(page)["value:voice"]) == ["alto", "tenor", "soprano", "bass"]
    assert list(table(page)["score"]) == ["90.0 % ± 1.0", "89.0 % ± 1.0", "70.0 % ± 1.0", "20.0 % ± 1.0"]
    assert "alto: applause 90.0\u00a0%" in said(page) and "4 of 4 trials completed" in said(page)
    assert list(table(page)["mark"]) == ["Best", "", "", ""] and page.get("plotly_chart")
    assert list(table(page)["workflow"]) == ["#2", "#3", "#1", "#4"]


def test_equal_trials_are_marked_and_said(home):
    """Within one standard error of the best, a trial is equal, and the faster one is named."""
    number = begin()
    finish()
    with cast.scored_on(400):
        page = opened(id=number)
    assert list(table(page)["mark"]) == ["Best", "Equal", "", ""]
    assert "alto and tenor are equal within one standard error" in said(page).replace("\\", "")


def test_a_failed_sweep_says_why(home):
    """Nothing completed: the reason stands on top, and each trial has its own."""
    number = sweeps.start("choir", {"hoarse": "bass"}, {"data": cast.dataset().id}, {"voice": ["bass"]}).id
    finish()
    page = opened(id=number)
    assert "No trial completed. This voice is hoarse." in said(page).replace("\\", "")
    assert list(table(page)["why"]) == ["This voice is hoarse."]


def test_a_sweep_that_waits_for_a_broken_pipeline_says_so(home, monkeypatch, capsys):
    """While the module of its pipeline cannot be loaded, page and command say what is wrong there."""
    number, get = begin(), registry.get
    stored_sweep = stored.get(number)
    fault = Message("pipelines_module_broken", {"module": "choirs", "reason": "SyntaxError: invalid syntax"})
    values = {"given": "choir", "known": ["tabular"], "faults": [fault.as_json()]}

    def broken(name):
        if name == "choir":
            raise NotFoundError(Message(registry.UNKNOWN_BESIDE_FAULTS, values))
        return get(name)

    monkeypatch.setattr(stored, "get", lambda _number: replace(stored_sweep, started=2))
    assert sweeps.waits_for(stored.get(number)) is None
    monkeypatch.setattr(registry, "get", broken)
    told = said(opened(id=number)).replace("\\", "")
    assert "The next trials start once the pipeline can be loaded again." in told and "SyntaxError" in told
    assert main(["sweep", "show", str(number)]) == 0 and "can be loaded again" in capsys.readouterr().out
    ended = replace(stored_sweep, started=2, ended_at=stored_sweep.created_at)
    assert sweeps.waits_for(ended) is None


def test_stop_asks_and_cancels(home):
    """Stop is a question; then the page says who stopped it, and what has completed stays."""
    number = begin()
    first = workflows.find(Filter(sweep_id=number, sort="id", descending=False))[0].id
    finish(first)
    page = press(opened(id=number), "sweep-stop")
    page = press(page, "sweep-stop-sure")
    assert stored.get(number).ended_at is not None
    page = opened(id=number)
    assert "Stopped" in said(page) and "1 of 4 trials completed, 3 cancelled" in said(page)
    assert not [button for button in page.button if button.key == "sweep-stop"]


def test_a_sweep_is_renamed_and_deleted(home):
    """Delete asks, says what stays, and can take the workflows with it; a running sweep offers no Delete."""
    number = begin()
    page = opened(id=number)
    (more,) = page.get("menu_button")
    assert [str(each) for each in more.proto.options] == [":material/edit: Rename"]
    finish()
    page = menu(opened(id=number), "Rename")
    page.text_input(key="sweep-name").set_value("voices <b>")
    page = checked(next(each for each in page.button if each.label == "Save").click().run())
    assert stored.get(number).name == "voices <b>" and "voices" in said(page)
    page = menu(opened(id=number), "Delete")
    assert "Its workflows stay in the list" in said(page)
    page.checkbox(key="sweep-delete-workflows").check()
    press(page, "sweep-delete-sure")
    assert stored.count() == 0 and workflows.find(Filter()) == []


def menu(page, choice):
    """Choose from the menu More, as its button does."""
    page.session_state["sweep-state"].ask(choice.lower())
    return checked(page.run())


def test_what_was_reused_says_so_instead_of_a_time(home):
    """A trial that an equal workflow had done before took no time of its own."""
    begin()
    finish()
    again = sweeps.start("choir", {}, {"data": 1}).id
    finish()
    shown = list(table(opened(id=again))["time"])
    assert set(shown) == {"reused"}
    assert all(row.reused for row in leaderboard.of(again).rows)


def test_try_all_can_be_typed(home):
    """New shows the command and the request that do the same as Try all, and they are accepted."""
    dataset = datasets.add([turkish(rows=120)], "customers.csv")
    page = opened("new.py", dataset=dataset.id, target="abone mi")
    shown = "\n".join(code.value for code in page.code)
    assert f"sweep --input data={dataset.id} --target 'abone mi' --algorithms logistic_regression," in shown
    assert "/api/sweeps" in shown
    page = opened("new.py", pipeline="choir", data=dataset.id)
    shown = "\n".join(code.value for code in page.code)
    assert f"sweep --pipeline choir --input data={dataset.id} --values voice=all" in shown


def test_the_best_are_compared(home):
    """Compare leads to the page that compares them."""
    number = begin()
    finish()
    links = {each.proto.label: each.proto for each in opened(id=number).get("page_link")}
    assert links["Compare"].page == "compare" and "ids=2%2C3%2C1%2C4" in links["Compare"].query_string
    assert links["Open #2: predict, report, curves"].query_string == "id=2"


def test_a_trial_that_no_worker_is_at_waits(home):
    """What has begun and waits for a worker counts as waiting, as on its own page."""
    number = begin()
    first = workflows.find(Filter(sweep_id=number, sort="id", descending=False))[0].id
    [ready, *_] = [step for step in steps.waiting() if step.workflow_id == first]
    runner.run_step(ready.id, ready.attempt)
    assert workflows.get(first).status is Status.running
    assert "0 of 4 trials completed, 4 waiting" in said(opened(id=number))
    [ready, *_] = [step for step in steps.waiting() if step.workflow_id == first]
    steps.claim(ready.id, ready.attempt, "worker-1")
    assert "0 of 4 trials completed, 1 running, 3 waiting" in said(opened(id=number))


def test_a_sweep_is_seen_from_its_workflows(home):
    """A trial's page links to its sweep, a held one says for what it waits, and the list can show one sweep only."""
    cast.play()
    number = begin()
    held = workflows.find(Filter(sweep_id=number))[0].id
    page = opened("workflow.py", id=held)
    assert f"trial of sweep {number}" in text(page)
    assert "Waiting until another trial of its sweep has done what they share" in text(page)
    page = opened("workflows.py", sweep=number)
    assert len(page.dataframe[0].value) == 4 and "4 workflows" in said(page)
    assert len(opened("workflows.py").dataframe[0].value) == 5


def test_try_all_on_new_starts_every_algorithm(valkey):
    """The button beside Start says how many there are, starts them with what was chosen, and leads to the page."""
    dataset = datasets.add([turkish(rows=120)], "customers.csv")
    page = opened("new.py", dataset=dataset.id, target="abone mi")
    assert page.button(key="new-try-all").label == "Try all 6"
    page = press(page, "new-try-all")
    assert address(page) == {"id": "1"}
    assert len(workflows.find(Filter(sweep_id=1))) == 6
    epochs = {each.facets["algorithm"]: each.params["epochs"] for each in workflows.find(Filter(sweep_id=1))}
    assert epochs["hist_gradient_boosting"] == 10, "more epochs are proposed for algorithms that go through rows"
    assert {each for key, each in epochs.items() if key != "hist_gradient_boosting"} == {100}


def test_try_all_of_any_pipeline(valkey):
    """A pipeline that marks a param has the button; one that marks none has not."""
    page = opened("new.py", pipeline="choir", data=cast.dataset().id)
    page = press(page, "new-try-all")
    assert address(page) == {"id": "1"} and len(workflows.find(Filter(sweep_id=1))) == 4
    page = opened("new.py", pipeline="nothing")
    assert not [button for button in page.button if button.key == "new-try-all"]


def test_a_viewer_looks_and_changes_nothing(home, monkeypatch):
    """Everything of a sweep can be seen by a viewer, and Stop is grey."""
    number = begin()
    people.add("ayse", "admin", None)
    people.add("veli", "viewer", None)
    viewer = Visitor(monkeypatch)
    viewer.sign_in("veli")
    page = viewer.opens("sweep.py", id=number)
    assert page.button(key="sweep-stop").disabled and len(table(page)) == 4


@pytest.mark.parametrize("number", ["abc", "-1", "99999999999999999999", "<b>"])
def test_rubbish_in_the_address(home, number):
    """An address that names no sweep is a page with a way on."""
    assert "No sweeps yet" in said(opened(id=number))


@pytest.mark.parametrize(("alto", "named"), [(9.0, True), (3.0, False)])
def test_a_trial_that_is_as_good_and_much_faster_is_named(home, monkeypatch, alto, named):
    """Equal and more than twice as fast as the best is worth a word; a little faster is not."""
    number = begin()
    finish()
    own = {workflow.id: workflow.params["voice"] for workflow in workflows.find(Filter(sweep_id=number))}
    took = {workflow_id: {"alto": alto, "tenor": 2.0}.get(voice, 5.0) for workflow_id, voice in own.items()}
    monkeypatch.setattr(leaderboard, "_seconds", lambda _ids: took)
    with cast.scored_on(400):
        board = leaderboard.of(number)
    assert ("Of these, tenor took the least time, 2.0 s" in " ".join(drawing.remarks(board))) is named
