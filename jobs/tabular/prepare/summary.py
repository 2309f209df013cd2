"""The summary: what was done with each column, as messages."""

from collections.abc import Iterator, Mapping, Sequence

from sklearn.pipeline import Pipeline

from jobs.tabular.column import Column
from jobs.tabular.prepare.categories import ENCODINGS, MOST_NATIVE, known_values, own_columns
from jobs.tabular.prepare.encoder import Choices, words_of
from store.messages import Message


def summary_of(
    encoder: Pipeline, columns: Sequence[Column], gaps: Mapping[str, int], choices: Choices
) -> dict[str, list[Message]]:
    """Return what the fitted encoder does with each column; `gaps` are the missing cells of the table."""
    by_name = {column.name: column for column in columns}
    summary: dict[str, list[Message]] = {}
    for _label, part, names in encoder.named_steps["columns"].transformers_:
        if not isinstance(part, Pipeline):
            continue
        for position, name in enumerate(names):
            done = [*_filled(part, position, gaps.get(name, 0), by_name[name], choices)]
            done += _encoded(part, position, by_name[name], choices)
            summary[name] = done or [Message("taken_as_is")]
    return summary


def _filled(part: Pipeline, position: int, count: int, column: Column, choices: Choices) -> Iterator[Message]:
    """Yield what stands in for the gaps of a column."""
    if not count:
        return
    if column.kind == "free_text":
        yield Message("gaps_without_words", {"count": count})
    elif "gaps" not in part.named_steps:
        yield Message("gaps_own_category", {"count": count})
    elif column.kind == "date":
        yield Message(f"gaps_{choices.gaps}_date", {"count": count})
    else:
        value = part.named_steps["gaps"].statistics_[position]
        if column.kind == "number":
            yield Message(f"gaps_{choices.gaps}", {"count": count, "value": float(value)})
        else:
            yield Message("gaps_most_frequent", {"count": count, "value": str(value)})


def _encoded(part: Pipeline, position: int, column: Column, choices: Choices) -> Iterator[Message]:
    """Yield how the values of a column become numbers."""
    if column.kind in ("number", "date"):
        if column.kind == "date":
            yield Message("date_split", {"parts": [part.replace("_", " ") for part in column.date_parts]})
        if "squash" in part.named_steps:
            yield Message("squashed")
        if choices.scaling != "none":
            yield Message(f"scaled_{choices.scaling}")
        return
    if words := words_of(part):
        yield Message("words_counted", {"count": len(words.vocabulary_)})
        return
    if ENCODINGS in part.named_steps:
        yield from _of_many_values(part)
        return
    encoder = part.named_steps["categories"]
    rare = encoder.infrequent_categories_[position]
    many = 0 if rare is None else len(rare)
    yield Message("one_column_each", {"count": len(encoder.categories_[position]) - many})
    if many:
        yield Message("rare_values_together", {"count": many})


def _of_many_values(part: Pipeline) -> Iterator[Message]:
    values, rare = known_values(part, 0)
    own, told_apart = own_columns(part), len(values) - len(rare)
    yield Message("most_frequent_have_columns", {"own": own, "count": len(values)})
    yield Message("target_of_value", {"count": told_apart})
    yield Message("boosting_takes_values", {"count": min(told_apart, MOST_NATIVE - (len(values) > MOST_NATIVE))})
