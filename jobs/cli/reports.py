"""The command that writes the report of a workflow."""

from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.output import Json
from jobs.cli.output import answer as _answer
from jobs.cli.output import open_home as _open
from jobs.cli.workflows import Id


def report(
    workflow_id: Id,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file to write; by default workflow-ID-report.html.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Numbers and dates as in this language, such as tr; by default English.")
    ] = None,
    zone: Annotated[
        str | None, typer.Option(help="Times of this zone, such as Europe/Istanbul; by default UTC.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Write the report of a completed workflow: one HTML file to print or send."""
    _open()
    from jobs.verbs import report as verbs

    page = verbs.html(workflow_id, language, zone)
    target = out or Path(verbs.file_name(workflow_id))
    target.write_text(page, encoding="utf-8")
    return _answer(f"Saved as {target}.", {"file": str(target)}, as_json)
