"""Checkpoints: a killed training goes on where it was and ends as if nothing had happened, with every algorithm."""

import io
import os
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from conftest import forget
from helpers import cast, tables
from helpers.tiers import seldom
from helpers.waiting import until

from jobs import chain
from jobs.engine import runner
from jobs.language import text_of
from jobs.pipelines import context
from jobs.services import presence
from jobs.tabular.algorithms import ALGORITHMS
from jobs.verbs import datasets
from store import actors, files, logs, metrics, schema, steps, workflows
from store.tables import Status

EPOCHS = 8
HELD_AT = 5
REDONE = ("upload", "preprocess", "evaluate")
# Training that settles quickly, where the default would take more epochs to get anywhere.
PARAMS = {
    "mlp": {"learning_rate": 0.01, "hidden_layers": "16"},
    "mlp_regressor": {"learning_rate": 0.05, "hidden_layers": "16"},
    "logistic_regression": {"class_weight": "balanced"},
}


class Killed:
    """A workflow whose step was killed in the middle, and how it ended."""

    def __init__(self, home, dataset, target, algorithm, step, epoch="", **params):
        self.given = (dataset, target, algorithm)
        self.params = params
        self.killed = step
        self.written = tables.workflow(*self.given, **params)
        self.id = self.written["train"].workflow_id
        self.note = home / f"hold-{self.id}-{step}"
        self.note.write_text(str(epoch))
        chain.run_workflow(self.id)

    def kill(self):
        """SIGKILL to the process of the step, if it is held in the middle of it by now."""
        held = self.note.with_name(self.note.name.replace("hold", "held"))
        if not held.exists():
            return False
        os.kill(int(held.read_text()), signal.SIGKILL)
        return True

    def ended(self):
        until(lambda: workflows.get(self.id).status.over)
        return {name: steps.get(step.id) for name, step in self.written.items()}

    def undisturbed(self):
        """The same work done here, once, with nothing reused."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(runner, "_reusable", lambda *_: None)
            return tables.run(*self.given, **self.params)


@pytest.fixture(scope="module")
def killed():
    """One workflow of every algorithm, killed in training, and one killed in each other step, all side by side."""
    home = Path(tempfile.mkdtemp(prefix="trainyard-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINYARD_HOME", str(home))
        patch.setenv("TRAINYARD_WORKERS", "2")
        # The steps of the built-in pipeline run without modules of people's own, so each interpreter imports this one.
        (home / "site").mkdir()
        (home / "site" / "sitecustomize.py").write_text("import helpers.held\n")
        patch.setenv("PYTHONPATH", os.pathsep.join([str(home / "site"), os.environ["PYTHONPATH"]]))
        forget()
        schema.prepare()
        with presence.using(), actors.acting(actors.operator()):
            yield _all_killed(home)
        forget()
    shutil.rmtree(home, ignore_errors=True)


def _all_killed(home):
    turkish = datasets.add(io.BytesIO(tables.turkish()), "müşteriler.csv")
    prices = datasets.add(io.BytesIO(tables.numbers()), "prices.csv")
    given = {}
    for key, algorithm in ALGORITHMS.items():
        what = (prices, "price") if algorithm.task == "regression" else (turkish, "abone mi")
        given[key] = Killed(home, *what, key, "train", HELD_AT, epochs=EPOCHS, **PARAMS.get(key, {}))
    for number, name in enumerate(REDONE):
        own = datasets.add(io.BytesIO(tables.numbers(seed=50 + number)), f"{name}.csv")
        given[name] = Killed(home, own, "price", "sgd_regressor", name, epochs=2)
    alive = list(given.values())
    while alive:  # two are held at a time, as there are two workers
        alive.remove(until(lambda: next((each for each in alive if each.kill()), None)))
    return given


def result(step):
    """What a step returned; a pickle's size depends on which of its texts happen to be one object."""
    return {name: value for name, value in step.result.items() if name != "model_size"}


def told(step):
    """What a step returned, and the numbers it recorded, to the last bit."""
    return result(step), metrics.curves(step.id)


def numbers_of(thing, path="", seen=None):
    """Every array and number inside an estimator, by where it is."""
    seen = set() if seen is None else seen
    if isinstance(thing, np.ndarray):
        yield path, repr(thing.tolist()) if thing.dtype == object else thing.tobytes()
    elif isinstance(thing, float | int | str | bytes | bool | np.generic):
        yield path, repr(thing)
    elif id(thing) not in seen:
        seen.add(id(thing))
        inside = (
            thing.items()
            if isinstance(thing, dict)
            else (enumerate(thing) if isinstance(thing, list | tuple) else getattr(thing, "__dict__", {}).items())
        )
        for name, value in inside:
            yield from numbers_of(value, f"{path}.{name}", seen)


@pytest.mark.slow
@pytest.mark.parametrize("key", seldom(ALGORITHMS, always=3))
def test_a_killed_training_ends_as_if_nothing_had_happened(killed, key):
    """SIGKILL in the fifth epoch: the next attempt goes on from the fourth, and curve, result, scores, weights and
    predictions are those of an undisturbed run, bit for bit."""
    ended, reference = killed[key].ended(), killed[key].undisturbed()
    assert ended["train"].attempt == 2
    said = [text_of(line.text, line.message) for line in logs.tail(ended["train"].id)]
    assert f"Attempt 2 continues from epoch {HELD_AT - 1}." in said
    for name, points in metrics.curves(ended["train"].id).items():
        assert [point.epoch for point in points] == list(range(1, EPOCHS + 1)), name
    assert told(ended["train"]) == told(reference["train"])
    assert result(ended["evaluate"]) == result(reference["evaluate"])
    models = [joblib.load(tables.file_of(which["train"], "model")) for which in (ended, reference)]
    inside = [dict(numbers_of(model[-1])) for model in models]
    assert len(inside[0]) > 10 and inside[0] == inside[1]
    frame = (
        pd.read_csv(io.BytesIO(tables.turkish(seed=9)), sep=";", decimal=",", encoding="cp1254")
        if ALGORITHMS[key].task == "classification"
        else pd.read_csv(io.BytesIO(tables.numbers(seed=9)))
    )
    assert np.array_equal(models[0].predict(frame), models[1].predict(frame))
    assert files.checkpoints(ended["train"].id) == [], "nothing is kept once it is over"


@pytest.mark.slow
@pytest.mark.parametrize("name", REDONE)
def test_other_steps_are_run_again(killed, name):
    """SIGKILL in a step that has no epochs: it is run again and leaves what it would have left."""
    ended, reference = killed[name].ended(), killed[name].undisturbed()
    assert {step.name: step.attempt for step in ended.values()} == dict.fromkeys(ended, 1) | {name: 2}
    assert ended[name].status is Status.completed
    assert list(map(result, ended.values())) == list(map(result, reference.values()))


class PowerCut(Exception):  # noqa: N818 - what happens, not what went wrong
    """An attempt ends here, and may be repeated."""

    retryable = True


@pytest.fixture
def cut(home, monkeypatch):
    """A training that was cut off in its fifth epoch, with its checkpoint, and what it would have come to."""
    dataset = datasets.add(io.BytesIO(tables.numbers()), "prices.csv")
    reference = tables.run(dataset, "price", "sgd_regressor", until="train", epochs=EPOCHS)
    monkeypatch.setattr(context, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(runner, "_reusable", lambda *_: None)
    return cut_off(monkeypatch, dataset), reference["train"]


def cut_off(monkeypatch, dataset):
    written = tables.workflow(dataset, "price", "sgd_regressor", epochs=EPOCHS)
    usual = context.Recorder.metric

    def stop(self, epoch, **values):
        if epoch == HELD_AT:
            raise PowerCut("power cut")
        usual(self, epoch, **values)

    with monkeypatch.context() as patch:
        patch.setattr(context.Recorder, "metric", stop)
        for name in ("upload", "preprocess"):
            runner.run_step(written[name].id, 1)
        with pytest.raises(runner.StepFailedError):
            runner.run_step(written["train"].id, 1)
    return written["train"]


def go_on(monkeypatch, step, attempt=2):
    """Run the next attempt; returns the epochs that were really trained."""
    training = sys.modules["jobs.tabular.train.step"]
    trained = []
    with monkeypatch.context() as patch:
        judge = training._judge
        patch.setattr(training, "_judge", lambda run, *rest: (trained.append(run.epoch), judge(run, *rest)))
        runner.run_step(step.id, attempt)
    return trained


def only_checkpoint(step):
    [path] = files.checkpoints(step.id)
    return path


def rewritten(path, change):
    """Let a checkpoint that is whole in itself hold something else."""
    run = change(joblib.load(path))
    path.unlink()
    joblib.dump(run, path.with_name("temporary"))
    return path.with_name("temporary")


def halve(path):
    os.truncate(path, path.stat().st_size // 2)


def fill(path):
    path.write_bytes(np.random.default_rng(0).bytes(path.stat().st_size))


def empty(path):
    path.write_bytes(b"")


def flip(path):
    """One bit, in the middle of a weight: it would load, and be wrong."""
    content = bytearray(path.read_bytes())
    at = content.find(joblib.load(path).estimator.coef_.tobytes())
    content[at + 3] ^= 1
    path.write_bytes(content)
    assert joblib.load(path).epoch == HELD_AT - 1


def vanish(path):
    path.unlink()


@pytest.mark.parametrize("damage", [halve, fill, empty, flip, vanish])
def test_a_damaged_checkpoint_is_not_used(cut, monkeypatch, damage):
    """A checkpoint that is cut short, overwritten, empty, changed or gone leads to a fresh start and right numbers."""
    step, reference = cut
    damage(only_checkpoint(step))
    assert go_on(monkeypatch, step) == list(range(1, EPOCHS + 1))
    assert told(steps.get(step.id)) == told(reference)


def test_a_whole_checkpoint_is_used(cut, monkeypatch):
    """What the other tests here damage would have been used."""
    step, reference = cut
    assert go_on(monkeypatch, step) == list(range(HELD_AT, EPOCHS + 1))
    assert told(steps.get(step.id)) == told(reference)


def test_the_previous_checkpoint_is_used_when_the_newest_is_damaged(cut, monkeypatch):
    """Killed before the old checkpoint was removed, with the new one damaged: the old one is as good."""
    step, reference = cut
    older = only_checkpoint(step)
    newer = older.with_name(f"step-{step.id}-{'0' * 64}")
    newer.write_bytes(b"half")
    assert files.checkpoints(step.id) == [newer, older]
    assert go_on(monkeypatch, step) == list(range(HELD_AT, EPOCHS + 1))
    assert told(steps.get(step.id)) == told(reference)


def test_a_checkpoint_of_another_step_is_not_used(cut, monkeypatch):
    """One that another step wrote, even of the same settings, has numbers that are not in this step's curve."""
    step, reference = cut
    other = cut_off(monkeypatch, workflows_dataset(step))
    only_checkpoint(step).unlink()
    theirs = only_checkpoint(other)
    shutil.copy(theirs, theirs.with_name(theirs.name.replace(f"step-{other.id}-", f"step-{step.id}-")))
    assert go_on(monkeypatch, step) == list(range(1, EPOCHS + 1))
    assert told(steps.get(step.id)) == told(reference)


def workflows_dataset(step):
    from store import datasets as stored

    return stored.get(workflows.get(step.workflow_id).inputs["data"].dataset_id)


def test_a_checkpoint_of_other_settings_is_not_used(cut, monkeypatch):
    """One that was made by another version of the step's code does not count."""
    step, reference = cut
    monkeypatch.setattr(runner, "fingerprint", lambda *_: "another")
    assert go_on(monkeypatch, step) == list(range(1, EPOCHS + 1))
    assert told(steps.get(step.id)) == told(reference)


def _without_a_field(run):
    del run.best_train
    return run


def _with_a_field_too_many(run):
    run.speed = 3
    return run


def _something_else(_run):
    return {"epoch": 4}


@pytest.mark.parametrize("change", [_without_a_field, _with_a_field_too_many, _something_else])
def test_a_checkpoint_of_another_version_of_the_code_is_not_used(cut, monkeypatch, change):
    """After an upgrade that changed what a checkpoint holds, training begins anew and says so."""
    step, reference = cut
    kept = keep_again(monkeypatch, step, rewritten(only_checkpoint(step), change))
    assert kept == list(range(1, EPOCHS + 1))
    assert told(steps.get(step.id)) == told(reference)
    assert any("of another version" in text_of(line.text, line.message) for line in logs.tail(step.id))


def test_a_checkpoint_of_another_scikit_learn_is_not_used(cut, monkeypatch):
    """What another version of the library wrote may mean something else: training begins anew."""
    step, reference = cut
    import sklearn.base

    path = only_checkpoint(step)
    run = joblib.load(path)
    path.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(sklearn.base, "__version__", "0.1")
        joblib.dump(run, path.with_name("temporary"))
    assert keep_again(monkeypatch, step, path.with_name("temporary")) == list(range(1, EPOCHS + 1))
    assert told(steps.get(step.id)) == told(reference)


def keep_again(monkeypatch, step, temporary):
    """Run the next attempt with this in place of the checkpoint, whole and under the right name."""
    fingerprint = told_fingerprint(step)
    files.keep_checkpoint(step.id, fingerprint, temporary)
    assert files.whole_checkpoint(step.id, fingerprint)
    return go_on(monkeypatch, step)


def told_fingerprint(step):
    """What the step is known by, as its equal that ran undisturbed."""
    from store import db
    from store.tables import steps as rows

    with db.reading() as connection:
        query = rows.select().where(rows.c.name == "train", rows.c.status == Status.completed)
        return connection.execute(query).one().fingerprint


def test_a_curve_that_was_lost_is_not_continued(cut, monkeypatch):
    """After a power cut the database may lack the last numbers: training begins anew, so that the curve has no gap."""
    step, reference = cut
    from store import db
    from store.tables import metrics as rows

    with db.writing() as connection:
        connection.execute(rows.delete().where(rows.c.step_id == step.id, rows.c.epoch > 2))
    assert go_on(monkeypatch, step) == list(range(1, EPOCHS + 1))
    assert told(steps.get(step.id)) == told(reference)


def test_a_fresh_start_between_two_attempts_leaves_no_double_point(cut, monkeypatch):
    """The checkpoint could not be read once, then it could: the curve is that of one run."""
    step, reference = cut
    path = only_checkpoint(step)
    away = path.with_name("away")
    path.rename(away)
    usual = context.Recorder.metric

    def stop(self, epoch, **values):
        if epoch == 3:
            away.rename(path)
            for kept in files.checkpoints(step.id):
                if kept != path:
                    kept.unlink()
            raise PowerCut("power cut")
        usual(self, epoch, **values)

    with monkeypatch.context() as patch:
        patch.setattr(context.Recorder, "metric", stop)
        with pytest.raises(runner.StepFailedError):
            runner.run_step(step.id, 2)
    assert go_on(monkeypatch, step, 3) == list(range(HELD_AT, EPOCHS + 1))
    assert told(steps.get(step.id)) == told(reference)


def test_a_checkpoint_waits_for_numbers_that_are_on_their_way(home, monkeypatch, tmp_path):
    """While the database is locked, earlier numbers are still being told by the other thread: the checkpoint counts
    only once they are in, or a kill in between would leave a gap."""
    claim = steps.claim(steps.of_workflow(cast.play())[0].id, 1, "a")
    told, locked, usual = threading.Event(), threading.Event(), steps.beat

    def beat(*args):
        if not told.is_set():
            told.set()
            locked.wait(20)
        usual(*args)

    monkeypatch.setattr(steps, "beat", beat)
    monkeypatch.setattr(context, "CHECKPOINT_SECONDS", 0.0)
    with context.Recorder(claim, lambda: tmp_path, "print").live() as live:
        live.metric(1, count=1)
        assert told.wait(20)
        live.metric(2, count=2)
        checkpoint = threading.Thread(target=live.checkpoint, args=(2, lambda path: path.write_text("2")))
        checkpoint.start()
        checkpoint.join(0.5)
        assert checkpoint.is_alive() and files.checkpoints(claim.step.id) == []
        locked.set()
        checkpoint.join(20)
        assert [point.epoch for point in metrics.curves(claim.step.id)["count"]] == [1, 2]
        assert files.whole_checkpoint(claim.step.id, "print")
