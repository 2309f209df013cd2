"""A big file is read while it arrives. Whatever happens to that, the upload step leaves the same table."""

import contextlib
import io
import os
import threading
import time

import psutil
import pytest
from helpers import tables
from helpers.refusals import refuses
from helpers.tiers import seldom
from helpers.waiting import until

from jobs.engine import runner
from jobs.language import sentence, text_of
from jobs.tabular import sandbox
from jobs.tabular.ahead.made_table import CONTENT
from jobs.verbs import datasets
from store import datasets as stored
from store import files, logs
from store.errors import RequestError
from store.files import waiting_folders
from store.tables import Status

SAID = "were read while the file arrived."
ROWS = 250_000


@pytest.fixture(autouse=True)
def small_is_big(home, monkeypatch):
    """Files beyond 64 KB are read ahead; no step reuses what another one left."""
    monkeypatch.setattr(datasets, "PROFILED_WHOLE", 1 << 16)
    monkeypatch.setattr(runner.steps, "find_equal", lambda *_: None)


def body(size="", quote="", end="\n", last=""):
    """A table of some 8 MB with numbers, words, days, gaps and copies; `size` stands in the late rows of its column."""
    lines = ["size,word,day,label"]
    for number in range(ROWS):
        amount = "" if number % 97 == 0 else f"{number % 1_000 / 7:.6f}"
        lines.append(
            f"{size if size and number > 0.9 * ROWS else amount},{quote}w{number % 50}{quote},"
            f"2024-03-{number % 28 + 1:02d},{'yes' if number % 3 else 'no'}"
        )
    return end.join([*lines, last]).encode()


def arrive(content, name="big.csv", between=lambda: None, **settings):
    """Add a file that arrives by and by, its size announced."""

    def pieces():
        for start in range(0, len(content), 1 << 20):
            yield content[start : start + (1 << 20)]
            between()

    return datasets.add(pieces(), name, settings or None, len(content))


def at_once(content, name="later.csv"):
    """Add a file whose size is not known before all of it is there, so that it is not read ahead."""
    return datasets.add(io.BytesIO(content), name)


def uploaded(dataset, **params):
    """The upload step as it ended, and whether it took over what was read ahead."""
    ended = tables.run(dataset, "label", "logistic_regression", until="upload", **params)["upload"]
    return ended, any(SAID in text_of(line.text, line.message) for line in logs.tail(ended.id))


def waiting():
    return list(waiting_folders.root().glob("*"))


def readers():
    """The children of the sandbox."""
    return psutil.Process(sandbox.SANDBOX.pid).children() if sandbox.SANDBOX.pid else []


def left(ended):
    return {name: tables.file_of(ended, name).name for name in ("table", "row_hashes")}


SHAPES = {
    "plain": body,
    "quoted, with the line ends of Windows": lambda: body(quote='"', end="\r\n"),
    "with letters and the mark of UTF-8": lambda: b"\xef\xbb\xbf" + body().replace(b",w7,", ",Ağrı,".encode()),
    "semicolons and decimal commas": lambda: body().replace(b",", b";").replace(b".", b","),
    "an old encoding": lambda: body().replace(b",w7,", ",Ağrı,".encode("cp1254")),
}


@pytest.mark.parametrize("shape", seldom(SHAPES, always=2))
def test_it_is_the_same_table(shape):
    """What is read ahead is described, profiled and written, to the last byte, as when the step reads it."""
    content = SHAPES[shape]()
    ahead, later = arrive(content), at_once(content)
    assert (ahead.dialect, ahead.columns, ahead.notices) == (later.dialect, later.columns, later.notices)
    assert (ahead.preview, ahead.exact, len(waiting())) == (later.preview, False, 1)
    (first, taken_over), (second, also) = uploaded(ahead), uploaded(later)
    assert first.status is second.status is Status.completed and first.result == second.result
    assert (taken_over, also) == (True, False) and left(first) == left(second)
    assert stored.get(ahead.id).exact and stored.get(ahead.id).columns == stored.get(later.id).columns
    assert waiting() == []


CHANGED = {
    "a kind": lambda: body(size="none of these"),
    "an encoding": lambda: body() + "1,Ağrı,2024-03-01,no".encode("cp1254"),
}


@pytest.mark.parametrize("what", CHANGED)
def test_what_only_late_rows_show(what):
    """Where late rows show something else than the first ones, the step reads the file."""
    content = CHANGED[what]()
    ahead, later = arrive(content), at_once(content)
    assert (ahead.dialect, ahead.columns, ahead.notices) == (later.dialect, later.columns, later.notices)
    (first, taken_over), (second, _) = uploaded(ahead), uploaded(later)
    assert first.status is Status.completed and first.result == second.result
    assert not taken_over and left(first) == left(second) and waiting() == []


REFUSED = {
    "a quote that is never closed": (lambda: body(last='1,"w,2024-03-01,no'), "is never closed"),
    "a zero byte at the end": (lambda: body(last="1,\0,2024-03-01,no"), "zero byte"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_is_refused_alike(what):
    """A file that a look at all of its bytes refuses leaves nothing behind."""
    make, words = REFUSED[what]
    with refuses(RequestError, match=words):
        arrive(make())
    assert waiting() == [] and list(files.stored()) == []


def test_a_malformed_line_behind_the_first_part():
    """It is the upload step that says in which line the file is malformed."""
    dataset = arrive(body(last="1,2,3,4,5"))
    ended, taken_over = uploaded(dataset)
    assert not taken_over and f"Line {ROWS + 2} has 5 fields" in sentence(ended.error)
    assert waiting() == []


def test_a_reader_that_is_killed_costs_the_head_start_only():
    """Killed while the file arrives, it is missed by nobody."""
    content, killed = body(), []

    def kill():
        for child in () if killed else readers():
            child.kill()
            killed.append(child)

    dataset = arrive(content, between=kill)
    assert killed and waiting() == []
    ended, taken_over = uploaded(dataset)
    assert ended.status is Status.completed and not taken_over


def test_a_reader_that_is_killed_after_its_answer():
    """The step notices that nobody writes the table any more, reads the file, and the rest is removed."""
    dataset = arrive(body())
    [folder] = waiting()
    until(lambda: (folder / CONTENT).stat().st_size)
    (folder / CONTENT).write_bytes(b"")
    ended, taken_over = uploaded(dataset)
    assert ended.status is Status.completed and not taken_over and waiting() == []


def test_the_step_waits_for_the_reader():
    """A step that begins while the table is still being written waits, and says how far it is."""
    dataset = arrive(body())
    [folder] = waiting()
    lock = files.lock_shared(folder)  # as its writer has
    ended = []
    step = threading.Thread(target=lambda: ended.append(uploaded(dataset)))
    step.start()
    time.sleep(0.5)
    assert not ended and folder.exists()
    os.close(lock)
    step.join()
    assert ended[0][1] and ended[0][0].status is Status.completed


def one_is_read_ahead():
    """Whether the only place is taken."""
    if (lock := files.lock_alone(waiting_folders.root())) is not None:
        os.close(lock)
    return lock is None


def test_one_file_at_a_time_is_read_ahead():
    """A second file that arrives meanwhile is looked at when it is complete."""
    others = []

    def also():
        if not others:
            until(one_is_read_ahead)
            others.append(arrive(body(), "other.csv"))

    dataset = arrive(body(end="\r\n"), between=also)
    assert uploaded(dataset)[1] and not uploaded(others[0])[1] and waiting() == []


def test_who_goes_away_takes_the_reader_along():
    """A file that stops arriving leaves neither a process nor a folder."""

    def stop():
        if readers():
            raise InterruptedError

    with pytest.raises(InterruptedError):
        arrive(body(), between=stop)
    until(lambda: not readers())
    assert waiting() == [] and list(files.stored()) == []


def test_kinds_set_by_hand_are_read_anew():
    """What was read ahead knows nothing of kinds that are set later."""
    ended, taken_over = uploaded(arrive(body()), kinds={"size": "category"})
    assert ended.status is Status.completed and not taken_over


def test_no_room_no_head_start(monkeypatch):
    """A file for which the disk has room only once is not read ahead."""
    content = body()
    monkeypatch.setattr(files.folder, "free_bytes", lambda: 4 * len(content))
    dataset = arrive(content)
    assert waiting() == [] and not uploaded(dataset)[1]


def test_a_file_that_is_known_needs_no_table():
    """All rows of it were read before, and whatever asks for them is reused."""
    uploaded(arrive(body()))
    assert arrive(body()).exact and waiting() == []


def test_a_table_that_waits_goes_with_its_dataset():
    """Who deletes a dataset leaves no copy of its rows that waits for a step."""
    gone = arrive(body())
    assert len(waiting()) == 1
    datasets.remove(gone.id)
    assert [path.name[:4] for path in waiting()] in ([], ["new-"]), "it may still be written"

    def swept():
        files.sweep_scratch()
        return waiting() == []

    until(swept, 30)


def offered(name, minutes):
    """A folder that was offered so many minutes ago."""
    folder = files.Waiting()
    folder.offer(name)
    folder.close()
    at = time.time() - 60 * minutes
    os.utime(waiting_folders.root() / name, (at, at))


def test_what_nobody_takes_is_removed():
    """After an hour; and what a killed process has left, at once."""
    offered("young", 10)
    offered("old", 70)
    (waiting_folders.root() / "new-killed").mkdir()
    files.sweep_scratch()
    assert [path.name for path in waiting()] == ["young"]


def test_only_a_few_wait():
    """The oldest make room for the next one."""
    for minutes in (5, 30, 20, 10):
        offered(f"{minutes} minutes", minutes)
    with contextlib.closing(files.Waiting()):
        assert {path.name for path in waiting() if "minutes" in path.name} == {"5 minutes", "10 minutes", "20 minutes"}
