"""Commands for upkeep: doctor, backup, restore."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.output import DONE, NOT_DONE, Json
from jobs.cli.output import answer as _answer
from jobs.cli.output import open_home as _open
from jobs.cli.output import print_json as _print_json
from jobs.language import sentence
from store.errors import RequestError
from store.messages import Message


def doctor(
    deep: Annotated[bool, typer.Option("--deep", help="Also read every stored file, which takes a while.")] = False,
    as_json: Json = False,
) -> int:
    """Check the installation, and say what to do about each problem."""
    from dataclasses import asdict

    from jobs.cli import listings
    from jobs.upkeep.doctor import examine

    checks = examine(deep)
    well = not any(check.state == "problem" for check in checks)
    if as_json:
        _print_json({"well": well, "checks": [asdict(check) for check in checks]})
    else:
        listings.checks((check.name, check.state, check.found, check.advice) for check in checks)
    return DONE if well else NOT_DONE


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, such as monday.tar.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    as_json: Json = False,
) -> int:
    """Write everything into one file, while the app runs: workflows, datasets, models, people."""
    _open()
    from jobs.cli import terminal
    from jobs.upkeep import backup as verbs

    with terminal.moving(not as_json) as progress:
        made = verbs.backup(file, force, progress)
    _answer(made.sentence, made.document, as_json)
    return NOT_DONE if made.missing else DONE


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that backup wrote.")],
    yes: Annotated[bool, typer.Option("--yes", help="Replace the current state without asking.")] = False,
    as_json: Json = False,
) -> int:
    """Restore a backup, while the app runs; the current state is backed up first."""
    _open()
    from jobs.cli import terminal
    from jobs.upkeep import backup as verbs

    confirm = (lambda _: True) if yes else _confirm if sys.stdin.isatty() and not as_json else _refuse_without_yes
    with terminal.moving(not as_json and yes) as progress:
        restored = verbs.restore(file, confirm, progress)
    return _answer(restored.sentence, restored.document, as_json)


def _confirm(question: Message) -> bool:
    return typer.confirm(sentence(question))


def _refuse_without_yes(question: Message) -> bool:
    raise RequestError(Message("restore_needs_yes", question.values))
