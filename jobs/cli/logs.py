"""Commands that show what happened in a workflow: its log, and when each attempt ran."""

import time
from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.output import DONE, Json, answer, open_home, print_json
from jobs.cli.workflows import Id

PAUSE_SECONDS = 0.5
MOST = 100_000


def logs(
    workflow_id: Id,
    step: Annotated[str | None, typer.Option(metavar="KEY", help="Only the lines of this step.")] = None,
    level: Annotated[str, typer.Option(help="debug, info, warning or error: this or worse.")] = "",
    grep: Annotated[str, typer.Option(metavar="TEXT", help="Only lines with this text.")] = "",
    last: Annotated[int, typer.Option("-n", "--last", min=1, max=MOST, help="How many of the last lines.")] = 1000,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until the workflow ends.")] = False,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write every line into this file.")] = None,
    as_json: Json = False,
) -> int:
    """Show the log of a whole workflow: the lines of all its steps, in the order they were written."""
    open_home()
    from jobs.verbs import run_logs, schemas
    from store import steps, workflows

    wanted = run_logs.which(grep, level, step)
    if out is not None:
        with out.open("w", encoding="utf-8") as file:
            file.writelines(run_logs.written(workflow_id, wanted))
        return answer(f"Saved as {out}.", {"file": str(out)}, as_json)
    lines = run_logs.newest(workflow_id, wanted, limit=last).lines
    if as_json:
        own = {row.id: row for row in steps.brief([workflow_id])[workflow_id]}
        return print_json([schemas.line(line, own[line.step_id]) for line in lines])
    from jobs.cli.terminal import clean

    names = run_logs.keys_of(workflow_id)
    seen = 0
    while True:
        over = workflows.status_of(workflow_id).over
        for line in lines:
            typer.echo(clean(run_logs.as_text(line, names)))
            seen = line.id
        if not follow or (over and not lines):
            return DONE
        if not lines:
            time.sleep(PAUSE_SECONDS)
        lines = run_logs.following(workflow_id, wanted, seen)


def attempts(workflow_id: Id, as_json: Json = False) -> int:
    """List when each attempt of a workflow's steps ran, on which worker, and how it ended."""
    open_home()
    from jobs.verbs import control_schemas

    made = control_schemas.attempts_of(workflow_id)
    if as_json:
        return print_json(made)
    from jobs.cli.terminal import seconds, table

    table(
        ("Step", "Attempt", "Began (UTC)", "Time", "Worker", ""),
        [
            (
                each["key"],
                each["number"],
                each["began_at"].replace("T", " ")[:19],
                seconds(each["seconds"]),
                each["worker"],
                each["text"] or each["code"] or "running",
            )
            for each in made
        ],
    )
    return DONE
