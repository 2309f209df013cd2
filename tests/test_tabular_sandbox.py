"""Files are analysed in a sandbox: whatever happens to the process that analyses, its user goes on."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from helpers.refusals import refuses
from helpers.tiers import seldom

from jobs.language import sentence
from jobs.tabular import sandbox
from jobs.verbs import datasets
from store import files
from store.errors import RequestError, UnavailableError

ROOT = Path(__file__).parent.parent
TABLE = b"a,b\n" + b"1,x\n2,y\n" * 20


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(TABLE)
    return path


@pytest.fixture
def endless(tmp_path):
    """A file that never ends: it is opened, and nothing comes."""
    path = tmp_path / "endless"
    os.mkfifo(path)
    return path


@pytest.fixture
def fresh():
    """No server before and none after."""
    sandbox.end()
    yield
    sandbox.end()


def look(path, size=1):
    return sandbox.look(path, size, None, None)


def server():
    end = time.monotonic() + 10
    while sandbox.SANDBOX.pid is None and time.monotonic() < end:
        time.sleep(0.01)  # another one is being started
    return psutil.Process(sandbox.SANDBOX.pid)


def children(number=1, process=None):
    """The looking processes, once there are so many."""
    end = time.monotonic() + 10
    while len(found := (process or server()).children()) != number and time.monotonic() < end:
        time.sleep(0.01)
    assert len(found) == number
    return found


def refusal(path):
    with pytest.raises(RequestError) as refused:
        look(path)
    return sentence(refused.value.message)


def test_nobody_waits_for_ever(table, monkeypatch):
    """When others hold every place for too long, a request is refused, and may come again."""
    places = sandbox.SANDBOX.places
    monkeypatch.setattr(places, "patience", 0.05)
    with places.taken(), places.taken(), refuses(UnavailableError, match="try again later"):
        look(table)
    assert look(table)["rows"] == 40


def test_what_is_found_and_what_is_refused(table):
    """A table is described as the database keeps it, a refusal arrives with its sentence and field."""
    found = look(table)
    assert (found["rows"], found["exact"], found["dialect"]["delimiter"]) == (40, True, ",")
    assert found["preview"][0] == [1, "x"] and [each["kind"] for each in found["columns"]] == ["number", "text"]
    with refuses(RequestError, match="encoding must be one of") as refused:
        sandbox.look(table, 1, {"encoding": "klingon"}, None)
    assert refused.value.field == "encoding"


def test_too_little_memory(fresh, table, monkeypatch):
    """A file that needs more memory than a look may have is refused; the next one is not."""
    table.write_bytes(b"a,b\n" + b"0.123456789,some words\n" * 400_000)
    monkeypatch.setattr(sandbox.SANDBOX, "memory", 16 << 20)
    assert "of memory to be analysed" in refusal(table)
    table.write_bytes(TABLE)
    assert look(table)["rows"] == 40


def test_too_little_time(endless, table, monkeypatch):
    """A look that takes too long is ended and refused; the next one is not."""
    monkeypatch.setattr(sandbox, "SECONDS", 1)
    start = time.monotonic()
    assert "took too long to analyse" in refusal(endless)
    assert time.monotonic() - start < 5
    assert look(table)["rows"] == 40


@pytest.mark.parametrize(
    ("sign", "words"),
    [
        (signal.SIGKILL, "of memory to be analysed"),
        (signal.SIGSEGV, "crashed its reader (SIGSEGV)"),
        (signal.SIGTERM, "crashed its reader (SIGTERM)"),
    ],
)
def test_a_killed_look(endless, table, sign, words):
    """Whatever ends a look, a sentence says so, and nothing else ends."""
    look(table)
    children(0)
    before = server().pid
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(refusal, endless)
        children()[0].send_signal(sign)
        assert words in asked.result(10)
    assert look(table)["rows"] == 40 and server().pid == before


def test_a_killed_server(table, endless):
    """A server that is killed takes its looks with it, and the next look starts another."""
    look(table)
    children(0)
    first = server()
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(refusal, endless)
        child = children()[0]
        first.kill()
        assert not psutil.wait_procs([child], 5)[1]
        children()[0].send_signal(signal.SIGUSR1)  # it was asked again, once
        assert "SIGUSR1" in asked.result(10)
    assert look(table)["rows"] == 40 and server().pid != first.pid


def test_an_idle_server_ends(fresh, table, monkeypatch):
    """A server that has nothing to do gives its memory back; the next look starts another."""
    monkeypatch.setattr(sandbox.SANDBOX, "idle_seconds", 0.1)
    look(table)
    first = server()
    assert not psutil.wait_procs([first], 5)[1]
    assert look(table)["rows"] == 40


def test_many_at_once(table):
    """Looks from many threads are all answered, two at a time."""
    look(table)
    most, watching = 0, threading.Event()

    def watch():
        nonlocal most
        while not watching.wait(0.002):
            with contextlib.suppress(psutil.NoSuchProcess):
                most = max(most, sum(each.status() != psutil.STATUS_ZOMBIE for each in server().children()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(8) as pool:
        rows = [found["rows"] for found in pool.map(look, [table] * 16)]
    watching.set()
    watcher.join()
    assert rows == [40] * 16 and 1 <= most <= 4  # two at work, two that are ending


def test_nothing_is_handed_on(home, endless, monkeypatch):
    """The process that looks has no file, socket or secret of the one that asks, and may write and dump nothing."""
    sandbox.end()
    monkeypatch.setenv("TRAINYARD_DATABASE_URL", "postgresql://user:secret@host/db")
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(refusal, endless)
        sandbox.make_ready()
        child = children()[0]
        time.sleep(0.2)
        sockets = len(list(Path(f"/proc/{child.pid}/fd").iterdir()))
        limits = Path(f"/proc/{child.pid}/limits").read_text()
        child.kill()
        asked.result(10)
    assert sockets <= 5
    assert not [name for name in server().environ() if name.startswith("TRAINYARD")]
    for name in ("Max file size", "Max core file size"):
        assert next(line for line in limits.splitlines() if line.startswith(name)).split()[-3:-1] == ["0", "0"]
    sandbox.end()


CODE = """
import sys, pathlib
from jobs.tabular import sandbox
print(sandbox.look(pathlib.Path(sys.argv[1]), 1, None, None)["rows"], flush=True)
sandbox.look(pathlib.Path(sys.argv[2]), 1, None, None)
"""


def test_it_dies_with_who_asked(table, endless):
    """Started in any folder, it works, and when the one who asked is killed, server and look end too."""
    asking = subprocess.Popen(
        [sys.executable, "-c", CODE, table.name, endless.name],
        cwd=table.parent,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with asking:
        assert asking.stdout.readline() == "40\n"
        [its_server] = children(1, psutil.Process(asking.pid))
        family = [its_server, *children(1, its_server)]
        asking.kill()
    assert not psutil.wait_procs(family, 5)[1]


MB = 1 << 20
SHAPES = {
    "one cell": (lambda: b"x" * (60 * MB), "Line 1 has a field longer than 1 MB"),
    "one line": (lambda: b"a,b\n" + b"1," * (30 * MB), "Line 2 has 31,457,281 fields, more than the 2"),
    "one first line": (lambda: b"1," * (30 * MB), "columns; at most 2,000 are allowed."),
    "nothing but commas": (lambda: b"a\n" + b"," * (60 * MB), "of memory to be analysed"),
    "nothing but quotation marks": (lambda: b'"' * (60 * MB), "Line 1 has a field longer than 1 MB"),
    "quotation marks in quotation marks": (lambda: b"a,b\n" + (b'"' + b'""' * 1_000 + b'",2\n') * 30_000, 30_000),
    "empty lines at the end": (lambda: TABLE + b"\n" * (60 * MB), 40),
    "a zero byte at the end": (lambda: TABLE + b"1,2\n" * (15 * MB) + b"1,\0\n", "a zero byte at position 62,914,7"),
    "very many columns": (
        lambda: (",".join(map(str, range(2_000))) + "\n" + ("7," * 1_999 + "7\n") * 10_000).encode(),
        10_001,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", seldom(SHAPES, always=3))
def test_nasty_shapes(tmp_path, name):
    """Files built to take all memory or all time are read or refused within the limits, and soon."""
    make, expected = SHAPES[name]
    size = (tmp_path / "nasty.csv").write_bytes(make())
    start = time.monotonic()
    try:
        outcome = look(tmp_path / "nasty.csv", size)["rows"]
    except RequestError as refused:
        outcome = sentence(refused.message)
    assert outcome == expected if isinstance(outcome, int) else str(expected) in outcome
    assert time.monotonic() - start < 30


def test_a_refused_file_leaves_nothing(fresh, home, monkeypatch):
    """A file that breaks its look is not kept, not even in part."""
    monkeypatch.setattr(sandbox.SANDBOX, "memory", 1 << 20)
    with refuses(RequestError, match="of memory"):
        datasets.add([b"a,b\n", b"0.123456789,some words\n" * 400_000], "big.csv")
    assert [path for path in files.folder.root().rglob("*") if path.is_file()] == []


def test_what_is_our_fault_is_written_down(tmp_path, caplog):
    """What nobody thought of is a sentence for who asked, and a trace in the log."""
    assert "crashed its reader (IsADirectoryError)" in refusal(tmp_path)
    assert "Traceback" in caplog.text
