"""The list of pipelines, and the page of one."""

from typing import Annotated

import pytest
from helpers import authored
from helpers.visitors import APP, checked, text
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from jobs.authoring.pipeline import pipeline
from jobs.authoring.step import step
from jobs.pipelines import registry
from pages.parts.pipelines import lately
from store import codes, db, tables
from store.files import FileRef

pytestmark = pytest.mark.usefixtures("home", "cheap")


@step
def measure(city: str) -> Annotated[int, "measured"]:
    if city == "nowhere":
        raise ValueError("no such city")
    return len(city)


@pipeline
def trip(city: str, days: int = 30) -> None:
    """Measures a city *well*."""
    measure(city)


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setitem(registry._here, "trip", trip.registered)


def opened(file, **asked):
    seen = AppTest.from_file(APP, default_timeout=30).switch_page(file)
    for name, value in asked.items():
        seen.query_params[name] = value
    return checked(seen.run())


def test_every_pipeline_has_a_row():
    """A row has what the pipeline does, a mark for each run, the share that completed, and a way to New."""
    for city in ("Ankara", "nowhere", "Bolu", "Van"):
        authored.run(trip, city=city)
    said = text(opened("pipelines.py"))
    assert "Trip" in said and "Measures a city *well*." in said
    assert ":green[✓] :red[✕] :green[✓] :green[✓]" in said
    assert "75 % of 4 completed · median" in said
    assert "Not run yet" in said and "New run" in said


def test_only_the_last_runs_count():
    """Twenty runs are shown, the newest last."""
    for _ in range(lately.RUNS + 2):
        authored.start(trip, city="Van")
    authored.work_off(authored.start(trip, city="Bolu"))
    found = lately.of("trip")
    assert len(found.runs) == lately.RUNS and found.marks.endswith(":green[✓]")
    assert found.told.startswith("100 % of 1 completed")


def test_a_pipeline_has_its_runs_params_graph_and_code():
    """Its page says what it takes, what it did, and that no code was kept where none was."""
    authored.run(trip, city="Ankara")
    seen = opened("pipeline.py", name="trip")
    said = text(seen)
    assert "100 % of 1 completed" in said and "no copy of its code was kept" in said
    tables_ = [frame.value for frame in seen.dataframe]
    assert list(tables_[0]["status"]) == ["Completed"]
    assert list(tables_[1]["Default"]) == ["must be given", "30"]
    assert "As its last run had it, #1." in said


def test_the_code_that_was_kept_is_described():
    """How large it is, when it was kept, and what was left out."""
    workflow = authored.run(trip, city="Ankara")
    kept = codes.keep("c" * 64, FileRef("a" * 64, 1200), "/home/ada/etl", ["."], 3, [".env", "big.bin"])
    with db.writing() as connection:
        connection.execute(
            update(tables.workflows).where(tables.workflows.c.id == workflow.id).values(code_id=kept.id, module="etl")
        )
    seen = opened("pipeline.py", name="trip")
    assert "**3 files**, 1.2 kB packed, kept" in text(seen)
    assert any(each.label == "Left out: 2 files" for each in seen.expander)


@pytest.mark.parametrize("name", ["nope", "<script>", "../../etc", "x" * 5000, "a\x00b", "1;drop"])
def test_rubbish_names_are_answered_with_a_sentence(name):
    """What no pipeline is called leads back to all of them."""
    said = text(opened("pipeline.py", name=name))
    assert "There is no such pipeline" in said and "All pipelines" in said and len(said) < 2000


def test_without_a_name_the_page_offers_a_way_on():
    """The bare address asks to choose a pipeline."""
    assert "Choose a pipeline" in text(opened("pipeline.py"))


def test_a_pipeline_whose_code_is_gone_keeps_its_runs(monkeypatch):
    """It is listed by its name, and its page shows what it did."""
    authored.run(trip, city="Ankara")
    monkeypatch.delitem(registry._here, "trip")
    assert "Its code is not loaded." in text(opened("pipelines.py"))
    said = text(opened("pipeline.py", name="trip"))
    assert "what it did is still here" in said and "100 % of 1 completed" in said
