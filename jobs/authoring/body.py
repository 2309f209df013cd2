"""Body: calls a step's function in its own process, with the values that it is handed, and saves what it returns."""

import asyncio
import hashlib
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs import artifacts
from jobs.artifacts import Saved
from jobs.authoring import given_tables, inside, retries, sources
from jobs.authoring.failures import task_failed
from jobs.authoring.options import PipelineOptions, StepOptions
from jobs.authoring.signature import Parameter, checked
from jobs.authoring.written import Written
from jobs.pipelines.context import StepContext
from jobs.pipelines.definition import CountsAs
from jobs.pipelines.errors import StepError
from jobs.pipelines.handed import Pattern, filled
from store import files, keys, outputs
from store.errors import RequestError
from store.files import FileRef
from store.messages import Message
from store.outputs import Handed, NewOutput

LONGEST_TYPE = 200


HOOK_STATES = {"on_start": "Running", "on_success": "Completed", "on_failure": "Failed", "on_end": "Ended"}


@dataclass(frozen=True, slots=True)
class HookState:
    """What a step came to, for a hook that takes three arguments."""

    name: str
    error: BaseException | None

    @property
    def message(self) -> str:
        return str(self.error or "")


class Body(CountsAs):
    """The function that the engine calls for a step that is a plain function."""

    def __init__(self, step: Written, options: StepOptions | PipelineOptions) -> None:
        self.step = step
        self.options = options
        self.__wrapped__ = step.function
        self.__module__ = step.function.__module__
        self.__qualname__ = step.function.__qualname__

    def counts_as(self) -> Any:
        return self.step.counts_as()

    def __call__(self, context: StepContext) -> dict[str, Any]:
        with inside.running(context, self.step) as seen:
            self.call_hooks("on_start", context)
            try:
                value = _call(self.step, self.arguments(context, seen))
                self.save(context, seen, value)
            except Exception as error:
                if self.pause(context, error) is None:
                    self.call_hooks("on_failure", context, error)
                    self.call_hooks("on_end", context, error)
                raise
            self.call_hooks("on_success", context)
            self.call_hooks("on_end", context)
            return seen.result()

    def pause(self, context: StepContext, error: BaseException) -> float | None:
        """In how many seconds an attempt that failed is made again; None: not at all."""
        retry = self.options.retry
        return retries.pause(context.step, error, retry.on if retry else None)

    def arguments(self, context: StepContext, seen: "inside.Inside") -> dict[str, Any]:
        """What the function is called with: params, and what other steps left."""
        given: dict[str, Any] = {}
        for name, parameter in self.step.parameters.items():
            if name in (patterns := context.step.handed or {}):
                given[name] = self._handed(patterns[name], parameter, context)
            elif name in context.step.params:
                value = context.step.params[name]
                given[name] = _checked(value, parameter, self.step.name)
        seen.inputs = dict(given)
        return given

    def _handed(self, pattern: Pattern, parameter: Parameter, context: StepContext) -> Any:
        """The value of an argument that other steps made; a whole one is loaded as the parameter is annotated."""
        whole = bool({"output", "stored", "dataset", "kept"} & set(pattern))
        annotation = parameter.annotation if whole else Any
        failures: list[Exception] = []

        def look_up(reference: Pattern) -> Any:
            if (name := reference.get("dataset")) is not None:
                return given_tables.read(context.input(name), context.dataset_file(name), annotation)
            if reference.get("or_failure") and (why := context.failure(reference["output"][0])):
                failures.append(task_failed(reference["output"][0], why))
                return failures[-1]
            given = _given(reference, context)
            return loaded(given, annotation, context.folder, lambda notice: context.log(notice, "warning"))

        value = filled(pattern, look_up)
        return value if failures else _checked(value, parameter, self.step.name)

    def save(self, context: StepContext, seen: "inside.Inside", value: Any) -> None:
        """Leave each output under its name."""
        returned = self.step.outputs
        if not returned:
            return
        for output, each in zip(returned, self.step.values(value), strict=True):
            materializer = _materializer(getattr(self.options, "output_materializers", None), output.name)
            try:
                saved = artifacts.save(each, output.annotation, context.folder, materializer)
            except artifacts.ArtifactError as error:
                raise StepError(error.message) from error
            for notice in saved.notices:
                context.log(notice, "warning")
            metadata = {**dict(output.metadata), **seen.metadata_of(output.name)}
            tags = (*output.tags, *seen.tags_of(output.name))
            context.hand_on(new_output(output.name, saved, context, metadata, tags))

    def call_hooks(self, name: str, context: StepContext, error: BaseException | None = None) -> None:
        """Call what the author wants to be called now; an error in it is told, and changes nothing."""
        policy = context.step.policy or {}
        hooks = [sources.find(source) for source in policy.get(name, [])] or getattr(self.options, name)
        for hook in hooks:
            try:
                _call_hook(hook, error, (self.step, seen_by_hooks(context), HookState(HOOK_STATES[name], error)))
            except Exception as wrong:  # noqa: BLE001 - whatever it raises
                told = {"hook": getattr(hook, "__name__", name), "reason": str(wrong) or type(wrong).__name__}
                context.log(Message("hook_failed", told), "warning")


def new_output(
    name: str, saved: Saved, context: StepContext, metadata: Mapping[str, Any], tags: tuple[str, ...] = ()
) -> NewOutput:
    """A saved value as an output of this name."""
    ref = context.save(name, saved.file) if saved.file else ref_of(saved.value)
    return NewOutput(
        name,
        saved.type[:LONGEST_TYPE],
        saved.format,
        ref.sha256,
        ref.size,
        None if saved.file else [saved.value],
        saved.executable,
        keys.sign(ref.sha256) if saved.executable else None,
        {**saved.metadata, **metadata},
        {**saved.preview},
        tags,
    )


def _given(reference: Pattern, context: StepContext) -> Handed:
    if stored := reference.get("stored"):
        return outputs.get(stored["id"]).handed()
    if kept := reference.get("kept"):
        file = FileRef(kept["sha256"], kept["size"]) if kept["value"] is None else None
        return Handed(**{**kept, "file": file})
    return context.handed(*reference["output"])


def loaded(
    handed: Handed, annotation: Any, folder: Path | None = None, notify: Callable[[Message], object] | None = None
) -> Any:
    """A typed value that a step left; one whose loading may run code only if it was made by this installation."""
    if artifacts.is_executable(handed.format) and not keys.is_signed(handed.sha256, handed.signature or ""):
        raise StepError(Message("output_not_ours", {"output": handed.name, "type": handed.type}))
    value = handed.value[0] if handed.value is not None else None
    file = files.verified(handed.file) if handed.file else None
    try:
        return artifacts.load(
            handed.format,
            annotation,
            value=value,
            file=file,
            type=handed.type,
            metadata=handed.metadata,
            folder=folder,
            notify=notify,
        )
    except artifacts.ArtifactError as error:
        raise StepError(error.message) from error


def ref_of(value: Any) -> FileRef:
    """The hash and size of a value that its row holds."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False).encode()
    return FileRef(hashlib.sha256(text).hexdigest(), len(text))


def _call(step: Written, given: Mapping[str, Any]) -> Any:
    if inspect.iscoroutinefunction(step.function):
        return asyncio.run(step.function(**given))
    return step.function(**given)


def _call_hook(hook: Any, error: BaseException | None, three: tuple[Any, Any, Any]) -> None:
    """As its author wrote it: for nothing, the error, or the task, its run and the state it came to."""
    takes = len(inspect.signature(hook).parameters)
    hook(*three) if takes == 3 else hook(error) if takes == 1 else hook()


def seen_by_hooks(context: StepContext) -> "inside.StepRun":
    """The run of a step, as hooks see it."""
    row = context.step
    return inside.StepRun(row.id, row.name, row.key, row.attempt)


def _checked(value: Any, parameter: Parameter, owner: str) -> Any:
    try:
        return checked(value, parameter.annotation, owner, parameter.name)
    except RequestError as wrong:
        raise StepError(wrong.message) from None


def _materializer(given: Any, output: str) -> Any:
    return given.get(output) if isinstance(given, Mapping) else given
