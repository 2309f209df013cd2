"""How commands answer: a sentence, or one JSON document and nothing else."""

import json
import sys
from typing import Annotated, Any

import typer

DONE = 0

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def open_home() -> None:
    """Have a database that answers and is up to date."""
    from store import db, schema

    db.check()
    schema.prepare()


def answer(sentence: str, document: Any, as_json: bool) -> int:
    """Say what was done."""
    if as_json:
        return print_json(document)
    from jobs.cli import terminal

    terminal.say(sentence)
    return DONE


def print_json(document: Any) -> int:
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json.dumps(document, ensure_ascii=not utf8, indent=2, allow_nan=False))  # noqa: T201
    return DONE
