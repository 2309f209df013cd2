"""Threshold: from which chance on one of two classes is predicted, moved while one sees what is found and what it
costs, and then set for every prediction."""

from collections.abc import Sequence

import streamlit as st

from jobs.language import numbers, sentence
from jobs.pipelines.thresholds import Costs, Place, Thresholds
from jobs.verbs import thresholds as verbs
from pages.parts import chart, commands, number_field, threshold_charts, visitor, words
from pages.parts.number_field import Typed
from pages.parts.press import PageState
from store import thresholds as stored
from store.errors import ConflictError, NotFoundError
from store.messages import Message
from store.thresholds import Threshold

PARTS = {
    "validation": "validation rows",
    "test": "test rows",
    "all": "all rows, each predicted by a model that has not seen it",
}


def offered(workflow_id: int) -> Thresholds | Message | None:
    """Where the threshold of a completed workflow can stand, or why that is not known; None where there is none."""
    try:
        return verbs.of(workflow_id)
    except NotFoundError:
        return None
    except ConflictError as refused:
        return refused.message


def draw(workflow_id: int, known: Thresholds | Message, state: PageState) -> None:
    """What becomes of rows where the threshold is moved to, and the button that sets it."""
    with st.container(border=True, key="threshold"):
        if isinstance(known, Message):
            st.info(words.plain(sentence(known)), icon=":material/info:")
            commands.popover([commands.rerun(workflow_id, str(known.values["step"]), {})], key="threshold-commands")
            return
        label, chosen = words.plain(known.label), stored.get(workflow_id)
        st.markdown(f"#### Threshold for {label}", anchors=False)
        st.caption(_explained(known, label))
        # Another one that was set, by anybody, makes a new slider: an old one would stay where it stood.
        key = f"threshold-{workflow_id}-{chosen.set_at.timestamp() if chosen else 'usual'}"
        st.session_state.setdefault(key, known.nearest(chosen.value if chosen else known.usual))
        costs = _costs(workflow_id, known, key)
        best = known.best(costs) if costs else known.usual
        stops = stops_of(known, [best, chosen.value if chosen else known.usual, st.session_state[key]])
        value: float = st.select_slider("Threshold", stops, key=key, format_func=lambda each: at(known, each))
        _effects(known, known.at(value), costs)
        _charts(known, value, costs)
        _buttons(workflow_id, known, value, costs, chosen, state)
        st.caption(_measured_on(known))


def stops_of(known: Thresholds, others: Sequence[float]) -> list[float]:
    """Where the slider stops: at whole percents, so that it runs as the charts below it, and at some others; at every
    place that was measured where few of the rows to find lie between those."""
    whole = [value for value in known.values if round(100 * value, 9).is_integer()]
    if known.of == "chance" and whole:
        found = known.chosen_at(whole[0]).found - known.chosen_at(whole[-1]).found
        if 2 * found >= known.chosen_on.wanted:
            return sorted({*whole, *map(known.nearest, others)})
    return list(known.values)


def at(known: Thresholds, value: float) -> str:
    """A threshold in words: 30 %, 0.45 %, or a score."""
    return f"{words.number(100 * value)} %" if known.of == "chance" else words.number(value)


def _explained(known: Thresholds, label: str) -> str:
    what = "chance" if known.of == "chance" else "score"
    told = f"A row is predicted {label} where its {what} is at least the threshold. A lower threshold finds more rows, "
    told += "with more false alarms."
    return told if known.of == "chance" else f"{told} Scores of this algorithm order the rows and have no unit."


def _costs(workflow_id: int, known: Thresholds, key: str) -> Costs | None:
    """Two fields for costs, with those that were said last, and a button that proposes a threshold for them."""
    said, fields = verbs.costs_said(workflow_id), f"threshold-{workflow_id}"
    if said:
        st.session_state.setdefault(f"{fields}-alarm", numbers.exact(said.alarm))
        st.session_state.setdefault(f"{fields}-found", numbers.exact(said.found))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        alarm = number_field.draw(
            "A false alarm costs", f"{fields}-alarm", "Such as a letter sent in vain.", low=0, width=180
        )
        found = number_field.draw(
            "A found row gains",
            f"{fields}-found",
            "In the same unit: what it is worth to find it.",
            low=0,
            width=180,
        )
        costs = _both(alarm, found)
        st.button(
            "Best for these costs" if costs is None else f"Best for these costs: {at(known, known.best(costs))}",
            icon=":material/target:",
            key=f"{fields}-best",
            disabled=costs is None,
            on_click=_move,
            args=(key, known.best(costs) if costs else known.usual),
            help="Moves the threshold there. It is set when you say so below.",
        )
    _read_as(alarm, found)
    return costs


def _both(alarm: Typed, found: Typed) -> Costs | None:
    """The costs, once both are given and not both are 0."""
    if alarm.value is None or found.value is None or alarm.value + found.value == 0:
        return None
    return Costs(alarm.value, found.value)


def _read_as(alarm: Typed, found: Typed) -> None:
    """What the two fields were read as, or what they need before a threshold can be proposed."""
    if problem := alarm.problem or found.problem:
        st.caption(f":red[{problem}]")
    elif (alarm.value is None) != (found.value is None):
        st.caption("Give both to have the best threshold proposed.")
    elif alarm.value == found.value == 0:
        st.caption("Give one above 0 to have the best threshold proposed.")
    elif alarm.read_as or found.read_as:
        alarms, gains = (words.plain(numbers.exact(each.value or 0)) for each in (alarm, found))
        st.caption(f"Read as: a false alarm costs {alarms}, a found row gains {gains}.")


def _move(key: str, value: float) -> None:
    st.session_state[key] = value


def _effects(known: Thresholds, now: Place, costs: Costs | None) -> None:
    usual = known.at(known.usual)
    with st.container(horizontal=True, gap="medium"):
        shown = {
            "Found": f"{words.count(now.found)} of {words.count(now.found + now.missed)}",
            "Missed": words.count(now.missed),
            "False alarms": f"{words.count(now.alarms)} of {words.count(now.alarms + now.passed)}",
        }
        for name, text in shown.items():
            st.metric(name, text, width="content")
        if costs:
            st.metric("Cost of false alarms", _amount(now.cost(costs)), width="content")
            more = now.gain(costs) - usual.gain(costs)
            st.metric(
                "Gain less costs",
                _amount(now.gain(costs)),
                None if now == usual else f"{'+' if more > 0 else ''}{_amount(more)} against {at(known, known.usual)}",
                width="content",
            )


def _amount(value: float) -> str:
    return words.fixed(value, 0 if value == round(value) else 2)


def _charts(known: Thresholds, value: float, costs: Costs | None) -> None:
    with st.grid(2 if costs else 1, min_column_width=300):
        rates = threshold_charts.rates(known, value)
        chart.draw(rates, key="threshold-rates", alt="Found rows and false alarms at each threshold")
        if costs:
            gains = threshold_charts.gains(known, costs, value)
            chart.draw(gains, key="threshold-gains", alt="Gain less costs at each threshold")


def _buttons(
    workflow_id: int, known: Thresholds, value: float, costs: Costs | None, chosen: Threshold | None, state: PageState
) -> None:
    standing = chosen.value if chosen else known.usual
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            f"Predict {words.plain(known.label)} from {at(known, value)} on",
            type="primary",
            icon=":material/check:",
            key="threshold-set",
            on_click=_set,
            args=(state, workflow_id, known, value, costs),
            **visitor.changes("For every prediction from now on, and in the model file.", value != standing),
        )
        if chosen:
            st.button(
                f"Back to {at(known, known.usual)}",
                icon=":material/undo:",
                key="threshold-reset",
                on_click=_reset,
                args=(state, workflow_id, known),
                **visitor.changes("The model decides by itself again."),
            )
        pair = (costs.alarm, costs.found) if costs else None
        commands.popover([commands.threshold(workflow_id, value, pair)], key="threshold-commands")
    if chosen:
        by = f" by {words.plain(chosen.set_by)}" if chosen.set_by and visitor.has_signed_in() else ""
        st.caption(f":material/check: Set to {at(known, chosen.value)}{by}, {words.ago(chosen.set_at)}.")


def _set(state: PageState, workflow_id: int, known: Thresholds, value: float, costs: Costs | None) -> None:
    if state.press(verbs.set_threshold, workflow_id, value, costs):
        state.toast = f"{known.label} is predicted from {at(known, value)} on"


def _reset(state: PageState, workflow_id: int, known: Thresholds) -> None:
    if state.press(verbs.reset_threshold, workflow_id):
        state.toast = f"The threshold is back at {at(known, known.usual)}"


def _measured_on(known: Thresholds) -> str:
    """Which rows were counted, and which choose."""
    chosen, reported = (PARTS[counted.part] for counted in (known.chosen_on, known.reported_on))
    if known.chosen_on.part == known.reported_on.part:
        return f"Chosen and counted on the same {reported}, so these numbers are a little too good."
    return f"The best threshold is chosen on {chosen}; found, missed and false alarms are counted on {reported}."
