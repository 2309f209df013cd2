"""The process that forks children for a worker."""

import os
import resource
import signal
import time
from contextlib import suppress

import psutil
import pytest

from jobs.process.children import Nursery


def answers(line):
    """Says who it is and does what it is told."""
    while (order := line.recv()) != "go":
        if order == "fork":
            pid = os.fork()
            if pid == 0:
                time.sleep(60)
                os._exit(0)
            line.send(pid)
        else:
            line.send((os.getpid(), os.getppid()))


@pytest.fixture
def nursery():
    made = Nursery(answers)
    yield made
    made.end()


def gone(pid):
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


def until(condition, seconds=5):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_every_child_is_a_process_of_its_own(nursery):
    """Two children are two processes, and neither is a child of who uses them."""
    seen = set()
    for _ in range(2):
        pid, line = nursery.child()
        line.send("who")
        assert line.recv() == (pid, nursery.pid)
        line.send("go")
        assert nursery.how_it_ended(pid)[0] == 0
        seen.add(pid)
    assert len(seen) == 2 and os.getpid() not in seen


def test_how_a_killed_child_ended_is_told(nursery):
    """The signal and the memory that was used reach who used the child."""
    pid, line = nursery.child()
    os.kill(pid, signal.SIGKILL)
    status, used = nursery.how_it_ended(pid)
    assert os.WTERMSIG(status) == signal.SIGKILL and used > 1_000
    with pytest.raises(EOFError):
        line.recv()


def test_a_child_that_died_while_waiting_is_passed_over(nursery):
    """Whoever needs a child gets one that lives."""
    nursery._hear()
    dead = nursery._ready[0][0]
    os.kill(dead, signal.SIGKILL)
    until(lambda: gone(dead))
    pid, line = nursery.child()
    line.send("who")
    assert pid != dead and line.recv()[0] == pid


def test_what_a_child_started_ends_with_it(nursery):
    """A process that a child leaves behind is ended."""
    pid, line = nursery.child()
    line.send("fork")
    left = line.recv()
    line.send("go")
    nursery.how_it_ended(pid)
    until(lambda: gone(left))


@pytest.mark.parametrize("whose", ["user", "nursery"])
def test_all_end_together(whose):
    """However the user of a nursery or the nursery itself goes, no process is left."""
    read, write = os.pipe()
    user = os.fork()
    if user == 0:
        made = Nursery(answers)
        pid, _line = made.child()
        os.write(write, f"{made.pid} {pid}".encode())
        with suppress(BaseException):
            made.how_it_ended(pid)
        os._exit(1)
    pids = [int(pid) for pid in os.read(read, 100).split()]
    os.kill(user if whose == "user" else pids[0], signal.SIGKILL)
    until(lambda: all(gone(pid) for pid in (user, *pids)))
    os.waitpid(user, 0)
    os.close(read)
    os.close(write)


def test_its_user_keeps_its_memory(nursery):
    """Children cost their user no copies of its pages, as they would if it forked them itself."""
    mine = [[number] for number in range(300_000)]

    def faults(children):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(5):
            children()
            for each in mine:
                each[0] += 1
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    def from_nursery():
        pid, line = nursery.child()
        line.send("go")
        nursery.how_it_ended(pid)

    def own():
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)

    assert faults(from_nursery) < faults(own) / 5
