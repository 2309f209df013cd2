"""The tick: one of several supervisors does the repeated work; what goes silent with its host is noticed in time."""

import os
import subprocess
import sys
from collections import Counter

import pytest
from helpers import cast

from jobs.engine import queue, reconcile
from jobs.services import tick, timing, workers
from jobs.services import valkey as valkey_server
from jobs.services.tick import Entry, Tick
from store import actors, leases, steps
from store.tables import Status


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on when told to."""
    at = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: at[0])
    return at


class Host:
    """A supervisor on a host of its own, and what its tick did."""

    def __init__(self, name, *entries):
        self.done = []
        self.tick = Tick(entries=[*entries, Entry("note", 0, self.note, lambda: self.done.append("watched"))])
        self.tick._owner = lambda: name

    def note(self):
        self.done.append(actors.current())

    def beat(self):
        self.done.clear()
        return self.tick.beat()


def test_one_supervisor_works_and_the_others_watch(home, clock):
    """Of two hosts one does the work, as an actor of its own; the other one watches."""
    first, second = Host("first"), Host("second")
    assert first.beat() and not second.beat()
    assert (first.done, second.done) == ([actors.TICK], ["watched"])


def test_the_lease_is_asked_for_every_two_seconds_only(home, clock, monkeypatch):
    """Between two renewals a beat costs no transaction."""
    asked = []
    monkeypatch.setattr(leases, "take", lambda *about: bool(asked.append(about)) or True)
    host = Host("only")
    for _ in range(9):
        host.beat()
        clock[0] += 0.5
    assert len(asked) == 3
    assert tick.LEASE_SECONDS >= 3 * tick.RENEW_SECONDS


def test_an_entry_that_fails_stops_no_other(home, clock):
    """What fails is tried again a little later each time, and what stands after it is done all the same."""
    tries = []

    def fails():
        tries.append(clock[0])
        raise RuntimeError("broken")

    host = Host("only", Entry("fails", 0, fails))
    for _ in range(40):
        host.beat()
        assert host.done == [actors.TICK]
        clock[0] += 0.5
    assert 4 < len(tries) < 20
    assert timing.back_off(10_000) <= timing.BACK_OFF_SECONDS


def test_a_database_that_is_away_makes_nobody_lead(home, clock, monkeypatch):
    """While the lease cannot be asked for, no work is done under the one of before."""
    host = Host("only")
    assert host.beat()
    clock[0] += tick.RENEW_SECONDS

    def away(*_about):
        raise OSError("no database")

    monkeypatch.setattr(leases, "take", away)
    with pytest.raises(OSError, match="no database"):
        host.beat()
    assert host.done == [] and not host.tick._leads


def test_who_takes_over_has_watched_before(home, clock):
    """A host vanishes with the lease and a step: the silence that the next one has watched counts, so that the step is
    given up within 15 s of its last beat."""
    step = steps.of_workflow(cast.play())[0]
    steps.claim(step.id, 1, "a worker on the host that vanishes")
    reconciler = reconcile.Reconciler()
    for _ in range(int(tick.LEASE_SECONDS / tick.RENEW_SECONDS)):
        reconciler.watch()
        clock[0] += tick.RENEW_SECONDS
    seconds = tick.LEASE_SECONDS
    while steps.get(step.id).attempt == 1:
        reconciler._lose_silent(lambda _: {}, reconcile.SILENCE_SECONDS, Counter())
        clock[0] += tick.RECONCILE_SECONDS
        seconds += tick.RECONCILE_SECONDS
        assert seconds < 15
    assert steps.get(step.id).status == Status.pending


# Names of workers


def test_no_two_workers_have_the_same_name(home):
    """Also when host, home, place and process id are the same, as in a container that starts again."""
    names = set()
    for _ in range(2):
        crew = workers.Workers(1)
        crew.keep()
        names.add(crew.slots[0].name)
        os.kill(crew.slots[0].pid, 9)
        os.waitpid(crew.slots[0].pid, 0)
    first, second = (name.removeprefix(f"{workers.prefix()}-1-").split("-") for name in names)
    assert first[0].isdecimal() and len(first[1]) == 4 and first[1] != second[1]


def register(name):
    """A worker in the queue's list, as RQ writes it."""
    queue.connection().sadd("rq:workers", f"rq:worker:{name}")
    queue.connection().hset(f"rq:worker:{name}", mapping={"hostname": "here", "pid": os.getpid(), "state": "busy"})


@pytest.fixture
def valkey(home):
    process = valkey_server.start()
    assert valkey_server.comes_up(process)
    yield process
    process.kill()
    process.wait()


def test_workers_of_before_are_buried_at_the_start(valkey, home):
    """A container is killed and starts again: names of this host and home whose process is gone leave the list, also
    where another process has their process id by now, and their steps run again. A worker beside it, and one of another
    host, stay."""
    gone, old, beside = (f"{workers.prefix()}-{rest}" for rest in ("1-dead", "1-6", "2-beef"))
    elsewhere = "another-host-1-dead"
    for name in (gone, old, beside, elsewhere):
        register(name)
    running = {}
    for name in (gone, old, beside, elsewhere):
        step = steps.of_workflow(cast.play())[0]
        steps.claim(step.id, 1, name)
        running[name] = step.id
    code = (
        f"from jobs.services import workers as w; held = w._stay_locked({beside!r}); print('held', flush=True); input()"
    )
    alive = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert alive.stdout.readline() == b"held\n"
    workers.clean_up_stale_workers()
    assert queue.worker_names() == {beside, elsewhere}
    assert {name for name, step_id in running.items() if steps.get(step_id).attempt == 1} == {beside, elsewhere}
    alive.kill()
    alive.communicate()
    workers.clean_up_stale_workers()
    assert queue.worker_names() == {elsewhere} and steps.get(running[beside]).attempt == 2
    assert list((home / "run").glob("worker-*")) == []
