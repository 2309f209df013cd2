"""The command that shows and moves the threshold between two classes."""

from typing import TYPE_CHECKING, Annotated

import typer

from jobs.cli.output import DONE, Json
from jobs.cli.output import open_home as _open
from jobs.cli.output import print_json as _print_json
from jobs.cli.workflows import Id

if TYPE_CHECKING:
    from jobs.pipelines.thresholds import Costs, Place, Thresholds

# Thresholds in the table: about every tenth of those that were measured.
SHOWN = 11
# A score below 0 is a value and no option.
SIGNED = {"ignore_unknown_options": True}


def threshold(
    workflow_id: Id,
    value: Annotated[str, typer.Argument(metavar="[VALUE]", help="Where to move it: 0.3, or 30%.")] = "",
    false_alarm_cost: Annotated[float | None, typer.Option(min=0, help="What a false alarm costs.")] = None,
    found_gain: Annotated[
        float | None,
        typer.Option(min=0, help="What a found row gains. With both and no VALUE, the best threshold is taken."),
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Back to where the model decides by itself.")] = False,
    as_json: Json = False,
) -> int:
    """Show from which chance on a class is predicted, with what is found there; or move it, for every prediction."""
    moved = _number(value) if value else None
    if reset and (value or false_alarm_cost is not None or found_gain is not None):
        raise typer.BadParameter("--reset takes no value and no costs.")
    _open()
    from jobs.verbs import schemas
    from jobs.verbs import thresholds as verbs
    from store import thresholds as stored

    costs = verbs.costs_from(false_alarm_cost, found_gain)
    if reset:
        verbs.reset_threshold(workflow_id)
    elif moved is not None or costs is not None:
        verbs.set_threshold(workflow_id, moved, costs)
    if as_json:
        return _print_json(dict(schemas.thresholds(workflow_id, costs)))
    known, set_by_person = verbs.of(workflow_id), stored.get(workflow_id)
    _say(known, known.at(set_by_person.value if set_by_person else known.usual), costs, usual=set_by_person is None)
    return DONE


def _number(text: str) -> float:
    """Read 0.3, -0.5 or 30%."""
    if text.startswith("--"):
        raise typer.BadParameter(f"No such option: {text}")
    try:
        number = float(text.strip().rstrip("% ").replace(",", "."))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a number, such as 0.3 or 30%.") from None
    return number / 100 if text.strip().endswith("%") else number


def _say(known: "Thresholds", now: "Place", costs: "Costs | None", usual: bool) -> None:
    from jobs.cli.terminal import say, table

    by = "where the model decides by itself" if usual else "as it was set"
    say(f"{known.label} is predicted from {_words(known, now.value)} on, {by}.")
    found, alarms = f"{now.found:,} of {now.found + now.missed:,}", f"{now.alarms:,} false alarms"
    say(f"Finds {found}, with {alarms} among the other {now.alarms + now.passed:,} ({known.reported_on.part} rows).")
    say("")
    places = known.places()
    step = max(1, len(places) // (SHOWN - 1))
    shown = sorted({*(place.value for place in places[step // 2 :: step]), now.value})
    table(
        ("From", "Found", "Missed", "False alarms", *(["Gain"] if costs else []), ""),
        [
            (
                _words(known, place.value),
                place.found,
                place.missed,
                place.alarms,
                *([f"{place.gain(costs):,.6g}"] if costs else []),
                "now" if place.value == now.value else "",
            )
            for place in map(known.at, shown)
        ],
    )


def _words(known: "Thresholds", value: float) -> str:
    return f"{100 * value:.4g} %" if known.of == "chance" else f"a score of {value:.4g}"
