"""Fixtures that read like sentences: a home of one's own, and services that run in it."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parent))
os.environ["TRAINYARD_PIPELINES"] = "helpers.cast"
os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent.parent), str(Path(__file__).parent)])
# Numeric libraries must not take every core in each of several processes.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser):
    parser.addoption(
        "--database",
        choices=["sqlite", "postgresql"],
        default="sqlite",
        help="which database the tests run on; on postgresql only those that have a home, and none marked sqlite",
    )


def forget() -> None:
    """Let this process forget which home it was in."""
    from jobs.engine import queue
    from store import db
    from store.settings import settings

    db.close()
    queue.connection.cache_clear()
    settings.cache_clear()


@pytest.fixture(scope="session")
def databases():
    """New databases on a PostgreSQL server that runs as long as the tests of this process."""
    from postgres import Databases, Server, programs

    if programs() is None:
        pytest.skip("there is no PostgreSQL on this machine; install the package postgresql")
    server = Server()
    yield Databases(server)
    server.stop()


@pytest.fixture
def database(request):
    """The URL of a new database for this test; empty for a SQLite file in its home."""
    if request.config.getoption("database") == "sqlite":
        yield ""
        return
    with request.getfixturevalue("databases").new() as url:
        yield url


@pytest.fixture(autouse=True)
def own_main(monkeypatch):
    """AppTest leaves its page behind as `__main__`; a child that a later test spawns would run that page."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def no_loop():
    """No event loop runs in this thread; that of a browser's test before goes on in its own process."""
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(loop)


@pytest.fixture(autouse=True, scope="module")
def own_pipelines():
    """Pipelines that a file of tests registers are its own."""
    yield
    if authored := sys.modules.get("helpers.authored"):
        authored.forget()


@pytest.fixture(scope="session")
def empty_home():
    """A home whose tables are made once: every migration, for each of a thousand tests, took minutes."""
    folder = Path(tempfile.mkdtemp(prefix="trainyard-"))
    from store import db, schema

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINYARD_HOME", str(folder))
        patch.delenv("TRAINYARD_DATABASE_URL", raising=False)
        forget()
        schema.prepare()
        db.close()
    forget()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def home(monkeypatch, request, database):
    """An empty home with its tables made, of its own for this test."""
    folder = Path(tempfile.mkdtemp(prefix="trainyard-"))
    if not database:
        shutil.copytree(request.getfixturevalue("empty_home"), folder, dirs_exist_ok=True)
    monkeypatch.setenv("TRAINYARD_HOME", str(folder))
    monkeypatch.setenv("TRAINYARD_DATABASE_URL", database)
    forget()
    from store import actors, schema

    schema.prepare()
    with actors.acting(actors.operator()):  # as a command on this machine; whatever a test does as others, it says
        yield folder
    forget()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def services(home, monkeypatch):
    """A home in which Valkey and two workers really run."""
    from jobs.services import presence

    monkeypatch.setenv("TRAINYARD_WORKERS", "2")
    forget()
    with presence.using() as use:
        yield use


@pytest.fixture
def cheap(monkeypatch):
    """Passwords that are checked quickly; how they are checked at full cost has tests of its own."""
    from argon2 import PasswordHasher

    from jobs.verbs import passwords

    hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", lambda: hasher)
    passwords._nobodys_password.cache_clear()
    yield
    passwords._nobodys_password.cache_clear()


LIVE = {"services", "app", "crew", "page"}
# Each of these files takes a minute or more: one that began last would be what all others wait for.
BEGIN_FIRST = (
    "wheel",
    "story",
    "analyst_story",
    "security",
    "jobs_backup",
    "jobs_steps",
    "own_pipeline_story",
    "jobs_services",
    "faults_workers",
    "rubbish",
    "pages_viewer",
    "pages_new",
    "preloaded",
    "pages_workflow",
    "faults_queue",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """A test that needs a running app or workers is marked `live`, and one that drives Chromium `browser`. Files that
    take long come first.

    What has no database of its own, or is about SQLite, need not run again on another one."""
    for item in items:
        if LIVE & set(item.fixturenames):
            item.add_marker("live")
        if "browser" in item.fixturenames:
            item.add_marker("browser")
    items.sort(key=_place)
    if config.getoption("database") == "sqlite":
        return
    again = [item for item in items if "home" in item.fixturenames and item.get_closest_marker("sqlite") is None]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(again)])
    items[:] = again


def _place(item) -> int:
    name = item.path.stem.removeprefix("test_")
    return BEGIN_FIRST.index(name) if name in BEGIN_FIRST else len(BEGIN_FIRST)


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def browser_type_launch_args():
    """Chromium as it can run anywhere, also as root in a container without a graphics card."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine; install the package chromium")
    quiet = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--disable-quic",
    ]
    return {"executable_path": CHROMIUM, "args": quiet}


class App:
    """The real app, started as a user starts it, in a home of its own."""

    def __init__(self, home, port=None, options=()):
        self.home = home
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        environment = os.environ | {"TRAINYARD_HOME": str(home), "TRAINYARD_WORKERS": "2"}
        self.log = home.parent / f"{home.name}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={self.port}", *options],
                cwd=Path(__file__).parent.parent,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.wait_for("Running: 2 workers")

    def said(self):
        return self.log.read_text()

    def wait_for(self, words, seconds=60):
        end = time.monotonic() + seconds
        while words not in self.said():
            assert self.process.poll() is None and time.monotonic() < end, self.said()
            time.sleep(0.05)

    def stop(self):
        """Ctrl-C; returns the processes that are still there afterwards."""
        family = [
            process
            for process in psutil.process_iter(["environ"])
            if (process.info["environ"] or {}).get("TRAINYARD_HOME") == str(self.home) and process.pid != os.getpid()
        ]
        self.process.send_signal(signal.SIGINT)
        self.process.wait(40)
        _, alive = psutil.wait_procs(family, timeout=10)
        return alive


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def app():
    """The app, running, for the tests of one file."""
    folder = Path(tempfile.mkdtemp(prefix="trainyard-"))
    running = App(folder)
    yield running
    alive = running.stop()
    for process in alive:
        process.kill()
    shutil.rmtree(folder, ignore_errors=True)
    said = running.said()
    running.log.unlink()
    assert alive == [], f"Ctrl-C left processes behind; the app said: {said}"


def pytest_sessionfinish(session, exitstatus):
    """Where nothing may be skipped, a skip is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("TRAINYARD_TESTS_MAY_SKIP") == "no" and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A Valkey for which nobody works, for all the tests of a module."""
    from jobs.engine import queue
    from jobs.services import valkey as valkey_server

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINYARD_HOME", str(tmp_path_factory.mktemp("valkey")))
        forget()
        process = valkey_server.start()
        assert valkey_server.comes_up(process)
        yield f"unix://{queue.socket_path()}?db=0"
    forget()
    process.kill()
    process.wait()


@pytest.fixture
def valkey(server, home, monkeypatch):
    """A home whose queue is real, and empty."""
    from jobs.engine import queue

    monkeypatch.setenv("TRAINYARD_REDIS_URL", server)
    forget()
    queue.connection().flushall()
    return queue.connection()


@pytest.fixture
def command(home, capsys):
    """Run a command in this process: its code, its words, and what it complained about."""
    from jobs.cli import terminal
    from jobs.cli.app import main

    def run(*arguments):
        terminal.console.cache_clear()
        code = main([str(each) for each in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run
