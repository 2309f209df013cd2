"""Code hash: which code a step is, as this process has loaded it.

The hash is of compiled code, never of files: a file that was edited while its old module is still loaded would give an
old result a new hash. It covers the function, and all code and values of the author's project that it reaches. Python,
installed packages and Trainyard itself are not followed, except the package that a step comes from.

The rule for everything that cannot be looked into is: unknown means not equal. A step that reaches such a value is
never reused, and its log names the value.
"""

import functools
import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from types import FunctionType, MethodType
from typing import Any

from jobs.pipelines.code_digest import CodeDigest
from jobs.pipelines.definition import StepDefinition
from jobs.pipelines.own_code import is_installed_module
from jobs.pipelines.value_digest import TooMuchError, ValueDigest


@dataclass(frozen=True, slots=True)
class CodeIdentity:
    """Which code a step is; `unknown` names the values that it reaches and that cannot be compared."""

    text: str
    unknown: tuple[str, ...] = ()
    reads_dataset: bool = False

    def of_step(self, step_id: int | None, *, by_code: bool = True) -> str:
        """Return the text to compare: equal code of different steps, unless something in it is unknown; or only the
        name of the function."""
        if not by_code:
            return self.text.partition("#")[0].partition("@")[0]
        return f"{self.text} of step {step_id}" if self.unknown else self.text


def identity(step: StepDefinition) -> CodeIdentity:
    """Return which code a step is: module, qualified name, and its version or else the hash of its code."""
    function = _innermost(step.function)
    name = f"{function.__module__}:{getattr(function, '__qualname__', type(function).__qualname__)}"
    if step.version is not None:
        # Closures of one factory have one name; what they were made with tells them apart.
        versioned = f"{step.name}={name}@{step.version}{_bound(step.function)}"
        return CodeIdentity(versioned, reads_dataset=step.reads_dataset)
    digest = CodeDigest(_packages_of(function))
    try:
        text = digest.of(step.function, step.name)
    except TooMuchError:
        return CodeIdentity(f"{name}#", (step.name,), step.reads_dataset)
    return CodeIdentity(f"{name}#{text}", tuple(dict.fromkeys(digest.unknown)), step.reads_dataset)


def code_hash(function: Any, follow: Iterable[str] = ()) -> str:
    """Return the hash of a function and of the project code it reaches; `follow` names further packages."""
    return CodeDigest(follow).of(function, getattr(function, "__qualname__", "step"))


def _innermost(function: Any) -> Any:
    """The function that the author wrote, without decorators, given arguments and the object that it belongs to."""
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, MethodType):
            function = function.__func__
        elif isinstance(function, FunctionType) and hasattr(function, "__wrapped__"):
            function = inspect.unwrap(function)
        else:
            return function


def _bound(function: Any) -> str:
    """The hash of what a function was made with, by value: arguments, closure, defaults, the object it belongs to."""
    values: list[Any] = []
    while isinstance(function, functools.partial | MethodType):
        if isinstance(function, MethodType):
            values.append(function.__self__)
            function = function.__func__
        else:
            values += [function.args, function.keywords]
            function = function.func
    if isinstance(function, FunctionType):
        function = inspect.unwrap(function)
        cells = [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]
        values += [cells, function.__defaults__, function.__kwdefaults__]
    elif not isinstance(function, type):
        values.append(function)
    given = [value for value in values if value is not None and not (type(value) in (tuple, list, dict) and not value)]
    return f"+{ValueDigest().of(given, 'arguments')}" if given else ""


def _is_filled(cell: Any) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


def _packages_of(function: Any) -> tuple[str, ...]:
    """The installed package that a step comes from, which is followed as a project is."""
    module = str(getattr(function, "__module__", "") or "")
    return (module.partition(".")[0],) if is_installed_module(module) else ()
