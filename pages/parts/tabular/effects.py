"""What raises and what lowers the score of a linear model, as a table in words of the data; and importance in words."""

from collections.abc import Sequence
from math import exp
from typing import Any

from pages.parts import words
from pages.parts.values import Value

SPOKEN = 3
# A column is said to matter from so many standard errors on.
SURE = 2


def table_of(effects: Value) -> dict[str, Any]:
    """The effects that evaluate found, as a result that is a table."""
    groups, of = effects["groups"], effects["of"]
    several, base = len(groups) > 1, effects.get("base")
    by_unit = any("per_unit" in row for group in groups for row in group["rows"])
    rows = [
        [
            *([group["label"]] if several else []),
            row["column"],
            _what(row),
            _direction(row),
            _effect(row, of, base),
            *([_by_unit(row, of)] if by_unit else []),
        ]
        for group in groups
        for row in group["rows"]
    ]
    return {
        "kind": "table",
        "label": "What raises or lowers it",
        "help": _help(of, base, groups[0]["label"]),
        "columns": [
            *(["Class"] if several else []),
            "Column",
            "What",
            "Does",
            _head(of, groups[0]["label"], several),
            *(["For each 1 more"] if by_unit else []),
        ],
        "rows": rows,
    }


def _head(of: str, label: str | None, several: bool) -> str:
    if of == "number":
        return "Prediction"
    if of == "chance":
        return f"Chance of {label}"
    return "Score of the class" if several else f"Score of {label}"


def _what(row: Value) -> str:
    """29.8 more (one standard deviation); from 12 to 40; a value of a category."""
    match row["kind"]:
        case "number":
            return f"{words.number(row['by'])} more (one standard deviation)"
        case "range":
            return f"from {words.number(row['low'])} to {words.number(row['high'])} (the middle half of the rows)"
        case "category":
            return "missing" if row["value"] is None else str(row["value"])
        case _:
            return "all of it, by one standard deviation"


def _direction(row: Value) -> str:
    if row["kind"] == "spread":
        return "moves"
    return "raises" if row["effect"] > 0 else "lowers" if row["effect"] < 0 else "changes nothing"


def _effect(row: Value, of: str, base: float | None) -> str:
    """22.1 % → 34.0 %, or +0.83."""
    if of == "chance" and base is not None:
        ends = (base, base + row["effect"]) if row["kind"] != "spread" else (base - row["effect"], base + row["effect"])
        return " → ".join(words.percent(_chance(end)) for end in ends)
    sign = "±" if row["kind"] == "spread" else "+" if row["effect"] > 0 else "−"
    return f"{sign}{words.number(abs(row['effect']))}"


def _by_unit(row: Value, of: str) -> str:
    """Odds × 1.02, or +0.83; nothing where it is not the same everywhere."""
    per_unit = row.get("per_unit")
    if per_unit is None:
        return ""
    if of == "chance":
        return f"odds × {words.number(exp(max(min(per_unit, 500.0), -500.0)))}"
    return f"{'+' if per_unit >= 0 else '−'}{words.number(abs(per_unit))}"


def _chance(log_odds: float) -> float:
    return 1 / (1 + exp(-max(min(log_odds, 500.0), -500.0)))


def _help(of: str, base: float | None, label: str | None) -> str:
    told = "The model adds up what each column gives, so each effect is exact with all other columns as they are. "
    told += "Values of a category are compared with the average row. "
    if of == "chance" and base is not None:
        told += f"The chances are those of an average row, which is {label} with {words.percent(_chance(base))}. "
        told += "Odds × 2: each 1 more doubles the chance against its opposite, as from 1 in 3 to 2 in 3. "
    return f"{told}These are weights of the model, not causes."


def importance_in_words(importance: Sequence[Value], measure: str) -> str:
    """Without Aylık Ücret, accuracy would fall by 4.1 points; without Sözleşme, by 2.0. What chance can make is not
    said."""
    share = measure == "accuracy"
    told = [row for row in importance[:SPOKEN] if row["value"] > SURE * (row.get("spread") or 0.0)]
    if not told:
        return ""
    unit = " points" if share else ""
    drops = [words.fixed(row["value"] * (100 if share else 1), 1 if share else 2) for row in told]
    first = f"Without {told[0]['column']}, {measure} would fall by {drops[0]}{unit}"
    others = [f"without {row['column']}, by {drop}" for row, drop in zip(told[1:], drops[1:], strict=True)]
    return "; ".join([first, *others]) + "."
