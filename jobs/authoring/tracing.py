"""Tracing: the body of a pipeline runs once, and each call of a step becomes a step of the workflow."""

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from jobs.authoring.handles import Handle, Handles, keys_of, pattern_of
from jobs.authoring.names import filled
from jobs.authoring.options import PipelineOptions, StepOptions, step_options
from jobs.authoring.signature import as_json, checked
from jobs.authoring.written import WrittenStep
from jobs.pipelines.code_hash import identity
from jobs.pipelines.errors import PipelineError
from jobs.pipelines.handed import Pattern, references
from jobs.pipelines.planned import PlannedStep
from store.messages import Message

LONGEST_KEY = 80
MOST_STEPS = 10_000


@dataclass
class Trace:
    """The steps that were called so far."""

    pipeline: PipelineOptions
    configured: Mapping[str, Mapping[str, Any]]  # options and parameters of steps by name, as a configuration has them
    steps: dict[str, PlannedStep] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)
    datasets: Collection[str] = ()  # the inputs that datasets are given for

    def call(
        self, step: WrittenStep, args: tuple[Any, ...], kwargs: dict[str, Any], key: str | None, after: Any
    ) -> Any:
        """Write down a call; returns a handle for each output."""
        if len(self.steps) >= MOST_STEPS:
            raise PipelineError(Message("too_many_steps", {"most": MOST_STEPS}))
        if "<" in step.source:
            raise PipelineError(Message("step_not_importable", {"name": step.name}))
        config = self.configured.get(step.name, {})
        options = step_options(step.name, dict(config), step.options)
        key = self._key(step.name, key)
        params, handed = self._arguments(step, args, kwargs, config.get("parameters") or {})
        needs = [need for need, _ in references(handed)] + keys_of(after)
        for need in needs:
            if need not in self.steps:
                raise PipelineError(Message("after_unknown", {"step": key, "given": need, "known": list(self.steps)}))
        definition = step.definition()
        self.steps[key] = PlannedStep(
            name=step.name,
            key=key,
            needs=tuple(dict.fromkeys(needs)),
            params=params,
            max_attempts=definition.max_attempts,
            timeout=max(1, round(options.timeout_seconds)),
            repeats_on_restart=False,
            reads_dataset=definition.reads_dataset,
            identity=identity(definition).of_step(None),
            source=step.source,
            label=filled(options.task_run_name, {**params}) or None,
            group="/".join(self.groups) or None,
            handed=dict(handed),
            tags=list(options.tags) or None,
            policy=step.policy(options, self.pipeline),
            fresh=not self._reuses(options),
        )
        made = [Handle(key, output.name, output.annotation) for output in step.outputs]
        if len(made) > 1:
            handles = Handles(made)
            handles.invocation_id = key
            return handles
        return made[0] if made else Handle(key, None, None)

    def _reuses(self, options: StepOptions) -> bool:
        """Whether an equal step's result is taken over: as the step says, else as its pipeline says."""
        said = options.enable_cache if options.enable_cache is not None else self.pipeline.enable_cache
        return said is not False

    def _key(self, name: str, given: str | None) -> str:
        """A key that no other step of the workflow has: the name, and `name_2` where it is called again."""
        if given is not None:
            if not isinstance(given, str) or not given.strip() or len(given) > LONGEST_KEY:
                raise PipelineError(Message("step_id_malformed", {"given": repr(given)[:60], "most": LONGEST_KEY}))
            if given in self.steps:
                raise PipelineError(Message("step_id_taken", {"given": given}))
            return given
        while True:
            self.counts[name] = count = self.counts.get(name, 0) + 1
            key = name if count == 1 else f"{name}_{count}"
            if key not in self.steps:
                return key

    def _arguments(
        self, step: WrittenStep, args: tuple[Any, ...], kwargs: dict[str, Any], configured: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Pattern]]:
        """Plain values as JSON, and patterns of what other steps make."""
        both = set(configured) & set(bound(step.function, step.name, args, kwargs, partial=True))
        for name in both:
            if configured[name] != bound(step.function, step.name, args, kwargs, partial=True)[name]:
                raise PipelineError(Message("param_given_twice", {"owner": step.name, "param": name}))
        given = bound(step.function, step.name, args, {**configured, **kwargs})
        params: dict[str, Any] = {}
        handed: dict[str, Pattern] = {}
        for name, value in given.items():
            annotation = step.parameters[name].annotation
            if (pattern := pattern_of(value)) is not None:
                handed[name] = _plain(pattern, step.name, name)
            else:
                value = checked(value, annotation, step.name, name)
                params[name] = as_json(value, annotation, step.name, name)
        return params, handed

    @contextmanager
    def group(self, name: str) -> Iterator[None]:
        """Steps that are called meanwhile belong to a pipeline inside this one."""
        path = "/".join([*self.groups, name])
        self.counts[f"/{path}"] = count = self.counts.get(f"/{path}", 0) + 1
        self.groups.append(name if count == 1 else f"{name}_{count}")
        try:
            yield
        finally:
            self.groups.pop()


def _plain(pattern: Pattern, owner: str, name: str) -> Pattern:
    """A pattern whose plain values are JSON."""
    if "value" in pattern:
        return {"value": as_json(pattern["value"], Any, owner, name)}
    if "items" in pattern:
        return {"items": [_plain(each, owner, name) for each in pattern["items"]]}
    if "parts" in pattern:
        return {"parts": [_plain(each, owner, name) for each in pattern["parts"]]}
    if "pairs" in pattern:
        return {
            "pairs": [(as_json(key, Any, owner, name), _plain(each, owner, name)) for key, each in pattern["pairs"]]
        }
    return pattern


def bound(
    function: Callable[..., Any], owner: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, partial: bool = False
) -> dict[str, Any]:
    """Arguments by the names of a function's parameters; refused as Python would, in a sentence that names the step."""
    signature = inspect.signature(function)
    try:
        return dict((signature.bind_partial if partial else signature.bind)(*args, **kwargs).arguments)
    except TypeError as error:
        raise PipelineError(Message("call_malformed", {"owner": owner, "reason": str(error)})) from None


_trace: ContextVar[Trace | None] = ContextVar("trace", default=None)


def current() -> Trace | None:
    """What is being traced in this thread, if anything is."""
    return _trace.get()


@contextmanager
def tracing(trace: Trace) -> Iterator[Trace]:
    """Write down the calls of steps that are made meanwhile."""
    token = _trace.set(trace)
    try:
        yield trace
    finally:
        _trace.reset(token)
