"""Backup and restore: whole or not at all, while everything runs, and nothing that was accepted is lost."""

import contextlib
import gzip
import hashlib
import io
import json
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading
import time
from datetime import timedelta
from pathlib import Path

import joblib
import pandas as pd
import psutil
import pytest
from conftest import forget
from helpers import cast
from helpers.refusals import refuses
from helpers.tables import run, turkish
from helpers.waiting import until

from jobs import chain
from jobs.cli.app import main
from jobs.engine import queue_view, runner
from jobs.language import sentence
from jobs.services import presence
from jobs.upkeep import backup as verbs
from jobs.verbs import datasets, schemas, short_form
from jobs.verbs import workflows as workflow_verbs
from store import backup_file, db, files, metrics, people, schema, snapshot, steps, workflows
from store.actors import Role
from store.errors import RequestError
from store.tables import Status

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.sqlite


def do(workflow_id):
    """Be the worker: run every step, here and now."""
    for step in steps.of_workflow(workflow_id):
        with contextlib.suppress(runner.StepFailedError):
            runner.run_step(step.id, steps.get(step.id).attempt)
    return workflow_id


def move(monkeypatch, folder):
    """Go on in another, empty home."""
    monkeypatch.setenv("TRAINYARD_HOME", str(folder))
    forget()
    schema.prepare()
    return folder


def yes(_question):
    return True


def restore(file):
    return verbs.restore(file, yes)


def outside(*arguments, home, start=subprocess.run, **options):
    """A command in a process of its own."""
    command = [sys.executable, "-m", "jobs", *map(str, arguments)]
    return start(
        command,
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"TRAINYARD_HOME": str(home)},
        **options,
    )


def names():
    return [each.name for each in workflows.find(workflows.Filter(sort="created_at"), 100)]


def rows():
    """Every row of the database, but for leases and who did what."""
    with contextlib.closing(sqlite3.connect(snapshot.path())) as connection:
        tables = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if name not in ("leases", "deeds", "sqlite_sequence")
        ]
        return {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in tables}  # noqa: S608


def kept_files(home):
    """Every stored file with what is in it, and whatever else lies about."""
    return {
        path.relative_to(home): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("files", "checkpoints", "scratch")
        for path in (home / folder).rglob("*")
        if path.is_file()
    }


def curve(workflow_id):
    return [point.epoch for point in metrics.curves(steps.of_workflow(workflow_id)[1].id).get("count", [])]


@pytest.fixture
def furnished(home):
    """A home with a finished workflow, a waiting one, and a trained model."""
    do(cast.play(number=3))
    cast.play(number=4)
    steps_ = run(datasets.add([turkish()], "t.csv"), "abone mi", "LR", until="evaluate", epochs=2)
    workflows.describe(steps_["train"].workflow_id, name="trained")
    return home


@pytest.fixture
def made(furnished, tmp_path):
    """A backup of it."""
    verbs.backup(tmp_path / "made.tar")
    return tmp_path / "made.tar"


@pytest.mark.rare
def test_a_backup_under_load_goes_on_in_another_home(home, monkeypatch, tmp_path):
    """Backed up while twenty workflows run, killed, restored elsewhere: all that was accepted is there, what had
    finished is equal to the byte, the rest goes on and completes, and the old model predicts as before."""
    monkeypatch.setenv("TRAINYARD_WORKERS", "2")
    forget()
    table = turkish()
    with presence.using():
        model = short_form.start(datasets.add([table], "t.csv").id, "abone mi", "logistic_regression", {"epochs": 3}).id
        until(lambda: workflows.get(model).status.over)
        accepted = [cast.play(number=12 + number, pause=0.05, mood="calm") for number in range(20)]
        for each in accepted:
            chain.run_workflow(each)
        until(lambda: sum(workflows.get(each).status.over for each in accepted) >= 3, 60)
        file = verbs.backup(tmp_path / "busy.tar").file
        os.kill(presence.state()["pid"], signal.SIGKILL)
        before = {each: schemas.workflow(each) for each in (model, *accepted)}
        curves = {each: schemas.metric_rows(each) for each in before}
        model_file = files.verified(steps.model_of(model)).read_bytes()
    raw = pd.read_csv(io.BytesIO(table), sep=";", decimal=",", encoding="cp1254")
    answers = joblib.load(io.BytesIO(model_file)).predict(raw)

    elsewhere = move(monkeypatch, tmp_path / "elsewhere")
    restored = restore(file)
    assert restored.safety is None and restored.manifest.missing == []
    assert {each.id for each in workflows.find(workflows.Filter(), 100)} == {model, *accepted}
    done = [each for each in before if workflows.get(each).status is Status.completed]
    assert model in done and 4 <= len(done) < 21
    for each in done:
        assert schemas.workflow(each) == before[each] and schemas.metric_rows(each) == curves[each]
    assert files.verified(steps.model_of(model)).read_bytes() == model_file
    assert steps.running() == [] and not [path for path in elsewhere.rglob("*") if path.lstat().st_mode & 0o077]
    with presence.using():
        for number, each in enumerate(accepted):
            until(lambda each=each: workflows.get(each).status.over, 60)
            assert workflows.get(each).status is Status.completed
            assert curve(each) == list(range(1, 13 + number)), "no gap, no double point"
        assert main(["model", str(model), "--out", str(tmp_path / "again.joblib")]) == 0
        assert list(joblib.load(tmp_path / "again.joblib").predict(raw)) == list(answers)


@pytest.mark.rare
def test_restoring_a_home_while_it_works(services, home, tmp_path):
    """Beside running services: the content of before is replaced, its work ends, what the backup was in the middle
    of starts again at once and goes on from its checkpoint; and the backup of before brings everything back."""
    in_the_middle = cast.play(number=60, pause=0.1)
    chain.run_workflow(in_the_middle)
    until(lambda: len(curve(in_the_middle)) > 30)
    waiting = cast.play(number=2)
    verbs.backup(tmp_path / "early.tar")
    later = [cast.play(number=2, pause=60), cast.play(number=2)]
    for each in reversed(later):
        chain.run_workflow(each)
    until(lambda: workflows.get(later[1]).status is Status.completed and curve(later[0]))
    until(lambda: workflows.get(waiting).status is Status.completed)

    told = outside("restore", tmp_path / "early.tar", "--yes", "--json", home=home)
    assert told.returncode == 0, told.stderr
    safety = Path(json.loads(told.stdout)["before"])
    assert safety.parent == home and safety.stat().st_mode & 0o077 == 0
    assert {each.id for each in workflows.find(workflows.Filter(), 100)} == {in_the_middle, waiting}
    assert not workflows.get(waiting).status.over
    count = steps.of_workflow(in_the_middle)[1]
    until(lambda: steps.get(count.id).status is Status.running, 10)
    assert steps.get(count.id).attempt == 2 and steps.get(count.id).max_attempts == 4, "no attempt was used up"
    until(lambda: {row.workflow_id for row in queue_view.snapshot().workers} == {None, in_the_middle}, 10)
    until(lambda: workflows.get(in_the_middle).status.over and workflows.get(waiting).status is Status.completed)
    assert workflows.get(in_the_middle).status is Status.completed and curve(in_the_middle) == list(range(1, 61))
    attempts = {point.value for point in metrics.curves(count.id)["attempt"]}
    assert attempts == {1, 2}, "the part up to the checkpoint is the first attempt's"
    assert cast.play() > max(later), "numbers are not given twice"

    assert outside("restore", safety, "--yes", home=home).returncode == 0
    assert workflows.get(later[1]).status is Status.completed
    again = steps.of_workflow(later[0])[1]
    until(lambda: steps.get(again.id).status is Status.running, 15)
    assert steps.get(again.id).attempt == 2


def test_a_backup_is_complete(made, furnished, monkeypatch, tmp_path):
    """A restored home holds row for row and file for file what the other one held, and nothing else."""
    before, stored = rows(), kept_files(furnished)
    elsewhere = move(monkeypatch, tmp_path / "elsewhere")
    restore(made)
    assert rows() == before and kept_files(elsewhere) == stored
    for kept in (*steps.artifacts_of(steps.of_workflow(1)[1].id).values(), *(each.file for each in datasets_there())):
        files.verified(kept)


def datasets_there():
    from store import datasets as dataset_store

    return dataset_store.find()


def test_the_file_is_private_and_lies_under_its_name_only_when_whole(made, furnished, tmp_path):
    """Only its owner can read a backup; it is an ordinary tar; nothing is left beside it."""
    assert made.stat().st_mode & 0o777 == 0o600
    with tarfile.open(made) as tar:
        members = tar.getnames()
    assert members[-2:] == ["trainyard.db", "manifest.json"]
    assert list(tmp_path.iterdir()) == [made] and not list((furnished / "scratch").iterdir())


def test_a_backup_replaces_no_file_unless_told(made, capsys):
    """A file that is there stays, whatever it is, until --force."""
    before = made.read_bytes()
    assert main(["backup", str(made)]) == 1 and "say --force" in capsys.readouterr().err
    assert made.read_bytes() == before
    cast.play()
    assert main(["backup", str(made), "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["workflows"] == 4


def test_a_file_that_appears_meanwhile_stays(furnished, tmp_path):
    """Somebody else writes a file of that name while the backup is made: it is not replaced."""
    target = tmp_path / "mine.tar"
    with refuses(RequestError, match="is there already"):
        verbs.backup(target, progress=lambda *_: target.write_text("somebody's"))
    assert target.read_text() == "somebody's" and list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "is a folder; name a file in it."),
        ("no/such/file.tar", "There is no folder"),
    ],
)
def test_a_backup_needs_a_place(home, tmp_path, capsys, name, words):
    assert main(["backup", str(tmp_path / name)]) == 1
    assert words in capsys.readouterr().err


def test_what_is_deleted_while_a_backup_is_made_does_not_spoil_it(furnished, monkeypatch, tmp_path):
    """A workflow deleted between the look at the database and the copy of its files is simply not in it."""
    (trained,) = (each.id for each in workflows.find(workflows.Filter(text="trained"), 1))
    deleted = []

    def delete_then(_words, _done, _total):
        if not deleted:
            deleted.append(trained)
            workflow_verbs.remove([trained])

    told = verbs.backup(tmp_path / "b.tar", progress=delete_then)
    assert deleted and told.missing == 0 and told.manifest.workflows == 2
    after = rows()
    move(monkeypatch, tmp_path / "elsewhere")
    restore(tmp_path / "b.tar")
    assert rows() == after


def test_a_damaged_home_is_backed_up_as_far_as_it_is_there(furnished, monkeypatch, tmp_path, capsys):
    """Files that are gone or changed are told, with an exit code of 1; all the rest is in the backup."""
    gone, changed = (
        files.path_of(each.sha256)
        for each in sorted(steps.artifacts_of(steps.of_workflow(3)[1].id).values(), key=lambda kept: kept.sha256)[:2]
    )
    gone.unlink()
    changed.write_bytes(flipped(changed.read_bytes(), 0.5))
    assert main(["backup", str(tmp_path / "b.tar"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["missing"] == sorted([gone.name, changed.name])
    before = rows()
    move(monkeypatch, tmp_path / "elsewhere")
    assert restore(tmp_path / "b.tar").manifest.missing == sorted([gone.name, changed.name])
    assert rows() == before


def test_a_backup_that_does_not_fit_is_not_begun(furnished, tmp_path, capsys):
    """The room is looked at first; the sentence says how much is needed."""
    with db.writing() as connection:
        connection.exec_driver_sql("UPDATE datasets SET size = 1 << 60")
    assert main(["backup", str(tmp_path / "b.tar")]) == 1
    assert "This needs 2,305,843,009.3 GB" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_leaves_nothing(furnished, tmp_path):
    """A write that fails in the middle ends in one sentence, and no half file is left."""
    ended = outside(
        "backup",
        tmp_path / "b.tar",
        home=furnished,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000)),
    )
    assert ended.returncode == 1 and "Traceback" not in ended.stderr and len(ended.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_killed_backup_leaves_no_backup(furnished, tmp_path):
    """SIGKILL in the middle: there is no file of that name, and the next backup is not in the way of its rest."""
    code = (
        "import os, signal, sys\nfrom jobs.upkeep import backup\nfrom pathlib import Path\nfrom store import actors\n"
        "actors.recognise_by(actors.operator)\n"
        "backup.backup(Path(sys.argv[1]), progress=lambda *_: os.kill(os.getpid(), signal.SIGKILL))"
    )
    target = tmp_path / "b.tar"
    ended = subprocess.run(
        [sys.executable, "-c", code, str(target)],
        cwd=ROOT,
        check=False,
        env=os.environ | {"TRAINYARD_HOME": str(furnished)},
    )
    assert ended.returncode == -signal.SIGKILL and not target.exists()
    verbs.backup(target)
    assert list(tmp_path.iterdir()) == [target]
    files.sweep_scratch()
    assert not list((furnished / "scratch").iterdir())


def test_restoring_asks_first(made, furnished, capsys, monkeypatch):
    """A home in use is not replaced by a program that did not say --yes, nor by a person who says no."""
    workflows.describe(1, name="since then")
    for arguments in (["restore", str(made)], ["restore", str(made), "--json"]):
        assert main(arguments) == 1
        said = "".join(capsys.readouterr())
        assert "not empty (workflows: 3, datasets: 2)" in said and "--yes" in said
    with refuses(RequestError, match=r"Nothing was changed\."):
        verbs.restore(made, lambda _question: False)
    assert workflows.get(1).name == "since then"
    assert main(["restore", str(made), "--yes", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert workflows.get(1).name == "play" and Path(told["before"]).exists()
    assert main(["restore", told["before"], "--yes"]) == 0
    assert workflows.get(1).name == "since then", "what was there before can be had back"


def truncated(data, share):
    return data[: int(len(data) * share)]


def flipped(data, share):
    at = int(len(data) * share)
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


def in_a_gap(data):
    """A byte that belongs to no part."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        at = next(member.offset_data + member.size for member in tar if member.size % 512)
    return data[:at] + b"x" + data[at + 1 :]


def with_member(data, name, kind=tarfile.REGTYPE, content=b"evil", link="", size=None):
    """One more thing at the begin of a backup."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(content) if size is None else size
    return info.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512) + data


def without(data, which):
    """A backup from which one part was taken out, and all the rest is as it was."""
    return rebuilt(data, lambda name, content: None if which in name else content)


def rebuilt(data, change):
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data)) as old, tarfile.open(fileobj=out, mode="w") as new:
        for member in old:
            content = change(member.name, old.extractfile(member).read())
            if content is not None:
                info = tarfile.TarInfo(member.name)
                info.size = len(content)
                new.addfile(info, io.BytesIO(content))
    return out.getvalue()


def with_manifest(data, **values):
    return rebuilt(
        data,
        lambda name, content: json.dumps(json.loads(content) | values).encode() if name == "manifest.json" else content,
    )


def with_database(data, change):
    """A backup whose database was changed by somebody who then made everything fit again."""
    told = {}

    def exchange(name, content):
        if name == "trainyard.db":
            content = change(content)
            told.update(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest())
        if name == "manifest.json":
            content = json.dumps(json.loads(content) | {"database": told}).encode()
        return content

    return rebuilt(data, exchange)


def sql(*statements):
    def change(content):
        folder = Path(os.environ["TRAINYARD_HOME"]) / "scratch"
        path = folder / "changed.db"
        path.write_bytes(content)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
            for statement in statements:
                connection.execute(statement)
            connection.commit()
        content = path.read_bytes()
        path.unlink()
        return content

    return change


NOT_WHOLE = "not a backup|too early|damaged"
SPOILED = {
    "nothing": (lambda data: b"", "too early"),
    "something between the parts": (lambda data: in_a_gap(data), "damaged"),
    "something after its end": (lambda data: data + b"more", "damaged"),
    "rubbish": (lambda data: os.urandom(4096), "not a backup"),
    "compressed": (gzip.compress, "not a backup"),
    "cut in the middle": (lambda data: truncated(data, 0.5), NOT_WHOLE),
    "cut near the end": (lambda data: truncated(data, 0.98), NOT_WHOLE),
    "cut in the first name": (lambda data: data[:300], "not a backup"),
    "only its first block": (lambda data: data[:512], "too early"),
    **{
        f"a bit changed at {share}": (lambda data, share=share: flipped(data, share), NOT_WHOLE)
        for share in (0.0001, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97)
    },
    "a path out of the folder": (lambda data: with_member(data, "files/../../evil"), "no backup holds"),
    "a path from the root": (lambda data: with_member(data, "/tmp/evil"), "no backup holds"),
    "a name too many": (lambda data: with_member(data, "files/ab/" + "ab" * 32), "damaged"),
    "a checkpoint too many": (lambda data: with_member(data, "checkpoints/step-1-" + "ab" * 32), "damaged"),
    "another checkpoint name": (lambda data: with_member(data, "checkpoints/../evil"), "no backup holds"),
    "a symbolic link": (
        lambda data: with_member(data, "files/ab/" + "ab" * 32, tarfile.SYMTYPE, b"", "/etc/passwd"),
        "no backup holds",
    ),
    "a hard link": (
        lambda data: with_member(data, "trainyard.db", tarfile.LNKTYPE, b"", "/etc/passwd"),
        "no backup holds",
    ),
    "a device": (lambda data: with_member(data, "trainyard.db", tarfile.CHRTYPE, b""), "no backup holds"),
    "a long name": (lambda data: with_member(data, "x", tarfile.GNUTYPE_LONGNAME), "no backup holds"),
    "an extended header": (lambda data: with_member(data, "x", tarfile.XHDTYPE), "no backup holds"),
    "a part of a huge size": (lambda data: with_member(data, "trainyard.db", size=1 << 60), "too early"),
    "the same part twice": (
        lambda data: with_member(with_member(data, "trainyard.db"), "trainyard.db"),
        "no backup holds",
    ),
    "without its database": (lambda data: without(data, "trainyard.db"), "damaged"),
    "without its manifest": (lambda data: without(data, "manifest.json"), "not a backup|too early"),
    "without a file": (lambda data: without(data, "files/"), "damaged"),
    "of a newer format": (lambda data: with_manifest(data, format=2), "newer Trainyard"),
    "with a manifest that is none": (lambda data: with_manifest(data, files="all"), "list of contents"),
    "with fewer files than it needs": (lambda data: without(with_manifest(data, files=[]), "files/"), "not in it"),
    "of a newer revision": (
        lambda data: with_database(data, sql("UPDATE alembic_version SET version_num = '9999'")),
        "newer Trainyard",
    ),
    "with a trigger": (
        lambda data: with_database(data, sql("CREATE TRIGGER t AFTER INSERT ON logs BEGIN DELETE FROM people; END")),
        "not one of Trainyard",
    ),
    "with a view": (
        lambda data: with_database(
            data, sql("DROP TABLE pauses", "CREATE VIEW pauses AS SELECT 1 AS queue, 2 AS paused_at")
        ),
        "not one of Trainyard",
    ),
    "with another table": (
        lambda data: with_database(data, sql("DROP TABLE pauses", "CREATE TABLE pauses(queue, extra, more)")),
        "not one of Trainyard",
    ),
    "with a path as a hash": (
        lambda data: with_database(data, sql("UPDATE artifacts SET sha256 = '../../../../etc/passwd'")),
        "not in it",
    ),
    "with rubbish as its database": (lambda data: with_database(data, lambda _: os.urandom(8192)), "is damaged"),
    "with a torn database": (lambda data: with_database(data, lambda content: content[: len(content) // 2]), "damaged"),
    "of another program": (lambda data: with_database(data, sql("DROP TABLE alembic_version")), "not one of Trainyard"),
    "with a word that is no status": (
        lambda data: with_database(data, sql("UPDATE steps SET status = 'running', params = 'no json'")),
        "damaged",
    ),
}


@pytest.mark.parametrize("how", SPOILED)
def test_a_spoiled_backup_is_refused_and_nothing_is_changed(made, furnished, how):
    """Damaged, cut short, made by hand to do harm: one sentence, before anything was touched."""
    spoil, words = SPOILED[how]
    spoiled = made.with_name("spoiled.tar")
    spoiled.write_bytes(spoil(made.read_bytes()))
    cast.play()
    before, stored, around = rows(), kept_files(furnished), sorted(furnished.parent.glob("evil*"))
    with refuses(RequestError, match=words):
        restore(spoiled)
    assert (rows(), kept_files(furnished), sorted(furnished.parent.glob("evil*"))) == (before, stored, around)
    assert not list(furnished.glob("before-restore*"))


def test_every_single_cut_is_noticed(made):
    """A backup that ends anywhere but at its end is refused."""
    data, cut = made.read_bytes(), made.with_name("cut.tar")
    chances = random.Random(1)
    manifest_ends = data.rindex(b"}") + 1
    for length in [*(chances.randrange(manifest_ends) for _ in range(60)), manifest_ends - 1]:
        cut.write_bytes(data[:length])
        with backup_file.opened(cut) as reader, pytest.raises(RequestError):
            reader.check(verbs.no_progress)


def test_what_is_not_a_file_is_refused(home, tmp_path, capsys):
    """A folder, a pipe or nothing at all is no backup."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "nothing"):
        assert main(["restore", str(path), "--yes"]) == 1
        assert capsys.readouterr().err == f"There is no file {path}.\n"


def test_a_backup_of_an_older_version_is_brought_up_to_date(home, tmp_path, monkeypatch):
    """A database of the first revision gets the tables of today on its way in."""
    from alembic import command
    from alembic.config import Config

    monkeypatch.setenv("TRAINYARD_HOME", str(tmp_path / "old"))
    forget()
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    with db.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(
            "INSERT INTO datasets (id, name, version, sha256, size, dialect, exact, columns, preview, notices, "
            "created_at) VALUES (1, 'old', 1, ?, 4, '{}', 1, '[]', '[]', '[]', '2026-01-01 00:00:00')",
            (hashlib.sha256(b"a,b\n").hexdigest(),),
        )
    db.close()
    with files.incoming() as stream:
        stream.write(b"a,b\n")
        kept = stream.keep()
    with backup_file.written(tmp_path / "old.tar", False) as writer:
        writer.add_file(kept)
        snapshot.copy(tmp_path / "old.db")
        writer.add_database(tmp_path / "old.db")
        writer.seal("0001", "0.0.1", 0, 1, [])
    move(monkeypatch, tmp_path / "new")
    restore(tmp_path / "old.tar")
    assert schema.current() == schema.NEWEST and [each.name for each in datasets_there()] == ["old"]
    assert files.verified(kept).read_bytes() == b"a,b\n" and cast.play()


def test_everybody_signs_in_again_after_a_restore(furnished, tmp_path):
    """People come back with their roles; sessions, of then and of now, do not."""
    ada = people.add("ada", Role.admin, None)
    people.open_session(ada.id, "1" * 64, timedelta(days=7))
    verbs.backup(tmp_path / "b.tar")
    people.open_session(ada.id, "2" * 64, timedelta(days=7))
    restore(tmp_path / "b.tar")
    assert [each.name for each in people.everybody()] == ["ada"]
    assert people.of_session("1" * 64) is None and people.of_session("2" * 64) is None


def test_a_damaged_file_in_the_home_is_repaired_by_a_restore(made, furnished):
    """A stored file that was changed on disk is what it was again, though its name never changed."""
    kept = steps.model_of(3)
    files.path_of(kept.sha256).write_bytes(b"?" * kept.size)
    restore(made)
    assert files.verified(kept)


def test_who_reads_and_writes_meanwhile_sees_the_old_or_the_new(home, tmp_path):
    """Other processes ask and write all the time while a home is replaced again and again: no error, never a mixture,
    and each backup of before is whole."""
    for number in range(30):
        do(cast.play(number=1)) if number < 3 else cast.play(number=1)
    many = verbs.backup(tmp_path / "many.tar").file
    workflow_verbs.remove([1, 2])
    for each in range(4, 31):
        workflow_verbs.cancel(each)
    workflow_verbs.remove(list(range(6, 31)))
    few = verbs.backup(tmp_path / "few.tar").file
    code = (
        "import sys, threading\nfrom store import workflows\nstop = threading.Event()\nseen = set()\n"
        "def look():\n"
        "    while not stop.is_set():\n"
        "        found = workflows.find(workflows.Filter(), 100)\n"
        "        seen.add(len(found))\n"
        "def write():\n"
        "    while not stop.is_set():\n"
        "        workflows.describe(3, note='busy')\n"
        "threads = [threading.Thread(target=each) for each in (look, write)]\n"
        "[each.start() for each in threads]; print('ready', flush=True); sys.stdin.readline(); stop.set()\n"
        "[each.join() for each in threads]; print(sorted(seen))"
    )
    busy = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for each in busy:
        assert each.stdout.readline() == "ready\n"
    for file in (many, few) * 4:
        restore(file)
        time.sleep(0.05)
    for each in busy:
        out, wrong = each.communicate("\n", timeout=30)
        assert wrong == "" and out == "[3, 30]\n"
    kept = list(home.glob("before-restore-*.tar"))
    assert len(kept) == 8
    for each in kept:
        with backup_file.opened(each) as reader:
            reader.check(verbs.no_progress)


def test_what_is_accepted_until_the_very_end_is_in_the_backup_of_before(made, furnished):
    """Something written and made while the backup of before is put together is in it."""
    late = []

    def write_then(words, done, total):
        if words == "Copying" and done == total and not late:
            late.append(do(cast.play(number=9)))
            workflows.describe(1, note="the last word")

    safety = verbs.restore(made, yes, progress=write_then).safety
    assert late and workflows.get(1).note == "" and len(names()) == 3
    restore(safety.file)
    assert workflows.get(1).note == "the last word" and workflows.get(late[0]).status is Status.completed
    files.verified(steps.artifacts_of(steps.of_workflow(late[0])[1].id)["counted"])


def test_what_is_deleted_while_a_home_is_restored_is_put_back(made, monkeypatch, tmp_path):
    """A file of the old content goes, after it was found in place for the new one: it is there in the end."""
    elsewhere = move(monkeypatch, tmp_path / "elsewhere")

    def delete_then(words, done, total):
        if words == "Restoring" and done == total:
            for stored in files.stored():
                files.path_of(stored.sha256).unlink()

    verbs.restore(made, yes, progress=delete_then)
    for sha256, size in snapshot.files_named(elsewhere / "trainyard.db").items():
        files.verified(files.FileRef(sha256, size))


def test_a_damaged_database_is_replaced_by_a_restore(made, furnished):
    """What doctor advises for a damaged database works: move it away, restore."""
    before = rows()
    db.close()
    for left in furnished.glob("trainyard.db*"):
        left.rename(left.with_name(f"damaged-{left.name}"))
    schema.prepare()
    assert restore(made).safety is None and rows() == before


@pytest.mark.slow
def test_a_restore_killed_at_any_moment_leaves_the_old_or_the_new(furnished, tmp_path):
    """SIGKILL after ever more milliseconds: the database is whole, everything it names is there, and it is either
    what it was or what it was to become."""
    verbs.backup(tmp_path / "old.tar")
    old = rows()
    for number in range(2, 12):
        do(cast.play(number=number))
    with db.writing() as connection:
        connection.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) "
            "INSERT INTO logs (step_id, attempt, at, level, text) "
            "SELECT 1, 1, '2026-01-01 00:00:00', 'info', 'line ' || i FROM n"
        )
    verbs.backup(tmp_path / "new.tar")
    new = rows()
    restore(tmp_path / "old.tar")
    forget()
    outcomes = []
    begin = time.monotonic()
    assert outside("restore", tmp_path / "new.tar", "--yes", home=furnished).returncode == 0
    whole = time.monotonic() - begin
    assert outside("restore", tmp_path / "old.tar", "--yes", home=furnished).returncode == 0
    early, late = 0.0, 2 * whole  # the moment at which old becomes new is looked for in between
    for _ in range(12):
        process = outside("restore", tmp_path / "new.tar", "--yes", home=furnished, start=subprocess.Popen)
        time.sleep(moment := (early + late) / 2)
        process.kill()
        process.communicate()
        now = rows()
        outcomes.append("old" if now == old else "new" if now == new else "mixture")
        early, late = (moment, late) if now == old else (early, moment)
        with contextlib.closing(sqlite3.connect(snapshot.path())) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for sha256, size in snapshot.files_named(snapshot.path()).items():
            files.verified(files.FileRef(sha256, size))
        for left in furnished.glob("before-restore-*.tar"):
            with backup_file.opened(left) as reader:
                reader.check(verbs.no_progress)
            left.unlink()
        if now != old:
            restore(tmp_path / "old.tar")
            db.close()
    assert set(outcomes) <= {"old", "new"} and len(set(outcomes)) == 2, outcomes


def test_one_restore_at_a_time(made, furnished):
    """Two at once would each keep what the other one replaced; the second is refused."""
    answers = []
    with refuses(RequestError, match="Nothing was changed"):
        verbs.restore(made, lambda _: answers.append(refused_elsewhere(made)) or False)
    assert answers == ["Another restore is running in this home; wait for it to end."]


def refused_elsewhere(file):
    told = outside("restore", file, "--yes", "--json", home=os.environ["TRAINYARD_HOME"])
    assert told.returncode == 1
    return json.loads(told.stdout)["detail"]


def test_two_backups_to_one_file(furnished, tmp_path):
    """The second is refused while the first is written."""
    target = tmp_path / "b.tar"
    wrong = []

    def again(*_):
        if not wrong:
            with refuses(RequestError, match="Another backup is just being written") as refused:
                verbs.backup(target)
            wrong.append(refused.value)

    assert verbs.backup(target, progress=again).missing == 0 and wrong


def test_only_sqlite_is_backed_up(home, monkeypatch, tmp_path):
    """For another database the sentence names its own tool and the folder to copy, without the password."""
    monkeypatch.setenv("TRAINYARD_DATABASE_URL", "postgresql+psycopg://ada:geheim@db/yard")
    forget()
    with refuses(RequestError, match="such as pg_dump, then copy the folder") as refused:
        verbs.backup(tmp_path / "b.tar")
    assert "geheim" not in sentence(refused.value.message) and list(tmp_path.iterdir()) == []


def test_a_backup_hardly_delays_who_writes(furnished, tmp_path):
    """Writers go on while the database is copied; the lock is never held for them to notice."""
    with db.writing() as connection:
        connection.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) "
            "INSERT INTO logs (step_id, attempt, at, level, text) "
            "SELECT 1, 1, '2026-01-01 00:00:00', 'info', 'a line of some length, number ' || i FROM n"
        )
    waits, over = [], threading.Event()

    def write():
        while not over.is_set():
            begin = time.monotonic()
            workflows.describe(1, note="busy")
            waits.append(time.monotonic() - begin)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        verbs.backup(tmp_path / "b.tar")
    finally:
        over.set()
        writer.join()
    assert len(waits) > 20 and max(waits) < 2.0, max(waits)


def test_backing_up_takes_little_memory(home, tmp_path):
    """Files are streamed: a backup of 300 MB and its restore stay far below that."""
    with files.incoming() as stream:
        for number in range(300):
            stream.write(number.to_bytes(2, "big") * (1 << 19))
        kept = stream.keep()
    from store import datasets as dataset_store

    dataset_store.add(
        "big",
        kept,
        {"dialect": {}, "rows": 1, "exact": True, "columns": [], "preview": [], "notices": [], "proposal": None},
    )
    for arguments in (("backup", tmp_path / "b.tar"), ("restore", tmp_path / "b.tar", "--yes")):
        process = outside(*arguments, home=home, start=subprocess.Popen)
        peak = 0
        while process.poll() is None:
            with contextlib.suppress(psutil.Error):
                peak = max(peak, psutil.Process(process.pid).memory_info().rss)
            time.sleep(0.01)
        assert process.wait() == 0, process.stderr.read()
        process.stdout.close(), process.stderr.close()
        assert 10 << 20 < peak < 200 << 20
