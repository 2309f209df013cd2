"""A cast of tiny steps with personalities, and the workflows they play in."""

import contextlib
import os
import re
import resource
import signal
import time
from datetime import timedelta

import psutil

from jobs.pipelines import Measure, Param, Recorder, StepError, pipeline, step
from store import steps
from store.tables import now

NUMBER = Param("number", "int", 1, "Number")


@step("greet", reads_dataset=True)
def greet(recorder: Recorder):
    """Says hello and leaves a file."""
    recorder.log("hello")
    path = recorder.folder / "greeting"
    path.write_text("hello")
    recorder.save("greeting", path)
    return {"said": "hello"}


@step(
    "count", needs=("greet",), params=lambda _: [NUMBER, Param("pause", "float", 0.0, "Pause")], repeats_on_restart=True
)
def count(recorder: Recorder):
    """Counts epochs, slowly if asked, and keeps checkpoints."""
    checkpoint = recorder.last_checkpoint()
    begin = int(checkpoint.read_text()) if checkpoint else 0
    if begin and not recorder.continue_from(begin):
        begin = 0
    for epoch in range(begin + 1, recorder.params["number"] + 1):
        recorder.metric(epoch, count=epoch, attempt=recorder.attempt)
        recorder.progress(epoch, recorder.params["number"], f"epoch {epoch} of {recorder.params['number']}")
        recorder.checkpoint(epoch, lambda path, epoch=epoch: path.write_text(str(epoch)))
        time.sleep(recorder.params["pause"])
    path = recorder.folder / "counted"
    path.write_text(str(recorder.params["number"]))
    recorder.save("counted", path)
    return {"scores": {"accuracy": 0.5}}


@step("judge", needs=("count",), params=lambda _: [Param("mood", "text", "calm", "Mood")])
def judge(recorder: Recorder):
    """Calm, or fails in one of the ways steps fail."""
    mood = recorder.params["mood"]
    print("mood is", mood)
    if mood == "refuses":
        raise StepError("The mood is not right; choose another.")
    if mood == "breaks":
        raise ValueError("secret \u015fehir broke")
    if mood == "dies once" and recorder.attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if mood == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if mood == "leaves a child":
        child = os.fork()
        if child == 0:
            time.sleep(120)
            os._exit(0)
        return {"read": child}
    return {"read": recorder.file("count", "counted").read_text()}


PLAY = pipeline("play", greet, count, judge)


@step("nothing_one", params=lambda _: [NUMBER])  # another number, and none of the three is reused
def nothing_one(recorder: Recorder):
    return {"at": time.time()}


@step("nothing_two", needs=("nothing_one",))
def nothing_two(recorder: Recorder):
    return {"at": time.time()}


@step("nothing_three", needs=("nothing_two",))
def nothing_three(recorder: Recorder):
    return {"at": time.time()}


NOTHING = pipeline("nothing", nothing_one, nothing_two, nothing_three)


@step("top", params=lambda _: [NUMBER])
def top(recorder: Recorder):
    recorder.log("ran")
    return {}


@step("left", needs=("top",), params=lambda _: [NUMBER])
def left(recorder: Recorder):
    recorder.log("ran")
    return {}


@step("right", needs=("top",), params=lambda _: [NUMBER])
def right(recorder: Recorder):
    recorder.log("ran")
    return {}


@step("bottom", needs=("left", "right"), params=lambda _: [NUMBER])
def bottom(recorder: Recorder):
    recorder.log("ran")
    return {}


DIAMOND = pipeline("diamond", top, left, right, bottom)


def forgives(seconds):
    """Goes on after every error, as careless code does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            time.sleep(0.05)
        except Exception:  # noqa: BLE001 - that is what it is for
            continue


def forgives_everything(seconds):
    """Goes on whatever happens."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            time.sleep(0.05)
        except BaseException:  # noqa: BLE001 - that is what it is for
            continue


def searches_a_grid(_seconds):
    """A search whose every candidate takes too long; scikit-learn makes failed ones a score that is not a number."""
    import numpy as np
    from sklearn.dummy import DummyClassifier
    from sklearn.model_selection import GridSearchCV

    class Slow(DummyClassifier):
        def fit(self, x, y, sample_weight=None):
            time.sleep(4)
            return super().fit(x, y, sample_weight)

    search = GridSearchCV(Slow(), {"strategy": ["prior", "uniform"]}, cv=2, error_score=np.nan)
    search.fit(np.zeros((8, 1)), np.arange(8) % 2)


def hangs(_seconds):
    """Stays in native code, with the lock that every thread needs."""
    re.match("(a+)+$", "a" * 64 + "b")


SLOW = {each.__name__: each for each in (forgives, forgives_everything, searches_a_grid, hangs)}
KIND = [Param("kind", "text", "forgives", "Kind"), Param("seconds", "float", 60.0, "Seconds")]


@step("dawdle", params=lambda _: KIND, timeout=2, max_attempts=1)
def dawdle(recorder: Recorder):
    """Takes longer than it may, and does not listen."""
    SLOW[recorder.params["kind"]](recorder.params["seconds"])
    return {}


LATE = pipeline("late", dawdle)


@step("eat", params=lambda _: [Param("what", "text", "memory", "What")])
def eat(recorder: Recorder):
    """Takes more memory, or more of the disk, than it may."""
    if recorder.params["what"] == "memory":
        used = psutil.Process().memory_info().vms
        resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), resource.RLIM_INFINITY))
        eaten = []
        while True:
            eaten.append(bytearray(1 << 12))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, resource.RLIM_INFINITY))
    with (recorder.folder / "large").open("wb") as stream:
        stream.truncate(2 << 30)
    return {}


EATER = pipeline("eater", eat)


@step("be_elsewhen", params=lambda _: [Param("hours", "float", 0.0, "Hours")])
def be_elsewhen(recorder: Recorder):
    """Works where the clock is wrong."""
    steps.now = lambda: now() + timedelta(hours=recorder.params["hours"])
    for epoch in range(1, 61):
        recorder.metric(epoch, count=epoch)
        time.sleep(0.1)
    return {}


ELSEWHEN = pipeline("elsewhen", be_elsewhen)


VOICES = ("soprano", "alto", "tenor", "bass")
APPLAUSE = dict(zip(VOICES, (0.7, 0.9, 0.89, 0.2), strict=True))


@step("tune", reads_dataset=True, params=[Param("pitch", "int", 440, "Pitch"), Param("takes", "float", 0.0, "Takes")])
def tune(recorder: Recorder):
    """What all voices share."""
    recorder.log("tuned")
    time.sleep(recorder.params["takes"])
    return {"pitch": recorder.params["pitch"]}


@step(
    "sing",
    needs=("tune",),
    params=lambda chosen: [
        Param("voice", "choice", "alto", "Voice", choices=VOICES, try_all=True),
        Param("hoarse", "text", "", "Hoarse"),
        *([Param("falsetto", "bool", False, "Falsetto")] if chosen.get("voice") in ("tenor", "bass") else []),
    ],
)
def sing(recorder: Recorder):
    """Sings in one voice, and leaves applause; a hoarse one cannot."""
    voice = recorder.params["voice"]
    if voice == recorder.params["hoarse"]:
        raise StepError("This voice is hoarse.")
    for epoch in (1, 2, 3):
        recorder.metric(epoch, applause=APPLAUSE[voice] * epoch / 3)
    path = recorder.folder / "model"
    path.write_text(voice)
    recorder.save("model", path)
    recorder.measured(row_microseconds=3)
    return {"scores": {"applause": APPLAUSE[voice]}, "spread": 0.01}


CHOIR = pipeline(
    "choir",
    tune,
    sing,
    measures=[Measure("applause", "Applause", share=True, main=True)],
    facets=lambda params, _inputs: {"voice": params["voice"]},
)


@contextlib.contextmanager
def scored_on(rows):
    """Let the choir be compared on so many rows; a pipeline of people's own cannot say that."""
    from jobs.pipelines import registry

    choir = registry.get("choir")
    usual = choir.scored_rows
    object.__setattr__(choir, "scored_rows", lambda _params, _inputs: rows)
    try:
        yield
    finally:
        object.__setattr__(choir, "scored_rows", usual)


def dataset():
    """A small dataset in the store."""
    return dataset_of(b"a,b\n1,2\n")


def dataset_of(content):
    """A dataset of these bytes, whatever is in them."""
    from store import datasets, files

    with files.incoming() as stream:
        stream.write(content)
        kept = stream.keep()
    described = {
        "dialect": {"delimiter": ","},
        "rows": 1,
        "exact": True,
        "columns": [{"name": "a"}, {"name": "b"}],
        "preview": [[1, 2]],
        "notices": [],
        "proposal": None,
    }
    return datasets.add("tiny", kept, described)


def play(name="play", fresh=False, **params):
    """A workflow of the cast, written and not yet handed over; returns its id."""
    from helpers.writing import written
    from jobs.pipelines import registry

    inputs = {each.name: dataset().id for each in registry.get(name).inputs}
    return written(name, params, inputs, name, fresh=fresh)
