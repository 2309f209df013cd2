"""The page New, as an analyst meets it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from helpers.notebooks import completed
from streamlit.testing.v1 import AppTest

from jobs.engine.queue_view import QueueCounts, Queues, WorkerRow
from jobs.pipelines import Param
from jobs.tabular.column import Column
from jobs.verbs.workflows import CellPlan, Draft
from pages.parts import forms, presentations, words
from pages.parts.new import start
from pages.parts.queue import look
from pages.parts.tabular import profile as drawn
from store import datasets, workflows
from store.messages import Message
from store.settings import settings
from store.tables import now
from store.workflows import Filter

APP = str(Path(__file__).parent.parent / "pages" / "navigation.py")
CITIES = ("İstanbul", "Ankara", "İzmir")
NASTY = "![x](http://evil/p.png) $a$ <b>"


def rows(number=40):
    lines = [f"müşteri no;şehir;gelir;{NASTY};abone mi"]
    for row in range(number):
        lines.append(f"{row + 1};{CITIES[row % 3]};{row * 37 % 91},5;{row % 7};{'Evet' if row % 3 else 'Hayır'}")
    return "\r\n".join(lines).encode("cp1254")


@pytest.fixture
def fresh(home):
    """The page as it first comes up."""
    return AppTest.from_file(APP, default_timeout=30).switch_page("new.py").run()


@pytest.fixture
def filled(fresh):
    """The page after a Turkish file was dropped on it."""
    return uploaded(fresh, "müşteriler.csv", rows())


def uploaded(page, name, content):
    page.file_uploader[0].upload(name, content)
    return page.run()


def said(page):
    """Everything on the page that is read as Markdown."""
    elements = [*page.markdown, *page.caption, *page.error, *page.warning, *page.info, *page.header]
    return "\n".join(str(element.value) for element in elements)


def button(page, key):
    return page.button(key=key)


def test_first_visit_offers_the_three_ways(fresh):
    """Somebody who comes for the first time sees where to drop a file and the sample, and no error."""
    assert not fresh.exception
    assert [uploader.label for uploader in fresh.file_uploader] == ["Drop a table: CSV, Excel, Parquet or JSON lines"]
    assert button(fresh, "new-sample").label == "Try it with the sample"
    assert not [element for element in fresh.button if element.label == "Start training"]


def test_sample_and_start_are_two_clicks(fresh):
    """Somebody who wants no choices gets a workflow from the sample with two clicks."""
    button(fresh, "new-sample").click()
    fresh.run()
    assert not fresh.exception
    button(fresh, "new-start").click()
    fresh.run()
    started = workflows.find(Filter())
    assert len(started) == 1 and started[0].facets["algorithm"] == "logistic_regression"
    assert fresh.query_params["id"] == str(started[0].id)


def test_dropped_file_is_described_and_a_target_proposed(filled):
    """A Turkish file is read as it was written, and the page says how, and what it would predict."""
    assert not filled.exception
    assert filled.query_params["dataset"] == str(datasets.find()[0].id)
    assert "cp1254, semicolon, decimal comma" in said(filled)
    assert "40 rows" in said(filled) and "5 columns" in said(filled)
    target = next(box for box in filled.selectbox if box.label == "What should be predicted?")
    assert target.value == "abone mi"
    assert "2 classes" in said(filled) and "Evet (65 %), Hayır (35 %)" in said(filled)


def test_bytes_leave_the_session(filled):
    """After a file was taken in, the widget that held its bytes is gone."""
    assert all(uploader.value is None for uploader in filled.file_uploader)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("picture.csv", b"\x89PNG\r\n\x1a\n" + b"0" * 200, "picture"),
        ("empty.csv", b"", "empty"),
        ("broken.csv", b"a,b\n" + b"1,2\n" * 30 + b"1,2,3\n", "32"),
    ],
)
def test_refused_file_is_explained(fresh, name, content, words):
    """What cannot be read is refused in plain words, and nothing is kept."""
    uploaded(fresh, name, content)
    assert not fresh.exception
    assert words in fresh.error[0].value and "Nothing was saved" in fresh.error[0].value
    assert datasets.count() == 0


def test_start_hands_over_what_is_on_the_page(filled):
    """The workflow gets the target, the algorithm and the changed setting, and the reader is taken to it."""
    filled.button_group[0].set_value("linear_svm")
    filled.run()
    next(box for box in filled.number_input if box.label == "Epochs").set_value(3)
    filled.run()
    assert "epochs 3" in said(filled)
    filled.text_input(key="new-name").set_value("my *first* one")
    filled.run()
    button(filled, "new-start").click()
    filled.run()
    assert not filled.exception
    started = workflows.find(Filter())
    assert [(one.name, one.facets["target"], one.facets["algorithm"], one.params["epochs"]) for one in started] == [
        ("my *first* one", "abone mi", "linear_svm", 3)
    ]


def test_double_click_starts_one_workflow(filled, monkeypatch):
    """A second click that arrives before the page has changed finds the workflow of the first."""
    import streamlit as st

    monkeypatch.setattr(st, "switch_page", lambda *_args, **_more: None)
    for _click in range(2):
        button(filled, "new-start").click()
        filled.run()
    assert workflows.count(Filter()) == 1
    filled.run()
    button(filled, "new-start").click()
    filled.run()
    assert workflows.count(Filter()) == 2


def test_settings_survive_another_file(filled):
    """A changed setting and a chosen algorithm stay when other data is chosen."""
    filled.button_group[0].set_value("perceptron")
    filled.run()
    next(box for box in filled.number_input if box.label == "Epochs").set_value(4)
    filled.run()
    button(filled, "new-sample").click()
    filled.run()
    assert not filled.exception
    assert filled.button_group[0].value == "perceptron"
    assert next(box for box in filled.number_input if box.label == "Epochs").value == 4


def test_numeric_target_offers_only_regression(filled):
    """Only algorithms that fit the target can be picked."""
    next(box for box in filled.selectbox if box.label == "What should be predicted?").set_value("gelir")
    filled.run()
    assert not filled.exception
    assert "A number" in said(filled)
    assert set(filled.button_group[0].options) == {
        "Linear regression",
        "Neural network",
        "Boosting",
    }


def test_reading_it_differently_becomes_a_new_version(filled):
    """Another decimal mark makes another version, which the page then shows."""
    next(box for box in filled.selectbox if box.label == "Decimal mark").set_value(".")
    next(element for element in filled.button if element.label == "Read it again").click()
    filled.run()
    assert not filled.exception
    assert {version.version for version in datasets.versions("müşteriler")} == {1, 2}
    assert "decimal point" in said(filled)


def test_dataset_from_the_list_can_be_chosen_again(filled):
    """Picking a dataset shows it, and leaves the list ready to pick the same one later."""
    button(filled, "new-sample").click()
    filled.run()
    first = next(dataset for dataset in datasets.find() if dataset.name == "müşteriler")
    filled.selectbox(key="new-pick").set_value(first.id)
    filled.run()
    assert filled.query_params["dataset"] == str(first.id)
    assert filled.selectbox(key="new-pick").value is None


def test_values_that_do_not_fit_give_way_to_the_default():
    """A value kept from another algorithm or file never makes a form fail."""
    from jobs.pipelines import Param
    from pages.parts import forms

    epochs = Param("epochs", "int", 10, "Epochs", low=1, high=100)
    assert [forms.fitting(epochs, value) for value in (7, "8", 1_000, "many", None)] == [7, 8, 10, 10, 10]


def test_shares_of_a_large_file_need_no_row_count():
    """Where only the first part was profiled, the classes are still shown with their shares."""
    from pages.parts.tabular import profile

    column = Column("left", "yes_no", distinct=2, missing=3, top=[["yes", 61], ["no", 39]])
    assert profile.target_words(column, None) == "2 classes: yes (61 %), no (39 %)"


@pytest.mark.parametrize("rubbish", ["999", "abc", "", "1; drop", "9" * 40])
def test_unknown_dataset_in_the_url(home, rubbish):
    """A link to a dataset that is not there says so and offers the ways to data."""
    page = AppTest.from_file(APP, default_timeout=30).switch_page("new.py")
    page.query_params["dataset"] = rubbish
    page.run()
    assert not page.exception
    assert "Choose other data" in page.warning[0].value
    assert page.file_uploader


def test_link_holds_dataset_target_and_algorithm(filled):
    """A shared link shows a colleague the same dataset, target and algorithm."""
    other = AppTest.from_file(APP, default_timeout=30).switch_page("new.py")
    other.query_params.update({"dataset": filled.query_params["dataset"], "target": "şehir", "algorithm": "mlp"})
    other.run()
    assert next(box for box in other.selectbox if box.label == "What should be predicted?").value == "şehir"
    assert other.button_group[0].value == "mlp"


def test_leaving_every_column_out_is_refused(home, monkeypatch):
    """A workflow without a single column to learn from cannot be started, and the page says so."""
    from pages.parts.tabular import profile

    none = lambda columns, *_more: ({column.name: False for column in columns}, {})  # noqa: E731
    monkeypatch.setattr(profile, "column_choice", none)
    page = AppTest.from_file(APP, default_timeout=30).switch_page("new.py").run()
    uploaded(page, "müşteriler.csv", rows())
    assert "choose at least one" in page.error[0].value
    assert button(page, "new-start").disabled


def test_hostile_names_stay_text(fresh):
    """A column or file name is never a link, a picture or a formula."""
    uploaded(fresh, f"{NASTY}.csv", rows())
    assert "](" not in said(fresh) and "$a$" not in said(fresh)


def test_back_from_a_workflow_shows_what_it_was_started_with(filled):
    """Who goes Back after the start, to change one thing, finds the form as it was and not an empty one."""
    button(filled, "new-start").click()
    filled.run()
    workflow = workflows.find(Filter(), limit=1)[0]
    back = AppTest.from_file(APP, default_timeout=30)
    back.query_params["id"] = str(workflow.id)
    back.switch_page("new.py").run()
    assert not back.exception
    assert back.selectbox(key=f"new-target-{workflow.data.dataset_id}").value == "abone mi"


def test_counts_that_reach_every_row_are_exact():
    """1,500 different values in 1,500 rows are not 1,500+."""
    column = Column("no", distinct=1500, distinct_exact=False)
    assert list(drawn._distinct([column], 1500)) == [1500]
    assert list(drawn._distinct([column], 9000)) == ["1,500+"]


def test_refusals_name_algorithms_as_people_read_them():
    """A sentence about a refusal has the labels that the form shows."""
    others = ["sgd_regressor", "hist_gradient_boosting_regressor"]
    values = {"target": "sgd_regressor", "count": 812, "others": others}
    assert presentations.refusal(Message("too_many_numbers_for_classes", values)) == (
        "'sgd_regressor' has 812 different values, too many for classes; choose from Linear regression, "
        "Boosting (numbers)."
    )


def test_estimates_have_no_more_digits_than_they_deserve():
    said = [words.roughly(seconds) for seconds in (0.4, 12.3, 52, 200, 9000)]
    assert said == ["1 s", "12 s", "50 s", "3 minutes", "2 hours"]


def test_a_sample_is_told_before_it_is_taken(home, monkeypatch):
    """An algorithm that cannot hold all rows says from how many it would learn, before anything starts."""
    from jobs.tabular import algorithms
    from jobs.verbs import datasets as verbs

    big = verbs.add([b"a,b\n" + b"".join(b"%d.5,%d\n" % (row * 7 % 101, row % 2) for row in range(3_000))], "big.csv")
    monkeypatch.setattr(algorithms, "IN_MEMORY_BYTES", 8 * 1_000)

    def page(algorithm):
        opened = AppTest.from_file(APP, default_timeout=30).switch_page("new.py")
        opened.query_params.update({"dataset": str(big.id), "target": "b", "algorithm": algorithm})
        opened.run()
        assert not opened.exception
        return said(opened)

    told = "Boosting needs its rows in memory, so it learns from about 1,000 random rows of the 1,950"
    assert told in page("hist_gradient_boosting")
    assert "random rows" not in page("logistic_regression")
    assert not workflows.find(Filter())


def opened(**query):
    page = AppTest.from_file(APP, default_timeout=30).switch_page("new.py")
    page.query_params.update(query)
    page.run()
    assert not page.exception, [each.message for each in page.exception]
    return page


def test_every_pipeline_has_a_card(home):
    """The page begins with what can be run; a card opens the form of its pipeline."""
    page = opened()
    keys = [each.key for each in page.button]
    assert {"new-open-tabular", "new-open-play", "new-open-diamond"} <= set(keys)
    page.button(key="new-open-diamond").click().run()
    assert not page.exception
    assert page.query_params["pipeline"] in ("diamond", ["diamond"])
    assert "Not run yet" in said(page) and "flowchart" in said(page)
    assert "new-sample" not in [button.key for button in page.button]


def test_a_pipeline_without_a_dataset_is_started_from_its_form(home):
    """Its params are the form; what was changed is what the workflow starts with."""
    page = opened(pipeline="diamond")
    number = next(each for each in page.number_input if each.label == "Number")
    number.set_value(4).run()
    assert "Changed: number 4" in said(page)
    page.button(key="new-start").click().run()
    assert not page.exception
    started = workflows.find(Filter())
    assert [(one.pipeline, one.params, one.inputs) for one in started] == [("diamond", {"number": 4}, {})]
    assert "#1" in "".join(link.proto.label for link in opened(pipeline="diamond").get("page_link")).replace("\\", "")


def test_a_pipeline_that_needs_a_dataset_says_so(home):
    """Without its input there is no start; with it, the workflow has it."""
    from jobs.verbs import datasets as verbs

    page = opened(pipeline="play")
    assert page.button(key="new-start").disabled and "Choose a dataset for **Data**" in page.info[0].value
    assert not page.error
    dataset = verbs.add([b"a,b\n" + b"1,2\n" * 30], "tiny.csv")
    page = opened(pipeline="play", data=str(dataset.id))
    page.button(key="new-start").click().run()
    assert not page.exception
    assert workflows.find(Filter())[0].inputs["data"].dataset_id == dataset.id


def test_back_from_any_workflow_shows_what_it_was_started_with(home):
    """Back from a workflow of any pipeline finds its form filled with its settings."""
    from jobs.verbs import workflows as verbs

    started = verbs.start("diamond", {"number": 7})
    page = opened(id=str(started.id))
    assert next(each for each in page.number_input if each.label == "Number").value == 7


def test_the_form_begins_with_what_the_pipeline_proposes(home, proposing):
    """Once its dataset is chosen, the form shows what a command would propose, says so, and starts with it."""
    from jobs.verbs import datasets as verbs

    page = opened(pipeline="proposing")
    assert page.selectbox(key=form_key(page, "column")).disabled
    dataset = verbs.add([b"a,b\n" + b"1,2\n" * 30], "tiny.csv")
    page = opened(pipeline="proposing", data=str(dataset.id))
    assert page.selectbox(key=form_key(page, "column")).value == "b"
    assert 'column "b", rows 30, goal 60' in said(page) and "Changed" not in said(page)
    page.button(key="new-start").click().run()
    assert not page.exception
    assert workflows.find(Filter())[0].params == {"column": "b", "goal": 60.0, "rows": 30}


def test_what_is_chosen_wins_over_a_proposal_which_follows_it(home, proposing):
    """A changed setting stays, what is proposed beside it follows, and Reset returns to the proposal."""
    from jobs.verbs import datasets as verbs

    dataset = verbs.add([b"a,b\n" + b"1,2\n" * 30], "tiny.csv")
    page = opened(pipeline="proposing", data=str(dataset.id))
    page.number_input(key=form_key(page, "rows")).set_value(10).run()
    assert page.number_input(key=form_key(page, "goal")).value == 20
    page.selectbox(key=form_key(page, "column")).set_value("a").run()
    assert 'Changed: rows 10, column "a"' in said(page).replace('column "a", rows 10', 'rows 10, column "a"')
    page.button(key="new-defaults").click().run()
    assert [
        page.selectbox(key=form_key(page, "column")).value,
        page.number_input(key=form_key(page, "goal")).value,
    ] == [
        "b",
        60,
    ]
    page.selectbox(key=form_key(page, "column")).set_value("a").run()
    page.button(key="new-start").click().run()
    started = workflows.find(Filter())[0]
    assert started.params == {"column": "a", "goal": 60.0, "rows": 30}
    back = opened(id=str(started.id))
    assert back.selectbox(key=form_key(back, "column")).value == "a" and 'Changed: column "a"' in said(back)


def test_commands_and_requests_start_with_the_same_proposal(home, proposing, capsys):
    """Whatever is left out of a command or a request is as the page would propose it."""
    from starlette.testclient import TestClient

    from api.app import create
    from jobs.cli.app import main
    from jobs.verbs import datasets as verbs

    dataset = verbs.add([b"a,b\n" + b"1,2\n" * 30], "tiny.csv")
    asked = {"pipeline": "proposing", "inputs": {"data": dataset.id}, "params": {"rows": 10}}
    made = TestClient(create(), base_url="http://localhost").post("/workflows", json=asked)
    assert made.json()["params"] == {"column": "b", "rows": 10, "goal": 20.0}
    main(["submit", "--pipeline", "proposing", "--input", f"data={dataset.id}", "--set", "rows=10"])
    assert workflows.find(Filter())[0].params == {"column": "b", "rows": 10, "goal": 20.0}
    capsys.readouterr()


@pytest.fixture
def proposing(monkeypatch):
    """A pipeline that proposes the last column, and a goal that depends on how many rows are wanted."""
    from jobs.pipelines import Param, pipeline, registry, step

    def propose(chosen, inputs):
        rows = chosen.get("rows", inputs["data"].rows)
        return {"column": inputs["data"].columns[-1]["name"], "rows": rows, "goal": 2.0 * rows} | dict(chosen)

    params = [
        Param("column", "column", "", "Column"),
        Param("rows", "int", 1, "Rows", low=1),
        Param("goal", "float", 5.0, "Goal"),
    ]

    @step("take", reads_dataset=True, params=params)
    def take(context):
        return {}

    monkeypatch.setattr(registry, "_here", dict(registry._here))
    return pipeline("proposing", take, propose=propose)


def form_key(page, name):
    """The key of a setting's widget, which changes with its proposal."""
    of = f"-take-{name}"
    return next(each.key for each in [*page.selectbox, *page.number_input] if of in str(each.key))


def test_a_pipeline_that_is_not_known_is_said(home):
    """A link to a pipeline that is gone says so, and the page is still of use."""
    page = opened(pipeline="![x](http://evil)")
    assert "There is no pipeline" in page.warning[0].value and "](http" not in page.warning[0].value
    assert page.file_uploader


def test_a_module_that_cannot_be_loaded_is_named(home, tmp_path, monkeypatch):
    """Where pipelines of a broken module are missing, the page says which module and why; others can be started."""
    (tmp_path / "broken_of_test.py").write_text("def half(:\n")
    monkeypatch.setenv("TRAINYARD_PROJECT", str(tmp_path))
    monkeypatch.setenv("TRAINYARD_PIPELINES", "broken_of_test")
    settings.cache_clear()
    page = AppTest.from_file(APP, default_timeout=30).switch_page("new.py").run()
    assert ["'broken_of_test'" in each.value.replace("\\", "") for each in page.warning] == [True]
    settings.cache_clear()


@pytest.mark.parametrize(
    ("label", "shown"),
    [("Preprocess", "preprocess"), ("İndir", "İndir"), ("Isı sınırı", "Isı sınırı"), ("AUC", "AUC"), ("R²", "R²")],
)
def test_labels_within_sentences(label, shown):
    """English words begin small within a sentence; Turkish ones and abbreviations stay as their author wrote them."""
    assert words.inside(label) == shown


def test_a_column_that_is_ticked_is_not_left_out(filled):
    """The line about a column goes when it is ticked, and comes back with the proposal."""
    left_out = "müşteri no is left out"
    assert left_out in said(filled)
    filled.query_params["columns"] = '{"müşteri no":true}'
    assert left_out not in said(filled.run())
    del filled.query_params["columns"]
    assert left_out in said(filled.run())


def test_settings_and_ticks_are_in_the_address(filled):
    """A reload finds what was set, and an address without it, as that of New in the menu, an empty form."""
    filled.number_input(key=next(each.key for each in filled.number_input if each.label == "Epochs")).set_value(7)
    filled.run()
    asked = dict(filled.query_params)
    assert "epochs" in str(asked["settings"])
    asked = {name: value if isinstance(value, str) else value[0] for name, value in asked.items()}
    again = opened(**asked | {"columns": '{"müşteri no":true}'})
    assert "epochs 7" in said(again) and "müşteri no is left out" not in said(again)
    for name in ("settings", "columns"):
        del again.query_params[name]
    assert "epochs 7" not in said(again.run()) and "müşteri no is left out" in said(again)


def test_the_form_shows_what_is_proposed(filled):
    """Where another value than the default is proposed, the form has it, and the default can still be chosen."""
    epochs = next(each for each in filled.number_input if each.label == "Epochs")
    assert epochs.value == 100
    epochs.set_value(10).run()
    assert "epochs 10" in said(filled)
    button(filled, "new-start").click()
    filled.run()
    assert workflows.find(Filter(), limit=1)[0].params["epochs"] == 10


def test_a_whole_number_is_classes_or_a_number(filled):
    """A target that can be both is asked about; as a number it gets the algorithms for numbers."""
    filled.selectbox(key=f"new-target-{datasets.find()[0].id}").set_value(NASTY).run()
    [task] = [each for each in filled.segmented_control if each.label == "Treat it as"]
    assert task.value == "classification" and "7 classes" in said(filled)
    filled.segmented_control(key=task.key).set_value("regression").run()
    assert not filled.exception and "A number, 0 to 6" in said(filled)
    button(filled, "new-start").click()
    filled.run()
    started = workflows.find(Filter(), limit=1)[0]
    assert (started.facets["target"], started.facets["algorithm"]) == (NASTY, "hist_gradient_boosting_regressor")


def test_dates_are_not_offered_as_a_target(fresh):
    """What no model can predict is not in the list, rather than refused two cards below."""
    lines = [f"{row % 28 + 1:02}.03.2024;{row * 37 % 91};{'Evet' if row % 3 else 'Hayır'}" for row in range(60)]
    seen = uploaded(fresh, "orders.csv", "\n".join(["order_date;total;left", *lines]).encode())
    target = next(box for box in seen.selectbox if box.label == "What should be predicted?")
    assert list(target.options) == ["total", "left"]


def test_the_columns_are_as_tall_as_they_are_many():
    """Up to twelve columns are seen at once; of more, half a line shows that there are some."""
    heights = [drawn._height(lines, drawn.MOST_LINES) for lines in (1, 5, 12, 13, 400)]
    assert heights[:3] == [drawn.ROW * (lines + 1) + 3 for lines in (1, 5, 12)] and heights[3] == heights[4]


def test_ones_own_file_comes_before_the_sample(fresh):
    """The one blue button is never the sample's, which says what it is."""
    assert fresh.button(key="new-sample").proto.type == "secondary"
    assert "2,000 customers of a phone company: who left?" in said(fresh)


def test_a_list_has_one_and():
    """Names in a sentence: commas, and one word before the last."""
    assert words.listed(["upload"]) == "upload" and words.listed([]) == ""
    assert words.listed(["upload", "preprocess", "train"]) == "upload, preprocess and train"


def test_a_target_that_is_none_is_said(filled):
    """An address that names no column to predict does not fall back without a word."""
    filled.query_params["target"] = "nonsense"
    assert "**nonsense** in the address is no column" in said(filled.run())


def test_the_command_names_the_dataset_as_it_was_read(filled):
    """The same from a terminal is the same: the file read as here, not the file read anew."""
    number = datasets.find()[0].id
    assert any(f"submit --input data={number} --target" in code.value for code in filled.code)


def seen_queue(paused=False, workers=("idle",), waiting=0):
    """A queue as pages see it."""
    counts = QueueCounts("steps", paused, 0, 0, 0, 0, 0, 0)
    rows = [WorkerRow(f"w{n}", state, None, None, None, None, None, 0, 0, None) for n, state in enumerate(workers)]
    return Queues(True, now(), waiting, 0, 0, [counts], rows)


@pytest.mark.parametrize(
    ("queue", "expected"),
    [
        (seen_queue(), "its results are reused at once"),
        (seen_queue(paused=True), "the queue is paused: nothing starts until you resume it"),
        (seen_queue(workers=()), "no worker is running yet"),
    ],
)
def test_what_ran_before_is_not_reused_at_once_while_nothing_starts(home, monkeypatch, queue, expected):
    """An equal workflow is reused by a worker, too: a paused queue is said first."""
    number = completed()
    draft = Draft("tabular", {}, {})
    plan = [CellPlan("train", "train", {}, number)]
    monkeypatch.setattr(start.workflows, "plan", lambda *_draft: plan)
    monkeypatch.setattr(start.look, "lately", lambda: queue)
    told = start.plan_summary(draft, "7 columns")
    assert expected in told and f"this ran before as \\#{number}" in told
    assert ("at once" in told) == (queue.workers != [] and not queue.queues[0].paused)


def test_the_side_bar_shows_the_queue_as_the_page_beside_it(home, monkeypatch):
    """What one of them saw within the last second is what the other draws."""
    seen, own = [], look.Looks()
    monkeypatch.setattr(look, "looks", lambda: own)
    monkeypatch.setattr(look.queue_view, "snapshot", lambda *_memory: seen.append(1) or seen_queue())
    first = look.take(memory=True)
    assert look.lately() is first and len(seen) == 1
    own.last = replace(first, at=first.at - timedelta(seconds=2))
    assert look.lately() is not first and len(seen) == 2


def test_a_choice_is_shown_as_its_author_wrote_it(home):
    """Names of one's own are no words: a value that is shown with a capital cannot be found in the code."""
    grid = Param("grid", "choice", "low_pass", "Grid", choices=("low_pass", "kWh"))
    shown = presentations.of("cast").choice
    assert [shown(each) for each in grid.choices] == ["low_pass", "kWh"]
    assert [forms.changed_words(grid, each, shown) for each in grid.choices] == ["grid low\\_pass", "grid kWh"]
    assert presentations.of("tabular").choice("most_frequent") == "Most frequent"
