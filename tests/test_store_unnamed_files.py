"""What removes files: the rows go first, and a file only once that is certain."""

import contextlib

import pytest
from helpers import cast
from helpers.bounded import done as done_by
from helpers.bounded import saves

from jobs.engine import runner
from store import datasets, db, files, steps, unnamed_files, workflows
from store.tables import Status


class LostError(Exception):
    """The commit fails."""


@pytest.fixture
def failing_commit(monkeypatch):
    """Every transaction that writes does all its work and then fails, as when the connection is lost."""
    writing = db.writing

    @contextlib.contextmanager
    def fails():
        with writing() as connection:
            yield connection
            raise LostError

    with monkeypatch.context() as patch:
        patch.setattr(db, "writing", fails)
        yield


@pytest.fixture
def done(home):
    """A workflow that ended and left files."""
    workflow_id = cast.play(number=3)
    for step in steps.of_workflow(workflow_id):
        runner.run_step(step.id, 1)
    return workflow_id


def files_of(workflow_id):
    return [kept for step in steps.of_workflow(workflow_id) for kept in steps.artifacts_of(step.id).values()]


def test_a_dataset_that_could_not_be_deleted_keeps_its_file(home, request):
    """The commit of a deletion fails: the upload is still there, whole."""
    dataset = cast.dataset()
    request.getfixturevalue("failing_commit")
    with pytest.raises(LostError):
        datasets.remove(dataset.id)
    assert datasets.get(dataset.id) == dataset
    files.verified(dataset.file)


def test_a_workflow_that_could_not_be_deleted_keeps_its_files(done, request):
    """The commit of a deletion fails: everything that the workflow left is still there."""
    kept = files_of(done)
    request.getfixturevalue("failing_commit")
    with pytest.raises(LostError):
        workflows.remove([done])
    assert kept and files_of(done) == kept
    for each in kept:
        files.verified(each)


def test_what_is_deleted_leaves_the_disk_at_once(done):
    """A deleted workflow and dataset leave no file; what something else still names stays."""
    dataset = cast.dataset()
    other = datasets.add("another name", dataset.file, {"dialect": {}, "columns": [], "preview": [], "notices": []})
    workflows.remove([done])
    assert [each.sha256 for each in files.stored()] == [dataset.sha256]
    datasets.remove(dataset.id)
    files.verified(other.file)
    datasets.remove(other.id)
    assert list(files.stored()) == []


def test_a_file_that_cannot_be_removed_is_left_to_the_sweep(home, monkeypatch):
    """The disk refuses: the dataset is gone all the same, and the next one that can remove its file does."""
    dataset = cast.dataset()

    def refuses(_sha256):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(files, "remove", refuses)
        datasets.remove(dataset.id)
    assert datasets.count() == 0 and len(list(files.stored())) == 1
    assert unnamed_files.remove([dataset.sha256]) == 1
    assert list(files.stored()) == []


def test_an_equal_file_of_a_deleted_workflow_stays_for_a_step_that_saved_it(home):
    """A step has saved an equal file when the workflow that left it is deleted: it completes all the same."""
    first = done_by(saves("file"))

    def body(context):
        saves("file")(context)
        workflows.remove([first.workflow_id])
        return {}

    second = done_by(body, fresh=True)
    assert second.status is Status.completed and second.reused_from is None, second.error
    files.verified(steps.artifacts_of(second.id)["file"])
    workflows.remove([second.workflow_id])
    assert list(files.stored()) == []
