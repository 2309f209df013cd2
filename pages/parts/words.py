"""How states, names and users' texts are written, the same on every page; numbers by `jobs.language.numbers`."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from jobs.language import numbers, sentence_of

# As parts of this module: pages write numbers and words from one place.
from jobs.language.numbers import count as count
from jobs.language.numbers import duration as duration
from jobs.language.numbers import fixed as fixed
from jobs.language.numbers import number as number
from jobs.language.numbers import percent as percent
from jobs.language.numbers import size as size
from jobs.language.numbers import value as value
from jobs.pipelines import Measure
from store.messages import Message
from store.tables import Status, now

ICONS = {
    Status.pending: ":material/schedule:",
    Status.running: ":material/autorenew:",
    Status.completed: ":material/check_circle:",
    Status.failed: ":material/error:",
    Status.skipped: ":material/skip_next:",
    Status.cancelled: ":material/cancel:",
    Status.waiting: ":material/contact_support:",
}
COLOURS = {
    Status.pending: "gray",
    Status.running: "blue",
    Status.completed: "green",
    Status.failed: "red",
    Status.skipped: "gray",
    Status.cancelled: "orange",
    Status.waiting: "violet",
}
STATUSES = {Status.pending: "Waiting", Status.waiting: "Needs an answer"}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:^])")
# Streamlit makes icons, arrows and links of these although they are escaped; an unseen sign keeps them apart.
_MADE_ANYWAY = re.compile(
    r":(?=material|streamlit)|(?<!\S)[-<>~](?=(?:[-=>]|->)(?:\s|$))|https?(?=:)|www(?=\.)|@", re.IGNORECASE
)
_APART = "\u2060"


def plain(text: object) -> str:
    """Text from a user, safe inside Markdown: shown letter by letter, never as a link, image or formula."""
    one_line = _MADE_ANYWAY.sub(rf"\g<0>{_APART}", str(text).replace("\n", " "))
    return _MARKDOWN.sub(r"\\\1", one_line.replace("&", "&amp;"))


def plain_sentence(message: Message) -> str:
    """The sentence of a message, with what users wrote in it shown letter by letter."""
    return sentence_of(message.as_json() | {"values": _plain_values(message.values)})


def _plain_values(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain_value(value) for name, value in values.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {**value, "values": _plain_values(value.get("values") or {})}
    return plain(value) if isinstance(value, str) else value


def inside(label: str) -> str:
    """A label within a sentence, with a small first letter; one of another alphabet or an abbreviation stays as it is,
    since i and I are not each other's small and capital letter everywhere."""
    first, rest = label[:1], label[1:]
    return label if not first.isascii() or first == "I" or not rest[:1].islower() else first.lower() + rest


def plain_lines(text: str) -> str:
    """Text from a user, with its line breaks."""
    return "  \n".join(plain(line) for line in text.strip().splitlines())


def status(state: Status) -> str:
    """Completed; a pending one is Waiting, as people say."""
    return STATUSES.get(state, state.value.capitalize())


def roughly(seconds: float) -> str:
    """12 s, 50 s, 3 minutes, 2 hours: an estimate in no more digits than it deserves."""
    for length, word in ((3600, "hour"), (60, "minute")):
        if seconds >= 1.5 * length:
            return count(round(seconds / length), word)
    whole = max(1, round(seconds))
    return f"{whole if whole < 20 else round(whole / 10) * 10} s"


def unbroken(text: str) -> str:
    """A text for a large headline, where no line begins with a percent sign."""
    return text.replace(" %", "\u00a0%")


def ago(time: datetime | None) -> str:
    """Return how long ago a time is: just now, 12 s ago, 5 minutes ago, 3 hours ago, 2 days ago."""
    if time is None:
        return "–"
    seconds = max(0.0, (now() - time).total_seconds())
    if seconds < 2:
        return "just now"
    if seconds < 60:
        return f"{seconds:.0f} s ago"
    for length, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length:
            return f"{count(int(seconds // length), word)} ago"
    return "just now"


def sentence(text: str) -> str:
    """The text with a capital letter in front."""
    return text[:1].upper() + text[1:]


def titled(name: str) -> str:
    """clean_up is shown as Clean up."""
    return sentence(name.replace("_", " ").strip())


def titled_group(group: str) -> str:
    """tune_2/fit is shown as Tune 2 › Fit."""
    return " › ".join(titled(part) for part in group.split("/"))


def titled_in_group(key: str, group: str | None) -> str:
    """The key of a step as words: Tune 2: Train[0.1] for tune_2/train[0.1]."""
    if not group or not key.startswith(f"{group}/"):
        return titled(key)
    return f"{titled_group(group)}: {titled(key.removeprefix(f'{group}/'))}"


def listed(names: Sequence[str]) -> str:
    """upload, preprocess and train."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else ""


def score(measure: Measure, value: float | None) -> str:
    """A score in its own unit: shares as percent, the rest as numbers."""
    return numbers.score(value, measure.share)


def points(measure: Measure, change: float) -> str:
    """How much a score differs from another: +2.1 percentage points, or +0.021."""
    return numbers.change(change, measure.share)
