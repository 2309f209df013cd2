"""Where the processes of steps come from: a process that forks them ahead, or a plain fork."""

import os
import resource
import signal
import time
from contextlib import suppress

import pytest
from helpers.processes import gone
from helpers.waiting import until

from jobs.process.children import Forked, forked_ahead


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


@pytest.fixture(params=[forked_ahead, Forked])
def children(request):
    made = request.param(answers)
    yield made
    made.end()


@pytest.fixture
def ahead():
    made = forked_ahead(answers)
    yield made
    made.end()


def test_every_child_is_a_process_of_its_own(children):
    """Two children are two processes, each leads a group of its own, and both end when they are released."""
    seen = set()
    for _ in range(2):
        child = children.take()
        child.line.send("who")
        pid, parent = child.line.recv()
        assert pid == child.pid == os.getpgid(pid) and parent == getattr(children, "pid", os.getpid())
        child.line.send("go")
        children.release(child)
        until(lambda pid=pid: gone(pid))
        seen.add(pid)
    assert len(seen) == 2 and os.getpid() not in seen


def test_how_a_killed_child_ended_is_reported(children):
    """The signal and the memory that was used reach the user of the child."""
    child = children.take()
    os.kill(child.pid, signal.SIGKILL)
    ended = children.wait(child.pid)
    assert os.WTERMSIG(ended.status) == signal.SIGKILL and ended.most_kb > 1_000
    with pytest.raises(EOFError):
        child.line.recv()


def test_a_child_that_died_while_waiting_is_passed_over(ahead):
    """What is taken is a child that lives."""
    ahead._read()
    dead = ahead._ready[0].pid
    os.kill(dead, signal.SIGKILL)
    until(lambda: gone(dead))
    child = ahead.take()
    child.line.send("who")
    assert child.pid != dead and child.line.recv()[0] == child.pid


def test_what_a_child_started_ends_with_it(children):
    """A process that a child leaves behind is ended."""
    child = children.take()
    child.line.send("fork")
    left = child.line.recv()
    child.line.send("go")
    children.release(child)
    until(lambda: gone(left))


def test_a_plain_fork_closes_first_what_must_not_be_shared():
    """The user's own preparation runs before each fork, in the user's process."""
    calls = []
    children = Forked(answers, before=lambda: calls.append(os.getpid()))
    for _ in range(2):
        child = children.take()
        child.line.send("go")
        children.release(child)
    assert calls == [os.getpid()] * 2


@pytest.mark.parametrize("whose", ["user", "server"])
def test_all_end_together(whose):
    """However the user of a fork server or the server itself goes, no process is left."""
    read, write = os.pipe()
    user = os.fork()
    if user == 0:
        made = forked_ahead(answers)
        pid = made.take().pid
        os.write(write, f"{made.pid} {pid}".encode())
        with suppress(BaseException):
            made.wait(pid)
        os._exit(1)
    pids = [int(pid) for pid in os.read(read, 100).split()]
    os.kill(user if whose == "user" else pids[0], signal.SIGKILL)
    until(lambda: all(gone(pid) for pid in (user, *pids)))
    os.waitpid(user, 0)
    os.close(read)
    os.close(write)


def test_its_user_keeps_its_memory(ahead):
    """Children cost their user no copies of its pages, as they would if it forked them itself."""
    mine = [[number] for number in range(300_000)]

    def faults(children):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(5):
            children()
            for each in mine:
                each[0] += 1
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    def from_server():
        child = ahead.take()
        child.line.send("go")
        ahead.wait(child.pid)

    def own():
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)

    assert faults(from_server) < faults(own) / 5


def test_what_a_child_started_ends_also_when_its_server_ends_at_once():
    """A child that has answered is released, and its server ended in the same moment: nothing of it is left."""
    for _ in range(10):
        server = forked_ahead(answers)
        child = server.take()
        child.line.send("fork")
        left = child.line.recv()
        server.release(child)
        server.end()
        until(lambda left=left: gone(left), 5)
