"""A pipeline whose only step does what a test gives it."""

from helpers import cast
from jobs.engine.runner import StepFailedError, run_step
from jobs.language import text_of
from jobs.pipelines import pipeline, step
from store import logs, steps
from store.tables import Status

BODY = [None]


@step("bounded", version=1, repeats_on_restart=True)
def bounded(context):
    return BODY[0](context)


pipeline("bounded", bounded)


def done(body, attempts=1, fresh=False):
    """The step whose body this is, after so many attempts."""
    BODY[0] = body
    (row,) = steps.of_workflow(cast.play("bounded", fresh=fresh))
    for attempt in range(1, attempts + 1):
        try:
            run_step(row.id, attempt)
        except StepFailedError:
            assert steps.get(row.id).status in (Status.failed, Status.pending)
    return steps.get(row.id)


def saves(name):
    """A body that saves a file under this name."""

    def body(context):
        path = context.folder / "file"
        path.write_text("x")
        context.save(name, path)
        return {}

    return body


def lines_of(row):
    """The level and the text of each line of a step's log."""
    return [(line.level, text_of(line.text, line.message)) for line in logs.tail(row.id)]
