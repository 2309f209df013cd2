"""Names of columns: as pandas reads them from the file, and as they are used here."""

from store.errors import RequestError
from store.messages import Message, Notice, Values

MOST_COLUMNS = 2_000


def names_of(first: list[str], header: bool, notices: list[Notice]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return column names as pandas would write them, and as used here: trimmed, none blank, none twice."""
    if len(first) > MOST_COLUMNS:
        raise RequestError(Message("too_many_columns", {"count": len(first), "most": MOST_COLUMNS}), "file")
    if not header:
        numbered = tuple(f"column_{position}" for position in range(1, len(first) + 1))
        return numbered, numbered
    written, names = _unique_names(first), []
    used: set[str] = set()
    others = set(written)
    for position, name in enumerate(first, start=1):
        clean = " ".join(name.replace("\ufeff", "").split())[:200]
        if not clean:
            clean = f"column_{position}"
            notices.append(_named("column_unnamed", position, clean))
        # A name that another column has in the file is taken too: a model renames the file's columns to these.
        final = _free_name(clean, used | (others - {written[position - 1]}))
        if final != clean:
            notices.append(_named("column_repeated", position, final, clean))
        used.add(final)
        names.append(final)
    return tuple(written), tuple(names)


def _named(code: str, position: int, name: str, written: str = "") -> Notice:
    values: Values = {"position": position, "name": name, "written": written}
    return Notice(Message(code, values), "warning" if written else "info", name)


def _unique_names(first: list[str]) -> list[str]:
    """Return the names that pandas.read_csv would give."""
    used: set[str] = set()
    names = []
    for position, name in enumerate(first):
        names.append(_free_name(name or f"Unnamed: {position}", used))
        used.add(names[-1])
    return names


def _free_name(name: str, used: set[str]) -> str:
    free, number = name, 0
    while free in used:
        number += 1
        free = f"{name}.{number}"
    return free
