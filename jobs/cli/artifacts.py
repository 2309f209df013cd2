"""Commands on artifacts: which there are, and saving one as a file."""

from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.output import DONE, Json, print_json
from jobs.cli.output import answer as _answer
from jobs.cli.output import open_home as _open


def artifacts(
    name: Annotated[str | None, typer.Argument(help="Only versions of this name.")] = None,
    workflow: Annotated[
        int | None, typer.Option(metavar="ID", min=1, max=2**31 - 1, help="Only those of this workflow.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    as_json: Json = False,
) -> int:
    """List what steps left, newest first."""
    _open()
    from jobs.verbs import schemas
    from store import outputs

    rows = outputs.briefs(name, workflow, limit)
    if as_json:
        return print_json([schemas.artifact_brief(each) for each in rows])
    from jobs.cli import listings

    listings.artifacts(rows)
    return DONE


def artifact(
    artifact_id: Annotated[int, typer.Argument(metavar="ID", min=1, max=2**31 - 1, help="The number of an artifact.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file to write; by default named after the artifact.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Save an artifact as a file: a small value as JSON, others as they were stored."""
    _open()
    from jobs.verbs import artifacts as verbs
    from store import outputs

    target = verbs.save(outputs.get(artifact_id), out)
    return _answer(f"Saved as {target}.", {"file": str(target)}, as_json)
