"""What only a server that serves many at once can get wrong: each of these tests runs on PostgreSQL."""

import subprocess
import sys
import threading
import time

import psycopg
import pytest
from conftest import forget
from helpers import cast
from helpers.bounded import done, lines_of
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from jobs.upkeep import doctor
from store import attempts, db, leases, metrics, people, schema, steps, workflows
from store.actors import Role
from store.errors import RequestError
from store.leases import Lease
from store.messages import Message
from store.tables import Status
from store.tables import people as people_table


@pytest.fixture
def database(databases):
    """A new database on the server, also when the other tests run on SQLite."""
    with databases.new() as url:
        yield url


def at_once(*acts):
    """Do all of this in threads that begin together; what each returned or raised."""
    results, gate = [None] * len(acts), threading.Barrier(len(acts))

    def run(number, act):
        gate.wait()
        try:
            results[number] = act()
        except Exception as error:  # noqa: BLE001 - it is the result
            results[number] = error

    threads = [threading.Thread(target=run, args=each) for each in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def outside(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


# Read, decide, write


def test_two_admins_demoted_at_once_leave_one(home):
    """Of two admins who are demoted at the same moment one stays, however often it is tried."""
    for number in range(20):
        both = [people.add(f"{name} {number}", Role.admin, None) for name in ("ada", "grace")]
        results = at_once(*(lambda each=each: people.change(each.id, role=Role.viewer) for each in both))
        assert sorted(isinstance(each, RequestError) for each in results) == [False, True], results
        with db.reading() as connection:
            admins = select(func.count()).where(people_table.c.role == str(Role.admin))
            assert connection.scalar(admins) == 1
        for each in people.everybody():
            with db.writing() as connection:
                connection.execute(people_table.delete().where(people_table.c.id == each.id))


def test_steps_that_end_at_once_free_the_one_below(home):
    """Two steps complete at the same moment: the step that needs both becomes ready, and the workflow completes."""
    for _ in range(10):
        workflow_id = cast.play("diamond")
        top, left, right, bottom = steps.of_workflow(workflow_id)
        steps.complete(steps.claim(top.id, 1, "w"), "f", steps.Outcome({}))
        claims = [steps.claim(each.id, 1, "w") for each in (left, right)]
        assert at_once(*(lambda c=claim: steps.complete(c, "f", steps.Outcome({})) for claim in claims)) == [[]] * 2
        assert steps.get(bottom.id).ready_at is not None
        steps.complete(steps.claim(bottom.id, 1, "w"), "f", steps.Outcome({}))
        assert workflows.get(workflow_id).status == Status.completed


def test_a_look_is_consistent(home):
    """What one transaction reads twice is the same twice, though others write in between."""
    with db.reading() as connection:
        before = connection.scalar(select(func.count()).select_from(people_table))
        people.add("ada", Role.admin, None)
        assert connection.scalar(select(func.count()).select_from(people_table)) == before
    assert len(people.everybody()) == before + 1


# Many hosts


def test_hosts_that_start_together_make_the_tables_once(home, databases, monkeypatch):
    """Six processes that start at the same moment on an empty database all find it ready."""
    name = databases.server.create()
    monkeypatch.setenv("TRAINYARD_DATABASE_URL", databases.server.url(name))
    forget()
    code = "from store import schema; import sys; print('here', flush=True); sys.stdin.readline(); schema.prepare()"
    hosts = [outside(code) for _ in range(6)]
    for host in hosts:
        assert host.stdout.readline() == "here\n"
    for host in hosts:
        host.stdin.write("\n")
        host.stdin.flush()
    for host in hosts:
        host.communicate(timeout=60)
    assert [host.returncode for host in hosts] == [0] * 6
    assert schema.current() == schema.NEWEST
    forget()
    databases.server.drop(name)


def test_one_of_many_hosts_takes_a_lease(home):
    """Of hosts that ask for a free lease at the same moment exactly one gets it, and of those that take over, too."""
    for number in range(10):
        hosts = [Lease(f"tick {number}", f"host {each}") for each in range(4)]
        results = at_once(*(each.hold for each in hosts))
        assert results.count(True) == 1, results
        for each in hosts:
            each._unchanged = leases.SECONDS
            each.hold()


def test_a_frozen_process_gives_the_lock_back(home, monkeypatch):
    """A host that is cut off in the middle of a transaction does not stop all the others for good."""
    code = (
        "from store import db, schema; db.IDLE_SECONDS = 1\nwith db.writing():\n    print('held', flush=True); input()"
    )
    host = outside(code)
    assert host.stdout.readline() == "held\n"
    began = time.monotonic()
    people.add("ada", Role.admin, None)
    assert 0.2 < time.monotonic() - began < 20
    host.kill()
    host.communicate()


def test_doctor_counts_the_connections(home, monkeypatch):
    """Doctor says how many connections are in use, and warns before the next host is refused."""

    def told():
        return [check for check in doctor.examine() if check.name == "connections"]

    assert [check.state for check in told()] == ["ok"] and "of 197 connections" in told()[0].found
    monkeypatch.setattr("jobs.upkeep.doctor.database.FULL", 0.0)
    assert [check.state for check in told()] == ["note"]


# Waiting


def test_a_sign_of_life_does_not_wait_for_the_lock(home, monkeypatch):
    """A step says that it is alive while another process reads, decides and writes for long."""
    monkeypatch.setattr(db, "BUSY_SECONDS", 5)
    claim = steps.claim(steps.of_workflow(cast.play())[0].id, 1, "w")
    with db.writing():
        results = at_once(lambda: steps.beat(claim, progress=None))
    assert results == [False], "nobody asked it to stop"


def test_a_beat_and_a_cancel_do_not_wait_for_each_other(home, monkeypatch):
    """A step reports progress in the moment in which it is cancelled: both go through, in one order or the other."""
    workflow_id = cast.play()
    greet = steps.of_workflow(workflow_id)[0]
    steps.claim(greet.id, 1, "w")
    steps.lose(steps.get(greet.id), Message("worker_lost"))
    claim = steps.claim(greet.id, 2, "w")
    note_progress, inside = attempts.note_progress, threading.Event()

    def slowly(*arguments):
        inside.set()
        time.sleep(1)
        note_progress(*arguments)

    monkeypatch.setattr(attempts, "note_progress", slowly)
    beaten, cancelled = at_once(
        lambda: steps.beat(claim, progress=(0.5, None)), lambda: inside.wait() and steps.cancel(workflow_id)
    )
    assert beaten is False and [step.id for step in cancelled] == [greet.id]


def test_a_lock_that_lasts_too_long_is_tried_again(home, monkeypatch):
    """What waits for the lock for too long is refused in a way that helps to try again, and leaves nothing behind."""
    monkeypatch.setattr(db, "BUSY_SECONDS", 0.3)
    with db.writing():
        (result,) = at_once(lambda: people.add("ada", Role.admin, None))
    assert isinstance(result, db.DatabaseUnavailableError) and result.retryable
    assert people.add("ada", Role.admin, None).name == "ada"


def test_a_process_that_waits_for_the_lock_reports_that_it_is_alive(home, monkeypatch):
    """A worker that waits for the lock heartbeats meanwhile, and gets the lock in the end."""
    monkeypatch.setattr(db, "SIGN_OF_LIFE_SECONDS", 0.1)
    monkeypatch.setattr(db, "access", db.Access())
    heard, over = [], threading.Event()
    db.while_waiting(lambda: (heard.append(1), over.set() if len(heard) > 2 else None))

    def holds():
        with db.writing():
            assert over.wait(20)

    holder = threading.Thread(target=holds)
    holder.start()
    time.sleep(0.3)
    assert people.add("ada", Role.admin, None).name == "ada"
    holder.join()
    assert len(heard) > 2
    db.close()


def test_a_connection_that_the_server_ended_is_tried_again(home, databases):
    """The server ends a connection in the middle of a transaction: it is away, and the next transaction works."""
    with pytest.raises(db.DatabaseUnavailableError), db.writing() as connection:
        number = connection.scalar(select(func.pg_backend_pid()))
        with databases.server.connect("postgres") as other:
            other.execute("SELECT pg_terminate_backend(%s)", (number,))
        connection.scalar(select(func.count()).select_from(people_table))
    assert people.add("ada", Role.admin, None).name == "ada"


def test_a_restart_of_the_server_as_a_step_ends_costs_nothing(home, databases, monkeypatch):
    """The server is restarted between a step's last line and its result: all of it is recorded, by the same attempt."""
    server = databases.server
    monkeypatch.setattr(db, "RETRY_SECONDS", 0.1)

    def body(context):
        context.metric(1, loss=0.5)
        context.log("last")
        server.halt()
        db.while_waiting(lambda: server.serve() if server.process.poll() is not None else None)
        return {"ok": True}

    monkeypatch.setattr(db.access, "signs_of_life", ())
    step = done(body)
    assert (step.status, step.result, step.attempt) == (Status.completed, {"ok": True}, 1)
    assert lines_of(step) == [("info", "last")] and list(metrics.curves(step.id)) == ["loss"]


def test_a_mistake_is_not_taken_for_a_server_that_is_away(home):
    """What the server refuses for good is not tried again."""
    with pytest.raises(DBAPIError) as refused, db.writing() as connection:
        connection.exec_driver_sql("SELECT * FROM nowhere")
    assert isinstance(refused.value.orig, psycopg.errors.UndefinedTable)
