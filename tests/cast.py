"""A cast of tiny steps with personalities, and the workflows they play in."""

import os
import signal
import time

from jobs.pipelines import Param, pipeline, step
from jobs.recorder import Recorder, StepError

NUMBER = Param("number", "int", 1, "Number")


@step("greet", reads_dataset=True)
def greet(recorder: Recorder):
    """Says hello and leaves a file."""
    recorder.log("hello")
    path = recorder.folder / "greeting"
    path.write_text("hello")
    recorder.save("greeting", path)
    return {"said": "hello"}


@step("count", needs=("greet",), params=lambda _: [NUMBER, Param("pause", "float", 0.0, "Pause")],
      repeats_on_restart=True)
def count(recorder: Recorder):
    """Counts epochs, slowly if asked, and keeps checkpoints."""
    checkpoint = recorder.last_checkpoint()
    begin = int(checkpoint.read_text()) if checkpoint else 0
    if begin:
        recorder.continue_from(begin)
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
    return {"read": recorder.file("count", "counted").read_text()}


PLAY = pipeline("play", greet, count, judge)


@step("nothing_one")
def nothing_one(recorder: Recorder):
    return {}


@step("nothing_two", needs=("nothing_one",))
def nothing_two(recorder: Recorder):
    return {}


@step("nothing_three", needs=("nothing_two",))
def nothing_three(recorder: Recorder):
    return {}


NOTHING = pipeline("nothing", nothing_one, nothing_two, nothing_three)


def dataset():
    """A small dataset in the store."""
    from store import datasets, files

    with files.incoming() as stream:
        stream.write(b"a,b\n1,2\n")
        kept = stream.keep()
    described = {
        "dialect": {"delimiter": ","}, "rows": 1, "exact": True, "columns": [{"name": "a"}, {"name": "b"}],
        "preview": [[1, 2]], "notices": [], "proposal": None,
    }
    return datasets.add("tiny", kept, described)


def play(name="play", fresh=False, **params):
    """A workflow of the cast, written and not yet handed over; returns its id."""
    from jobs import pipelines
    from store import workflows

    written = pipelines.get(name)
    rows = [
        {"name": definition.name, "needs": definition.needs, "params": definition.declared(params),
         "max_attempts": definition.max_attempts, "fresh": fresh and definition.repeats_on_restart}
        for definition in written.steps
    ]
    values = {"name": name, "pipeline": name, "dataset_id": dataset().id, "target": "b", "algorithm": "none",
              "params": params, "origin": "new", "parent_id": None}
    return workflows.insert_new(values, rows, None)
