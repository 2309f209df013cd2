"""What flows ask people: over HTTP, in the terminal, and by a signed link for those without an account."""

import html
import importlib
import json
import re

import pytest
from conftest import forget
from helpers import authored, flowcast
from starlette.testclient import TestClient

from api.app import create
from jobs.cli.app import main
from jobs.verbs import answer_links, people, questions
from jobs.verbs import workflows as verbs
from store import actors, audit, keys, steps, workflows
from store.actors import Role
from store.program import COMMAND
from store.tables import Status
from trainyard import ask, flow

MARKUP = '<script>alert(1)</script> "Ship" & <b>it</b>?'


@flow
def asks_markup() -> str:
    return ask(str, MARKUP)


@flow
def asks_default() -> str:
    return f"{ask(int, 'How many?', default=7, timeout=3600)}"


@flow
def asks_list() -> str:
    return str(ask(list[int], "Which?"))


@pytest.fixture
def client(home):
    return TestClient(create(), base_url="http://localhost")


@pytest.fixture
def strangers(home, cheap):
    """The whole app, where people sign in, for somebody who has no account."""
    people.add("ada", Role.admin, "Sarı-çizmeli-1")
    return TestClient(
        importlib.import_module("app").app._build_starlette_app(),
        base_url="http://localhost:8501",
        raise_server_exceptions=False,
        follow_redirects=False,
    )


def asked(flow, **params):
    """A flow that has come to its question."""
    number = authored.start(flow, **params)
    authored.work_off(number)
    return number


def link(number):
    with actors.acting(actors.operator()):
        (one,) = [each for each in questions.questions(number) if each.is_open]
        return answer_links.path_of(one)


def done(number):
    run = authored.work_off(number)
    return run.status, authored.left(run).get((run.pipeline, "output"))


def test_a_program_reads_what_is_asked_and_answers(client):
    """The schema says what an answer is; a wrong one and a second one are refused."""
    number = asked(flowcast.asks)
    (one,) = client.get(f"/workflows/{number}/questions").json()
    assert (one["question"], one["value"]["type"], one["status"]) == ("Release it?", "boolean", "waiting")
    assert client.post(f"/workflows/{number}/answer", json={"value": "perhaps"}).status_code == 422
    assert client.post(f"/workflows/{number}/answer", json={}).json()["code"] == "field_missing"
    said = client.post(f"/workflows/{number}/answer", json={"value": True, "step": "ask"})
    assert said.status_code == 200 and said.json()["answered_via"] in ("api", "command", "page")
    again = client.post(f"/workflows/{number}/answer", json={"value": True, "step": "ask"})
    assert (again.status_code, again.json()["code"]) == (409, "answered_before")
    authored.work_off(number)
    _, second = client.get(f"/workflows/{number}/questions").json()
    assert second["value"]["required"] == ["version"] and second["link"].startswith("http://localhost/answer/")
    wrong = client.post(f"/workflows/{number}/answer", json={"value": {"version": "1", "shares": 2}})
    assert wrong.status_code == 422 and "shares" in wrong.json()["detail"]
    assert client.post(f"/workflows/{number}/answer", json={"value": {"version": "1.2"}}).status_code == 200
    assert done(number) == (Status.completed, "1.2 at 0.5")
    rows = {row["key"]: row for row in client.get(f"/workflows/{number}").json()["steps"]}
    assert [rows[key]["role"] for key in ("asks", "ask")] == ["driver", "question"] and rows["asks"]["turn"] == 2
    assert client.get("/workflows/99/questions").status_code == 404


def test_rows_say_what_a_flow_did(client):
    """Whether a failure was handled, which group a step is in."""
    number = authored.run(flowcast.catches).id
    rows = {row["key"]: row for row in client.get(f"/workflows/{number}").json()["steps"]}
    assert rows["refuse"]["handled"] and rows["refuse"]["role"] is None
    number = authored.run(flowcast.outer).id
    assert [row["group"] for row in client.get(f"/workflows/{number}").json()["steps"]][1] == "inner"


def test_a_terminal_says_how_to_answer(home, capsys):
    """`questions` and `show` give the command; it works as it is written."""
    number = asked(flowcast.asks)
    for command in (["questions", str(number)], ["show", str(number)]):
        assert main(command) == 0
        assert f"ask asks: Release it? Answer with: {COMMAND} answer {number} yes --step ask" in capsys.readouterr().out
    assert main(["answer", str(number), "yes", "--step", "ask"]) == 0
    authored.work_off(number)
    capsys.readouterr()
    main(["questions", str(number)])
    said = capsys.readouterr().out
    assert "ask asked: Release it? true, answered" in said
    assert """'{"version": "TEXT", "share": 0.5}' --step ask_2""" in said and "/answer/" in said
    main(["questions", str(number), "--json"])
    assert [each["step"] for each in json.loads(capsys.readouterr().out)] == ["ask", "ask_2"]


def test_a_stranger_answers_by_link(strangers):
    """The form shows the question and nothing else; the answer counts once, and the audit trail says how it came."""
    number = asked(flowcast.asks)
    path = link(number)
    shown = strangers.get(path)
    assert shown.status_code == 200 and "Release it?" in shown.text and "asks" not in shown.text
    assert "script" not in shown.text and shown.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    taken = strangers.post(path, data={"answer": "yes"})
    assert taken.status_code == 200 and "Thank you" in taken.text
    one = questions.questions(number)[0]
    assert (one.answer, one.answered_by, one.answered_via) == (True, None, "link")
    newest = audit.find(limit=1)[0]
    assert (newest.who, newest.via, newest.what) == ("by link", "link", "answer")
    assert strangers.get(path).status_code == 410 and strangers.post(path, data={"answer": "no"}).status_code == 410
    authored.work_off(number)
    second = link(number)
    empty = strangers.post(second, data={"version": " "})
    assert empty.status_code == 422 and "version" in empty.text
    wrong = strangers.post(second, data={"version": "2", "share": "much"})
    assert wrong.status_code == 422 and 'value="2"' in wrong.text  # what was typed is still there
    assert strangers.post(second, data={"version": "2", "share": "0.25"}).status_code == 200
    assert done(number) == (Status.completed, "2 at 0.25")


@pytest.mark.parametrize(
    ("flow", "sent", "expected"),
    [
        (flowcast.asks_kind, "blue", "blue"),
        (asks_default, "", "7"),
        (asks_default, "12", "12"),
        (asks_list, "[1, 2]", "[1, 2]"),
    ],
)
def test_each_kind_has_its_field(strangers, flow, sent, expected):
    """A choice, a number with a default, and JSON."""
    number = asked(flow)
    path = link(number)
    shown = strangers.get(path).text
    assert {"asks_kind": "<select", "asks_default": 'type="number"', "asks_list": "<textarea"}[flow.name] in shown
    if sent:
        assert strangers.post(path, data={"answer": sent}).status_code == 200
        assert done(number) == (Status.completed, expected)


def test_markup_in_a_question_is_letters(strangers):
    """Neither the question nor what was typed becomes a part of the page."""
    number = asked(asks_markup)
    path = link(number)
    shown = strangers.get(path).text
    assert "<script" not in shown and "<b>" not in shown and MARKUP in html.unescape(shown)
    assert strangers.post(path, data={"answer": "a\0b"}).status_code == 422
    taken = strangers.post(path, data={"answer": "<i>now</i>"})
    assert taken.status_code == 200 and "<i>" not in taken.text
    assert done(number) == (Status.completed, "<i>now</i>")


def parts(path):
    return path.removeprefix("/answer/").split(".")


def joined(*each):
    return "/answer/" + ".".join(each)


def test_a_tampered_link_leads_nowhere(strangers):
    """Another workflow, step, attempt, mark or signature; a signature of an artifact; a shorter or a longer one."""
    number, other = asked(flowcast.asks), asked(flowcast.asks_kind)
    workflow, step, attempt, mark, signature = parts(link(number))
    theirs = parts(link(other))
    text = f"{workflow}.{step}.{attempt}.{mark}"
    for forged in (
        joined(theirs[0], step, attempt, mark, signature),
        joined(workflow, theirs[1], attempt, mark, signature),
        joined(workflow, step, "2", mark, signature),
        joined(workflow, step, attempt, theirs[3], signature),
        joined(workflow, step, attempt, mark, theirs[4]),
        joined(workflow, step, attempt, mark, keys.sign(text)),
        joined(workflow, step, attempt, mark, signature[:-1]),
        joined(workflow, step, attempt, mark, signature + "0"),
        joined(workflow, step, attempt, mark, signature.upper()),
        joined(workflow, step, attempt, mark, "ü" * 64),
        joined("١", step, attempt, mark, signature),
        "/answer/" + "9" * 5000,
        "/answer/%00",
    ):
        for answer in (strangers.get(forged), strangers.post(forged, data={"answer": "yes"})):
            assert answer.status_code in (400, 404, 429), forged
            assert "Release it?" not in answer.text
    assert all(each.is_open for each in questions.questions(number))
    assert keys.is_signed(text, signature, keys.ANSWER) and not keys.is_signed(text, signature)


def test_wrong_links_are_slowed_down_and_right_ones_are_not(strangers):
    """After some from one address no more are recorded; who has the right link still answers."""
    number = asked(flowcast.asks)
    path = link(number)
    statuses = [strangers.get(f"{path[:-4]}{place:04x}").status_code for place in range(24)]
    assert statuses[0] == 404 and statuses[-1] == 429
    assert audit.count() < 30
    assert strangers.post(path, data={"answer": "yes"}).status_code == 200


def test_a_link_dies_with_its_question(strangers):
    """Cancelled, it is over; asked again after a retry, the old link is not the new one; deleted, it is wrong."""
    number = asked(flowcast.asks)
    path = link(number)
    with actors.acting(actors.operator()):
        verbs.cancel(number)
        assert strangers.get(path).status_code == 410
        verbs.retry(number)
    authored.work_off(number)
    new = link(number)
    assert new != path and strangers.post(path, data={"answer": "yes"}).status_code == 410
    with actors.acting(actors.operator()):
        verbs.cancel(number)
        verbs.remove([number])
    assert strangers.get(new).status_code == 404


def test_another_installation_signs_other_links(strangers, monkeypatch):
    """A link that another key has signed is wrong; and none makes a key."""
    number = asked(flowcast.asks)
    path = link(number)
    monkeypatch.setenv("TRAINYARD_SECRET_KEYS", "k" * 32)
    forget()
    assert strangers.get(path).status_code == 404


def test_a_stranger_makes_no_key(strangers, home):
    """A link is checked with the keys there are."""
    strangers.get("/answer/1.1.1." + "0" * 16 + "." + "0" * 64)
    assert not (home / keys.FILE).exists()


def test_only_those_who_may_answer_see_the_link(home, cheap):
    """A viewer reads the question without it, and cannot answer."""
    number = asked(flowcast.asks)
    api = TestClient(create(), base_url="http://localhost")
    with actors.acting(actors.Actor("vera", Role.viewer, "api")):
        (one,) = api.get(f"/workflows/{number}/questions").json()
        assert one["link"] is None and one["question"] == "Release it?"
        assert api.post(f"/workflows/{number}/answer", json={"value": True}).status_code == 403


def test_foreign_pages_answer_nothing(strangers):
    """A form on another site that knows the link is refused at the wall."""
    number = asked(flowcast.asks)
    sent = strangers.post(link(number), data={"answer": "yes"}, headers={"origin": "https://evil.example"})
    assert sent.status_code == 403 and questions.questions(number)[0].is_open


def test_a_bad_answer_by_link_is_asked_again_at_the_same_link(strangers):
    """What the flow cannot read is refused by it, and the page says why."""
    number = asked(asks_list)
    path = link(number)
    assert strangers.post(path, data={"answer": '["a"]'}).status_code == 200
    authored.work_off(number)
    shown = strangers.get(path)
    assert shown.status_code == 200 and "role=" in shown.text and re.search("integer", shown.text)
    assert strangers.post(path, data={"answer": "[3]"}).status_code == 200
    assert done(number) == (Status.completed, "[3]")
    assert workflows.get(number).status is Status.completed and steps.of_workflow(number)[0].turn == 2
