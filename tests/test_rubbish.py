"""Rubbish: whatever comes in by address, body, argument or setting is answered with a sentence, never with a fault."""

import contextlib
import io
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from conftest import forget, free_port
from helpers import cast
from helpers.tiers import seldom
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from api.app import create
from api.prometheus import measures
from api.rq_dashboard.app import dashboard
from api.wall.origin import Guard, names, written_down
from jobs.cli import terminal
from jobs.cli.app import app as commands
from jobs.cli.app import main
from jobs.engine import queue
from jobs.pipelines import registry
from jobs.services import presence
from jobs.verbs import datasets, short_form
from jobs.verbs import workflows as verbs
from store import workflows
from store.settings import Settings

ROOT = Path(__file__).parent.parent
WORDS = [
    "",
    "0",
    "-1",
    "1" + "0" * 30,
    "1e3",
    "nan",
    "seven",
    " ",
    "\u015f",
    "\u0663",
    "1,2",
    "<b>",
    "../x",
    "'; --",
    "\U0001f4a9",
    "\u202e",
    "\x1b[2J",
    "x" * 3000,
]
IN_ADDRESSES = [*WORDS, "\0", "\n", "\x85", "\ufffd"]
PAGES = sorted(path.name for path in (ROOT / "pages").glob("*.py") if path.stem not in ("__init__", "navigation"))
QUERIES = [
    "id",
    "ids",
    "dataset",
    "target",
    "algorithm",
    "status",
    "text",
    "unseen",
    "sort",
    "page",
    "curve",
    "baseline",
    "q",
    "next",
]


@pytest.fixture
def client(home):
    routes = [Mount("/api", create()), Mount("/rq", dashboard(queue.connection)), Route("/metrics", measures)]
    guard = Middleware(Guard, ours=names("127.0.0.1"), trusted=written_down([]))
    return TestClient(
        Starlette(routes=routes, middleware=[guard]), base_url="http://localhost", raise_server_exceptions=False
    )


def is_told(answer):
    """Whether an answer is no fault of ours, and says in one sentence what is wrong."""
    if answer.status_code < 400:
        return True
    told = answer.json()["detail"]
    return (
        (answer.status_code < 500 or answer.status_code == 503)
        and isinstance(told, str)
        and (told.endswith(".") and len(told) < 520 and "Traceback" not in told and "\0" not in told)
    )


# Addresses and bodies


def operations():
    """Every method of every route, with the names of what it takes."""
    return [
        (method.upper(), path, [each["name"] for each in route.get("parameters", []) if each["in"] == "query"])
        for path, methods in SPEC["paths"].items()
        for method, route in methods.items()
    ]


SPEC = create().openapi()
FIELDS = sorted({name for schema in SPEC["components"]["schemas"].values() for name in schema.get("properties", {})})
words = st.one_of(st.sampled_from(IN_ADDRESSES), st.text(max_size=20))
plain = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), words, st.sampled_from([1, 2, "LR", "train"]))
values = st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3))
bodies = st.one_of(values, st.dictionaries(st.sampled_from(FIELDS), values, max_size=4))


@given(which=st.sampled_from(operations()), data=st.data())
@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_request_is_a_fault_of_ours(client, which, data):
    """Any route, with anything in its path, query and body, answers or refuses in a sentence."""
    method, path, queries = which
    while "{" in path:
        begin, end = path.index("{"), path.index("}")
        word = data.draw(st.one_of(st.just("1"), words), label="path")
        path = path[:begin] + (encoded(word) or "1") + path[end + 1 :]
    asked = {name: data.draw(words, label=name) for name in queries if data.draw(st.booleans())}
    body = data.draw(bodies, label="body")
    answer = client.request(
        method,
        f"/api{path}",
        params=asked,
        headers={"content-type": "application/json"},
        content=json.dumps(body).encode(),
    )
    assert is_told(answer), (answer.status_code, answer.text)


def encoded(word):
    return "".join(f"%{byte:02x}" for byte in word.encode("utf-8", "replace"))


@pytest.mark.parametrize(
    "value",
    [
        "NaN",
        "Infinity",
        "-1",
        "1e400",
        "1" + "0" * 5000,
        "true",
        '"NaN"',
        "[0.1]",
        "{}",
        '{"a":' * 3000 + "1" + "}" * 3000,
        "[" * 900 + "]" * 900,
    ],
)
def test_odd_json_is_told(client, value):
    """Numbers that are none, numbers without end and boxes in boxes are refused with their place."""
    dataset = datasets.sample().id
    for body in (f'{{"dataset_id": {dataset}, "params": {{"learning_rate": {value}}}}}', f'{{"dataset_id": {value}}}'):
        answer = client.post("/api/workflows", content=body, headers={"content-type": "application/json"})
        assert answer.status_code in (400, 422) and is_told(answer), answer.text
    assert workflows.count(workflows.Filter()) == 0


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/json; charset=klingon",
    ],
)
def test_a_body_of_another_kind_is_told(client, kind):
    """What is not sent as JSON is not read as JSON, which a foreign page's form could not send."""
    answer = client.post("/api/workflows", content=b'{"dataset_id": 1}', headers={"content-type": kind})
    assert answer.status_code == 422 and "application/json" in answer.json()["detail"]


@pytest.mark.parametrize("query", ["text=%00", "text=a%00b", "text=" + "a" * 60_000, "text=%25_%5C", "text=%ff"])
def test_what_cannot_be_searched_is_not_found(client, query):
    """A search for what no name can be finds nothing, on any database."""
    cast.play()
    for path in ("/api/workflows", "/api/datasets"):
        answer = client.get(f"{path}?{query}")
        assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize(
    "path",
    [
        "/api/workflows",
        "/api/workflows/1",
        "/api/datasets",
        "/api/docs",
        "/api/health",
        "/api/openapi.json",
        "/metrics",
    ],
)
def test_head_works_where_get_does(client, path):
    """A program may ask for the headers alone: the same answer, without its body."""
    cast.play()
    whole, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (200, b"") and whole.status_code == 200
    assert head.headers["content-type"] == whole.headers["content-type"]


@pytest.mark.parametrize("path", ["/api/workflows/%0a/metrics", "/api/%00", "/rq/job/%0d%0aSet-Cookie:a=b", "/%1b"])
def test_control_signs_in_an_address_are_refused(client, path):
    """No path of ours has such signs in it."""
    answer = client.get(path)
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "The address holds characters that cannot be printed.",
    )


@pytest.mark.parametrize("query", ["page=x", "page=", "page=%00", "per_page=1e3", "per_page=seven"])
def test_the_rq_dashboard_tells_in_a_sentence(client, query):
    """A number that is none is told in a sentence, on its pages as in its JSON."""
    name = query.partition("=")[0]
    answer = client.get(f"/rq/jobs/json?{query}")
    assert (answer.status_code, answer.json()["detail"]) == (422, f"{name} must be a whole number.")
    page = client.get(f"/rq/jobs?{query}")
    assert page.status_code == 422 and f"{name} must be a whole number." in page.text


# Arguments


def command_lines():
    """Every command with rubbish as its arguments, and as each of its options."""

    def walk(command, before=()):
        for name, each in command.commands.items():
            yield from walk(each, (*before, name)) if hasattr(each, "commands") else [((*before, name), each)]

    for names_, command in walk(typer.main.get_command(commands)):
        if names_ == ("up",):
            continue  # becomes the app, which reads its arguments itself
        given = ["1"] if any(each.param_type_name == "argument" for each in command.params) else []
        yield (
            names_,
            [
                [],
                *(
                    [option.opts[0]]
                    for option in command.params
                    if option.param_type_name == "option" and not option.is_flag
                ),
            ],
            given,
        )


@pytest.mark.parametrize(
    ("command", "options", "given"),
    list(command_lines()),
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_no_argument_is_a_fault_of_ours(home, tmp_path, monkeypatch, capsys, command, options, given):
    """Any command with anything as its arguments ends with 0, 1 or 2 and at most one line of complaint."""
    cast.play()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRAINYARD_WORKERS", "0")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    forget()
    for option in options:
        for word in WORDS[:10] if option else WORDS:
            terminal.console.cache_clear()
            code = main([*command, *(given if option else []), *option, word])
            said = capsys.readouterr()
            complaint = said.err.strip("\n")
            assert code in (0, 1, 2) and "Traceback" not in said.out + said.err, (word, said)
            assert "\n" not in complaint and "\x1b" not in complaint and bool(complaint) == (code != 0), (word, said)


# Settings


WRONG = [
    ("DATABASE_URL", "postgresql+psycopg://user:ge@heim@host:abc/db", "leads to no database"),
    ("DATABASE_URL", "klingon://user:geheim@host/db", "leads to no database"),
    ("DATABASE_URL", "sqlite://", "must name a file"),
    ("DATABASE_URL", "sqlite:///:memory:", "must name a file"),
    ("DATABASE_URL", "sqlite:////proc/nowhere/at/all.db", "cannot be used: unable to open database file."),
    ("DATABASE_URL", "mssql+nosuchdriver://user:geheim@host/db", "leads to no database"),
    ("HOME", "{file}", "TRAINYARD_HOME cannot be"),
    ("HOME", "{file}/below", "TRAINYARD_HOME cannot be"),
    ("HOME", "/proc/nowhere", "TRAINYARD_HOME cannot be"),
    ("WORKERS", "-1", "TRAINYARD_WORKERS is '-1'"),
    ("WORKERS", "abc", "TRAINYARD_WORKERS is 'abc'"),
    ("WORKERS", "99999999", "TRAINYARD_WORKERS is '99999999'"),
    ("OPEN", "perhaps", "TRAINYARD_OPEN is 'perhaps'"),
    ("REDIS_URL", "http://user:geheim@host", "TRAINYARD_REDIS_URL leads to no queue"),
    ("REDIS_URL", "redis://:geheim@host:abc/0", "TRAINYARD_REDIS_URL leads to no queue"),
    ("FILES_URL", "s3://bucket", "TRAINYARD_FILES_URL must be a folder"),
    ("FILES_URL", "{file}", "{file}"),
    ("FILES_URL", "/proc/nowhere", "/proc/nowhere"),
    ("PIPELINES", "no_such_module", "TRAINYARD_PIPELINES names 'no_such_module', and there is no such module."),
    ("PIPELINES", "raises", "TRAINYARD_PIPELINES names 'raises', which cannot be imported: RuntimeError: boom."),
    ("PIPELINES", "half", "TRAINYARD_PIPELINES names 'half', which cannot be imported: SyntaxError"),
    ("PIPELINES", "quits", "TRAINYARD_PIPELINES names 'quits', which cannot be imported: SystemExit: bye."),
    ("PIPELINES", "../up", "TRAINYARD_PIPELINES names '../up', which cannot be imported"),
]


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """A file where a folder should be, and modules that cannot be imported."""
    (tmp_path / "file").write_text("")
    (tmp_path / "raises.py").write_text('raise RuntimeError("boom")\n')
    (tmp_path / "half.py").write_text("def half(:\n")
    (tmp_path / "quits.py").write_text('raise SystemExit("bye")\n')
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]]))
    return tmp_path


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("name", "value", "said"), WRONG, ids=[f"{name}-{number}" for number, (name, *_) in enumerate(WRONG)]
)
def test_a_wrong_setting_ends_a_command(home, broken, monkeypatch, capsys, name, value, said):
    """A command that needs the setting says in one line what is wrong with it, without its password, and fails."""
    monkeypatch.setenv(f"TRAINYARD_{name}", value.format(file=broken / "file"))
    forget()
    registry.load_built_in.cache_clear()
    # What is wrong with one module stands in the way of its own pipelines only.
    asked = ["--pipeline", "theirs"] if name == "PIPELINES" else [str(datasets.SAMPLE)]
    code = main(["submit", *asked])
    told = capsys.readouterr()
    forget()
    registry.load_built_in.cache_clear()
    assert (code, told.out) == (1, "") and len(told.err.splitlines()) == 1, told
    assert said.format(file=broken / "file") in told.err and "heim" not in told.err
    with contextlib.closing(sqlite3.connect(home / "trainyard.db")) as connection:
        assert connection.execute("select count(*) from workflows").fetchone() == (0,)


@pytest.mark.slow
@pytest.mark.parametrize("name", seldom(sorted({name for name, *_ in WRONG}), always=2))
def test_a_wrong_setting_ends_the_app(home, broken, name):
    """The app itself says it in one line and ends, rather than run without what was asked for."""
    value, said = [(value, said) for each, value, said in WRONG if each == name][-1]
    wrong = {f"TRAINYARD_{name}": value.format(file=broken / "file")}
    paths = os.pathsep.join([str(broken), os.environ["PYTHONPATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={free_port()}"],
        cwd=ROOT,
        timeout=60,
        env=os.environ | {"TRAINYARD_HOME": str(home), "PYTHONPATH": paths} | wrong,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 1 and len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert said.format(file=broken / "file") in done.stderr and "heim" not in done.stderr + done.stdout


def test_empty_settings_are_the_defaults(monkeypatch):
    """A variable that is set to nothing, as compose files do, is a variable that is not set."""
    for name in ("HOME", "DATABASE_URL", "WORKERS", "OPEN", "PIPELINES"):
        monkeypatch.setenv(f"TRAINYARD_{name}", "")
    assert str(Settings.read().home) == "data" and Settings.read().workers >= 1 and Settings.read().open is False


@pytest.mark.slow
def test_a_dead_queue_is_named(home, monkeypatch):
    """When nobody answers at TRAINYARD_REDIS_URL, waiting for the services ends with that, not with a log to read."""
    monkeypatch.setenv("TRAINYARD_REDIS_URL", f"redis://:geheim@127.0.0.1:{free_port()}/0")
    monkeypatch.setenv("TRAINYARD_WORKERS", "0")
    forget()
    with presence.using(wait=False) as use, pytest.raises(presence.NotReadyError) as told:
        use.wait_until_ready(0.3)
    assert "TRAINYARD_REDIS_URL does not answer" in str(told.value) and "geheim" not in str(told.value)


# Pages


def visit(name, **asked):
    page = AppTest.from_file(str(ROOT / "pages" / "navigation.py"), default_timeout=60)
    page.switch_page(name)
    page.query_params.update(asked)
    return page.run()


def reads(page):
    kinds = (page.header, page.markdown, page.caption, page.error, page.warning)
    return " ".join(str(each.value) for kind in kinds for each in kind).replace("\\", "")


@pytest.mark.parametrize("name", PAGES)
def test_no_address_breaks_a_page(home, name):
    """Every page opens with rubbish under every name that any page reads from its address."""
    datasets.sample()
    page = visit(name)
    for word in ["", "-1", "1" + "0" * 30, "\u0663", "<b>", "\0", "1,1," + ",".join(map(str, range(40))), "x" * 60_000]:
        for query in QUERIES:
            page.query_params[query] = word
        page.run()
        assert not page.exception, (word[:40], [each.value for each in page.exception])


@pytest.mark.parametrize(
    ("name", "asked", "said"),
    [
        ("workflow.py", {"id": "7"}, "There is no workflow 7"),
        ("workflow.py", {"id": "seven"}, "This address does not name a workflow"),
        ("datasets.py", {"id": "7"}, "There is no dataset 7."),
        ("datasets.py", {"id": "seven"}, "The link does not name a dataset."),
        ("new.py", {"dataset": "7"}, "There is no dataset 7."),
        ("compare.py", {"ids": "7,8"}, "#7, #8 do not exist"),
    ],
)
def test_what_no_longer_exists_is_said(home, name, asked, said):
    """A link to what is gone says so and shows a way on."""
    assert said in reads(visit(name, **asked))


def test_things_deleted_elsewhere_leave_open_pages_standing(home):
    """Pages that are open while what they show is deleted say so at their next look, and so do their buttons."""
    dataset = datasets.sample().id
    ids = [short_form.start(dataset, "churned", "LR", {"random_state": seed}).id for seed in (1, 2)]
    notebook, both = visit("workflow.py", id=str(ids[0])), visit("compare.py", ids=f"{ids[0]},{ids[1]}")
    stays = visit("workflow.py", id=str(ids[1]))
    table, new = visit("datasets.py", id=str(dataset)), visit("new.py", dataset=str(dataset))
    for each in ids:
        verbs.cancel(each)
    verbs.remove([ids[0]])
    assert f"There is no workflow {ids[0]}" in reads(notebook.run()) and not notebook.exception
    assert f"#{ids[0]} does not exist" in reads(both.run()) and not both.exception
    verbs.remove([ids[1]])
    stays.button(key="restart").click().run()
    assert not stays.exception and f"There is no workflow {ids[1]}" in reads(stays)
    datasets.remove(dataset)
    assert f"There is no dataset {dataset}." in reads(table.run()) and not table.exception
    new.button(key="new-start").click().run()
    assert not new.exception and f"There is no dataset {dataset}." in reads(new)
