"""Try several values of a setting at once, such as every algorithm: trainyard sweep FILE --target COLUMN."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from jobs.cli import follow
from jobs.cli.dataset import READING, reading
from jobs.cli.output import DONE, INTERRUPTED, NOT_DONE, Json, answer, complain, open_home, print_json
from jobs.cli.workflows import Setting, check_file, input_for_a_file, upload
from jobs.language import sentence
from store.errors import InvalidError, RequestError
from store.messages import Message
from store.program import COMMAND

LOOK_SECONDS = 0.5
START = "start"

Id = Annotated[int, typer.Argument(metavar="ID", min=1, max=2**31 - 1, help="The number of a sweep.")]


class StartsByItself(TyperGroup):
    """A group whose first argument may be a file instead of a command; a file called list is ./list."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = bool(args) and (args[0] in self.commands or args[0] == "--help")
        return super().parse_args(ctx, args if named or not args else [START, *args])


app = typer.Typer(no_args_is_help=True, cls=StartsByItself, help=__doc__)


@app.command(START, help="Start a sweep; the word start may be left out.")
def start(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A file for the pipeline's input.")] = None,
    target: Annotated[str | None, typer.Option(help="The column to predict; by default the proposed one.")] = None,
    algorithms: Annotated[str | None, typer.Option(help="Which to try, with commas; by default all that fit.")] = None,
    pipeline: Annotated[str, typer.Option(help="Which pipeline to run; by default the one that trains a model.")] = "",
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--values",
            metavar="NAME=A,B",
            help='Values to try of a setting, with commas or as JSON, or "all" of its choices.',
        ),
    ] = None,
    grid: Annotated[bool, typer.Option("--grid", help="Try every combination of the values.")] = False,
    setting: Setting = None,
    given: Annotated[
        list[str] | None, typer.Option("--input", metavar="NAME=ID", help="A dataset for an input, by its number.")
    ] = None,
    trials: Annotated[int | None, typer.Option(help="At most so many trials: the first of a larger grid.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Cancel what has not ended after so many minutes.")] = None,
    name: Annotated[str | None, typer.Option(help="What to call the sweep.")] = None,
    sheet: Annotated[str | None, typer.Option(help="The sheet of an Excel file; by default the first.")] = None,
    read: Annotated[list[str] | None, typer.Option("--read", metavar="NAME=VALUE", help=READING)] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the sweep ends.")] = False,
    as_json: Json = False,
) -> int:
    """Start a sweep; the word start may be left out."""
    from jobs.verbs import queries, short_form, sweeps

    try:
        params, inputs = queries.settings(setting or []), queries.inputs(given or [])
        tried = {each: _values(text) for each, text in queries.settings(values or []).items()}
    except RequestError as refused:
        raise typer.BadParameter(sentence(refused.message)) from None
    if not pipeline and file is None and not inputs:
        raise typer.BadParameter(f"name a file, or a pipeline: {COMMAND} sweep --pipeline NAME.")
    dialect = reading(read or []) | ({"sheet": sheet} if sheet is not None else {})
    if file:
        check_file(file)
    elif dialect:
        raise typer.BadParameter("--sheet and --read are about a file; name one.")
    open_home()
    which = pipeline or short_form.PIPELINE
    if file:
        inputs[input_for_a_file(which, inputs)] = upload(file, dialect, as_json).id
    if short_form.is_meant(which):
        listed = _values(algorithms) if algorithms else None
        if (dataset_id := short_form.dataset_of(inputs)) is None:
            raise InvalidError(Message("nothing_to_sweep"), "input")
        draft, tried = short_form.sweep(dataset_id, target, listed, params, tried)
        params, inputs = dict(draft.params), dict(draft.inputs)
    elif target or algorithms:
        raise typer.BadParameter("with --pipeline, say --set for settings and --values for what to try.")
    made = sweeps.start(
        which,
        params,
        inputs,
        tried,
        name,
        method="grid" if grid else "each",
        budget=sweeps.Budget(trials, minutes),
    )
    return _carry_out(made.id, wait, as_json)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20, as_json: Json = False
) -> int:
    """List sweeps, the newest first."""
    open_home()
    from jobs.cli import sweep_listings
    from jobs.verbs import leaderboard, sweep_schemas
    from store import sweeps

    rows = sweeps.find(limit)
    if as_json:
        return print_json(sweep_schemas.sweep_list(rows))
    sweep_listings.sweeps(leaderboard.of_sweeps(rows))
    return DONE


@app.command()
def show(sweep_id: Id, as_json: Json = False) -> int:
    """Show a sweep: its trials, the best first."""
    open_home()
    return _show(sweep_id, as_json)


@app.command()
def stop(sweep_id: Id, as_json: Json = False) -> int:
    """Stop a sweep: no further trial starts, and those that have not ended are cancelled."""
    open_home()
    from jobs.verbs import sweep_schemas, sweeps

    sweeps.stop(sweep_id)
    return answer(f"Sweep {sweep_id} is stopped.", sweep_schemas.sweep(sweep_id), as_json)


@app.command()
def describe(sweep_id: Id, name: Annotated[str, typer.Option(help="What to call it.")], as_json: Json = False) -> int:
    """Change what a sweep is called."""
    open_home()
    from jobs.verbs import sweeps

    sweeps.describe(sweep_id, name)
    return _show(sweep_id, as_json)


@app.command()
def delete(
    sweep_id: Id,
    workflows: Annotated[bool, typer.Option("--workflows", help="Delete its workflows, too.")] = False,
    as_json: Json = False,
) -> int:
    """Delete a sweep that is over; its workflows stay as workflows of their own."""
    open_home()
    from jobs.verbs import sweeps

    sweeps.remove(sweep_id, workflows)
    return answer(f"Sweep {sweep_id} is deleted.", {"deleted": sweep_id}, as_json)


def algorithms(as_json: Json = False) -> int:
    """List the algorithms that can be trained on a table."""
    from jobs.cli import sweep_listings
    from jobs.verbs import short_form

    if as_json:
        return print_json(short_form.algorithm_list())
    sweep_listings.algorithms()
    return DONE


def _values(text: str) -> list[Any] | str:
    from jobs.verbs.sweeps import EVERY

    if text.strip() == EVERY:
        return EVERY
    if text.strip().startswith("["):
        with suppress(ValueError):  # else a value begins with a bracket
            listed: list[Any] = json.loads(text)
            return listed
    return [each.strip() for each in text.split(",") if each.strip()]


def _carry_out(sweep_id: int, wait: bool, as_json: bool) -> int:
    """Leave the sweep to running workers; see it through with `wait`, or when none run."""
    if not wait and (follow.no_workers_possible() or follow.workers_run()):
        if as_json:
            return _show(sweep_id, as_json)
        return answer(f"Sweep {sweep_id} is started. Look at it with: {COMMAND} sweep show {sweep_id}", None, False)
    try:
        return _see_through(sweep_id, as_json)
    except KeyboardInterrupt:
        goes_on = "continues" if follow.workers_run() else "waits, and continues when the app runs"
        return complain(f"Sweep {sweep_id} {goes_on}.", as_json, INTERRUPTED)


def _see_through(sweep_id: int, as_json: bool) -> int:
    from jobs.verbs import leaderboard
    from store.tables import Status

    without = Message("sweep_without_worker", {"sweep": sweep_id})
    with follow.having_workers(not as_json, without) as keep:
        _watch(sweep_id, not as_json, keep)
    _show(sweep_id, as_json)
    return DONE if leaderboard.of(sweep_id).status is Status.completed else NOT_DONE


def _watch(sweep_id: int, draw: bool, keep: Callable[[], object]) -> None:
    """Say how each trial ends, until all have."""
    from jobs.cli import sweep_listings, terminal
    from jobs.verbs import leaderboard

    told: set[int] = set()
    while True:
        board = leaderboard.of(sweep_id)
        for row in board.rows:
            if row.status.over and row.workflow and row.trial not in told:
                told.add(row.trial)
                if draw:
                    terminal.say(sweep_listings.ended(board, row))
        if board.sweep.ended_at is not None:
            return
        keep()
        time.sleep(LOOK_SECONDS)


def _show(sweep_id: int, as_json: bool) -> int:
    from jobs.cli import sweep_listings
    from jobs.verbs import leaderboard, sweep_schemas

    if as_json:
        return print_json(sweep_schemas.sweep(sweep_id))
    sweep_listings.sweep(leaderboard.of(sweep_id))
    return DONE
