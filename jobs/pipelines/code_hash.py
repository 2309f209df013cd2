"""Code hash: which code a step is, as this process has loaded it.

The hash is of compiled code, never of files: a file that was edited while its old module is still loaded would give an
old result a new hash. It covers the function, and all code and constants of the author's project that it reaches.
Installed packages and Trainyard itself are not followed; a step that must run anew after an upgrade of a package says
so with `version=`.
"""

import contextlib
import dis
import functools
import hashlib
import importlib.util
import inspect
import json
import pickle
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from jobs.pipelines.definition import StepDefinition
from store.settings import ROOT

OURS = tuple(f"{ROOT / folder}/" for folder in ("api", "jobs", "pages", "store"))
MOST_DEPTH = 8
PLAIN = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis))
IMPORT_NAME = dis.opmap["IMPORT_NAME"]
LOADS_CONSTANT = {dis.opmap[name] for name in ("LOAD_CONST", "RETURN_CONST") if name in dis.opmap}
HAS_DOCSTRING = 0x4000000  # a flag of Python 3.13 and later


def identity(step: StepDefinition) -> str:
    """Return which code a step is: module, qualified name, and its version or else the hash of its code."""
    function = inspect.unwrap(step.function)
    name = f"{function.__module__}:{getattr(function, '__qualname__', type(function).__qualname__)}"
    return f"{name}@{step.version}" if step.version is not None else f"{name}#{code_hash(step.function)}"


def code_hash(function: Any, follow: Iterable[str] = ()) -> str:
    """Return the hash of a function and of the project code it reaches; `follow` names further packages."""
    visitor = _Visitor(tuple(follow))
    visitor.visit(function, getattr(function, "__qualname__", "step"))
    return hashlib.sha256("\n".join(visitor.parts).encode()).hexdigest()[:32]


class _Visitor:
    """Walks from one object to all that its code names, and writes down what each of them is."""

    def __init__(self, follow: tuple[str, ...]) -> None:
        self.parts: list[str] = []
        self._seen: dict[int, object] = {}  # with the objects, so that no id is given to another one meanwhile
        self._follow = follow

    def visit(self, value: object, name: str) -> None:
        """Write down one object under the name by which the code calls it."""
        if isinstance(value, StepDefinition):
            value = value.function
        if isinstance(value, functools.partial):
            self.visit(value.func, name)
            self._constant(f"{name} arguments", [list(value.args), value.keywords])
            return
        if isinstance(value, MethodType):
            self._visit_part(value.__self__, f"{name} self")
        value = getattr(value, "__func__", value)  # of a method
        if isinstance(value, FunctionType):
            self._function(value, name)
        elif isinstance(value, type):
            self._class(value, name)
        elif inner := _functions_inside(value):
            for number, each in enumerate(inner):
                self.visit(each, f"{name} {number}")
        elif not isinstance(value, ModuleType):
            self._constant(name, value)

    def _function(self, function: FunctionType, name: str) -> None:
        if not self._is_new(function):
            return
        if self._is_project(function.__globals__.get("__name__")):
            self._own_function(function, name)
        else:
            self._wrapper(function, name)
        if wrapped := getattr(function, "__wrapped__", None):
            self.visit(wrapped, name)
        for kind, variant in getattr(function, "registry", {}).items():  # of functools.singledispatch
            self.visit(variant, f"{name} {kind.__qualname__}")

    def _wrapper(self, function: FunctionType, name: str) -> None:
        """A function that a decorator of an installed package made: the author's function and arguments are in it."""
        for free, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            with contextlib.suppress(ValueError):  # an empty cell
                if isinstance(cell.cell_contents, (FunctionType, MethodType, *PLAIN)):
                    self.visit(cell.cell_contents, f"{name} {free}")

    def _is_new(self, value: object) -> bool:
        """Whether an object is met for the first time."""
        if id(value) in self._seen:
            return False
        self._seen[id(value)] = value
        return True

    def _own_function(self, function: FunctionType, name: str) -> None:
        self.parts.append(f"function {name} {_code(function.__code__)}")
        self._constant(f"{name} defaults", [list(function.__defaults__ or ()), function.__kwdefaults__ or {}])
        for free, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                self.visit(cell.cell_contents, f"{name} {free}")
            except ValueError:  # an empty cell
                continue
        for path, value in self._reached(function):
            self.visit(value, path)
        names = sorted(set(_names(function.__code__)))
        for module in _imported_inside(function):
            for each in names:
                for path, value in self._attribute(module, module.__name__, each, names):
                    self.visit(value, path)

    def _reached(self, function: FunctionType) -> Iterator[tuple[str, object]]:
        """What a function's code names: globals, and attributes of the modules among them."""
        names = sorted(set(_names(function.__code__)))
        space = function.__globals__
        modules = {name: space[name] for name in names if isinstance(space.get(name), ModuleType)}
        for name in names:
            if name in space and name not in modules:
                yield name, space[name]
            for path, module in modules.items():
                yield from self._attribute(module, path, name, names)

    def _attribute(self, module: ModuleType, path: str, name: str, names: list[str]) -> Iterator[tuple[str, object]]:
        """An attribute of a module that code may mean, also behind some dots, as in `package.module.function`."""
        if not self._is_project(module.__name__) or name not in vars(module):
            return
        value = vars(module)[name]
        if not isinstance(value, ModuleType):
            yield f"{path}.{name}", value
        elif value is not module and path.count(".") < MOST_DEPTH:
            for inner in names:
                if inner != name:
                    yield from self._attribute(value, f"{path}.{name}", inner, names)

    def _class(self, kind: type, name: str) -> None:
        if not self._is_project(kind.__module__) or not self._is_new(kind):
            return
        self.parts.append(f"class {name} of {[base.__qualname__ for base in kind.__bases__]}")
        for base in kind.__bases__:
            self.visit(base, base.__qualname__)
        self.visit(type(kind), type(kind).__qualname__)
        for attribute, value in sorted(vars(kind).items()):
            if attribute in ("__doc__", "__module__", "__dict__", "__weakref__", "__firstlineno__"):
                continue
            self.visit(value, f"{name}.{attribute}")

    def _constant(self, name: str, value: object) -> None:
        self.parts.append(f"constant {name} {self._shown(value, 0)}")
        self._visit_parts(value, name)

    def _visit_parts(self, value: object, name: str) -> None:
        """Functions and objects in a constant are code that a step may reach, too."""
        if isinstance(value, dict):
            for key, item in value.items():
                self._visit_part(item, f"{name} {key!r}")
        elif isinstance(value, list | tuple | set | frozenset):
            for number, item in enumerate(value):
                self._visit_part(item, f"{name} {number}")
        elif not isinstance(value, PLAIN):
            self.visit(type(value), type(value).__qualname__)
            if self._is_project(type(value).__module__):
                self._visit_parts(getattr(value, "__dict__", {}), name)

    def _visit_part(self, value: object, name: str) -> None:
        if isinstance(value, PLAIN):
            return
        if isinstance(value, dict | list | tuple | set | frozenset):
            if self._is_new(value):
                self._visit_parts(value, name)
        elif isinstance(value, FunctionType | type):
            self.visit(value, name)
        elif not self._is_new(value):
            return
        else:
            self.visit(value, name)

    def _shown(self, value: object, depth: int) -> str:
        """A constant as text that is the same in every process."""
        if isinstance(value, PLAIN):
            return f"{type(value).__name__}:{value!r}"
        if depth > MOST_DEPTH:
            return "deeper"
        if isinstance(value, set | frozenset):
            return f"{type(value).__name__}:{sorted(self._shown(each, depth + 1) for each in value)}"
        if isinstance(value, list | tuple):
            return f"{type(value).__name__}:{[self._shown(each, depth + 1) for each in value]}"
        if isinstance(value, dict):
            items = [(self._shown(key, depth + 1), self._shown(item, depth + 1)) for key, item in value.items()]
            return f"dict:{sorted(items)}"
        if isinstance(value, FunctionType | type | ModuleType | CodeType | StepDefinition):
            return f"code {getattr(value, '__name__', '')}"
        name = f"{type(value).__module__}.{type(value).__qualname__}"
        attributes = getattr(value, "__dict__", None)
        if isinstance(attributes, dict) and self._is_project(type(value).__module__):
            return f"{name}:{self._shown(attributes, depth + 1)}"
        return f"{name}:{_pickled(value)}"

    def _is_project(self, module_name: str | None) -> bool:
        if module_name is None:
            return False
        if any(module_name == each or module_name.startswith(f"{each}.") for each in self._follow):
            return True
        module = sys.modules.get(module_name)
        return module is not None and is_project(module)


@functools.lru_cache(maxsize=1)
def _installed() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple(f"{Path(sysconfig.get_path(name)).resolve()}/" for name in names)


def is_project(module: ModuleType) -> bool:
    """Whether a module is the author's own: neither installed, nor of Python, nor of Trainyard."""
    if file := getattr(module, "__file__", None):
        return _is_project_file(file)
    folders = list(getattr(module, "__path__", ()))  # of a folder without __init__.py
    return module.__name__ == "__main__" or any(map(_is_project_file, folders))


def is_installed_file(file: str) -> bool:
    """Whether a file lies where Python and installed packages are, as far as its path shows."""
    return "/site-packages/" in file or "/dist-packages/" in file or file.startswith(_installed())


@functools.lru_cache
def _is_project_file(file: str) -> bool:
    path = Path(file).resolve()
    installed = {"site-packages", "dist-packages"} & set(path.parts)
    return not installed and not str(path).startswith((*_installed(), *OURS))


def _functions_inside(value: object) -> list[Any]:
    """The functions of an object that only calls them: a property, a cache, or what another decorator made."""
    if isinstance(value, property):
        return [each for each in (value.fget, value.fset, value.fdel) if each]
    if isinstance(value, functools.cached_property):
        return [value.func]
    if isinstance(value, functools.singledispatchmethod):
        return [value.dispatcher, value.func]
    if isinstance(value, functools.partialmethod):
        return [functools.partial(value.func, *value.args, **value.keywords)]
    wrapped = getattr(value, "__wrapped__", None)
    return [wrapped] if isinstance(wrapped, FunctionType) else []


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _imported_inside(function: FunctionType) -> Iterator[ModuleType]:
    """Modules that the body of a function imports; the author's own are imported now, as the body would."""
    for code in _codes(function.__code__):
        if IMPORT_NAME not in code.co_code[::2]:
            continue
        level, imported = 0, None
        for instruction in dis.get_instructions(code):
            if instruction.opname == "LOAD_CONST" and isinstance(instruction.argval, int):
                level = instruction.argval
            elif instruction.opname == "IMPORT_NAME":
                imported = None
                package = function.__globals__.get("__package__") or ""
                with contextlib.suppress(Exception):
                    name = importlib.util.resolve_name("." * level + str(instruction.argval), package)
                    imported = _loaded(name)
                    yield imported
            elif instruction.opname == "IMPORT_FROM" and imported is not None and is_project(imported):
                with contextlib.suppress(Exception):  # it is no module then
                    yield _loaded(f"{imported.__name__}.{instruction.argval}")


def _loaded(name: str) -> ModuleType:
    """A module that is loaded, or that is the author's own and can be."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.find_spec(name)
    places = [spec.origin] if spec and spec.origin else list(spec.submodule_search_locations or ()) if spec else []
    if not any(map(_is_project_file, places)):
        raise ModuleNotFoundError(name)
    return importlib.import_module(name)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _code(code: CodeType) -> str:
    """Compiled code as text, without line numbers, file name and docstring, which change nothing."""
    constants = [_code(each) if isinstance(each, CodeType) else _constant_text(each) for each in code.co_consts]
    if constants and not code.co_name.startswith("<") and not _uses_first_constant(code):
        constants[0] = ""  # the docstring, or that there is none
    shape = [code.co_argcount, code.co_kwonlyargcount, code.co_posonlyargcount, code.co_flags & ~HAS_DOCSTRING]
    names = [code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars]
    return json.dumps([code.co_code.hex(), constants, shape, names, code.co_exceptiontable.hex()])


def _uses_first_constant(code: CodeType) -> bool:
    """Whether the docstring, or None in its place, is also a value that the code works with."""
    pairs = zip(code.co_code[::2], code.co_code[1::2], strict=True)
    return any(operation in LOADS_CONSTANT and argument == 0 for operation, argument in pairs)


def _constant_text(value: object) -> str:
    """A constant of compiled code; sets in it have no order."""
    if isinstance(value, frozenset):
        return f"frozenset:{sorted(map(_constant_text, value))}"
    if isinstance(value, tuple):
        return f"tuple:{[_constant_text(each) for each in value]}"
    return f"{type(value).__name__}:{value!r}"


def _pickled(value: object) -> str:
    """The hash of an object of an installed package, such as an array; empty for one that cannot be written down."""
    try:
        return hashlib.sha256(pickle.dumps(value, protocol=4)).hexdigest()
    except Exception:  # noqa: BLE001 - locks, connections and the like: whatever their package raises
        return ""
