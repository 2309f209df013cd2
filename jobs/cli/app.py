"""The command line. Everything a button does, a command can do.

Commands work beside a running app. If no app or worker is running, a command that starts a workflow does the work
itself, and then says how the workflow ended.
"""

import logging
import sys
from pathlib import Path

import typer

from jobs.cli import (
    artifacts,
    controls,
    dataset,
    limits,
    logs,
    pipelines,
    predictions,
    questions,
    queue,
    reports,
    sweeps,
    thresholds,
    up,
    upkeep,
    user,
    workflows,
)
from jobs.cli.output import DONE, INTERRUPTED, MISUSED, NOT_DONE, complain
from jobs.language import sentence
from store import actors
from store.errors import RequestError
from store.program import COMMAND

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__, callback=up.options
)
app.add_typer(user.app, name="user")
app.add_typer(dataset.app, name="dataset")
app.add_typer(sweeps.app, name="sweep")
app.add_typer(pipelines.app, name="pipeline")
app.add_typer(limits.app, name="limit")
app.command(context_settings=up.PASSED_ON)(up.up)
app.command()(up.version)
for command in (
    workflows.submit,
    workflows.run,
    workflows.watch,
    workflows.list_,
    workflows.show,
    logs.logs,
    logs.attempts,
    controls.restart,
    controls.compose,
    controls.rerun,
    controls.repeat,
    controls.retry,
    questions.questions,
    questions.answer,
    controls.cancel,
    controls.stop,
    controls.describe,
    controls.delete,
    controls.tag,
    workflows.model,
    artifacts.artifacts,
    artifacts.artifact,
    reports.report,
    thresholds.threshold,
    predictions.predict,
    predictions.predictions,
    workflows.pipelines,
    sweeps.algorithms,
    queue.pause,
    queue.resume,
    queue.worker,
    queue.status,
    upkeep.doctor,
    upkeep.backup,
    upkeep.restore,
):
    settings = thresholds.SIGNED if command is thresholds.threshold else None
    app.command(command.__name__.rstrip("_"), context_settings=settings)(command)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code. A mistake of the caller is answered by one sentence."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["--json"] and given[1:]:
        given = [*given[1:], "--json"]
    as_json = "--json" in given
    for broken in (each for each in given if not _is_text(each)):
        return complain(f"{broken!r} is not proper text.", as_json, MISUSED)
    logging.getLogger().addHandler(logging.NullHandler())
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a file name need not be proper text
    try:
        with actors.acting(actors.operator()):
            code = app(given, standalone_mode=False, prog_name=COMMAND)
        sys.stdout.flush()
        return code if isinstance(code, int) else DONE
    except RequestError as refused:
        from jobs.cli import own_modules

        said = " ".join(filter(None, (sentence(refused.message), own_modules.advice(refused))))
        return complain(said, as_json, NOT_DONE, refused.message)
    except typer.TyperException as wrong:
        complaint = wrong.format_message().replace("Input should be", "it must be")
        return complain(complaint or "Name a command; --help lists them.", as_json, wrong.exit_code)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        sys.stdout = None  # the reader of our output closed it
        return NOT_DONE
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return complain(f"{where}{error.strerror or error}.", as_json, NOT_DONE)
    except Exception as error:
        if not _is_for_the_user(error):
            raise
        return complain(str(error), as_json, NOT_DONE)


def _is_text(argument: str) -> bool:
    """Whether an argument can be stored and shown; a file that exists may be called what it likes."""
    return argument.encode(errors="ignore").decode() == argument or Path(argument).exists()


def _is_for_the_user(error: Exception) -> bool:
    """Whether the message of an error is fit to be shown."""
    from jobs.pipelines import PipelineError
    from jobs.services.presence import NotReadyError

    return isinstance(error, NotReadyError | PipelineError)
