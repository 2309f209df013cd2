"""Roles and notices: whether a column is proposed as a feature, and what a person should know about it."""

import math
import re
from collections.abc import Iterator

from jobs.tabular.column import DATE, LEAVE_OUT, NUMBER, Column, Role
from jobs.tabular.limits import FEWEST_ROWS, MISSING_WORDS
from jobs.tabular.profile.cells import DATE_FORMATS
from jobs.tabular.profile.observed import ObservedColumn
from store.messages import Message, Notice, Values

# A share of missing cells below this is not worth a notice; one above the second is a warning.
SOME_MISSING = 0.05
MOSTLY_MISSING = 0.5
# Of numbers of invoices, half can have the shape of a date; of a column that looks like an id, more must have it.
MOSTLY_DATES = 0.8
# Shares of different numbers in an id. Where its name says so, some rows may be copies of others.
UNIQUE, UNIQUE_NAMED = 0.999, 0.9

_ID_NAME = re.compile(
    r"(^|[\s_\-.#])(id|ids|no|nr|num|number|numara|numarası|key|code|kod|kodu|uuid|guid|index|sıra|row)$|^#$|[a-z](Id|ID|No)$"
)


def role_of(column: Column, observed: ObservedColumn, exact: bool) -> tuple[Role, Message | None]:
    """Return whether a column is proposed as a feature, and if not, why."""
    if observed.by_hand == LEAVE_OUT:
        return "leave_out", Message("by_hand")
    if column.kind == "empty":
        unread = observed.by_hand in (NUMBER, DATE) and observed.present > observed.blanks
        return "leave_out", Message(f"no_cell_is_{observed.by_hand}" if unread else "all_missing")
    if exact and column.distinct == 1 and column.distinct_exact:
        return "leave_out", Message("constant")
    if column.by_hand:
        return "feature", None
    present = observed.present - observed.blanks
    unique = observed.unique_share if observed.capped else column.distinct / max(present, 1)
    if column.kind == "number" and column.whole and present >= FEWEST_ROWS:
        in_sequence = observed.high - observed.low + 1 <= 1.05 * present
        if unique >= (UNIQUE_NAMED if _is_called_an_id(column.name) else UNIQUE if in_sequence else math.inf):
            return "leave_out", Message("id_numbers")
    if column.kind == "text" and unique > 0.5 and column.distinct > 20:
        return "leave_out", Message("id_or_free_text")
    return "feature", None


def _is_called_an_id(name: str) -> bool:
    return bool(_ID_NAME.search(name) or _ID_NAME.search(name.casefold()))


def notices_of(column: Column, observed: ObservedColumn) -> Iterator[Notice]:
    """Yield what is worth knowing about a column."""
    if column.reason:
        unread = column.reason.code.startswith("no_cell_is_")
        yield _notice(column, f"left_out_{column.reason.code}", warning=unread)
    yield from _unreadable(column, observed)
    if column.unit:
        yield _notice(column, "unit_left_aside", unit=column.unit)
    if not column.by_hand:
        yield from _kept_as_text(column, observed)
    share = column.missing / max(observed.rows, 1)
    if column.kind != "empty" and share >= SOME_MISSING:
        yield _notice(column, "share_missing", share > MOSTLY_MISSING, percent=share * 100)
    if _day_or_month_first(column, observed):
        yield _notice(column, "day_first_assumed", warning=True)


def _kept_as_text(column: Column, observed: ObservedColumn) -> Iterator[Notice]:
    """Yield why a column is text although it looks like something else."""
    if column.kind == "text" and observed.several_formats:
        yield _notice(column, "dates_in_several_formats", warning=True)
    elif column.kind == "text" and observed.dates_share > (MOSTLY_DATES if column.reason else 0.5):
        yield _notice(column, "dates_among_texts", warning=True, percent=observed.dates_share * 100)
    if column.kind == "text" and len(observed.units) > 1:
        yield _notice(column, "several_units", warning=True, units=sorted(observed.units))
    if observed.codes:
        yield _notice(column, "codes_leading_zeros" if observed.codes == "zeros" else "codes_too_long")


def _unreadable(column: Column, observed: ObservedColumn) -> Iterator[Notice]:
    """Yield which cells count as missing although something stands in them."""
    if column.unread:
        code = "cells_without_date" if column.kind == "date" else "cells_without_number"
        yield _notice(column, code, warning=True, count=column.unread)
    if column.huge:
        yield _notice(column, "cells_too_large", warning=True, count=column.huge)
    if words := {word: observed.counts[word] for word in MISSING_WORDS if observed.counts[word]}:
        code = "words_missing_unless_target" if column.kind in ("text", "yes_no") else "words_missing"
        yield _notice(column, code, count=sum(words.values()), words=" or ".join(words))


def _day_or_month_first(column: Column, observed: ObservedColumn) -> bool:
    """Return whether no date of the column shows which number is the day and which the month."""
    if column.format is None or column.reason or not observed.times or observed.marks.day_first is not None:
        return False
    other = column.format.translate(str.maketrans("dm", "md"))
    if DATE_FORMATS.get(column.format) is None or other not in observed.times:
        return False
    return observed.times[other].read == observed.times[column.format].read


def _notice(column: Column, code: str, warning: bool = False, **values: object) -> Notice:
    named: Values = {"column": column.name, **values}  # type: ignore[dict-item]
    return Notice(Message(code, named), "warning" if warning else "info", column.name)
