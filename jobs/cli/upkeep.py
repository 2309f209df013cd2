"""Commands for upkeep: doctor, backup, restore."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.output import DONE, NOT_DONE, Json
from jobs.cli.output import answer as _answer
from jobs.cli.output import open_home as _open
from jobs.cli.output import print_json as _print_json
from store.errors import Refused


def doctor(
    deep: Annotated[bool, typer.Option("--deep", help="Also read all that is stored, which takes a while.")] = False,
    as_json: Json = False,
) -> int:
    """Check that everything is as it should be, and say what to do where it is not."""
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
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to, such as monday.tar.")],
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
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What backup wrote.")],
    yes: Annotated[bool, typer.Option("--yes", help="Replace what is there now without asking.")] = False,
    as_json: Json = False,
) -> int:
    """Make this home what it was when a backup was made, while the app runs; what is there now is backed up first."""
    _open()
    from jobs.cli import terminal
    from jobs.upkeep import backup as verbs

    agree = (lambda _: True) if yes else _asked if sys.stdin.isatty() and not as_json else _not_asked
    with terminal.moving(not as_json and yes) as progress:
        restored = verbs.restore(file, agree, progress)
    return _answer(restored.sentence, restored.document, as_json)


def _asked(question: str) -> bool:
    return typer.confirm(question)


def _not_asked(question: str) -> bool:
    raise Refused(f"{question} Say --yes to do so.")
