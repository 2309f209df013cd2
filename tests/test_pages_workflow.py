"""The workflow page: every state is designed, and every button does what its verb does."""

from datetime import UTC, datetime, timedelta

import pytest
import streamlit as st
from helpers import cast
from helpers.notebooks import (
    RESULTS,
    SCORES,
    began,
    claim,
    click,
    completed,
    done,
    labels,
    page,
    step_of,
    tabular,
    text,
)
from helpers.tables import numbers, turkish
from helpers.visitors import APP, checked, press
from sqlalchemy import update
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

from jobs.engine import remaining
from jobs.tabular import algorithms
from jobs.verbs import datasets, short_form
from jobs.verbs import workflows as verbs
from pages.parts import settings, visitor, words
from pages.parts.workflow import cells, notebook
from store import attempts as stored_attempts
from store import db, logs, steps, tables, workflows
from store.messages import Message
from store.program import COMMAND
from store.steps import Outcome
from store.tables import Status

GRAPH = ":material/account_tree: Graph"


def test_without_an_id_the_page_offers_a_way_on(home):
    """The bare address asks to choose a workflow and lists the latest."""
    cast.play()
    seen = page()
    assert "Choose a workflow" in text(seen) and labels(seen) == ["All workflows", "New workflow"]


@pytest.mark.parametrize("asked", ["abc", "-1", "1.5", "99999999999999999999", "<script>", "١", "1;drop"])
def test_rubbish_in_the_address_is_answered_plainly(home, asked):
    """What is not a number names no workflow, and nobody sees a traceback."""
    assert "does not name a workflow" in text(page(id=asked))


def test_unknown_workflow_is_answered_plainly(home):
    """A number that no workflow has, or has any more, says so."""
    assert "There is no workflow 999" in text(page(id=999))


def test_pending_says_what_it_waits_for(home):
    """The first cell waits for the queue, each other one for those above."""
    seen = text(page(id=tabular()))
    assert "The queue cannot be reached; the step is saved" in seen
    assert "Waiting for Upload" in seen and "Waiting for Preprocess and Train" in seen
    assert "Waiting]" in seen and "created" in seen


def test_running_shows_progress_and_time_left(home):
    """A running cell says which epoch it is at and how long it still takes."""
    number = done(tabular(), "upload", "preprocess")
    steps.beat(
        claim(number, "train"),
        [(1, "val_accuracy", 0.6), (1, "train_accuracy", 0.7)],
        progress=(0.5, Message("text", {"text": "epoch 25 of 50"})),
    )
    began(step_of(number, "train").id, seconds_ago=10)
    seen = page(id=number)
    assert "Cancel" in labels(seen) and "Live · every 2 s" in text(seen)
    assert any("Epoch 25 of 50 · about" in each.proto.text for each in seen.get("progress"))
    assert "Waiting for Train" in text(seen)


def test_completed_says_how_good_it_is_in_plain_words(home):
    """The main score comes with what it means against the simplest guess."""
    seen = page(id=completed())
    assert 'Accuracy 93.4 % (+32 points over always answering "Hayır")' in text(seen)
    assert [(each.label, each.value) for each in seen.metric][:2] == [("Balanced accuracy", "90.0 %"), ("F1", "0.910")]
    assert "12,400 rows · 2 columns · 1.8 MB" in text(seen) and "9,920 training rows" in text(seen)
    assert "Best at epoch 40 of 50 · validation accuracy **93.4 %**" in text(seen)
    assert [tab.label for tab in seen.tabs] == [
        "Scores",
        "Confusion matrix",
        "ROC",
        "Precision and recall",
        "Per class",
        "Importance",
    ]
    assert [each.proto.label for each in seen.get("download_button")] == [
        "Download model",
        "Download metrics",
        "Download report",
    ]
    assert "Cancel" not in labels(seen) and "Live · every 2 s" not in text(seen)


def test_regression_is_summed_up_in_its_own_words(home):
    """For numbers the headline tells how much smaller the errors are."""
    number = done(tabular(), "upload", "preprocess", "train")
    result = {
        "task": "regression",
        "scores": {"r2": 0.812, "rmse": 103.2, "mae": 71.5, "baseline_rmse": 238.0},
        "baseline": {"words": "always answering the mean", "rmse": 238.0},
        "residuals": {"predicted": [1.0, 2.0], "actual": [1.5, 2.0]},
        "warnings": [],
    }
    steps.complete(claim(number, "evaluate"), "e", Outcome(result))
    assert "R² 0.812 (errors 57 % smaller than always answering the mean)" in text(page(id=number))


@pytest.mark.parametrize(
    ("accuracy", "expected"),
    [
        (0.64, "Accuracy 64.0 % (+3 points over x)"),
        (0.614, "Accuracy 61.4 % (no better than x)"),
        (0.5, "Accuracy 50.0 % (−11 points against x)"),
    ],
)
def test_no_gain_is_not_praised(home, accuracy, expected):
    """A model that is no better than the simplest guess is said to be no better, or worse."""
    number = done(tabular(), "upload", "preprocess", "train")
    result = RESULTS["evaluate"] | {
        "scores": SCORES | {"accuracy": accuracy},
        "baseline": {"words": "x", "accuracy": 0.614},
    }
    steps.complete(claim(number, "evaluate"), "e", Outcome(result))
    assert expected in text(page(id=number))


def test_failed_says_why_and_what_to_do(home):
    """The failed cell opens with the reason, the log and Retry; what is below was not run; and it counts as seen."""
    number = done(tabular(), "upload", "preprocess")
    taken = claim(number, "train")
    steps.fail(
        taken,
        Message("refused", {"text": "The numbers grew beyond all bounds; choose a smaller learning rate."}),
        "",
        again=False,
    )
    assert workflows.get(number).seen_at is None
    seen = page(id=number)
    assert [each.value for each in seen.error] == [
        "The numbers grew beyond all bounds; choose a smaller learning rate\\."
    ]
    assert "Change a setting of this step" in text(seen) and "Not run, because train did not complete." in text(seen)
    assert any("beyond all bounds" in each.value for each in seen.code) and "Retry" in labels(seen)
    assert workflows.get(number).seen_at is not None


def test_traceback_is_folded(home):
    """A fault in the program is told in a sentence; its details are there for those who look."""
    number = done(tabular(), "upload")
    steps.fail(
        claim(number, "preprocess"),
        Message("error", {"text": "It stopped with an error: x"}),
        "Traceback: line 3",
        again=False,
    )
    seen = page(id=number)
    fold = next(each for each in seen.expander if each.label == "Technical details")
    assert fold.code[0].value == "Traceback: line 3" and not fold.proto.expanded


def test_cancelled_says_how_far_it_came(home):
    """What was stopped and what never began are told apart, and Retry goes on."""
    number = done(tabular(), "upload", "preprocess")
    steps.beat(claim(number, "train"), progress=(0.24, Message("text", {"text": "epoch 12 of 50"})))
    steps.cancel(number)
    seen = page(id=number)
    assert "Cancelled at epoch 12 of 50." in text(seen) and "Cancelled before it started." in text(seen)
    press(seen, "retry")
    assert workflows.get(number).status is Status.running and step_of(number, "train").attempt == 2


def test_reused_cells_lead_to_where_the_work_was_done(home):
    """A reused cell links to the workflow it comes from, or says that this is gone."""
    first = completed()
    second = done(tabular(parent_id=first, origin="rerun"), "upload", "preprocess", reused_from=first)
    links = [(link.proto.label, link.proto.query_string) for link in page(id=second).get("page_link")]
    assert links.count((f"reused from #{first}", f"id={first}")) == 2
    assert (f"changed from #{first}", f"id={first}") in links
    workflows.remove([first])
    assert text(page(id=second)).count("reused from a workflow that was deleted") == 2


def test_next_attempt_tells_how_it_came_about(home):
    """After a lost worker the cell says when, and from which epoch it went on, and still does when it is over."""
    number = done(tabular(), "upload", "preprocess")
    claim(number, "train")
    steps.lose(
        step_of(number, "train"), Message("worker_lost", {"text": "The worker was lost while it ran this step."})
    )
    told = f"worker lost at {visitor.clock(logs.tail(step_of(number, 'train').id)[-1].at)}, attempt 2"
    assert f"{told} follows" in text(page(id=number))
    taken = claim(number, "train")
    assert f"{told} started over" in text(page(id=number))
    with db.writing() as connection:
        stored_attempts.note_start(connection, taken.step.id, 2, 24)
    assert f"{told} continued from epoch 24" in text(page(id=number))
    steps.complete(taken, "t", Outcome(RESULTS["train"]))
    assert f"{told} continued from epoch 24" in text(page(id=number))


def test_a_workflow_that_nobody_works_on_waits(home):
    """Between its steps a workflow runs; when the next one is not begun for a while, the page says that it waits."""
    number = done(tabular(), "upload", "preprocess")
    assert "Running" in text(page(id=number)) and workflows.get(number).status is Status.running
    with db.writing() as connection:
        connection.execute(
            update(tables.steps)
            .where(tables.steps.c.name == "train")
            .values(ready_at=tables.now() - timedelta(minutes=1))
        )
    assert "Running" not in text(page(id=number))


def test_text_of_users_is_shown_letter_by_letter(home):
    """Names, targets and reasons cannot become markup, links or images."""
    name = "![x](http://evil) :red[y]"
    seen = page(id=(number := tabular(name=name)))
    assert seen.header[0].value == f":gray[#{number}] {words.plain(name)}"
    assert "abone \\*mi\\*" in "".join(each.value for each in seen.caption)


def test_restart_goes_to_the_new_workflow(home):
    """Restart makes a new workflow with the same settings, once, and shows it."""
    first = completed()
    seen = press(page(id=first), "restart")
    second = workflows.get(first + 1)
    assert (second.origin, second.parent_id, second.params) == ("restart", first, workflows.get(first).params)
    assert str(second.id) in seen.query_params["id"] and f"#{second.id}" in seen.header[0].value


def test_restart_of_a_running_one_asks(home):
    """While a workflow has not ended, Restart asks whether a second copy is meant."""
    first = tabular()
    seen = press(page(id=first), "restart")
    assert "is still waiting" in text(seen) and workflows.count(workflows.Filter()) == 1
    seen = press(seen, "restart-twice-sure")
    assert workflows.get(first + 1).parent_id == first and f"#{first + 1}" in seen.header[0].value


def test_a_note_keeps_its_lines_and_an_end_is_a_time(home):
    """What nobody redraws any more does not say how long ago it was."""
    number = completed()
    workflows.describe(number, None, "one\ntwo *stars*")
    seen = page(id=number)
    assert any("one  \ntwo \\*stars" in each.value for each in seen.caption)
    assert "ended at " in text(seen) and "ago" not in next(each.value for each in seen.caption if "took" in each.value)


def test_browser_tabs_say_what_they_show(home, monkeypatch):
    """A tab is named after its workflow and how far that is; others are named after their page."""
    titles = []
    monkeypatch.setattr(st, "set_page_config", lambda **given: titles.append(given.get("page_title")))
    number = tabular(name="big60")
    done(number, "upload")
    page(id=number)
    assert titles[-1] == f"#{number} big60 · 25 % · Trainyard"
    done(number, "preprocess", "train", "evaluate")
    page(id=number)
    assert titles[-1] == f"#{number} big60 · Completed · Trainyard"
    checked(AppTest.from_file(APP, default_timeout=20).switch_page("workflows.py").run())
    assert titles[-1] == "Workflows · Trainyard"


def test_second_click_at_once_is_not_a_second_restart(home):
    """A double click starts one workflow."""
    first = completed()
    seen = page(id=first)
    press(seen, "restart")
    seen.query_params["id"] = str(first)
    press(checked(seen.run()), "restart")
    assert workflows.count(workflows.Filter()) == 2


def test_cancel_asks_first(home):
    """Cancel opens a question; only its answer cancels."""
    number = tabular()
    seen = press(page(id=number), "cancel")
    assert workflows.get(number).status is Status.pending and "Cancel workflow" in labels(seen)
    seen = press(seen, "cancel-sure")
    assert workflows.get(number).status is Status.cancelled
    assert "Cancel workflow" not in labels(seen) and "Retry" in labels(seen)


def test_keeping_it_running_changes_nothing(home):
    """The other answer closes the question."""
    number = tabular()
    seen = press(press(page(id=number), "cancel"), "cancel-keep")
    assert workflows.get(number).status is Status.pending and "Cancel workflow" not in labels(seen)


def test_retry_of_a_failed_step(home):
    """Retry goes on in place, and the page is live again."""
    number = done(tabular(), "upload", "preprocess")
    steps.fail(claim(number, "train"), Message("error", {"text": "It broke."}), "", again=False)
    seen = click(page(id=number), "Retry")
    assert workflows.get(number).status is Status.running and step_of(number, "train").attempt == 2
    assert "Live · every 2 s" in text(seen) and not seen.error


def test_refusal_of_a_verb_is_shown(home):
    """What a verb refuses, because the workflow moved on meanwhile, is said and nothing else happens."""
    number = tabular()
    seen = press(page(id=number), "cancel")
    steps.cancel(number)
    seen = press(seen, "cancel-sure")
    assert any("already cancelled" in each.value for each in seen.error)


def show(seen, name, view):
    """Press one of the small buttons in a cell's head."""
    pills = next(each for each in seen.pills if each.label == f"Show of {name}")
    return checked(pills.set_value(view).run())


def setting(seen, name):
    return next(each for each in [*seen.number_input, *seen.selectbox] if each.key.endswith(f"-{name}"))


def test_changed_setting_marks_the_cells_below_and_runs_from_there(home):
    """A change marks its cell and those below, says what would be reused, and runs as a new workflow."""
    first = completed()
    seen = show(page(id=first), "Train", cells.SETTINGS)
    assert "Run from here" not in labels(seen)
    seen = checked(setting(seen, "learning_rate").set_value(0.5).run())
    assert text(seen).count("Changed, not run]") == 1 and text(seen).count("Out of date: changed above]") == 1
    assert "train and evaluate run." in text(seen)
    assert f"python -m jobs rerun {first} --from train --set learning_rate=0.5" in "".join(
        each.value for each in seen.code
    )
    seen = press(seen, "run-from-here")
    second = workflows.get(first + 1)
    assert (second.origin, second.parent_id, second.params["learning_rate"]) == ("rerun", first, 0.5)
    assert workflows.get(first).params["learning_rate"] != 0.5 and str(second.id) in seen.query_params["id"]


def test_changes_are_kept_while_another_view_is_open_and_can_be_discarded(home):
    """Looking at the log does not lose what was changed; Discard does."""
    seen = show(page(id=completed()), "Train", cells.SETTINGS)
    seen = checked(setting(seen, "epochs").set_value(7).run())
    seen = show(seen, "Train", cells.LOG)
    assert "Run from here" in labels(seen)
    seen = show(seen, "Train", cells.SETTINGS)
    assert setting(seen, "epochs").value == 7
    seen = press(seen, "discard")
    assert "Run from here" not in labels(seen) and setting(seen, "epochs").value == 50


def test_other_algorithm_brings_its_own_settings(home):
    """Choosing another algorithm asks for what that one uses."""
    seen = show(page(id=completed()), "Train", cells.SETTINGS)
    seen = checked(setting(seen, "algorithm").set_value("mlp").run())
    assert any("-batch_size" in each.key for each in seen.number_input) and "Run from here" in labels(seen)
    assert "logistic regression → Neural network".lower() in text(seen).lower()
    press(seen, "run-from-here")
    assert workflows.find(workflows.Filter())[0].facets["algorithm"] == "mlp"


def test_untouched_settings_and_names_follow_another_algorithm(home):
    """What nobody touched takes the new algorithm's default, and the page says so; only a given name is kept."""
    first = tabular()
    started = workflows.get(first)
    seen = show(page(id=first), "Train", cells.SETTINGS)
    seen = checked(setting(seen, "algorithm").set_value("hist_gradient_boosting").run())
    assert "learning rate 0.01 → 0.1" in text(seen)
    assert "algorithm Logistic regression → Boosting" in text(seen)
    press(seen, "run-from-here")
    second = workflows.get(first + 1)
    assert second.params["learning_rate"] == 0.1 and started.params["learning_rate"] == 0.01


def test_compose_takes_data_from_one_and_settings_from_the_other(home):
    """The dialog shows what differs, what is reused, and starts it."""
    first, second = completed(), completed(name="slower", learning_rate=0.002, epochs=7)
    seen = press(page(id=first), "compose")
    assert seen.selectbox(key="compose-data").value == first and seen.selectbox(key="compose-config").value == second
    table = next(each.value for each in seen.dataframe if "Differs in" in each.value)
    assert dict(zip(table["Differs in"], table["New workflow"], strict=True)) == {
        "Learning rate": "0.002",
        "Epochs": "7",
    }
    assert any(f"compose --data-from {first} --config-from {second}" in each.value for each in seen.code)
    press(seen, "compose-start")
    made = workflows.get(second + 1)
    assert (made.origin, made.inputs, made.params["epochs"]) == ("compose", workflows.get(first).inputs, 7)
    assert (made.parent_id, made.config_from) == (first, second)
    links = [link.proto.label for link in page(id=made.id).get("page_link")]
    assert f"data of #{first}" in links and f"with the settings of #{second}" in links


def test_compose_offers_what_fits_the_data(home):
    """An algorithm for classes does not fit data of a number: one that does is chosen instead, and Start is there."""
    houses = datasets.add([numbers(rows=60)], "houses.csv")
    churn = datasets.add([turkish(rows=60)], "churn.csv")
    fits = short_form.start(houses.id, "price", "sgd_regressor", {"epochs": 4})
    config = short_form.start(churn.id, "abone mi", "hist_gradient_boosting", {"test_size": 0.3})
    data = short_form.start(houses.id, "price", "hist_gradient_boosting_regressor")
    seen = press(page(id=data.id), "compose")
    assert seen.selectbox(key="compose-config").value == fits.id, "what fits is proposed first"
    assert "epochs 4" in text(seen) and "Target: price" in text(seen)
    seen = checked(seen.selectbox(key="compose-config").set_value(config.id).run())
    instead = seen.selectbox(key=f"compose-instead-{data.id}-{config.id}")
    assert instead.value == "hist_gradient_boosting_regressor" and "does not fit this data" in text(seen)
    press(seen, "compose-start")
    made = workflows.find(workflows.Filter(), 1)[0]
    assert (made.origin, made.facets["algorithm"]) == ("compose", "hist_gradient_boosting_regressor")
    assert made.params["test_size"] == 0.3


def test_what_is_proposed_is_not_told_as_chosen(home):
    """Few rows are passed over more often; nobody chose that, so the configuration does not name it."""
    churn = datasets.add([turkish(rows=60)], "churn.csv")
    proposed = short_form.start(churn.id, "abone mi", "LR")
    assert proposed.params["epochs"] == 100
    assert settings.changed(proposed) == {"Algorithm": "Logistic regression"}
    chosen = short_form.start(churn.id, "abone mi", "LR", {"epochs": 7})
    assert settings.changed(chosen) == {"Algorithm": "Logistic regression", "Epochs": "7"}


def test_name_and_note_can_be_changed(home):
    """A new name is shown at once; an empty one is refused with a sentence."""
    number = completed()
    seen = page(id=number)
    seen.session_state["workflow-state"].ask("describe", (number,))
    seen = checked(seen.run())
    seen.text_input(key=f"describe-name-{number}").set_value("  ")
    assert any("needs a name" in each.value for each in press(seen, "describe-save").error)
    seen.text_input(key=f"describe-name-{number}").set_value("better")
    seen.text_area(key=f"describe-note-{number}").set_value("as *expected*")
    seen = press(seen, "describe-save")
    assert (workflows.get(number).name, workflows.get(number).note) == ("better", "as *expected*")
    assert "better" in seen.header[0].value and "as *expected*" in text(seen)


def test_deleted_while_it_is_looked_at(home):
    """Delete asks, says what goes, and leads to the list, which says that it is deleted."""
    number = completed()
    seen = page(id=number)
    seen.session_state["workflow-state"].ask("delete", (number,))
    seen = checked(seen.run())
    assert "permanently deletes" in text(seen)
    seen = press(seen, "delete-sure")
    assert seen.header[0].value == "Workflows" and f"#{number} is deleted." in seen.toast[0].value.replace("\\", "")


def test_workflow_of_ones_own_pipeline_is_shown_too(home):
    """Steps nobody drew a picture for show what they returned."""
    number = cast.play(number=3)
    steps.complete(claim(number, "greet"), "g", Outcome({"said": "hello *you*"}))
    taken = claim(number, "count")
    steps.complete(taken, "c", Outcome({"scores": {"accuracy": 0.5}}), [(1, "count", 1.0), (2, "count", 2.0)])
    steps.complete(claim(number, "judge"), "j", Outcome({"read": "3"}))
    seen = text(page(id=number))
    assert "Said: hello *you*" in seen and "Accuracy 50.0 %" in seen and "Read: 3" in seen


def test_pipeline_that_is_no_longer_loaded(home):
    """What was done is shown even when the code that did it is gone."""
    number = cast.play()
    with db.writing() as connection:
        connection.execute(update(tables.workflows).values(pipeline="gone"))
    assert "Greet" in text(page(id=number))


@pytest.mark.parametrize(("progress", "expected"), [(None, None), (0.0, None), (0.5, 10.0), (0.8, 2.5)])
def test_time_left_goes_by_the_pace_so_far(home, progress, expected):
    """Half done after ten seconds means ten more; without progress nothing is promised."""
    number = cast.play()
    taken = claim(number, "greet")
    steps.beat(taken, progress=(progress, None) if progress is not None else None)
    began(taken.step.id, seconds_ago=10)
    book = notebook.read(number)
    left = remaining.seconds_left(book.step("greet"), book.attempts)
    assert left is None if expected is None else left == pytest.approx(expected, abs=1.5)


def test_time_left_is_not_guessed_from_the_first_seconds(home):
    """What a step needs to start up is not its pace."""
    number = cast.play()
    taken = claim(number, "greet")
    steps.beat(taken, progress=(0.01, None))
    began(taken.step.id, seconds_ago=2)
    book = notebook.read(number)
    assert remaining.seconds_left(book.step("greet"), book.attempts) is None


def test_time_left_is_told_after_a_retry(home):
    """A person's Retry begins the count anew."""
    number = cast.play()
    claim(number, "greet")
    verbs.cancel(number)
    verbs.retry(number)
    taken = claim(number, "greet")
    assert taken.step.attempt == 2
    steps.beat(taken, progress=(0.0, None))
    steps.beat(taken, progress=(0.5, None))
    began(taken.step.id, seconds_ago=10)
    book = notebook.read(number)
    assert remaining.seconds_left(book.step("greet"), book.attempts) == pytest.approx(10, abs=1.5)


def test_a_training_on_some_of_the_rows_says_so(home):
    """Where not all rows were learned from, the cell tells how many of how many."""
    number = tabular()
    done(number, "upload", "preprocess", "train")
    with db.writing() as connection:
        result = {**step_of(number, "train").result, "learned_rows": 1_000, "given_rows": 4_000}
        connection.execute(
            update(tables.steps).where(tables.steps.c.id == step_of(number, "train").id).values(result=result)
        )
    assert "trained on 1,000 random rows of 4,000" in text(page(id=number))


def test_every_offered_command_is_a_command_and_a_request_that_exist(home):
    """What the page offers to type is known to the command line and to the API."""
    import shlex

    from starlette.routing import Match
    from typer.main import get_command

    from api.app import create
    from jobs.cli.app import app as terminal
    from pages.parts import commands

    offered = [
        commands.restart(1),
        commands.retry(1),
        commands.cancel(1),
        commands.compose(1, 2),
        commands.compose(1, 2, {"algorithm": "linear_svm"}),
        commands.cancel_all([1, 2]),
        commands.delete_datasets([1, 2]),
        commands.describe(1),
        commands.delete_all([1]),
        commands.show(1),
        *commands.downloads(1, with_model=True),
        commands.run("sales of mine", {"goal": 5, "on": True, "limit": None}, {"data": 1, "other": 2}, "Ayşe's run"),
        commands.rerun(1, "eğit[2]", {"epochs": 5}),
        commands.rerun(1, "train", {"learning_rate": 0.5, "features": ["a b", "c"], "early_stopping": True}),
    ]
    known, routes = get_command(terminal).commands, create().routes
    for command in offered:
        if command.command:
            name, *arguments = shlex.split(command.command)[len(COMMAND.split()) :]
            known[name].make_context(name, arguments)
            assert "=None" not in command.command
        typed = shlex.split(command.request)
        method = typed[typed.index("-X") + 1] if "-X" in typed else "GET"
        path = next(word for word in typed if "/api/" in word).partition("/api")[2]
        scope = {"type": "http", "path": path, "root_path": "", "method": method, "headers": []}
        assert any(route.matches(scope)[0] is Match.FULL for route in routes), command.request


def test_steps_can_be_seen_as_a_graph(home):
    """The switch draws the steps as a picture; the step that failed is open below it, and any other can be picked."""
    number = done(tabular(), "upload", "preprocess")
    steps.fail(claim(number, "train"), Message("error", {"text": "It broke."}), "", again=False)
    seen = page(id=number)
    seen = checked(seen.button_group(key="workflow-view").set_value(GRAPH).run())
    drawing = next(each.value for each in seen.markdown if "flowchart" in each.value)
    assert "Train<br/>Failed" in drawing and drawing.count("-->") >= 3
    assert "It broke." in text(seen) and "12,400 rows" not in text(seen)
    seen = checked(seen.button_group(key=f"graph-{number}").set_value("upload").run())
    assert "12,400 rows" in text(seen)


def test_a_default_that_nobody_touched_follows_the_algorithm(home):
    """Changing the algorithm asks for its own learning rate, and not for that of the one before."""
    seen = show(page(id=completed()), "Train", cells.SETTINGS)
    seen = checked(setting(seen, "algorithm").set_value("hist_gradient_boosting").run())
    rate = next(each for each in seen.number_input if "-learning_rate" in each.key)
    assert rate.value == 0.1


def test_a_zoomed_curve_has_a_way_back_once_all_is_over(home):
    """On a completed workflow, too, a button shows all epochs again: a double click is none by keyboard or touch."""
    number = completed()
    train = step_of(number, "train")
    seen = page(id=number)
    seen.session_state[f"zoom-{train.id}"] = (10, 20)
    checked(seen.run())
    assert seen.button(key=f"unzoom-{train.id}").label == "Epochs 10 to 20 · Show all epochs"
    press(seen, f"unzoom-{train.id}")
    assert f"zoom-{train.id}" not in seen.session_state
    assert not [each for each in seen.button if each.key == f"unzoom-{train.id}"]


@pytest.mark.parametrize(
    ("zone", "clock"), [("Europe/Istanbul", "00:17:47"), ("Mars/Base", "21:17:47"), (None, "21:17:47")]
)
def test_log_lines_are_by_the_clock_of_the_visitor(home, monkeypatch, zone, clock):
    """A browser in Istanbul reads its own hours; one whose zone is not known reads UTC, as the line below says."""
    monkeypatch.setattr(ContextProxy, "timezone", property(lambda _self: zone))
    number = done(tabular(), "upload", "preprocess")
    mine = claim(number, "train")
    steps.beat(mine, [], lines=[(datetime(2026, 11, 21, 21, 17, 47, tzinfo=UTC), "info", "half of it is done")])
    seen = page(id=number)
    pills = next(each for each in seen.button_group if each.key.startswith(f"show-{mine.step.id}"))
    checked(pills.set_value(cells.LOG).run())
    assert [each.value for each in seen.code if "half of it" in each.value] == [f"{clock}  half of it is done"]
    shown = zone if clock != "21:17:47" else "UTC"
    assert any(each.value.endswith(f"{shown}, by worker\\-1") for each in seen.caption)


def test_settings_of_train_offer_what_fits_the_target(home):
    """Algorithms that would be refused once they are chosen are not among the choices."""
    number = completed()
    train = step_of(number, "train")
    seen = page(id=number)
    pills = next(each for each in seen.button_group if each.key.startswith(f"show-{train.id}"))
    checked(pills.set_value(cells.SETTINGS).run())
    offered = next(each for each in seen.selectbox if each.label == "Algorithm").options
    assert "Boosting" in offered and "Neural network" in offered and not [each for each in offered if "numbers" in each]
    classes = [each.label for each in algorithms.ALGORITHMS.values() if each.task == "classification"]
    assert sorted(offered) == sorted(classes)


def test_what_cannot_be_undone_is_red(home):
    """The button that deletes is red and comes last; the one that only stops something is not."""
    number = completed()
    seen = page(id=number)
    seen.session_state["workflow-state"].ask("delete", (number,))
    checked(seen.run())
    keys = [each.key for each in seen.button if str(each.key).startswith("delete-")]
    assert keys[:2] == ["delete-keep", "delete-sure"] and seen.button(key="delete-sure").label.startswith(":red[")


def test_a_bar_has_the_colour_of_progress_only_where_there_is_some(home):
    """The bar of a failed step is empty and its name red: a blue one at 90 % would say that it goes on."""
    number = done(tabular(), "upload", "preprocess")
    mine = claim(number, "train")
    steps.beat(mine, [], progress=(0.9, Message("text", {"text": "epoch 45 of 50"})))
    assert notebook.share(step_of(number, "train")) == 0.9
    steps.fail(mine, Message("error", {"text": "It broke."}), "", again=False)
    assert notebook.share(step_of(number, "train")) == 0 and notebook.share(step_of(number, "upload")) == 1
