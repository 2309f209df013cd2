"""The command line. Everything a button does, a command can do.

Commands work beside a running app. Where no app or worker runs, a command that starts work does it itself: it runs the
services for as long as its workflow needs them, and then tells how the workflow ended.
"""

import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.cli import up, user
from jobs.cli.output import DONE, Json
from jobs.cli.output import answer as _answer
from jobs.cli.output import open_home as _open
from jobs.cli.output import print_json as _print_json
from store import actors
from store.errors import Refused
from store.program import COMMAND

if TYPE_CHECKING:
    from store.datasets import Dataset

NOT_DONE, MISUSED, INTERRUPTED = 1, 2, 130

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__, callback=up.options
)
app.add_typer(user.app, name="user")
app.command(context_settings=up.PASSED_ON)(up.up)
app.command()(up.version)


Id = Annotated[int, typer.Argument(metavar="ID", min=1, max=2**31 - 1, help="The number of a workflow.")]
Wait = Annotated[bool, typer.Option("--wait", help="Stay until the workflow is over; fail if it does.")]


# Taking in a bigger file takes seconds, and is said.
LARGE = 100_000_000


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file.")],
    target: Annotated[str | None, typer.Option(help="The column to predict; else the proposed one.")] = None,
    algorithm: Annotated[str | None, typer.Option(help="For example logistic_regression; else the proposed.")] = None,
    setting: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Such as epochs=20.")] = None,
    name: Annotated[str | None, typer.Option(help="What to call the workflow.")] = None,
    wait: Wait = False,
    as_json: Json = False,
) -> int:
    """Train a model on a CSV file."""
    from jobs.verbs import queries

    try:
        params = queries.settings(setting or [])
    except Refused as refused:
        raise typer.BadParameter(refused.sentence) from None
    for word in ("target", "algorithm"):
        if word in params:
            raise typer.BadParameter(f"{word} is not a setting; say --{word} {params[word]}.")
    _check_file(file)
    _open()
    from jobs.verbs import short_form
    from jobs.verbs import workflows as verbs

    draft = short_form.draft(_taken_in(file, as_json).id, target, algorithm, params)
    for notice in verbs.notices(draft.pipeline, draft.params, draft.inputs):
        typer.echo(notice, err=True)
    return _carry_out(verbs.start(draft.pipeline, draft.params, draft.inputs, name).id, wait, as_json)


@app.command()
def run(
    workflow_id: Id,
    watching: Annotated[bool, typer.Option("--watch", help="Show it until it is over.")] = False,
    as_json: Json = False,
) -> int:
    """Bring a workflow to its end: start it, or go on where it failed or was cancelled."""
    _open()
    from jobs.chain import run_workflow
    from jobs.engine.queue import QueueDownError

    try:
        run_workflow(workflow_id)
    except QueueDownError:
        if _somebody_works():
            raise
    return _carry_out(workflow_id, watching, as_json)


@app.command()
def watch(workflow_id: Id, as_json: Json = False) -> int:
    """Show a workflow as it runs, until it is over."""
    _open()
    from store import workflows

    workflows.get(workflow_id)
    return _see_through(workflow_id, as_json)


@app.command("list")
def list_(
    status: Annotated[str, typer.Option(help="Only these, with commas: running, failed, ...")] = "",
    algorithm: Annotated[str, typer.Option(help="Only these algorithms, with commas.")] = "",
    sort: Annotated[str, typer.Option(help="A time, name, seconds or a score; add :asc or :desc.")] = "",
    text: Annotated[str, typer.Option(help="Only with this text in their name, note or dataset.")] = "",
    by: Annotated[str, typer.Option(metavar="NAME", help="Only those that this person started.")] = "",
    mine: Annotated[bool, typer.Option("--mine", help="Only those that you started with commands.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    as_json: Json = False,
) -> int:
    """List workflows, the newest first."""
    _open()
    from jobs.verbs import queries, schemas, short_form
    from store import actors, workflows

    if mine and by:
        raise typer.BadParameter("Say --mine or --by, not both.")
    who = actors.name() or "" if mine else by
    facets = short_form.facets(algorithm)
    found = workflows.find(queries.which(status, "", facets, None, text, sort, who), limit)
    if as_json:
        return _print_json(schemas.workflow_list(found))
    from jobs.cli import terminal

    terminal.workflow_list(found)
    return DONE


@app.command()
def show(workflow_id: Id, as_json: Json = False) -> int:
    """Show one workflow with its steps and scores."""
    _open()
    return _show(workflow_id, as_json)


@app.command()
def restart(workflow_id: Id, wait: Wait = False, as_json: Json = False) -> int:
    """Run the same dataset and settings again, as a new workflow."""
    _open()
    from jobs.verbs import workflows as verbs

    return _carry_out(verbs.restart(workflow_id).id, wait, as_json)


@app.command()
def compose(
    data_from: Annotated[int, typer.Option(min=1, max=2**31 - 1, help="Its dataset and target are used.")],
    config_from: Annotated[int, typer.Option(min=1, max=2**31 - 1, help="Its algorithm and settings are used.")],
    name: Annotated[str | None, typer.Option(help="What to call the new workflow.")] = None,
    wait: Wait = False,
    as_json: Json = False,
) -> int:
    """Start a workflow with the data of one and the configuration of another."""
    _open()
    from jobs.verbs import workflows as verbs

    return _carry_out(verbs.compose(data_from, config_from, name).id, wait, as_json)


@app.command()
def rerun(
    workflow_id: Id,
    step: Annotated[str, typer.Option("--from", help="The step whose settings change, such as train.")],
    setting: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Such as epochs=20.")] = None,
    wait: Wait = False,
    as_json: Json = False,
) -> int:
    """Run again from one step with other settings, as a new workflow; what is above is reused."""
    from jobs.verbs import queries

    params = queries.settings(setting or [])
    _open()
    from jobs.verbs import workflows as verbs

    return _carry_out(verbs.rerun_from(workflow_id, step, params).id, wait, as_json)


@app.command()
def retry(workflow_id: Id, wait: Wait = False, as_json: Json = False) -> int:
    """Try the failed or cancelled steps of a workflow again."""
    _open()
    from jobs.verbs import workflows as verbs

    return _carry_out(verbs.retry(workflow_id).id, wait, as_json)


@app.command()
def cancel(workflow_id: Id, as_json: Json = False) -> int:
    """Stop a workflow."""
    _open()
    from jobs.verbs import workflows as verbs

    verbs.cancel(workflow_id)
    return _show(workflow_id, as_json, f"Workflow {workflow_id} is cancelled.")


@app.command()
def describe(
    workflow_id: Id,
    name: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    note: Annotated[str | None, typer.Option(help="What was tried, and what came of it.")] = None,
    as_json: Json = False,
) -> int:
    """Change a workflow's name or note."""
    _open()
    from jobs.verbs import workflows as verbs

    verbs.describe(workflow_id, name, note)
    return _show(workflow_id, as_json)


@app.command()
def delete(
    workflow_ids: Annotated[
        list[int], typer.Argument(metavar="ID...", min=1, max=2**31 - 1, help="The numbers of the workflows.")
    ],
    as_json: Json = False,
) -> int:
    """Delete workflows that are over, with their logs, numbers, models and whatever only they need."""
    _open()
    from jobs.verbs import workflows as verbs
    from store import workflows

    for workflow_id in workflow_ids:
        workflows.get(workflow_id)
    count = verbs.remove(workflow_ids)
    return _answer(f"Deleted {count} workflow{'s' * (count != 1)}.", {"deleted": workflow_ids}, as_json)


@app.command()
def model(
    workflow_id: Id,
    out: Annotated[Path | None, typer.Option(help="Where to; else workflow-ID.joblib in this folder.")] = None,
    as_json: Json = False,
) -> int:
    """Save the trained model of a workflow as a file."""
    import shutil

    _open()
    from store import files, steps, workflows

    workflows.get(workflow_id)
    target = out or Path(f"workflow-{workflow_id}.joblib")
    shutil.copyfile(files.verified(steps.model_of(workflow_id)), target)
    return _answer(f"Saved as {target}.", {"file": str(target)}, as_json)


@app.command()
def pause(as_json: Json = False) -> int:
    """Start no new steps; running steps finish."""
    _open()
    from jobs.engine import queue
    from jobs.verbs import queues

    queues.pause(queue.QUEUE)
    return _answer(f"The queue {queue.QUEUE} is paused.", {"paused": True}, as_json)


@app.command()
def resume(as_json: Json = False) -> int:
    """Go on after a pause."""
    _open()
    from jobs.engine import queue
    from jobs.verbs import queues

    queues.resume(queue.QUEUE)
    return _answer(f"The queue {queue.QUEUE} goes on.", {"paused": False}, as_json)


@app.command()
def worker(count: Annotated[int | None, typer.Option(min=1, max=1000, help="Else one a core.")] = None) -> int:
    """Run workers until stopped, for the queue at TRAINYARD_REDIS_URL or for the app of this home."""
    _open()
    from jobs.engine import queue_view
    from jobs.services import supervisor
    from store.settings import settings

    if not queue_view.snapshot().reachable:
        raise Refused("There is no queue to work for: start the app, or set TRAINYARD_REDIS_URL to a queue that runs.")
    logging.basicConfig(level=logging.INFO, force=True, format="%(asctime)s %(levelname)s %(message)s")
    supervisor.work(count or settings().workers or 1)
    return DONE


@app.command()
def status(as_json: Json = False) -> int:
    """Show the queue, the workers, and how many workflows there are."""
    _open()
    from jobs.engine import queue_view
    from jobs.services import presence
    from jobs.verbs import schemas
    from store import workflows

    seen, counts = queue_view.snapshot(memory=True), workflows.count_by_status()
    if as_json:
        told = {"services": presence.supervisor_runs(), "workflows": counts}
        return _print_json(schemas.queues(seen) | told)
    from jobs.cli import terminal

    terminal.status(seen, counts, presence.supervisor_runs())
    return DONE


@app.command()
def doctor(
    deep: Annotated[bool, typer.Option("--deep", help="Also read all that is stored, which takes a while.")] = False,
    as_json: Json = False,
) -> int:
    """Check that everything is as it should be, and say what to do where it is not."""
    from dataclasses import asdict

    from jobs.upkeep.doctor import examine

    checks = examine(deep)
    well = not any(check.state == "problem" for check in checks)
    if as_json:
        _print_json({"well": well, "checks": [asdict(check) for check in checks]})
    else:
        from jobs.cli import terminal

        terminal.checks((check.name, check.state, check.found, check.advice) for check in checks)
    return DONE if well else NOT_DONE


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to, such as monday.tar.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    as_json: Json = False,
) -> int:
    """Write everything into one file, while the app runs: workflows, datasets, models, people."""
    _open()
    from jobs.cli import terminal
    from jobs.upkeep import backup as verbs

    with terminal.moving(not as_json) as progress:
        made = verbs.backup(file, force, progress)
    _answer(made.sentence, made.document, as_json)
    return NOT_DONE if made.missing else DONE


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What backup wrote.")],
    yes: Annotated[bool, typer.Option("--yes", help="Replace what is there now without asking.")] = False,
    as_json: Json = False,
) -> int:
    """Make this home what it was when a backup was made, while the app runs; what is there now is backed up first."""
    _open()
    from jobs.cli import terminal
    from jobs.upkeep import backup as verbs

    agree = (lambda _: True) if yes else _asked if sys.stdin.isatty() and not as_json else _not_asked
    with terminal.moving(not as_json and yes) as progress:
        restored = verbs.restore(file, agree, progress)
    return _answer(restored.sentence, restored.document, as_json)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code. What the caller got wrong is said in one sentence."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["--json"] and given[1:]:
        given = [*given[1:], "--json"]
    as_json = "--json" in given
    for broken in (each for each in given if not _is_text(each)):
        return _complain(f"{broken!r} is not proper text.", as_json, MISUSED)
    logging.getLogger().addHandler(logging.NullHandler())
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a file name need not be proper text
    try:
        with actors.acting(actors.operator()):
            code = app(given, standalone_mode=False, prog_name=COMMAND)
        sys.stdout.flush()
        return code if isinstance(code, int) else DONE
    except Refused as refused:
        return _complain(refused.sentence, as_json, NOT_DONE)
    except typer.TyperException as wrong:
        sentence = wrong.format_message().replace("Input should be", "it must be")
        return _complain(sentence or "Name a command; --help lists them.", as_json, wrong.exit_code)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        sys.stdout = None  # whoever read our answer has seen enough
        return NOT_DONE
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _complain(f"{where}{error.strerror or error}.", as_json, NOT_DONE)
    except Exception as error:
        if not _is_told(error):
            raise
        return _complain(str(error), as_json, NOT_DONE)


def _asked(question: str) -> bool:
    return typer.confirm(question)


def _not_asked(question: str) -> bool:
    raise Refused(f"{question} Say --yes to do so.")


def _is_text(argument: str) -> bool:
    """Whether an argument can be kept and shown; a file that exists may be called what it likes."""
    return argument.encode(errors="ignore").decode() == argument or Path(argument).exists()


def _is_told(error: Exception) -> bool:
    """Whether an error was written to be read by whoever runs commands."""
    from jobs.pipelines import PipelineError
    from jobs.services.presence import NotReadyError

    return isinstance(error, NotReadyError | PipelineError)


def _check_file(file: Path) -> None:
    if file.is_dir():
        raise Refused(f"{file} is a folder; name a CSV file.", "file")
    if not file.exists():
        raise Refused(f"There is no file {file}.", "file")


def _taken_in(file: Path, as_json: bool) -> "Dataset":
    """The file as a dataset; how far a big one is, is shown."""
    from jobs.cli import terminal
    from jobs.verbs import datasets
    from store.files import CHUNK

    if (size := file.stat().st_size) <= LARGE or as_json:
        return datasets.add(file, file.name)
    typer.echo(f"Taking in {file.name}, {size / 1e9:.1f} GB.", err=True)

    def chunks() -> Iterator[bytes]:
        for chunk in iter(lambda: stream.read(CHUNK), b""):
            yield chunk
            moved("taking it in", stream.tell(), size)
        moved("looking at it", size, size)

    with file.open("rb") as stream, terminal.moving(draw=True) as moved:
        return datasets.add(chunks(), file.name, size=size)


def _carry_out(workflow_id: int, wait: bool, as_json: bool) -> int:
    """Leave the workflow to those who work here, or see it through when asked or when nobody does."""
    from store import workflows

    if workflows.get(workflow_id).status.over:
        return _tell_end(workflow_id, as_json)
    if not wait and (_nobody_will() or _somebody_works()):
        told = "waits for a worker" if _nobody_will() else "is on its way"
        follow = f"Follow it with: {COMMAND} watch {workflow_id}"
        return _show(workflow_id, as_json, f"Workflow {workflow_id} {told}. {follow}")
    return _see_through(workflow_id, as_json)


def _see_through(workflow_id: int, as_json: bool) -> int:
    """Follow a workflow to its end."""
    from store import workflows

    try:
        if not workflows.get(workflow_id).status.over or not as_json:
            _follow(workflow_id, draw=not as_json)
    except KeyboardInterrupt:
        return _interrupted(workflow_id, as_json)
    return _tell_end(workflow_id, as_json)


def _tell_end(workflow_id: int, as_json: bool) -> int:
    """Say how a workflow ended; done only when it completed."""
    from store import workflows
    from store.tables import Status

    found = workflows.get(workflow_id)
    if as_json:
        _show(workflow_id, as_json)
    else:
        from jobs.cli import terminal

        terminal.say(terminal.over(found))
    return DONE if found.status is Status.completed else NOT_DONE


def _follow(workflow_id: int, draw: bool) -> None:
    from jobs.cli import terminal
    from store import workflows

    if draw and not workflows.get(workflow_id).status.over:
        terminal.say(f"Workflow {workflow_id}: {workflows.get(workflow_id).name}")
    with _services(workflow_id, draw) as keep:
        terminal.watch(workflow_id, draw, keep)


def _interrupted(workflow_id: int, as_json: bool) -> int:
    goes_on = "goes on" if _somebody_works() else "waits, and goes on when the app runs"
    told = f"Workflow {workflow_id} {goes_on}. Follow it again with: {COMMAND} watch {workflow_id}"
    return _complain(told, as_json, INTERRUPTED)


@contextlib.contextmanager
def _services(workflow_id: int, draw: bool) -> Iterator[Any]:
    """Have somebody work until the workflow is over: those who do already, or services of our own."""
    from jobs.cli import terminal
    from jobs.engine import handover, queue, queue_view
    from jobs.services import presence
    from store import workflows
    from store.settings import settings

    if workflows.get(workflow_id).status.over or _others_work():
        yield lambda: None
        return
    if _nobody_will():
        raise Refused(f"Workflow {workflow_id} waits for a worker: none is running, and TRAINYARD_WORKERS is 0.")
    if settings().redis_url and not queue_view.snapshot().reachable:
        raise queue.QueueDownError
    if draw and not presence.supervisor_runs():
        terminal.say("No app or worker is running, so this command does the work itself.")
    with presence.using() as use:
        handover.hand_over(workflow_id)
        yield use.ensure


def _somebody_works() -> bool:
    """Whether what is handed over now will be done without us."""
    from jobs.services import presence

    return presence.supervisor_runs() or _others_work()


def _nobody_will() -> bool:
    """Whether no worker would come even if we started the services."""
    from store.settings import settings

    return settings().workers == 0 and not _somebody_works()


def _others_work() -> bool:
    """Whether workers on other machines serve our queue, so that none have to be started here."""
    from jobs.engine import queue_view
    from jobs.services import presence
    from store.settings import settings

    return bool(settings().redis_url) and not presence.supervisor_runs() and bool(queue_view.snapshot().workers)


def _show(workflow_id: int, as_json: bool, told: str = "") -> int:
    if as_json:
        from jobs.verbs import schemas

        return _print_json(schemas.workflow(workflow_id))
    from jobs.cli import terminal

    if told:
        terminal.say(told)
    else:
        terminal.workflow(workflow_id)
    return DONE


def _complain(sentence: str, as_json: bool, code: int) -> int:
    """Say what is wrong: as the one JSON document when that was asked for, else on stderr."""
    sentence = " ".join(sentence.split())
    if as_json:
        _print_json({"detail": sentence})
    else:
        from jobs.cli.terminal import clean

        print(clean(sentence), file=sys.stderr)  # noqa: T201
    return code
