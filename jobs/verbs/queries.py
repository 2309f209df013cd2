"""Queries: what callers write, on the command line or over HTTP, turned into what the verbs take."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jobs.pipelines import registry
from jobs.pipelines.params import written_texts
from store import workflows
from store.errors import RequestError
from store.ids import read_id
from store.messages import Message
from store.tables import Status
from store.workflows import FACET, SORT_COLUMNS, Filter


def which(
    status: str = "",
    pipeline: str = "",
    facets: Mapping[str, tuple[str, ...]] | None = None,
    dataset_id: int | None = None,
    text: str = "",
    sort: str = "",
    created_by: str = "",
    sweep_id: int | None = None,
    tags: Sequence[str] = (),
) -> Filter:
    """The workflows that match. `status` and `pipeline` may be several with commas; `sort` is a column, score or
    `facet:NAME`, with `:asc` or `:desc` for a direction."""
    name, descending = _order(sort or "created_at")
    return Filter(
        statuses=_statuses(status),
        pipelines=_listed(pipeline),
        facets=facets or {},
        dataset_id=dataset_id,
        text=text,
        sort=name,
        descending=descending,
        created_by=created_by,
        sweep_id=sweep_id,
        tags=tuple(tags),
    )


def facets(pairs: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Facets to filter by, from `name=value` texts; one name twice, or values with commas, mean any of these values.
    A text that is a value of the facet as it stands is one value, commas or not."""
    values: dict[str, tuple[str, ...]] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise RequestError(Message("facet_malformed", {"given": pair[:40]}), "facet")
        values[name.strip()] = (*values.get(name.strip(), ()), *_facet_values(name.strip(), value.strip()))
    return values


def _facet_values(name: str, value: str) -> tuple[str, ...]:
    if "," not in value or workflows.has_facet(name, value):
        return (value,)
    return _listed(value)


def inputs(pairs: Sequence[str]) -> dict[str, int]:
    """Inputs from `name=id` texts."""
    dataset_ids: dict[str, int] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        dataset_id = read_id(value)
        if not equals or not name.strip() or dataset_id is None:
            raise RequestError(Message("input_malformed", {"given": pair[:40]}), "input")
        dataset_ids[name.strip()] = dataset_id
    return dataset_ids


def settings(pairs: list[str]) -> dict[str, Any]:
    """Params from `name=value` texts."""
    params: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise RequestError(Message("setting_malformed", {"given": pair[:40]}), "set")
        params[name.strip()] = value
    return params


def written(params: Mapping[str, Any]) -> list[str]:
    """Params as options of a command; None means the default, which a command has without saying so."""
    given = {name: value for name, value in params.items() if value is not None}
    return [part for name, value in given.items() for part in ("--set", f"{name}={_written(value)}")]


def _written(value: object) -> str:
    """A value as --set reads it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    return written_texts(value) if isinstance(value, list | tuple) else str(value)


def _order(sort: str) -> tuple[str, bool]:
    name, _, direction = sort.strip().removeprefix(FACET).partition(":")
    if is_facet := sort.strip().startswith(FACET):
        name = FACET + name
    if name.startswith("-"):
        name, direction = name[1:], direction or "desc"
    if direction not in ("", "asc", "desc"):
        raise RequestError(Message("sort_direction_unknown", {"given": direction[:40]}), "sort")
    known = (*SORT_COLUMNS, "seconds")
    scores = workflows.score_names() if not is_facet and name not in known else []
    # Of two steps with one score, the earlier one's is called step/name.
    if not is_facet and name not in known and not {name, name.rpartition("/")[2]} & set(scores):
        raise RequestError(Message("sort_unknown", {"given": name[:40], "known": [*known, *scores]}), "sort")
    return name, direction == "desc" if direction else not _rises(name)


def _rises(name: str) -> bool:
    """Whether a list sorted by this begins with the lowest: the letter A, the first number, the smallest error."""
    if name in SORT_COLUMNS or name == "seconds":
        return name in ("id", "name")
    return name.startswith(FACET) or registry.measure(name).lower_is_better


def _statuses(status: str) -> tuple[str, ...]:
    words = _listed(status.lower())
    for word in words:
        if word not in set(Status):
            raise RequestError(
                Message("status_unknown", {"given": word[:40], "known": [str(each) for each in Status]}), "status"
            )
    return words


def _listed(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
