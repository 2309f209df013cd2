"""Commands on pipelines: which there are, and running one from its file."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from jobs.cli import workflows
from jobs.cli.follow import carry_out
from jobs.cli.output import Json, open_home

app = typer.Typer(no_args_is_help=True, help="List pipelines, and run one from its file.")


@app.command("list")
def list_(as_json: Json = False) -> int:
    """List the pipelines that can be started, with what they take."""
    return workflows.pipelines(as_json)


@app.command()
def run(
    source: Annotated[
        str, typer.Argument(metavar="FILE:NAME", help="A pipeline in a file or module of yours, or one that is known.")
    ],
    param: Annotated[
        list[str] | None, typer.Option("-p", "--param", "--set", metavar="NAME=VALUE", help="A param, as JSON or text.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("-c", "--config", metavar="FILE", help="A YAML file with params and options.")
    ] = None,
    given: Annotated[
        list[str] | None, typer.Option("--input", metavar="NAME=ID", help="A dataset for an input, by its number.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What to call the workflow.")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Whether to show it until it ends.")] = True,
    as_json: Json = False,
) -> int:
    """Run a pipeline, and show what it does until it ends. The code in the file's folder is kept as it is now."""
    open_home()
    from jobs.verbs import own_code, queries

    inputs = queries.inputs(given or [])
    params = dict(own_code.given_param(text) for text in param or [])
    place = None
    if own_code.is_source(source):
        brought = own_code.bring(source)
        source, place = brought.name, brought.place
    started = own_code.run(source, params, config, name, inputs=inputs, place=place)
    if unused := own_code.unused(started):
        sys.stderr.write(f"Of the configuration, {', '.join(unused)} is kept with the run and not used.\n")
    return carry_out(started.id, wait, as_json)
