"""Sources: which step or hook a text such as `steps.etl:crawl_links` means in the code that is loaded here."""

import sys
from collections.abc import Callable
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from jobs.authoring.written import WrittenStep
from jobs.pipelines.definition import StepDefinition
from jobs.pipelines.errors import StepError
from store.messages import Message

_steps: dict[str, WrittenStep] = {}


class Defines(Protocol):
    """What has a definition that the engine knows."""

    def definition(self) -> StepDefinition: ...


_drivers: dict[str, Defines] = {}


def remember(source: str, step: WrittenStep) -> None:
    """Keep a step that was decorated; a second one of the same place takes the place of the first."""
    _steps[source] = step


def remember_driver(source: str, flow: Defines) -> None:
    """Keep a flow that was decorated: its function is a step, too."""
    _drivers[source] = flow


def drivers() -> dict[str, Defines]:
    """Every flow of the code that is loaded here, by its source."""
    return dict(_drivers)


def steps() -> dict[str, WrittenStep]:
    """Every step of the code that is loaded here, by its source."""
    return dict(_steps)


def module_of(function: Callable[..., Any]) -> str:
    """The module of a function, as other processes import it: a script by the name of its file."""
    if function.__module__ == "__main__":
        main = sys.modules["__main__"]
        spec = getattr(main, "__spec__", None)
        if spec is not None:  # python -m tools.run
            return str(spec.name)
        if file := getattr(main, "__file__", None):
            return Path(file).stem
    return str(function.__module__)


def find(source: str) -> Any:
    """What a source means; its module is imported if need be."""
    if source in _steps:
        return _steps[source]
    module, _, name = source.partition(":")
    try:
        found: Any = import_module(module)
        return reduce(getattr, name.split("."), found)
    except (ImportError, AttributeError) as error:
        raise StepError(Message("source_gone", {"source": source, "reason": str(error)})) from None
