"""Commands on datasets: list, file, read, describe, delete."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.output import DONE, Json
from jobs.cli.output import answer as _answer
from jobs.cli.output import open_home as _open
from jobs.cli.output import print_json as _print_json

app = typer.Typer(
    no_args_is_help=True, help="Datasets: list them, save a file, read a file differently, rename or delete them."
)
Id = Annotated[int, typer.Argument(metavar="ID", min=1, max=2**31 - 1, help="The number of a dataset.")]
READING = "How the file is read, such as sheet=Customers, decimal=comma or encoding=cp1254."


@app.command("list")
def list_(
    text: Annotated[str, typer.Option(help="Only datasets whose name contains this.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    as_json: Json = False,
) -> int:
    """List datasets, the newest first."""
    _open()
    from jobs.verbs import schemas
    from store import datasets

    rows = datasets.find(text, limit)
    if as_json:
        return _print_json([schemas.dataset_brief(each) for each in rows])
    from jobs.cli import listings

    listings.datasets(rows)
    return DONE


@app.command("file")
def file(
    dataset_id: Id,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The file to write; by default its own name.")] = None,
    as_json: Json = False,
) -> int:
    """Save the file of a dataset, as it was uploaded."""
    import shutil

    _open()
    from jobs.verbs import datasets as verbs
    from store import datasets, files

    dataset = datasets.get(dataset_id)
    target = out or Path(verbs.file_name(dataset))
    shutil.copyfile(files.verified(dataset.file), target)
    return _answer(f"Saved as {target}.", {"file": str(target)}, as_json)


@app.command("read")
def read(
    dataset_id: Id,
    settings: Annotated[list[str], typer.Argument(metavar="NAME=VALUE...", help=READING)],
    as_json: Json = False,
) -> int:
    """Read the file of a dataset differently, as a new version."""
    chosen = reading(settings)
    _open()
    from jobs.verbs import datasets as verbs
    from jobs.verbs import schemas

    made = verbs.redescribe(dataset_id, chosen)
    if as_json:
        return _print_json(schemas.dataset(made))
    return _answer(f"Dataset {made.id}: {made.title}, {verbs.words_of(made.dialect)}.", {}, False)


@app.command("describe")
def describe(
    dataset_id: Id, name: Annotated[str, typer.Option(help="What to call it, in all versions.")], as_json: Json = False
) -> int:
    """Change what a dataset is called."""
    _open()
    from jobs.verbs import datasets as verbs
    from jobs.verbs import schemas

    made = verbs.describe(dataset_id, name)
    if as_json:
        return _print_json(schemas.dataset(made))
    return _answer(f"Dataset {made.id} is called {made.title}.", {}, False)


@app.command("delete")
def delete(
    dataset_ids: Annotated[
        list[int], typer.Argument(metavar="ID...", min=1, max=2**31 - 1, help="The numbers of the datasets.")
    ],
    as_json: Json = False,
) -> int:
    """Delete datasets that no workflow uses, with their files."""
    _open()
    from jobs.verbs import datasets as verbs

    gone = verbs.remove_all(dataset_ids)
    return _answer(f"Deleted {len(gone)} dataset{'s' * (len(gone) != 1)}.", {"deleted": gone}, as_json)


def reading(settings: Sequence[str]) -> dict[str, object]:
    """Return reading settings from arguments such as sheet=Customers."""
    chosen: dict[str, object] = {}
    for each in settings:
        name, equals, value = each.partition("=")
        if not equals:
            raise typer.BadParameter(f"{each!r} must be NAME=VALUE, such as sheet=Customers.")
        chosen[name.strip()] = value
    return chosen
