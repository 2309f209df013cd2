"""The report: one HTML file of a completed workflow of any pipeline, which asks nothing of anyone."""

import base64
import json
import shlex
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from helpers import cast
from helpers.notebooks import RESULTS, claim, completed, done, page, step_of, tabular, text
from helpers.refusals import refuses
from helpers.written import played
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from api.app import create
from jobs.cli.app import main
from jobs.language import WRITTEN_IN
from jobs.pipelines.storable import storable
from jobs.tabular.prepare.params import FEATURES
from jobs.verbs import report
from jobs.verbs.report import facts, kinds
from store import files, steps, workflows
from store.errors import ConflictError
from store.steps import Outcome

NASTY = "<script>alert('ş')</script> \"&amp; <img src=x onerror=alert(1)>"
PIXEL = b"\x89PNG\r\n\x1a\n" + bytes(20)


class Read(HTMLParser):
    """What a browser would make of a page: its tags, their attributes, and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.words = set(), [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def of_kinds(result, name="kinds"):
    """A workflow of any pipeline whose last step left this."""
    workflow_id = cast.play()
    workflows.describe(workflow_id, name=name)
    for step in steps.of_workflow(workflow_id):
        last = step.name == "judge"
        with files.incoming() as stream:
            stream.write(PIXEL)
            kept = {"picture": stream.keep()} if last else {}
        steps.complete(
            steps.claim(step.id, 1, "worker-9"), f"p{step.id}", Outcome(storable(result) if last else {}, kept)
        )
    return workflow_id


KINDS = {
    "scores": {"accuracy": 0.5},
    "sums": {
        "kind": "table",
        "label": "Sums",
        "columns": ["City", "Total"],
        "rows": [["İzmir", 1234.5], ["Kars", None]],
    },
    "drift": {"kind": "curve", "x": "Day", "y": "Drift", "lines": [{"name": "a", "points": [[0, 1], [1, 3], [2, 2]]}]},
    "hits": {"kind": "confusion", "labels": ["yes", "no"], "counts": [[8, 2], [1, 9]]},
    "weights": {"kind": "importance", "values": [["age", 0.5], ["city", -0.1]], "spread": [0.1, 0.0]},
    "words": {
        "kind": "text",
        "text": "It *went* well.\n\n- one\n\n<b>raw</b> ![p](http://x/y.png) [l](javascript:alert(1))",
    },
    "tree": {"kind": "json", "value": {"deep": [1, 2]}},
    "photo": {"kind": "picture", "artifact": "picture", "label": "Photo"},
}


def test_a_training_is_told_on_one_page(home):
    """What was found comes first, then scores with their bounds, warnings, charts, settings, and how to repeat it."""
    number = done(tabular(epochs=50), "upload", "preprocess", "train")
    result = RESULTS["evaluate"] | {"intervals": {"accuracy": [0.91, 0.951]}}
    steps.complete(claim(number, "evaluate"), "e", Outcome(result))
    page = Read(report.html(number))
    assert "Finds 8 of the 10 rows whose abone *mi* is Evet, with 1 false alarm among the other 10" in page.text
    assert 'Accuracy 93.4 % (+32 points over always answering "Hayır")' in page.text
    assert "Accuracy on other rows of the kind: 91.0 % to 95.1 %, 19 times of 20." in page.text
    assert "Warning. Evet is rare." in page.text and "91.0 % to 95.1 %" in page.text
    for title in ("Confusion matrix", "ROC", "Precision and recall", "Per class", "Importance", "Accuracy by epoch"):
        assert title in page.text
    assert "müşteriler · 12,400 rows" in page.text and "Training rows 9,920" in page.text
    assert "Algorithm Logistic regression" in page.text and f"restart {number}" in page.text
    assert page.tags >= {"svg", "table", "pre"}


def test_results_of_any_pipeline_are_drawn_by_their_kinds(home):
    """A pipeline of people's own has tables, curves, matrices, bars, texts, values and pictures in its report."""
    page = Read(report.html(of_kinds(KINDS)))
    for words in ("Sums", "İzmir", "1,234", "Drift", "yes", "age", "It went well.", '"deep"', "Photo"):
        assert words in page.text
    sources = [value for name, value in page.attributes if name == "src"]
    assert sources == [f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"]
    assert "<b>raw</b>" in page.text  # as text


def test_commands_of_a_report_can_be_pasted(home):
    """A name with a comma, a blank or a quote comes back from the command as it was."""
    names = ["Fiyat, EUR", "it's", "b"]
    params = {"features": names, "kinds": {"Fiyat, EUR": "category"}}
    workflow = replace(workflows.get(tabular()), params=params)
    words = shlex.split(dict(facts._commands(workflow))["report_command_submit"])
    given = dict(each.split("=", 1) for each in words[words.index("--set") :] if "=" in each)
    assert FEATURES.read(given["features"]) == names
    assert json.loads(given["kinds"]) == {"Fiyat, EUR": "category"}


def test_large_pictures_are_not_read(home, monkeypatch):
    """A picture that is too large for a report, by itself or after the others, is named with its size and never read;
    and of very many results the first are shown."""
    monkeypatch.setattr(kinds, "LARGEST_PICTURE", len(PIXEL) - 1)
    number, read = of_kinds({"photo": KINDS["photo"]}), []
    monkeypatch.setattr(facts.files, "verified", lambda ref: read.append(ref))
    assert "The picture picture is 28 B, too large for this report." in Read(report.html(number)).text
    assert not read
    monkeypatch.undo()
    monkeypatch.setattr(kinds, "ALL_PICTURES", 2 * len(PIXEL))
    pictures = Read(report.html(of_kinds({f"photo {each}": KINDS["photo"] for each in range(3)})))
    assert pictures.tags >= {"img"} and pictures.text.count("too large for this report") == 1
    many = {f"text {each}": {"kind": "text", "text": "word"} for each in range(70)}
    assert "The first 60 of 70 results." in Read(report.html(of_kinds(many))).text


@pytest.mark.parametrize(
    "broken",
    [
        {"kind": "table", "columns": ["a"], "rows": [[1, 2]]},
        {"kind": "table", "columns": 5},
        {"kind": "curve", "lines": [{"points": [["x", "y"]]}]},
        {"kind": "curve", "lines": [{"points": []}]},
        {"kind": "curve", "lines": [{"name": "flat", "points": [[1, 2], [1, 2]]}]},
        {"kind": "curve", "lines": [{"name": "odd", "points": [[1, float("nan")], [1e308, -1e308]]}]},
        {"kind": "confusion", "labels": ["a"], "counts": [[1, 2]]},
        {"kind": "confusion", "labels": ["a"], "counts": [[0]]},
        {"kind": "importance", "values": [["a", "b"]]},
        {"kind": "importance", "values": [["a", 0.0]], "spread": None},
        {"kind": "text", "text": None},
        {"kind": "picture", "artifact": "none"},
        {"kind": "picture", "artifact": "picture", "media_type": "text/html"},
    ],
)
def test_odd_results_do_not_keep_a_report_from_being_written(home, broken):
    """What is not written as its kind must be, or is empty, is shown as far as it goes."""
    assert "How to repeat it" in Read(report.html(of_kinds({"odd": broken}))).text


@pytest.mark.parametrize("left", [[1, 2], [["a"]], [None], ["words"], {"a": 1}, [{"level": "warning", "code": "x"}]])
def test_what_a_step_calls_notices_may_be_anything(home, capsys, left):
    """A step of people's own may use this name for its own things: report, API, command and page pass over these."""
    number = of_kinds({"notices": left})
    client = TestClient(Starlette(routes=[Mount("/api", create())]), base_url="http://localhost")
    assert client.get(f"/api/workflows/{number}").status_code == 200
    assert client.get(f"/api/workflows/{number}/report").status_code == 200
    assert main(["show", str(number)]) == 0 and capsys.readouterr().out
    assert "Completed" in text(page(id=number))


def test_nothing_that_people_wrote_becomes_markup(home):
    """Names, labels and texts show letter by letter: no script, no address, no handler comes of them."""
    result = {
        "scores": {NASTY[:60]: 0.5},
        "notices": [{"level": "warning", "text": NASTY}],
        NASTY: {"kind": "table", "label": NASTY, "help": NASTY, "columns": [NASTY], "rows": [[NASTY]]},
        "curve": {"kind": "curve", "x": NASTY, "y": NASTY, "lines": [{"name": NASTY, "points": [[0, 1], [1, 2]]}]},
        "counts": {"kind": "confusion", "labels": [NASTY, "b"], "counts": [[1, 2], [3, 4]]},
        "bars": {"kind": "importance", "x": NASTY, "values": [[NASTY, 1.0]]},
        "words": {"kind": "text", "text": NASTY},
        "tree": {"kind": "json", "value": {NASTY: NASTY}},
        "photo": {"kind": "picture", "artifact": NASTY, "label": NASTY},
    }
    number = of_kinds(result, NASTY)
    workflows.describe(number, note=NASTY)
    page = Read(report.html(number))
    assert not page.tags & {"script", "img", "iframe", "form", "link", "object", "a"}
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("href", "src", "srcset")]
    assert page.text.count("<script>alert('ş')</script>") > 8


def test_a_report_asks_nothing_of_anyone(home):
    """The file holds all it needs, and its own policy forbids the rest."""
    page = report.html(completed())
    read = Read(page)
    assert ("content", report.POLICY) in read.attributes and "script" not in read.tags
    assert not [value for name, value in read.attributes if name in ("src", "href") and not value.startswith("data:")]
    assert "url(" not in page and "@import" not in page


def test_a_report_tells_no_secrets(home):
    """No path, no address of the server and no name of a worker stands in it."""
    page = report.html(of_kinds(KINDS))
    for secret in (str(home), "worker-9", "127.0.0.1", "TRAINYARD_"):
        assert secret not in page


def test_numbers_and_dates_are_of_the_readers_language(home):
    """In Turkish a thousand has a point and a part a comma; times are those of the zone."""
    number = completed()
    made = Read(report.html(number, "tr-TR", "Europe/Istanbul"))
    page = made.text
    assert "12.400 rows" in page and "93,4 %" in page and "Europe/Istanbul" in page
    assert ("lang", WRITTEN_IN) in made.attributes, "numbers are Turkish, sentences are not"
    assert "12,400 rows" in Read(report.html(number)).text  # and nobody else's changed


def test_an_unknown_zone_is_refused_in_words(home, capsys):
    """Neither an internal error nor a traceback: the sentence says how zones are called."""
    number = completed()
    client = TestClient(Starlette(routes=[Mount("/api", create())]), base_url="http://localhost")
    for zone in ("Foo/Bar", "../etc/passwd", "Europe", "a" * 80):
        answer = client.get(f"/api/workflows/{number}/report", params={"zone": zone})
        assert (answer.status_code, answer.json()["field"]) == (422, "zone") and "Europe/Istanbul" in answer.text
    assert main(["report", str(number), "--zone", "Istanbul"]) == 1
    assert "There is no time zone 'Istanbul'" in capsys.readouterr().err


def test_only_completed_workflows_have_a_report(home):
    """Before the end there is nothing to tell; after a failure the page says why."""
    for number in (tabular(), played(fails="It broke.")):
        with refuses(ConflictError, "a report is of a completed workflow"):
            report.html(number)


def test_the_report_over_http(home):
    """GET gives the page with a policy under which nothing of it runs; an unknown workflow is 404."""
    client = TestClient(Starlette(routes=[Mount("/api", create())]), base_url="http://localhost")
    number = completed()
    answer = client.get(f"/api/workflows/{number}/report", params={"language": "tr"})
    assert answer.status_code == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "sandbox" in answer.headers["content-security-policy"] and "93,4 %" in answer.text
    assert client.get("/api/workflows/999/report").status_code == 404
    assert client.get(f"/api/workflows/{tabular()}/report").status_code == 409


def test_the_command_writes_the_file(home, tmp_path, capsys, monkeypatch):
    """`report ID -o FILE` writes it there; without -o it is called after the workflow."""
    monkeypatch.chdir(tmp_path)
    number = completed()
    assert main(["report", str(number), "-o", "r.html", "--language", "tr"]) == 0
    assert "93,4 %" in (tmp_path / "r.html").read_text()
    assert main(["report", str(number)]) == 0
    assert "93.4 %" in (tmp_path / f"workflow-{number}-report.html").read_text()
    assert main(["report", str(tabular())]) == 1 and "is pending" in capsys.readouterr().err


def test_pipeline_that_is_no_longer_loaded_has_a_report(home, monkeypatch):
    """What was left is still told when its code is gone."""
    from jobs.pipelines import registry
    from store.errors import NotFoundError
    from store.messages import Message

    number = of_kinds(KINDS)

    def gone(name):
        raise NotFoundError(Message("no_such_pipeline", {"given": name, "known": []}))

    monkeypatch.setattr(registry, "get", gone)
    page = Read(report.html(number)).text
    assert "Accuracy 0.500" in page and "Sums" in page
    assert step_of(number, "judge").result
