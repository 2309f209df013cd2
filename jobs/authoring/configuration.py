"""Configuration: what a YAML file, `with_options`, a request or a command says about one run of a pipeline."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from jobs.pipelines.params import short
from store.errors import RequestError
from store.messages import Message, Values

OF_RUN = ("run_name", "enable_cache", "cache_policy", "cache_expiration", "tags", "retry")
OF_STEP = ("parameters", "enable_cache", "cache_policy", "cache_expiration", "retry", "timeout_seconds", "tags")
# Kept with the run and said to be unused: they are for places to run in, which are no files of a pipeline.
UNUSED = ("settings", "extra", "build", "schedule", "model", "environment", "secrets")
ALWAYS = ("enable_step_logs", "enable_pipeline_logs", "enable_artifact_metadata", "enable_artifact_visualization")


@dataclass(frozen=True)
class Configuration:
    """Parameters and options of a run, and those of its steps by name."""

    parameters: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    unused: dict[str, Any] = field(default_factory=dict)

    def merged(self, over: "Configuration") -> "Configuration":
        """The same with another one over it."""
        steps = {name: {**self.steps.get(name, {}), **over.steps.get(name, {})} for name in {*self.steps, *over.steps}}
        return Configuration(
            {**self.parameters, **over.parameters},
            {**self.options, **over.options},
            steps,
            {**self.unused, **over.unused},
        )

    def as_json(self) -> dict[str, Any]:
        """What a workflow keeps beside its params."""
        kept = {"options": _plain(self.options), "steps": self.steps, "unused": self.unused}
        return {name: value for name, value in kept.items() if value}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Configuration":
        return cls({}, dict(kept.get("options", {})), dict(kept.get("steps", {})), dict(kept.get("unused", {})))


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options that a workflow can keep: hooks and the like are in the code."""
    return {name: json.loads(json.dumps(options[name], default=_written)) for name in OF_RUN if name in options}


def _written(value: object) -> Any:
    """A value of the code as a file could have it."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    return asdict(cast(Any, value))


def read_file(path: str | Path) -> Configuration:
    """Read a YAML file."""
    import yaml

    file = Path(path)
    try:
        written = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestError(
            Message("config_unreadable", {"file": str(file), "reason": str(error.strerror)}), "config"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RequestError(Message("config_not_yaml", {"file": str(file), "reason": reason}), "config") from None
    return read(written or {}, file.name)


def read(written: Any, name: str) -> Configuration:
    """Read a configuration as YAML or JSON has it; what it cannot say is refused by name."""
    _check_names(written, name)
    known = ("parameters", "steps", *OF_RUN, *UNUSED, *ALWAYS)
    for key in written:
        if key not in known:
            raise RequestError(
                Message("config_key_unknown", {"file": name, "key": str(key), "known": list(known)}), "config"
            )
    for key in ("parameters", "steps"):
        _check_names(written.get(key) or {}, f"{name}: {key}")
    steps = {str(step): _of_step(said or {}, name, str(step)) for step, said in (written.get("steps") or {}).items()}
    return Configuration(
        dict(written.get("parameters") or {}),
        {key: written[key] for key in OF_RUN if written.get(key) is not None},
        steps,
        {key: written[key] for key in UNUSED if written.get(key) is not None},
    )


def _of_step(said: Any, name: str, step: str) -> dict[str, Any]:
    _check_names(said, f"{name}: steps.{step}")
    _check_names(said.get("parameters") or {}, f"{name}: steps.{step}.parameters")
    for key in said:
        if key not in (*OF_STEP, *UNUSED, *ALWAYS):
            told: Values = {"file": name, "key": f"steps.{step}.{key}", "known": list(OF_STEP)}
            raise RequestError(Message("config_key_unknown", told), "config")
    return {key: said[key] for key in OF_STEP if said.get(key) is not None}


def _check_names(written: Any, where: str) -> None:
    """Refuse what is no mapping of names to values."""
    if not isinstance(written, Mapping):
        raise RequestError(Message("config_not_mapping", {"file": where, "given": short(written)}), "config")
