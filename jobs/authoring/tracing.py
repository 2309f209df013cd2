"""Tracing: the body of a pipeline runs once, and each call of a step becomes a step of the workflow."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from jobs.authoring.arguments import arguments
from jobs.authoring.handles import Handle, Handles, keys_of, pattern_of
from jobs.authoring.names import filled
from jobs.authoring.options import PipelineOptions, reuses, step_options
from jobs.authoring.written import WrittenStep
from jobs.pipelines.code_hash import identity
from jobs.pipelines.errors import PipelineError
from jobs.pipelines.fingerprint import by_code
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
        params, handed = arguments(step, args, kwargs, config.get("parameters") or {}, self)
        needs = [need for need, _ in references(handed)] + keys_of(after)
        for need in needs:
            if need not in self.steps:
                raise PipelineError(Message("after_unknown", {"step": key, "given": need, "known": list(self.steps)}))
        definition, policy = step.definition(), step.policy(options, self.pipeline)
        self.steps[key] = PlannedStep(
            name=step.name,
            key=key,
            needs=tuple(dict.fromkeys(needs)),
            params=params,
            max_attempts=definition.max_attempts,
            timeout=max(1, round(options.timeout_seconds)),
            repeats_on_restart=False,
            reads_dataset=definition.reads_dataset,
            identity=identity(definition).of_step(None, by_code=by_code(policy)),
            source=step.source,
            label=filled(options.task_run_name, {**params}) or None,
            group="/".join(self.groups) or None,
            handed=dict(handed),
            tags=list(options.tags) or None,
            policy=policy,
            fresh=not reuses(options, self.pipeline),
        )
        made = [Handle(key, output.name, output.annotation) for output in step.outputs]
        if len(made) > 1:
            handles = Handles(made)
            handles.invocation_id = key
            return handles
        return made[0] if made else Handle(key, None, None)

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

    def pattern_of(self, value: Any) -> Pattern | None:
        return pattern_of(value)

    def keep(self, _value: Any, _annotation: Any, owner: str, name: str) -> Pattern:
        """Refused: a pipeline has no step that holds such a value before it starts."""
        kind = type(_value).__name__
        raise PipelineError(Message("argument_not_json", {"owner": owner, "argument": name, "kind": kind}))

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
