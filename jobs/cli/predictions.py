"""The command that predicts new rows."""

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.follow import carry_out as _carry_out
from jobs.cli.output import DONE, Json
from jobs.cli.output import answer as _answer
from jobs.cli.output import open_home as _open
from jobs.cli.workflows import Id, check_file
from jobs.language import sentence


def predict(
    workflow_id: Id,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The rows to predict; - reads standard input.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file to write, such as out.csv or out.xlsx.")
    ] = None,
    job: Annotated[bool, typer.Option("--job", help="As a workflow of its own, which goes on by itself.")] = False,
    as_json: Json = False,
) -> int:
    """Predict the rows of a file with the model of a completed workflow: the same file with further columns."""
    from_pipe = str(file) == "-"
    if job and from_pipe:
        raise typer.BadParameter("--job needs a file.")
    if as_json and not job and out is None:
        raise typer.BadParameter("--json needs --out: the rows themselves go there.")
    if not from_pipe:
        check_file(file)
    _open()
    from jobs.verbs import predictions as verbs
    from jobs.verbs import schemas

    as_excel = out is not None and out.suffix.lower() == ".xlsx"
    if job:
        return _as_job(verbs.predict_later(workflow_id, file, file.name, as_excel=as_excel).id, out, as_json)
    if from_pipe:
        made = verbs.predict_file(workflow_id, sys.stdin.buffer, "rows.csv", as_excel=as_excel)
    else:
        made = verbs.predict_file(workflow_id, file, file.name, as_excel=as_excel)
    if out is None:
        sys.stdout.flush()
        shutil.copyfileobj(made.stream, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        with out.open("wb") as target:
            shutil.copyfileobj(made.stream, target)
    if not as_json:
        for notice in made.about.notices:
            typer.echo(sentence(notice.message), err=True)
    if out is None:
        return DONE
    document = {"file": str(out), "rows": made.about.rows, "notices": schemas.notices(made.about.notices)}
    return _answer(f"Predicted {made.about.rows:,} rows, saved as {out}.", document, as_json)


def predictions(
    workflow_id: Id,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The file to write; by default its own name.")] = None,
    as_json: Json = False,
) -> int:
    """Save the file that `predict --job` left."""
    _open()
    target, rows = _save(workflow_id, out)
    return _answer(f"{rows:,} rows, saved as {target}.", {"file": str(target), "rows": rows}, as_json)


def _as_job(workflow_id: int, out: Path | None, as_json: bool) -> int:
    """Leave a job to the workers; with a file to write, see it through and write that."""
    ended = _carry_out(workflow_id, out is not None, as_json)
    if ended != DONE or out is None:
        return ended
    target, rows = _save(workflow_id, out)
    if not as_json:
        typer.echo(f"Predicted {rows:,} rows, saved as {target}.")
    return DONE


def _save(workflow_id: int, out: Path | None) -> tuple[Path, int]:
    from jobs.verbs import predictions as verbs
    from store import files

    left = verbs.job_file(workflow_id)
    target = out or Path(left.name)
    shutil.copyfile(files.verified(left.file), target)
    return target, left.rows
