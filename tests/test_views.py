"""How a workflow is looked at: its log and its timeline, on the page, from a terminal and over HTTP; the URL holds the
choice."""

import json
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from helpers import authored
from helpers.visitors import address, checked, said
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from api.app import create
from jobs.authoring.inside import get_run_logger
from jobs.authoring.pipeline import pipeline
from jobs.authoring.step import step
from jobs.cli.app import main
from jobs.engine.runner import StepFailedError, run_step
from jobs.verbs import run_logs
from pages.parts import timeline_chart
from pages.parts.workflow import folds, notebook, timeline
from store import actors, attempts, logs, steps, workflows
from store.errors import InvalidError
from store.tables import now

pytestmark = pytest.mark.usefixtures("home", "cheap")
APP = str(Path(__file__).parent.parent / "pages" / "navigation.py")


@step(retries=1)
def speaks(name: str, lines: int = 3, fails: bool = False) -> str:
    logger = get_run_logger()
    for number in range(lines):
        logger.info("%s says %d", name, number)
    logger.warning("%s is tired", name)
    if fails:
        raise ValueError(f"{name} broke")
    return name


@pipeline
def talking(names: list[str] = ["ada", "bob"], lines: int = 3, fails: bool = False) -> None:  # noqa: B006
    for name in names:
        speaks(name, lines, fails and name == "bob")


@pytest.fixture(autouse=True)
def operator():
    with actors.acting(actors.operator()):
        yield


def run_to_end(number):
    """Do a workflow with its retries, without their pauses."""
    for _ in range(4):
        for row in steps.of_workflow(number):
            if not row.status.over:
                try:
                    run_step(row.id, row.attempt)
                except StepFailedError:
                    continue
    return workflows.get(number)


def texts(lines):
    return [line.text or (line.message.code if line.message else "") for line in lines]


def test_the_log_of_all_steps_is_searched_and_paged():
    """Lines of all steps stand together; a text, a level and a step narrow them down, also sentences of the engine."""
    workflow = run_to_end(authored.start(talking, fails=True))
    everything = run_logs.newest(workflow.id, run_logs.Which())
    assert not everything.older and len(everything.lines) > 10
    assert [line.id for line in everything.lines] == sorted(line.id for line in everything.lines)
    found = run_logs.newest(workflow.id, run_logs.which("SAYS 1")).lines
    assert texts(found) == ["ada says 1", "bob says 1", "bob says 1"]
    assert all(
        "tired" in text or text in ("error", "retry")
        for text in texts(run_logs.newest(workflow.id, run_logs.which(level="warning")).lines)
    )
    assert "error" in texts(run_logs.newest(workflow.id, run_logs.which("bob broke")).lines)
    assert {line.step_id for line in run_logs.newest(workflow.id, run_logs.which(step="speaks_2")).lines} == {
        authored.rows(workflow)["speaks_2"].id
    }
    last = run_logs.newest(workflow.id, run_logs.Which(), limit=4)
    assert last.older and last.lines == everything.lines[-4:]
    before = run_logs.newest(workflow.id, run_logs.Which(), last.lines[0].id, limit=4)
    assert before.lines == everything.lines[-8:-4]
    assert run_logs.following(workflow.id, run_logs.Which(), everything.lines[1].id) == everything.lines[2:]
    assert "".join(run_logs.written(workflow.id, run_logs.which("ada says"))).count("\n") == 3
    assert run_logs.newest(workflow.id, run_logs.which("\0")).lines == []
    with pytest.raises(InvalidError):
        run_logs.which(level="loud")


def test_a_long_log_is_quick(cheap):
    """The last page of a log of 40,000 lines, and a search through all of it, take no time that anybody notices."""
    workflow = run_to_end(authored.start(talking, names=["ada"], lines=0))
    row = steps.of_workflow(workflow.id)[0]
    from store import db

    with db.writing() as connection:
        logs.write(connection, row.id, 1, [(now(), "info", f"line {number}") for number in range(40_000)])
    begun = time.monotonic()
    assert texts(run_logs.newest(workflow.id, run_logs.Which()).lines)[-1] == "line 39999"
    assert texts(run_logs.newest(workflow.id, run_logs.which("line 17")).lines)[-1] == "line 17999"
    assert time.monotonic() - begun < 2


def test_commands_and_requests_show_the_log(capsys, tmp_path):
    """`logs` with its filters, a file, and the same over HTTP; each attempt with when it ran."""
    workflow = run_to_end(authored.start(talking, fails=True))
    assert main(["logs", str(workflow.id), "--grep", "says 2", "--step", "speaks"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("speaks  INFO  ada says 2")
    assert main(["logs", str(workflow.id), "--level", "error", "--follow"]) == 0
    assert "bob broke" in capsys.readouterr().out
    out = tmp_path / "run.log"
    assert main(["logs", str(workflow.id), "-o", str(out)]) == 0
    assert "bob is tired" in out.read_text()
    capsys.readouterr()
    assert main(["attempts", str(workflow.id), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert sorted((each["key"], each["number"], each["code"]) for each in made) == [
        ("speaks", 1, "completed"),
        ("speaks_2", 1, "error"),
        ("speaks_2", 2, "error"),
    ]
    client = TestClient(Starlette(routes=[Mount("/api", create())]), base_url="http://localhost")
    url = f"/api/workflows/{workflow.id}"
    found = client.get(f"{url}/logs", params={"text": "says 0", "step": "speaks_2"}).json()
    assert [each["text"] for each in found] == ["bob says 0"] * 2
    first = client.get(f"{url}/logs", params={"limit": 2}).json()
    last = client.get(f"{url}/logs", params={"before": 2**40, "limit": 1}).json()
    assert first[0]["id"] < last[0]["id"]
    assert client.get(f"{url}/logs", params={"level": "loud"}).status_code == 422
    file = client.get(f"{url}/log", params={"level": "warning"})
    assert "bob is tired" in file.text and "says" not in file.text
    assert file.headers["content-disposition"] == f'attachment; filename="workflow-{workflow.id}.log"'
    assert client.get(f"{url}/attempts").json() == made
    assert client.get("/api/workflows/999/log").status_code == 404


def opened(**query):
    page = AppTest.from_file(APP, default_timeout=30).switch_page("workflow.py")
    page.query_params.update({name: str(value) for name, value in query.items()})
    return checked(page.run())


def log_of(page):
    """The lines of the log that a page shows."""
    return next(each.value for each in page.code if "ada" in each.value)


def test_the_url_holds_the_view():
    """What is chosen is in the URL, and a URL shows what it says."""
    workflow = run_to_end(authored.start(talking))
    page = opened(id=workflow.id, view="timeline")
    assert page.get("plotly_chart") and "Together, these steps ran" in said(page)
    page.segmented_control[0].set_value(":material/notes: Log")
    page = checked(page.run())
    assert address(page)["view"] == "log" and "ada says 2" in log_of(page)
    page.segmented_control[0].set_value(":material/view_agenda: Cells")
    assert "view" not in address(checked(page.run()))
    assert opened(id=workflow.id, view="nonsense").segmented_control[0].value == ":material/view_agenda: Cells"


def test_the_page_searches_the_log():
    """The search and the level are in the URL; older lines are a press away."""
    workflow = run_to_end(authored.start(talking, lines=150))
    page = opened(id=workflow.id, view="log")
    assert "ada says 1\n" not in log_of(page)
    page = checked(page.button(key="log-older").click().run())
    assert "ada says 10\n" in log_of(page) and address(page)["log-before"]
    page.text_input(key=f"log-text-{workflow.id}").set_value("tired")
    page = checked(page.run())
    assert address(page)["log-text"] == "tired" and "log-before" not in address(page)
    assert log_of(page).count("\n") == 1 and "WARNING ada is tired" in log_of(page)
    page = opened(id=workflow.id, view="log", **{"log-level": "error", "log-step": "speaks"})
    assert "No line matches" in said(page)


def test_the_timeline_tells_waiting_from_running():
    """Each attempt is a bar, each time that a step waited another; one that failed has its reason."""
    workflow = run_to_end(authored.start(talking, fails=True))
    book = notebook.read(workflow.id)
    titles = {row.key: book.title(row) for row in book.steps}
    bars = timeline.of_steps(book.steps, book.attempts, titles, now())
    kinds = [(bar.row, bar.kind) for bar in bars if bar.row.startswith("Speaks 2")]
    assert kinds == [("Speaks 2", kind) for kind in ("waited", "failed", "waited", "failed")]
    assert "bob broke" in next(bar for bar in bars if bar.kind == "failed").about
    figure = timeline_chart.figure(bars, list(titles.values()), None, now()).to_dict()
    assert {trace["name"] for trace in figure["data"]} == {"Waited", "Completed", "Failed"}


def test_many_steps_share_rows():
    """More steps than have room are a row for each fold; what overlaps is one bar, and failures are seen."""
    made = authored.start(talking, names=[f"n{number}" for number in range(60)], lines=0)
    for row in steps.of_workflow(made):
        run_step(row.id, 1)
    book = notebook.read(made)
    bars = timeline.of_folds(folds.of(book.steps), book.attempts, now())
    assert {bar.row for bar in bars} == {"Speaks × 60"} and len(bars) <= 60
    page = opened(id=made, view="timeline")
    assert page.get("plotly_chart")
    page.selectbox(key=f"timeline-fold-{made}").set_value("/speaks")
    assert address(checked(page.run()))["fold"] == "/speaks"


def test_a_timeline_of_thousands_of_attempts_is_quick(home):
    """5,000 steps are folded and drawn in a moment."""
    at = now()
    made = authored.start(talking, names=["a"])
    (row,) = steps.of_workflow(made)
    many = [replace(row, id=number, key=f"k{number}", name=f"n{number % 20}") for number in range(5_000)]
    known = {}
    for each in many:
        begun_at, ended_at = (at + timedelta(seconds=each.id / 10 + more) for more in (0, 1))
        known[each.id] = [attempts.Attempt(each.id, 1, "w", begun_at, ended_at, "completed", None, None, None, None)]
    begun = time.monotonic()
    listed = folds.of(many)
    bars = timeline.of_folds(listed, known, at + timedelta(seconds=600))
    timeline_chart.figure(bars, [fold.title for fold in listed], None, at)
    assert time.monotonic() - begun < 0.5 and len(bars) <= 20 * 301
