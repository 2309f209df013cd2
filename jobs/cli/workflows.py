"""Commands on workflows and pipelines."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.cli.dataset import READING, reading
from jobs.cli.follow import carry_out as _carry_out
from jobs.cli.follow import run_to_end as _run_to_end
from jobs.cli.follow import show_workflow as _show
from jobs.cli.follow import workers_run as _workers_run
from jobs.cli.output import DONE, NOT_DONE, Json, complain
from jobs.cli.output import answer as _answer
from jobs.cli.output import open_home as _open
from jobs.cli.output import print_json as _print_json
from jobs.language import sentence
from store.errors import RequestError
from store.messages import Message, Notice
from store.program import COMMAND

if TYPE_CHECKING:
    from store.datasets import Dataset

Id = Annotated[int, typer.Argument(metavar="ID", min=1, max=2**31 - 1, help="The number of a workflow.")]
SETTING = (
    "A setting, such as epochs=20. A list has commas, as in features=a,b; where a name has one itself, it is JSON: "
    "'features=[\"a,b\"]'."
)
Setting = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help=SETTING)]
Ids = Annotated[list[int], typer.Argument(metavar="ID...", min=1, max=2**31 - 1, help="The numbers of the workflows.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until the workflow ends; exit with an error if it fails.")]
# A bigger file takes seconds, so its upload is announced and has a bar.
LARGE = 100_000_000
STANDARD_INPUT = Path("-")
# How many warnings about a file are printed.
MOST_WARNINGS = 5


def submit(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="A table (CSV, Excel, Parquet, JSON lines) for the input; - reads standard input."
        ),
    ] = None,
    pipeline: Annotated[str, typer.Option(help="Which pipeline to run; by default the one that trains a model.")] = "",
    setting: Setting = None,
    given: Annotated[
        list[str] | None, typer.Option("--input", metavar="NAME=ID", help="A dataset for an input, by its number.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="The column to predict; by default the proposed one.")] = None,
    algorithm: Annotated[str | None, typer.Option(help="By default the proposed one.")] = None,
    name: Annotated[str | None, typer.Option(help="What to call the workflow.")] = None,
    sheet: Annotated[str | None, typer.Option(help="The sheet of an Excel file; by default the first.")] = None,
    read: Annotated[list[str] | None, typer.Option("--read", metavar="NAME=VALUE", help=READING)] = None,
    wait: Wait = False,
    as_json: Json = False,
) -> int:
    """Start a workflow: train a model on a table, or run any other pipeline."""
    from jobs.verbs import queries, short_form

    try:
        params, inputs = queries.settings(setting or []), queries.inputs(given or [])
    except RequestError as refused:
        raise typer.BadParameter(sentence(refused.message)) from None
    if not pipeline:
        for word in (short_form.TARGET, short_form.ALGORITHM):
            if word in params:
                raise typer.BadParameter(f"{word} is not a setting; say --{word} {params[word]}.")
        if file is None and not inputs:
            raise typer.BadParameter(f"name a file, or a pipeline: {COMMAND} submit --pipeline NAME.")
    chosen = {short_form.TARGET: target, short_form.ALGORITHM: algorithm}
    params |= {word: value for word, value in chosen.items() if value is not None}
    dialect = reading(read or []) | ({"sheet": sheet} if sheet is not None else {})
    if file and file != STANDARD_INPUT:
        check_file(file)
    elif dialect and not file:
        raise typer.BadParameter("--sheet and --read are about a file; name one.")
    _open()
    from jobs.cli import own_modules
    from jobs.verbs import workflows as verbs

    which = pipeline or short_form.PIPELINE
    own_modules.check(which)
    if file:
        inputs[input_for_a_file(which, inputs)] = upload(file, dialect, as_json).id
    params = verbs.propose(which, inputs, params)
    for notice in verbs.notices(which, params, inputs):
        typer.echo(notice, err=True)
    return _carry_out(verbs.start(which, params, inputs, name).id, wait, as_json)


def pipelines(as_json: Json = False) -> int:
    """List the pipelines that can be started, with what they take; fails when a module of yours cannot be loaded."""
    _open()
    from jobs.pipelines import describer, registry
    from jobs.verbs import schemas

    known, faults = registry.everything(), describer.faults()
    if as_json:
        _print_json([schemas.pipeline(each) for each in known])
    else:
        from jobs.cli import listings

        listings.pipelines(known)
    for fault in faults:
        complain(sentence(fault), False, NOT_DONE)  # beside the document, as its callers read a list
    return NOT_DONE if faults else DONE


def run(
    workflow_id: Id,
    watching: Annotated[bool, typer.Option("--watch", help="Show progress until it ends.")] = False,
    as_json: Json = False,
) -> int:
    """Run a workflow to its end: start it, or continue where it failed or was cancelled."""
    _open()
    from jobs.chain import run_workflow
    from jobs.engine.queue import QueueDownError

    try:
        run_workflow(workflow_id)
    except QueueDownError:
        if _workers_run():
            raise
    return _carry_out(workflow_id, watching, as_json)


def watch(workflow_id: Id, as_json: Json = False) -> int:
    """Show a workflow live until it ends."""
    _open()
    from store import workflows

    workflows.get(workflow_id)
    return _run_to_end(workflow_id, as_json)


def list_(
    status: Annotated[str, typer.Option(help="Only these, with commas: running, failed, ...")] = "",
    pipeline: Annotated[str, typer.Option(help="Only runs of this pipeline.")] = "",
    facet: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Only with this facet, such as region=north.")
    ] = None,
    algorithm: Annotated[str, typer.Option(help="Only these algorithms, with commas.")] = "",
    sort: Annotated[str, typer.Option(help="A time, name, seconds, score or facet:NAME; add :asc or :desc.")] = "",
    text: Annotated[str, typer.Option(help="Only with this text in their name, note or dataset.")] = "",
    by: Annotated[str, typer.Option(metavar="NAME", help="Only those that this person started.")] = "",
    sweep: Annotated[int | None, typer.Option(min=1, max=2**31 - 1, help="Only the trials of this sweep.")] = None,
    tag: Annotated[list[str] | None, typer.Option(metavar="TAG", help="Only with this tag.")] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only those that you started from a terminal.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    as_json: Json = False,
) -> int:
    """List workflows, the newest first."""
    from jobs.cli import listings

    _open()
    from jobs.verbs import queries, schemas
    from store import actors, workflows

    if mine and by:
        raise typer.BadParameter("Say --mine or --by, not both.")
    who = actors.name() or "" if mine else by
    facets = queries.facets(facet or [])
    if algorithm:
        from jobs.verbs import short_form

        facets |= short_form.facets(algorithm)
    rows = workflows.find(queries.which(status, pipeline, facets, None, text, sort, who, sweep, tag or ()), limit)
    if as_json:
        return _print_json(schemas.workflow_list(rows))

    listings.workflow_list(rows)
    if not rows:
        _nothing_listed(workflows.count(workflows.Filter()))
    return DONE


def _nothing_listed(others: int) -> None:
    """Why a list is empty: nothing fits, or nothing is there, as in the wrong folder."""
    from jobs.cli.terminal import say
    from store.settings import settings

    if others:
        say(f"No workflow fits; there {'is 1' if others == 1 else f'are {others:,}'} in all.")
    else:
        say(f"No workflows in {settings().folder} yet. Start one with: {COMMAND} submit FILE")
        say("Elsewhere there may be some: go to the folder of your app, or set TRAINYARD_HOME.")


def show(workflow_id: Id, as_json: Json = False) -> int:
    """Show one workflow with its steps and scores."""
    _open()
    return _show(workflow_id, as_json)


def model(
    workflow_id: Id,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file to write; by default workflow-ID.joblib.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Save the trained model of a workflow as a file, with the threshold that was set."""
    import shutil

    _open()
    from jobs.verbs import models

    target = out or Path(f"workflow-{workflow_id}.joblib")
    made = models.model_file(workflow_id)
    with made.stream, target.open("wb") as stream:
        shutil.copyfileobj(made.stream, stream)
    return _answer(f"Saved as {target}.", {"file": str(target)}, as_json)


def input_for_a_file(pipeline: str, given: Mapping[str, int]) -> str:
    """The input of a pipeline that a file is for: the only one that has no dataset yet."""
    from jobs.pipelines import registry
    from jobs.verbs import workflows as verbs

    inputs = registry.get(pipeline).inputs
    free = verbs.missing_inputs(pipeline, given) or [each.name for each in inputs if each.name not in given]
    if not free:
        code = "takes_no_more_files" if inputs else "takes_no_files"
        raise RequestError(Message(code, {"pipeline": pipeline}), "file")
    if len(free) > 1:
        raise RequestError(Message("several_inputs", {"pipeline": pipeline, "inputs": free}), "file")
    return free[0]


def check_file(file: Path) -> None:
    """Refuse a path that is no file."""
    if file.is_dir():
        raise RequestError(Message("file_is_folder", {"file": str(file)}), "file")
    if not file.exists():
        raise RequestError(Message("no_such_file", {"file": str(file)}), "file")


def upload(file: Path, dialect: Mapping[str, object], as_json: bool) -> "Dataset":
    """Add a file as a dataset, and print what reading it warns of."""
    dataset = _added(file, dialect, as_json)
    notices = [Notice.from_json(stored) for stored in dataset.notices]
    warnings = [sentence(notice.message) for notice in notices if notice.level == "warning"]
    for warning in warnings[:MOST_WARNINGS]:
        typer.echo(warning, err=True)
    if len(warnings) > MOST_WARNINGS:
        typer.echo(f"{len(warnings) - MOST_WARNINGS} more warnings are on the dataset's page.", err=True)
    return dataset


def _added(file: Path, dialect: Mapping[str, object], as_json: bool) -> "Dataset":
    """Add a file as a dataset, with a bar for a big one."""
    from jobs.cli import terminal
    from jobs.verbs import datasets
    from store.files import CHUNK

    if file == STANDARD_INPUT:
        if sys.stdin.isatty():
            typer.echo("Paste the table, then press Enter and Ctrl-D.", err=True)
        return datasets.add(sys.stdin.buffer, "stdin", dialect)
    if (size := file.stat().st_size) <= LARGE or as_json:
        return datasets.add(file, file.name, dialect)
    typer.echo(f"Uploading {file.name}, {size / 1e9:.1f} GB.", err=True)

    def chunks() -> Iterator[bytes]:
        for chunk in iter(lambda: stream.read(CHUNK), b""):
            yield chunk
            moved("uploading", stream.tell(), size)
        moved("analysing", size, size)

    with file.open("rb") as stream, terminal.moving(draw=True) as moved:
        return datasets.add(chunks(), file.name, dialect, size)
