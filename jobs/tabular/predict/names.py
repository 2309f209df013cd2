"""Names: which given column is which that the model needs; what is missing is refused, what is strange noted."""

from collections.abc import Iterable, Sequence

from store.errors import RequestError
from store.messages import Message, Notice, Values

NAMED = 20


def matched(
    needed: Sequence[str], known: Iterable[str], given: Sequence[str], notices: list[Notice], field: str
) -> dict[str, str]:
    """Return the given name of each column that the model needs: the same, or one that differs in blanks or case.
    `known` are all columns of the table that it learned from."""
    exact = set(given)
    alike: dict[str, list[str]] = {}
    for name in given:
        alike.setdefault(_folded(name), []).append(name)
    found: dict[str, str] = {}
    for name in needed:
        others = [other for other in alike.get(_folded(name), []) if other not in needed]
        if name in exact:
            found[name] = name
        elif len(others) == 1:
            found[name] = others[0]
            notices.append(Notice(Message("predict_column_alike", {"column": name, "given": others[0]}), "info", name))
    if missing := [name for name in needed if name not in found]:
        values: Values = {"count": len(missing), "columns": missing[:NAMED]}
        raise RequestError(Message("predict_columns_missing", values), field)
    expected = {*known, *found.values()}
    if extra := [name for name in given if name not in expected]:
        notices.append(Notice(Message("predict_columns_unknown", {"count": len(extra), "columns": extra[:NAMED]})))
    return found


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
