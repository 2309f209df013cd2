"""Sweeps and algorithms in a terminal."""

from collections.abc import Sequence

from rich.text import Text

from jobs.cli.terminal import COLOURS, clean, say, seconds, table, words
from jobs.language import numbers, sentence
from jobs.tabular.algorithms import ALGORITHMS
from jobs.verbs import sweeps as sweep_verbs
from jobs.verbs.leaderboard import Leaderboard, Row
from store.program import COMMAND


def sweeps(boards: Sequence[Leaderboard]) -> None:
    """Sweeps, one a line, each with its best trial."""
    if not boards:
        say(f"No sweeps yet. Start one with: {COMMAND} sweep FILE")
        return
    table(
        ("ID", "Name", "Status", "Trials", "Best", "Score", "Time", "Created (UTC)"),
        [
            (
                each.sweep.id,
                each.sweep.name,
                each.status,
                f"{sum(row.status.over for row in each.rows)} of {len(each.sweep.trials)}",
                _values(each.best) if each.best else "",
                words(each.best.score) if each.best else "",
                seconds(each.sweep.seconds),
                f"{each.sweep.created_at:%Y-%m-%d %H:%M}",
            )
            for each in boards
        ],
    )


def sweep(board: Leaderboard) -> None:
    """One sweep with its trials, the best first."""
    record, measure = board.sweep, board.measure
    say(Text.assemble(f"Sweep {record.id}: {clean(record.name)}  ", (board.status, COLOURS.get(board.status, ""))))
    if record.stopped:
        say(sentence(record.stopped))
    elif waiting := sweep_verbs.waits_for(record):
        say(Text(sentence(waiting), "yellow"))
    say("")
    spread = any(row.spread is not None for row in board.rows)
    tested = any(row.test_score is not None for row in board.rows)
    table(
        (
            "Workflow",
            "Tried",
            "Status",
            measure.shown if measure else "Score",
            *(["Spread"] if spread else []),
            *(["On test rows"] if tested else []),
            "",
            "Time",
            "Model",
        ),
        [
            (
                row.workflow.id if row.workflow else "",
                _values(row),
                row.status,
                words(row.score),
                *([words(row.spread)] if spread else []),
                *([words(row.test_score)] if tested else []),
                "best" if row is board.best else "equal" if row.equal else "",
                "reused" if row.reused else seconds(row.seconds),
                numbers.size(row.model_size) if row.model_size else "",
            )
            for row in board.rows
        ],
    )
    if sum(row.equal for row in board.rows) > 1:
        say("equal: within one standard error of the best")


def ended(board: Leaderboard, row: Row) -> str:
    """How a trial ended, in one line."""
    score = f": {board.measure.name} {words(row.score)}" if board.measure and row.score is not None else ""
    why = f": {sentence(row.error)}" if row.error else ""
    number = row.workflow.id if row.workflow else ""
    return f"Workflow {number}, {_values(row)}, {row.status} in {seconds(row.seconds) or '0 s'}{score}{why}"


def algorithms() -> None:
    """What can be trained on a table."""
    table(
        ("Algorithm", "Predicts", "Short", "Settings", ""),
        [
            (
                each.key,
                "a number" if each.task == "regression" else "classes",
                ", ".join(each.aliases),
                ", ".join(param.name for param in each.params),
                each.sentence,
            )
            for each in ALGORITHMS.values()
        ],
    )


def _values(row: Row) -> str:
    if len(row.values) == 1:
        return words(next(iter(row.values.values())))
    return ", ".join(f"{name} {words(value)}" for name, value in row.values.items())
