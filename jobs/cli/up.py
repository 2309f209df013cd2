"""`up` starts the app, `version` says which one."""

import os
import sys
from typing import Annotated

import typer

from jobs.cli.output import DONE, Json, answer
from store.program import VERSION
from store.settings import ROOT

PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


def up(
    context: typer.Context,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Where to listen; else 8501.")] = None,
    address: Annotated[str | None, typer.Option(help="Which address to listen on; else 127.0.0.1.")] = None,
) -> None:
    """Start the app: pages, API and workers. Other options go to Streamlit, such as --server.maxUploadSize=500."""
    options = [f"--server.{name}={value}" for name, value in (("port", port), ("address", address)) if value]
    # -P: a module of the folder where the app is started must not hide one of Python's own.
    command = [sys.executable, "-P", "-m", "streamlit", "run", str(ROOT / "app.py"), *options, *context.args]
    os.execv(sys.executable, command)


def version(as_json: Json = False) -> int:
    """Print the version of Trainyard."""
    return answer(VERSION, {"version": VERSION}, as_json)


def _print_version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit(DONE)


def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take what stands before the command."""
