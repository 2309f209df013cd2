"""Pipelines: what is written. A step is a function with a name, its needs and the params it really uses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from store.errors import InvalidError, NotFound, Refused
from store.settings import settings

if TYPE_CHECKING:
    from jobs.pipelines.context import Recorder

Kind = Literal["int", "float", "bool", "choice", "text", "column", "columns"]
Params = Mapping[str, Any]
StepFunction = Callable[["Recorder"], dict[str, Any]]

TIMEOUT_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Param:
    """A setting the user may choose; forms, checks, help and the API all read this."""

    name: str
    kind: Kind
    default: Any
    label: str
    help: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    logarithmic: bool = False
    advanced: bool = False

    def read(self, value: Any) -> Any:
        """The value as this param's kind, or Refused with a sentence that names the param."""
        if value is None:
            return self.default
        try:
            read = _READERS[self.kind](value)
        except (TypeError, ValueError, OverflowError):
            raise Refused(f"{self.name} must be {_KIND_WORDS[self.kind]}, not {_short(value)}.", self.name) from None
        if self.choices and read not in self.choices:
            raise Refused(f"{self.name} must be one of {', '.join(self.choices)}, not {_short(value)}.", self.name)
        if (self.low is not None and read < self.low) or (self.high is not None and read > self.high):
            raise Refused(f"{self.name} must be {self.range_words()}, not {_short(read)}.", self.name)
        return read

    def range_words(self) -> str:
        """Return "between 1 and 9", "at least 1" or "at most 9"."""
        if self.low is None:
            return f"at most {self.high:g}"
        return f"at least {self.low:g}" if self.high is None else f"between {self.low:g} and {self.high:g}"


@dataclass(frozen=True, slots=True)
class StepDefinition:
    """One stage of a pipeline, as written."""

    name: str
    function: StepFunction
    version: int = 1
    needs: tuple[str, ...] = ()
    params: Callable[[Params], Sequence[Param]] = field(default=lambda _chosen: ())
    reads_dataset: bool = False
    repeats_on_restart: bool = False
    max_attempts: int = 3
    timeout: int = TIMEOUT_SECONDS

    def declared(self, chosen: Params) -> dict[str, Any]:
        """Those of the chosen params that this step uses, completed with defaults."""
        return {param.name: param.read(chosen.get(param.name)) for param in self.params(chosen)}


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A named graph of steps, in an order in which every step comes after what it needs."""

    name: str
    steps: tuple[StepDefinition, ...]

    def params(self, chosen: Params) -> dict[str, Param]:
        """Every param of every step, by name."""
        return {param.name: param for step in self.steps for param in step.params(chosen)}

    def step(self, name: str) -> StepDefinition:
        for definition in self.steps:
            if definition.name == name:
                return definition
        names = ", ".join(definition.name for definition in self.steps)
        raise InvalidError(f"There is no step {_short(name)}; the steps are {names}.", "step")

    def below(self, name: str) -> list[str]:
        """A step and everything that needs it, directly or not."""
        found = [self.step(name).name]
        for definition in self.steps:
            if definition.name not in found and set(definition.needs) & set(found):
                found.append(definition.name)
        return found


class PipelineError(Exception):
    """A pipeline is written wrongly; the message says how to repair it."""


_PIPELINES: dict[str, Pipeline] = {}


def step(name: str, **declared: Any) -> Callable[[StepFunction], StepDefinition]:
    """Make a function a step: `@step("train", needs=("preprocess",), params=...)`."""

    def define(function: StepFunction) -> StepDefinition:
        return StepDefinition(name, function, **declared)

    return define


def pipeline(name: str, *steps: StepDefinition) -> Pipeline:
    """Register a pipeline, after checking it."""
    made = Pipeline(name, steps)
    for problem in problems_of(made):
        raise PipelineError(problem)
    if name in _PIPELINES:
        raise PipelineError(f"There is already a pipeline {name!r}; give one of the two another name.")
    _PIPELINES[name] = made
    return made


def problems_of(written: Pipeline) -> list[str]:
    """What is wrong with a pipeline as written, each with its repair."""
    found: list[str] = []
    before: set[str] = set()
    if not written.steps:
        found.append(f"Pipeline {written.name!r} has no steps; give it at least one.")
    for definition in written.steps:
        if not definition.name.isidentifier():
            found.append(f"Step name {definition.name!r} must be a Python identifier, such as clean_up.")
        if definition.name in before:
            found.append(f"Two steps of {written.name!r} are called {definition.name!r}; rename one.")
        for need in definition.needs:
            if need not in before:
                found.append(
                    f"Step {definition.name!r} needs {need!r}, which does not come before it; "
                    f"list {need!r} first, or correct the name."
                )
        before.add(definition.name)
    return found


def get(name: str) -> Pipeline:
    """The registered pipeline of this name."""
    load()
    if name not in _PIPELINES:
        raise NotFound(f"There is no pipeline {_short(name)}; there are {', '.join(sorted(_PIPELINES))}.", "pipeline")
    return _PIPELINES[name]


@lru_cache(maxsize=1)
def load() -> None:
    """Import the modules that register pipelines: the built-in one and the user's own."""
    import_module("jobs.tabular.builtin")
    load_own()


def load_own() -> None:
    """Import the user's own modules, or say what is wrong with them."""
    for module in filter(None, map(str.strip, settings().pipelines.split(","))):
        try:
            import_module(module)
        except (PipelineError, Refused):
            raise
        except (Exception, SystemExit) as error:
            if isinstance(error, ModuleNotFoundError) and error.name in (module.partition(".")[0], module):
                said = f"TRAINYARD_PIPELINES names {module!r}, and there is no such module."
            else:
                said = f"TRAINYARD_PIPELINES names {module!r}, which cannot be imported: {_first_line(error)}."
            raise Refused(said, "pipeline") from error


def _first_line(error: BaseException) -> str:
    told = " ".join(str(error).split())[:200].rstrip(".")
    return f"{type(error).__name__}: {told}" if told else type(error).__name__


def _whole(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError
    return int(value)


def _number(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or number != number or number in (float("inf"), float("-inf")):
        raise ValueError
    return number


def _truth(value: Any) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    word = str(value).casefold()
    if word not in words:
        raise ValueError
    return words[word]


def _text(value: Any) -> str:
    if not isinstance(value, str | int | float):
        raise TypeError
    return str(value)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [name.strip() for name in value.split(",") if name.strip()]
    return [_text(item) for item in value]


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:37] + "..."


_READERS: dict[str, Callable[[Any], Any]] = {
    "int": _whole,
    "float": _number,
    "bool": _truth,
    "choice": _text,
    "text": _text,
    "column": _text,
    "columns": _texts,
}
_KIND_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "choice": "a word",
    "text": "a text",
    "column": "a column name",
    "columns": "a list of column names",
}
