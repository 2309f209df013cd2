"""Fingerprint: what a step's result depends on, as one hash. Equal fingerprints may share a result."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from jobs.pipelines.handed import Pattern, Patterns, filled
from store.datasets import Dataset
from store.steps import Upstream


def fingerprint(
    identity: str,
    params: Mapping[str, Any],
    datasets: Mapping[str, Dataset],
    upstream: Mapping[str, Upstream],
    handed: Patterns | None = None,
    policy: Mapping[str, Any] | None = None,
) -> str:
    """Return the hash of a step's code, its params, the datasets it reads, and what every step above it left; of a
    plain function, what it is `handed`, as far as its author's `policy` has it compared.

    The pipeline and the step's name are no part of it: the same code on the same data gives the same result anywhere.
    """
    if handed is not None:
        cache = dict((policy or {}).get("cache") or {})
        cache.pop("expires_after", None)
        ignored = [*cache.get("ignored", ()), *(() if cache.get("by_inputs", True) else (*params, *handed))]
        params = {name: value for name, value in params.items() if name not in ignored}
        handed = {name: pattern for name, pattern in handed.items() if name not in ignored}
        given = {
            name: filled(pattern, lambda each: _handed(each, upstream, datasets)) for name, pattern in handed.items()
        }
        # What is compared as usual, however old it may be, has the usual hash.
        differs = not (by_code(policy) and cache.get("by_inputs", True) and not cache.get("ignored"))
        return _hash([identity, params, {"handed": given}, *([cache] if differs else [])])
    reads: dict[str, Any] = {
        "datasets": {name: _read(dataset) for name, dataset in datasets.items()},
        "steps": {key: _left(left) for key, left in upstream.items()},
    }
    if len(datasets) > 1:  # which one a step reads without saying its name
        reads["order"] = list(datasets)
    return _hash([identity, params, reads])


def by_code(policy: Mapping[str, Any] | None) -> bool:
    """Whether the code of a step is compared."""
    return bool(((policy or {}).get("cache") or {}).get("by_code", True))


def expires_after(policy: Mapping[str, Any] | None) -> float | None:
    """After how many seconds a result is not reused any more; None: never."""
    age = ((policy or {}).get("cache") or {}).get("expires_after")
    return None if age is None else float(age)


def _handed(pattern: Pattern, upstream: Mapping[str, Upstream], datasets: Mapping[str, Dataset]) -> list[Any]:
    """What is handed to a plain function, by content."""
    if "stored" in pattern:
        return [pattern["stored"]["format"], pattern["stored"]["sha256"]]
    if "dataset" in pattern:
        return _read(datasets[pattern["dataset"]])
    if "kept" in pattern:
        return [pattern["kept"]["format"], pattern["kept"]["sha256"]]
    key, name = pattern["output"]
    if upstream[key].failed:
        return ["failed"]
    output = upstream[key].outputs[name]
    return [output.format, output.sha256]


def _read(dataset: Dataset) -> list[Any]:
    """What is read of a dataset; how its rows are known again counts where that differs from all columns."""
    known_by = [dataset.row_columns] if dataset.row_columns else []
    return [dataset.sha256, dataset.dialect, *known_by]


def _left(left: Upstream) -> list[Any]:
    """What a step above left, by content: equal fingerprints do not promise equal results."""
    return [_hash(left.result), {name: ref.sha256 for name, ref in left.artifacts.items()}]


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
