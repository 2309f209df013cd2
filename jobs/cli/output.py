"""How commands answer: a sentence, or one JSON document and nothing else."""

import json
import sys
from typing import Annotated

import typer

from store.messages import Message

DONE, NOT_DONE, MISUSED, INTERRUPTED = 0, 1, 2, 130

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def open_home() -> None:
    """Have a database that answers and is up to date."""
    from store import db, schema

    db.check()
    schema.prepare()


def answer(sentence: str, document: object, as_json: bool) -> int:
    """Say what was done."""
    if as_json:
        return print_json(document)
    from jobs.cli import terminal

    terminal.say(sentence)
    return DONE


def print_json(document: object) -> int:
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json.dumps(document, ensure_ascii=not utf8, indent=2, allow_nan=False))  # noqa: T201
    return DONE


def complain(sentence: str, as_json: bool, code: int, message: Message | None = None) -> int:
    """Say what is wrong: as the one JSON document with --json, else on stderr."""
    sentence = " ".join(sentence.split())
    if as_json:
        print_json({"detail": sentence} | (dict(message.as_json()) if message else {}))
    else:
        from jobs.cli.terminal import clean

        print(clean(sentence), file=sys.stderr)  # noqa: T201
    return code
