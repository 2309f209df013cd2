"""A pipelines module for workers: every epoch leaves a checkpoint, and a step can be held still, to be killed there.

A file `hold-<workflow>-<step>` in the home holds the first attempt of that step: at the epoch written in it, or, when
it is empty, where the step reads or saves its first file. The process that is held writes its id to
`held-<workflow>-<step>`.
"""

import os
import time

from jobs.pipelines import Recorder, context
from store.settings import settings

context.CHECKPOINT_SECONDS = 0.0


def hold(recorder, epoch=""):
    step = recorder._claim.step
    note = settings().folder / f"hold-{step.workflow_id}-{step.name}"
    if recorder.attempt == 1 and note.exists() and note.read_text() == str(epoch):
        held = note.with_name(f"held-{step.workflow_id}-{step.name}")
        held.with_suffix(".new").write_text(str(os.getpid()))
        held.with_suffix(".new").rename(held)
        time.sleep(60)


def held(usual):
    def method(self, *args, **values):
        hold(self, *args[:1] if values else ())
        return usual(self, *args, **values)

    return method


Recorder.metric = held(Recorder.metric)
Recorder.file = held(Recorder.file)
Recorder.save = held(Recorder.save)
