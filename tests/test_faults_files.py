"""Faults of files, really performed: killed while saving, a full disk, what nothing names.

What was accepted completes exactly once, or failed with a reason; its curve has no gap and no double point.
"""

import multiprocessing
import os
import random
import resource
import time
from datetime import timedelta

import pytest
from helpers import cast
from helpers.crew import child_of, crew, enter, family, gone, services, valkey, worker_of, workers  # noqa: F401 - fixtures
from sqlalchemy import update

from store import db, files, steps, unnamed_files
from store.messages import Message
from store.tables import Status, now
from store.tables import steps as step_table


def keep_for_ever(seed, said):
    """In a process of its own: save file after file, and say the name of each that is safe."""
    chance = random.Random(seed)
    while True:
        with files.scratch() as folder:
            path = folder / "output"
            path.write_bytes(chance.randbytes(1000) * chance.randrange(1000, 6000))
            os.write(said, f"{files.keep(path).sha256}\n".encode())


def test_what_is_killed_while_saving_leaves_no_half_file(home):
    """Killed at any moment of saving, forty times: every file with a name is whole, and what was said is there."""
    fork, chance = multiprocessing.get_context("fork"), random.Random(7)
    read_end, write_end = os.pipe()
    for seed in range(40):
        writer = fork.Process(target=keep_for_ever, args=(seed, write_end))
        writer.start()
        time.sleep(chance.uniform(0.02, 0.25))
        writer.kill()
        writer.join()
    os.close(write_end)
    with os.fdopen(read_end) as stream:
        said = set(stream.read().split())
    stored = list(files.stored())
    assert len(said) > 5 and said <= {each.sha256 for each in stored}
    assert all(files.verified(files.FileRef(each.sha256, each.size)) for each in stored)
    files.sweep_scratch()
    assert not list((home / "scratch").iterdir())


def test_a_disk_that_fills_up_leaves_no_half_file(home):
    """A write that finds no room fails, and takes what was written with it."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, usual[1]))
    try:
        with pytest.raises(OSError, match="too large"), files.incoming() as stream:
            for _ in range(4):
                stream.write(bytes(1 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert [path for path in (home / "files").rglob("*") if path.is_file()] == []


def put(content, days_old):
    """A file in the store that was put there some days ago."""
    with files.incoming() as stream:
        stream.write(content)
        kept = stream.keep()
    written = time.time() - days_old * 24 * 3600
    os.utime(files.path_of(kept.sha256), (written, written))
    return kept


def test_what_nothing_names_is_removed_once_it_is_old(home):
    """What a failed step or a broken upload left goes after a day; what is named, or new, stays."""
    old, new = put(b"old", 2), put(b"new", 0.5)
    dataset = cast.dataset()
    step = steps.of_workflow(cast.play())[0]
    claim = steps.claim(step.id, 1, "a")
    named = put(b"named", 0)
    steps.complete(claim, "f", steps.Outcome({}, {"x": named}))
    for kept in (named, dataset.file):
        os.utime(files.path_of(kept.sha256), (0, 0))
    assert unnamed_files.remove_all() == 1
    assert not files.path_of(old.sha256).exists()
    for kept in (new, named, dataset.file):
        files.verified(kept)


def test_what_a_running_step_saved_stays_however_long_it_runs(home):
    """A step that saved a file days ago, and is about to complete, still finds it; after it has ended it may go."""
    claim = steps.claim(steps.of_workflow(cast.play())[0].id, 1, "a")
    with db.writing() as connection:
        days_ago = now() - timedelta(days=5)
        connection.execute(update(step_table).where(step_table.c.status == Status.running).values(started_at=days_ago))
    saved = put(b"saved on the first day", 4)
    assert unnamed_files.remove_all() == 0
    steps.fail(claim, Message("error", {"text": "Bad."}), "", again=False)
    assert unnamed_files.remove_all() == 1
    assert not files.path_of(saved.sha256).exists()


def test_a_file_kept_again_is_new(home):
    """Bytes that are in the store already, and named by nothing, are safe again once somebody keeps them."""
    put(b"same", 3)
    with files.scratch() as folder:
        path = folder / "same"
        path.write_bytes(b"same")
        os.utime(path, (0, 0))
        kept = files.keep(path)
    assert unnamed_files.remove_all() == 0
    files.verified(kept)


def test_checkpoints_of_steps_that_ended_are_removed(home):
    """What a step needed to go on is dropped with it; one that failed may be retried and keeps it."""
    done, open_ = (steps.of_workflow(cast.play())[0] for _ in range(2))
    steps.complete(steps.claim(done.id, 1, "a"), "f", steps.Outcome({}))
    for step_id in (done.id, open_.id, 999):
        with files.scratch() as folder:
            (folder / "checkpoint").write_text("x")
            files.keep_checkpoint(step_id, "f", folder / "checkpoint")
    assert unnamed_files.remove_all() == 2
    assert files.steps_with_checkpoints() == {open_.id}
