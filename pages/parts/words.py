"""How numbers, times and states are written, the same on every page."""

import re
from collections.abc import Sequence
from datetime import datetime

from jobs.pipelines import Measure
from store.tables import Status, now

ICONS = {
    Status.pending: ":material/schedule:",
    Status.running: ":material/autorenew:",
    Status.completed: ":material/check_circle:",
    Status.failed: ":material/error:",
    Status.skipped: ":material/skip_next:",
    Status.cancelled: ":material/cancel:",
}
COLOURS = {
    Status.pending: "gray",
    Status.running: "blue",
    Status.completed: "green",
    Status.failed: "red",
    Status.skipped: "gray",
    Status.cancelled: "orange",
}
STATUSES = {Status.pending: "Waiting"}
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


def duration(seconds: float | None) -> str:
    """18 ms, 0.4 s, 12 s, 3 m 20 s, 2 h 5 m."""
    if seconds is None:
        return "–"
    if 0 < seconds < 0.1:
        return f"{max(1, round(seconds * 1000))} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} m"


def roughly(seconds: float) -> str:
    """12 s, 50 s, 3 minutes, 2 hours: an estimate in no more digits than it deserves."""
    for length, word in ((3600, "hour"), (60, "minute")):
        if seconds >= 1.5 * length:
            return count(round(seconds / length), word)
    whole = max(1, round(seconds))
    return f"{whole if whole < 20 else round(whole / 10) * 10} s"


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
            number = int(seconds // length)
            return f"{number} {word}{'s' if number > 1 else ''} ago"
    return "just now"


def exactly(time: datetime | None) -> str:
    """A time in full, for hovering."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC") if time else "–"


def count(number: float | None, word: str = "", several: str = "") -> str:
    """12,400 rows; `several` for words whose plural is not made with an s."""
    if number is None:
        return "–"
    digits = f"{number:,.0f}"
    if not word:
        return digits
    return f"{digits} {word}" if number == 1 else f"{digits} {several or word + 's'}"


def sentence(text: str) -> str:
    """The text with a capital letter in front."""
    return text[:1].upper() + text[1:]


def titled(name: str) -> str:
    """clean_up is shown as Clean up."""
    return sentence(name.replace("_", " ").strip())


def listed(names: Sequence[str]) -> str:
    """upload, preprocess and train."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else ""


def percent(share: float | None, digits: int = 1) -> str:
    """93.4 %."""
    return "–" if share is None else f"{share * 100:.{digits}f} %"


def number(value: float | None) -> str:
    """A number with about four sensible digits."""
    if value is None:
        return "–"
    if value != value:
        return "not a number"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if 1e-9 <= abs(value) < 1e-3:
        return f"{value:.12f}".rstrip("0")
    return f"{value:.4g}"


def value(of: object) -> str:
    """The value of a setting: on, 0.01, a list of names, or none."""
    if of is None:
        return "–"
    if isinstance(of, bool):
        return "on" if of else "off"
    if isinstance(of, list | tuple):
        return ", ".join(map(str, of))
    if isinstance(of, dict):
        return ", ".join(f"{name}: {each}" for name, each in of.items())
    return number(of) if isinstance(of, float) else str(of)


def size(number_of_bytes: float | None) -> str:
    """1.2 MB."""
    if number_of_bytes is None:
        return "–"
    for unit in ("bytes", "kB", "MB", "GB"):
        if number_of_bytes < 1000 or unit == "GB":
            return f"{number_of_bytes:.0f} {unit}" if unit == "bytes" else f"{number_of_bytes:.1f} {unit}"
        number_of_bytes /= 1000
    return "–"


def score(measure: Measure, value: float | None) -> str:
    """A score in its own unit: shares as percent, the rest as numbers."""
    if measure.share:
        return percent(value)
    return "–" if value is None else f"{value:.3f}" if abs(value) < 10 else number(value)


def points(measure: Measure, change: float) -> str:
    """How much a score differs from another: +2.1 percentage points, or +0.021."""
    if not change:
        return "same"
    if measure.share:
        return f"{change * 100:+.1f}"
    return f"{change:+,.0f}" if abs(change) >= 100 else f"{change:+.3f}"
