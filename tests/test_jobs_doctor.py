"""Doctor finds each thing that is wrong, says what to do, and what it says helps."""

import contextlib
import json
import os
import shlex
import signal
import sqlite3
import subprocess
from datetime import timedelta

import pytest
from conftest import forget, free_port
from helpers import cast
from helpers.waiting import until
from rq.version import VERSION
from sqlalchemy import text, update

from jobs.cli.app import main
from jobs.engine import queue, runner
from jobs.services import presence
from jobs.upkeep import doctor
from jobs.upkeep.doctor import installation
from jobs.verbs import people
from store import db, files, steps
from store.settings import settings
from store.tables import now
from store.tables import people as rows
from store.tables import steps as step_table


def do(workflow_id):
    for step in steps.of_workflow(workflow_id):
        runner.run_step(step.id, steps.get(step.id).attempt)
    return workflow_id


def found(name, deep=False):
    """What doctor says under one name: states, sentences and advice."""
    return [(check.state, check.found, check.advice) for check in doctor.examine(deep) if check.name == name]


def problems(deep=False):
    return {check.name for check in doctor.examine(deep) if check.state == "problem"}


def problem(name, deep=False):
    """The one problem there is, which has this name: its sentence and advice."""
    assert problems(deep) == {name}
    ((_, told, advice),) = [each for each in found(name, deep) if each[0] == "problem"]
    assert told and advice
    return told, advice


def test_a_home_in_order(home, capsys):
    """Where all is well every line says so, and the exit code is 0, quickly or in depth."""
    do(cast.play(number=2))
    for arguments in (["doctor", "--json"], ["doctor", "--deep", "--json"]):
        assert main(arguments) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["well"] and {check["state"] for check in told["checks"]} <= {"ok", "note"}
        expected = [
            "settings",
            "versions",
            "home",
            "modes",
            "database",
            "clock",
            "files",
            "services",
            "queue",
            "people",
            "disk",
        ]
        if db.engine().dialect.name != "sqlite":
            expected.append("connections")
        assert set(expected) == {check["name"] for check in told["checks"]}


def test_an_empty_place(tmp_path, monkeypatch):
    """Before the first use there is nothing wrong, and looking makes nothing."""
    monkeypatch.setenv("TRAINYARD_HOME", str(tmp_path / "later"))
    forget()
    assert problems() == set() and not (tmp_path / "later").exists()
    forget()


def test_a_problem_is_an_exit_code(home, capsys):
    """One problem is enough for an exit code of 1; the line below says what to do."""
    home.chmod(0o755)
    assert main(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("modes       problem"))
    assert lines[at + 1].strip() == f"chmod -R go-rwx {home}"


def test_whatever_others_may_use_is_found_and_one_command_closes_it(home):
    """A file deep in the home that another user could read is named, and the advice, run as it stands, repairs it."""
    do(cast.play(number=2))
    ajar = files.path_of(next(iter(steps.artifacts_of(steps.of_workflow(1)[1].id).values())).sha256)
    ajar.chmod(0o644)
    ajar.parent.chmod(0o711)
    told, advice = problem("modes")
    assert str(ajar) in told and str(ajar.parent) in told
    subprocess.run(shlex.split(advice), check=True)
    assert problems() == set()
    if os.geteuid() == 0:
        os.chown(ajar, 12345, 12345)
        told, advice = problem("modes")
        assert str(ajar) in told and advice.startswith("sudo chown -R 0")


def test_files_elsewhere_are_looked_at_too(home, tmp_path, monkeypatch):
    """The folder of files is private also when it is not in the home."""
    monkeypatch.setenv("TRAINYARD_FILES_URL", str(tmp_path / "elsewhere"))
    forget()
    cast.dataset()
    (tmp_path / "elsewhere").chmod(0o755)
    told, advice = problem("modes")
    assert str(tmp_path / "elsewhere") in told and advice.endswith(str(tmp_path / "elsewhere"))


@pytest.mark.sqlite
def test_a_damaged_database(home):
    """Pages that were overwritten are found; nothing that needs the database is asked any more."""
    for number in range(20):
        cast.play(number=number)
    path = home / "trainyard.db"
    with db.writing() as connection:
        connection.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
            "INSERT INTO logs (step_id, attempt, at, level, text) "
            "SELECT 1, 1, '2026-01-01 00:00:00', 'info', 'line ' || i FROM n"
        )
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    with path.open("r+b") as stream:
        stream.seek(path.stat().st_size // 2)
        stream.write(os.urandom(40_000))
    told, advice = problem("database")
    assert "damaged" in told and "python -m jobs restore" in advice


@pytest.mark.sqlite
def test_a_file_that_is_no_database(home):
    """Rubbish in the place of the database is told in a sentence."""
    db.close()
    for left in home.glob("trainyard.db*"):
        left.unlink()
    (home / "trainyard.db").write_bytes(os.urandom(10_000))
    assert "damaged" in problem("database")[0]


@pytest.mark.parametrize(
    ("revision", "words", "todo"),
    [
        ("0001", "of an older version", "start the app"),
        ("9999", "of a newer version", "Install the newer Trainyard"),
    ],
)
def test_a_database_of_another_version(home, revision, words, todo):
    """Older and newer are told apart: one is brought up to date, the other must not be touched."""
    with db.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :at"), {"at": revision})
    told, advice = problem("database")
    assert words in told and todo in advice


@pytest.mark.sqlite
def test_a_database_that_takes_too_long_to_look_through(home, monkeypatch):
    """A quick look has an end; what it did not see is said."""
    from store import checks

    cast.play()
    monkeypatch.setattr("jobs.upkeep.doctor.database.CHECK_SECONDS", -1.0)
    monkeypatch.setattr(checks, "STEPS_BETWEEN_LOOKS", 1)
    ((state, _, advice),) = found("integrity")
    assert state == "note" and "--deep" in advice and problems() == set() and found("integrity", deep=True) == []


def test_a_clock_that_was_set_back(home):
    """A heartbeat from the future says that a clock jumped."""
    workflow_id = cast.play()
    with db.writing() as connection:
        connection.execute(
            step_table.update()
            .where(step_table.c.workflow_id == workflow_id)
            .values(heartbeat_at=now() + timedelta(hours=2))
        )
    told, advice = problem("clock")
    assert "not yet" in told and "timedatectl" in advice


def test_stored_files_that_are_gone_short_or_changed(home):
    """Missing and short files are found at once, changed ones with --deep; each is named with what it is."""
    do(cast.play(number=2))
    kept = steps.artifacts_of(steps.of_workflow(1)[1].id)["counted"]
    path = files.path_of(kept.sha256)
    whole = path.read_bytes()
    path.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    assert problems() == set()
    assert "counted of workflow 1" in problem("files", deep=True)[0]
    path.write_bytes(whole + b"?")
    assert "counted of workflow 1" in problem("files")[0]
    path.unlink()
    told, advice = problem("files")
    assert "1 stored file is missing" in told and "python -m jobs restore" in advice
    path.write_bytes(whole)
    path.chmod(0o600)
    assert problems(deep=True) == set()


def test_files_that_belong_to_nothing_are_counted(home):
    """What nothing refers to is no problem, and is told with its number."""
    with files.incoming() as stream:
        stream.write(b"nobody's")
        stream.keep()
    assert (
        "note",
        "1 stored files belong to nothing (8 B).",
        "They are removed a day after they were written, while the app runs.",
    ) in found("files")


def test_a_folder_that_takes_no_files(home, tmp_path, monkeypatch):
    """A file where the folder for files should be."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TRAINYARD_FILES_URL", str(tmp_path / "file"))
    forget()
    assert "files" in problems()


def test_what_a_killed_process_left(home):
    """A stale socket, a state file and a folder of scratch are told while nothing runs, and are no problem."""
    for name in ("run", "scratch"):
        (home / name).mkdir(exist_ok=True, mode=0o700)
    (home / "scratch" / "123-abc").mkdir(mode=0o700)
    (home / "run" / "valkey.sock").touch(mode=0o600)
    ((state, told, _),) = found("leftovers")
    assert state == "note" and "123-abc" in told and "valkey.sock" in told and problems() == set()
    with files.scratch():
        assert "abc" in found("leftovers")[0][1] and str(os.getpid()) not in found("leftovers")[0][1]


def test_other_versions_than_were_tried(home, tmp_path, monkeypatch):
    """A library that is missing or of another version is named with the one that was tried."""
    pins = installation.PINS.read_text()
    (tmp_path / "requirements.txt").write_text(pins.replace(f"rq=={VERSION}", "rq==1.0\nno-such-library==1.0"))
    monkeypatch.setattr(installation, "PINS", tmp_path / "requirements.txt")
    told = " ".join(each[1] for each in found("versions"))
    assert problems() == {"versions"} and f"rq {VERSION} (tested with 1.0)" in told
    assert "no-such-library not installed" in told


def test_secrets_in_settings_are_not_shown(home, monkeypatch, capsys):
    """Doctor prints the settings, and no password that is in one of them, whatever else is wrong with it."""
    for url in ("postgresql+psycopg://ada:geheim@nowhere.invalid/yard", "nonsense://x:ge/heim@y"):
        monkeypatch.setenv("TRAINYARD_DATABASE_URL", url)
        monkeypatch.setenv("TRAINYARD_REDIS_URL", "redis://127.0.0.1:1/0?password=geheim&db=0")
        forget()
        assert main(["doctor", "--json"]) == 1
        said = "".join(capsys.readouterr())
        assert "geheim" not in said and "heim" not in said and "***" in said


def test_little_room(home, monkeypatch):
    """A disk with less free than a home needs to work."""
    monkeypatch.setattr("jobs.upkeep.doctor.home.ROOM", 1 << 62)
    assert "delete workflows" in problem("disk")[1]


def test_services_in_order_and_a_supervisor_that_stands_still(services, home):
    """While services run, all is well; a supervisor that was stopped is named, and the advice sets it going."""
    assert problems() == set()
    pid = presence.state()["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: "is stopped" in " ".join(each[1] for each in found("services")))
        assert problem("services") == (f"The supervisor (process {pid}) is stopped.", f"kill -CONT {pid}")
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: problems() == set())


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("maxmemory-policy", "allkeys-lru", "drops entries when it is full (allkeys-lru)"),
        ("appendonly", "no", "forgets everything when it ends"),
        ("port", None, "also listens on port"),
    ],
)
def test_a_queue_that_is_set_up_wrongly(services, name, value, words):
    """Each setting of the server that the promises rest on is looked at."""
    queue.connection().config_set(name, value or free_port())
    told, advice = problem("queue")
    assert words in told and advice


def test_a_queue_over_the_network_without_a_secret(services, monkeypatch):
    """A queue that is not on this machine is told when anybody could use it."""
    port = free_port()
    queue.connection().config_set("bind", "127.0.0.1")
    queue.connection().config_set("port", port)
    monkeypatch.setenv("TRAINYARD_REDIS_URL", f"redis://127.1:{port}/0")
    settings.cache_clear()
    queue.connection.cache_clear()
    assert [advice for state, _, advice in found("queue") if state == "note"] == ["Use rediss:// with a password."]
    settings.cache_clear()
    monkeypatch.delenv("TRAINYARD_REDIS_URL")


def test_workers_that_fell_silent_or_are_of_another_version(services):
    """A worker that ended without a word, and one that was installed long ago."""
    connection = queue.connection()
    connection.sadd("rq:workers", "rq:worker:ghost")
    connection.hset(
        "rq:worker:ghost",
        mapping={"state": "busy", "last_heartbeat": "2026-01-01T00:00:00.000000Z", "version": VERSION},
    )
    assert "ghost" in problem("workers")[0]
    connection.hset("rq:worker:ghost", mapping={"last_heartbeat": f"{now():%Y-%m-%dT%H:%M:%S.%fZ}", "version": "1.16"})
    told, advice = problem("workers")
    assert "RQ 1.16" in told and "restart its workers" in advice


def test_work_that_nobody_does(home, monkeypatch):
    """Steps wait and there is no worker."""
    monkeypatch.setenv("TRAINYARD_WORKERS", "0")
    forget()
    with presence.using():
        cast.play()
        assert problem("workers") == ("None is running and 1 steps wait.", "python -m jobs worker")


def test_a_queue_that_is_gone_while_services_run(services):
    """The server does not answer although the services run."""
    pid = presence.state()["valkey"]
    os.kill(presence.state()["pid"], signal.SIGSTOP)
    try:
        os.kill(pid, signal.SIGKILL)
        until(lambda: "queue" in problems())
        assert "valkey.log" in found("queue")[0][2]
    finally:
        os.kill(presence.state()["pid"], signal.SIGCONT)


def test_people_whom_nobody_looks_after_are_a_problem(home):
    """Without people that is only said; with people and no admin, which a hand in the database can do, it is told."""
    assert next(check for check in doctor.examine() if check.name == "people").state == "note"
    people.add("ayşe", "admin", None)
    assert next(check for check in doctor.examine() if check.name == "people").found == "1 may sign in, 1 as admin."
    with db.writing() as connection:
        connection.execute(update(rows).values(role="viewer"))
    told = next(check for check in doctor.examine() if check.name == "people")
    assert told.state == "problem" and "user role NAME admin" in told.advice
