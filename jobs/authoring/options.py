"""Options: what decorators, `with_options` and configuration files say about a step or a pipeline, each checked.

What is accepted works. An option of ZenML or Prefect that has another form here is refused with what to write instead.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from numbers import Real
from typing import Any, ClassVar, NoReturn, TypeVar

from jobs.pipelines.errors import PipelineError
from jobs.pipelines.params import short
from store.messages import Message, Values

DAY = 24 * 3600
MOST_RETRIES = 50
MOST_STEPS = 10_000
MOST_TAGS, LONGEST_TAG = 20, 60
Hook = Callable[..., Any]


@dataclass(frozen=True)
class Retry:
    """How often a step that raised is tried again, and after how many seconds: `delay`, multiplied by `backoff` after
    each try, or one delay for each try. `jitter=0.5` lengthens each by up to half. `on` gets the exception, and says
    whether to try again."""

    max_retries: int = 1
    delay: float | Sequence[float] = 0.0
    backoff: float = 1.0
    jitter: float = 0.0
    on: Callable[[BaseException], bool] | None = None

    def delays(self) -> list[float]:
        """Seconds before each retry."""
        if isinstance(self.delay, int | float):
            return [float(self.delay) * self.backoff**number for number in range(self.max_retries)]
        given = [float(each) for each in self.delay] or [0.0]
        return [given[min(number, len(given) - 1)] for number in range(self.max_retries)]


@dataclass(frozen=True)
class Cache:
    """When a step's result is reused. `Cache.default`: same code and inputs, in any run; `Cache.inputs`: same inputs,
    whatever the code; `Cache.code`: same code, whatever the inputs; `Cache.none`: never. `Cache.default - "verbose"`
    leaves an argument out, `Cache.default.expiring(3600)` reuses what is at most so many seconds old."""

    reuses: bool = True
    by_code: bool = True
    by_inputs: bool = True
    ignored: tuple[str, ...] = ()
    expires_after: float | None = None
    default: ClassVar["Cache"]
    none: ClassVar["Cache"]
    inputs: ClassVar["Cache"]
    code: ClassVar["Cache"]

    def __add__(self, other: "Cache") -> "Cache":
        """What either of them compares, is compared."""
        ages = [each for each in (self.expires_after, other.expires_after) if each is not None]
        return Cache(
            self.reuses and other.reuses,
            self.by_code or other.by_code,
            self.by_inputs or other.by_inputs,
            tuple(dict.fromkeys([*self.ignored, *other.ignored])),
            min(ages, default=None),
        )

    def __sub__(self, argument: str) -> "Cache":
        """An argument that is not compared."""
        return replace(self, ignored=tuple(dict.fromkeys([*self.ignored, argument])))

    def expiring(self, after: float | timedelta) -> "Cache":
        """Reuse only what was made so many seconds ago at most."""
        return replace(self, expires_after=after.total_seconds() if isinstance(after, timedelta) else float(after))

    def as_json(self) -> dict[str, Any] | None:
        """What the row of a step says of it; nothing where all is compared, for ever."""
        if replace(self, reuses=True) == Cache():
            return None
        return {
            "by_code": self.by_code,
            "by_inputs": self.by_inputs,
            "ignored": list(self.ignored),
            "expires_after": self.expires_after,
        }


Cache.default = Cache()
Cache.none = Cache(reuses=False)
Cache.inputs = Cache(by_code=False)
Cache.code = Cache(by_inputs=False)
# As configuration files name them.
POLICIES = {"default": Cache.default, "none": Cache.none, "inputs": Cache.inputs, "code": Cache.code}


@dataclass(frozen=True)
class StepOptions:
    """What is said about a step."""

    name: str = ""
    description: str = ""
    version: int | str | None = None
    retry: Retry = field(default_factory=lambda: Retry(0))
    timeout_seconds: float = DAY
    enable_cache: bool | None = None  # None: as its pipeline says
    cache: Cache | None = None  # likewise
    tags: tuple[str, ...] = ()
    task_run_name: str = ""
    output_materializers: Any = None
    is_task: bool = False  # its results are reused in its own run only, unless it says more
    on_start: tuple[Hook, ...] = ()
    on_success: tuple[Hook, ...] = ()
    on_failure: tuple[Hook, ...] = ()
    on_end: tuple[Hook, ...] = ()


@dataclass(frozen=True)
class PipelineOptions:
    """What is said about a pipeline, and about one run of it."""

    name: str = ""
    description: str = ""
    enable_cache: bool | None = None
    cache: Cache | None = None
    retry: Retry | None = None  # of steps that have none of their own
    tags: tuple[str, ...] = ()
    run_name: str = ""
    timeout_seconds: float | None = None  # of a flow, with all its waits
    limit: int = MOST_STEPS  # of a flow: steps, and turns
    on_start: tuple[Hook, ...] = ()
    on_success: tuple[Hook, ...] = ()
    on_failure: tuple[Hook, ...] = ()
    on_end: tuple[Hook, ...] = ()


def reuses(step: StepOptions, pipeline: PipelineOptions) -> bool:
    """Whether an equal step's result is taken over: as the step says, else as its pipeline says, else if it is no
    task."""
    said = step.enable_cache if step.enable_cache is not None else pipeline.enable_cache
    return said if said is not None else not step.is_task


Said = TypeVar("Said", StepOptions, PipelineOptions)

HOOKS = ("on_start", "on_success", "on_failure", "on_end")
# Names of other tools for the same.
ALIASES = {"on_completion": "on_success", "flow_run_name": "run_name", "step_run_name": "task_run_name"}
CACHES = ("cache_policy", "cache_expiration")
RETRIES = ("retries", "retry_delay_seconds", "retry_jitter_factor")
# Accepted, as it is so here anyway: everything printed is logged, every result kept, every output looked at.
ALWAYS = {
    "log_prints": True,
    "persist_result": True,
    "enable_step_logs": True,
    "enable_pipeline_logs": True,
    "enable_artifact_metadata": True,
    "enable_artifact_visualization": True,
    "validate_parameters": True,
}
# What is not there, with the code of the sentence that says what to write instead.
INSTEAD = {
    "experiment_tracker": "instead_metrics",
    "step_operator": "instead_pools",
    "pool": "instead_pools",
    "runtime": "instead_pools",
    "environment": "instead_environment",
    "secrets": "instead_secrets",
    "model": "instead_registry",
    "schedule": "instead_schedules",
    "result_storage": "instead_materializer",
    "result_serializer": "instead_materializer",
    "task_runner": "instead_workers",
    "cache_key_fn": "instead_version",
}


# Methods of other tools, likewise.
METHODS_INSTEAD = {
    "apply_async": "instead_background",
    "delay": "instead_background",
    "deploy": "instead_schedules",
    "from_source": "instead_source",
    "serve": "instead_schedules",
    "visualize": "instead_graph",
}


def refuse_method(made: Any, attribute: str) -> NoReturn:
    """Say what to write instead of a method that other tools have."""
    if attribute in METHODS_INSTEAD and "name" in vars(made):
        told = {
            "name": made.name,
            "option": f".{attribute}()",
            "instead": Message(METHODS_INSTEAD[attribute]).as_json(),
        }
        raise PipelineError(Message("option_instead", told))
    raise AttributeError(f"{type(made).__name__!r} object has no attribute {attribute!r}")


def step_options(owner: str, given: Mapping[str, Any], before: StepOptions | None = None) -> StepOptions:
    """The options of a step, on top of those it had before."""
    made = _made(owner, "step", given, before or StepOptions())
    if made.timeout_seconds <= 0:
        raise PipelineError(Message("option_wrong", {"name": owner, "option": "timeout_seconds", "example": "60"}))
    return made


def pipeline_options(owner: str, given: Mapping[str, Any], before: PipelineOptions | None = None) -> PipelineOptions:
    """The options of a pipeline, on top of those it had before."""
    return _made(owner, "pipeline", given, before or PipelineOptions())


def _made(owner: str, what: str, given: Mapping[str, Any], before: Said) -> Said:
    values = {ALIASES.get(name, name): value for name, value in given.items()}
    known = {each.name for each in fields(before)} - {"cache"}
    for name, value in list(values.items()):
        if name in INSTEAD and value is not None:
            raise PipelineError(
                Message("option_instead", {"name": owner, "option": name, "instead": Message(INSTEAD[name]).as_json()})
            )
        if name in ALWAYS or name in INSTEAD:
            if name in ALWAYS and value is not None and bool(value) is not ALWAYS[name]:
                raise PipelineError(Message("option_always", {"name": owner, "option": name, "value": ALWAYS[name]}))
            del values[name]
    _read_cache(owner, values, before)
    if values.get("refresh_cache") is not None:
        values["enable_cache"] = not values.pop("refresh_cache")
    retry = _retry(owner, values, before.retry)
    for name in (*RETRIES, "retry", "retry_condition_fn", "refresh_cache", "settings", "extra", "parameters"):
        values.pop(name, None)
    if unknown := set(values) - known - {"cache"}:
        told: Values = {
            "name": owner,
            "option": sorted(unknown)[0],
            "known": sorted(known | set(RETRIES) | set(CACHES)),
        }
        raise PipelineError(Message(f"{what}_option_unknown", told))
    read = {name: _read(owner, name, value) for name, value in values.items() if value is not None}
    return replace(before, **read, retry=retry)


def _read(owner: str, name: str, value: Any) -> Any:
    """An option of the right type, or a refusal."""
    if name in HOOKS:
        hooks = tuple(value) if isinstance(value, list | tuple) else (value,)
        if not all(map(callable, hooks)):
            raise _wrong(owner, name, value, f"{name}=function")
        return hooks
    if name == "tags":
        tags = [value] if isinstance(value, str) else value
        if not isinstance(tags, Collection) or not all(isinstance(each, str) for each in tags):
            raise _wrong(owner, name, value, 'tags=["nightly"]')
        return tuple(dict.fromkeys(each[:LONGEST_TAG] for each in tags))[:MOST_TAGS]
    if name == "timeout_seconds":
        if isinstance(value, bool) or not isinstance(value, Real):
            raise _wrong(owner, name, value, "timeout_seconds=60")
        return float(value)
    if name == "enable_cache":
        if not isinstance(value, bool):
            raise _wrong(owner, name, value, "enable_cache=False")
        return value
    if name in ("name", "description", "task_run_name", "run_name") and not isinstance(value, str):
        raise _wrong(owner, name, value, f'{name}="..."')
    return value


def _wrong(owner: str, name: str, value: Any, example: str) -> PipelineError:
    values: Values = {"name": owner, "option": name, "given": short(value), "example": example}
    return PipelineError(Message("option_of_other_type", values))


def _read_cache(owner: str, values: dict[str, Any], before: StepOptions | PipelineOptions) -> None:
    """Read what is said about reuse; an age alone is one for what is reused otherwise."""
    values.pop("cache", None)
    policy, age = values.pop("cache_policy", None), values.pop("cache_expiration", None)
    if isinstance(policy, str) and policy in POLICIES:
        policy = POLICIES[policy]
    if isinstance(policy, Mapping) and set(policy) <= {each.name for each in fields(Cache)}:
        policy = Cache(**{**policy, "ignored": tuple(policy.get("ignored", ()))})  # as a run keeps one of the code
    if policy is not None and not isinstance(policy, Cache):
        raise _wrong(owner, "cache_policy", policy, "cache_policy=Cache.inputs")
    if age is not None:
        if isinstance(age, bool) or not isinstance(age, Real | timedelta):
            raise _wrong(owner, "cache_expiration", age, "cache_expiration=3600")
        policy = (policy or before.cache or Cache.default).expiring(age if isinstance(age, timedelta) else float(age))
    if policy is not None:
        values["cache"] = policy
        values.setdefault("enable_cache", policy.reuses)


def _retry(owner: str, values: Mapping[str, Any], before: Retry | None) -> Any:
    """The retries that are asked for in any of the three ways."""
    made: Retry | None = before
    if (given := values.get("retry")) is not None:
        made = given if isinstance(given, Retry) else _retry_from(owner, given)
    if any(values.get(name) is not None for name in RETRIES):
        made = made or Retry(0)
        count, delay, jitter = (values.get(name) for name in RETRIES)
        if callable(delay):  # such as exponential_backoff(10)
            delay = delay(count if count is not None else made.max_retries)
        made = replace(
            made,
            max_retries=made.max_retries if count is None else count,
            delay=made.delay if delay is None else delay,
            jitter=made.jitter if jitter is None else jitter,
        )
    if condition := values.get("retry_condition_fn"):
        made = replace(made or Retry(0), on=condition)
    if made and not (isinstance(made.max_retries, int) and 0 <= made.max_retries <= MOST_RETRIES):
        raise _wrong(owner, "retries", made.max_retries, f"retries=3, at most {MOST_RETRIES}")
    return made


def _retry_from(owner: str, given: Any) -> Retry:
    """A retry as a configuration file has it, or as another tool's object of the same fields."""
    names = ("max_retries", "delay", "backoff", "jitter")
    values = given if isinstance(given, Mapping) else {name: getattr(given, name, None) for name in names}
    if values.get("max_retries") is None:
        raise _wrong(owner, "retry", given, "retry=Retry(max_retries=3, delay=10, backoff=2)")
    for name in ("delay", "backoff", "jitter"):
        if isinstance(values.get(name), str):
            raise _wrong(owner, "retry", values[name], f"{name}=10")
    if unknown := set(values) - set(names):
        raise _wrong(owner, "retry", sorted(unknown)[0], "retry=Retry(max_retries=3, delay=10, backoff=2)")
    read = {name: value for name, value in values.items() if value is not None}
    if not read.get("backoff", 1):
        read.pop("backoff")
    return Retry(**read)


def exponential_backoff(factor: float) -> Callable[[int], list[float]]:
    """Delays that double, beginning with `factor` seconds: `retry_delay_seconds=exponential_backoff(10)`."""
    return lambda retries: [factor * 2**number for number in range(retries)]
