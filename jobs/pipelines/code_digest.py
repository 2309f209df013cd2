"""Code digest: the hash of functions, classes and modules by what they do, and of all that they reach.

A function reaches the globals that its code names, the attributes of modules among them, its closure and defaults, and
what its body imports. A module that is handed on as a value is taken as a whole: any of its code may be called.
"""

import contextlib
import dis
import importlib
import importlib.util
import json
import sys
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from jobs.pipelines.definition import CountsAs
from jobs.pipelines.own_code import is_own_class, is_own_function, is_project, is_project_file
from jobs.pipelines.value_digest import PLAIN, ValueDigest, hash_of

MOST_DEPTH = 8
IMPORT_NAME = dis.opmap["IMPORT_NAME"]
LOADS_CONSTANT = {dis.opmap[name] for name in ("LOAD_CONST", "RETURN_CONST") if name in dis.opmap}
LOADS_ATTRIBUTE = ("LOAD_ATTR", "LOAD_METHOD")
HAS_DOCSTRING = 0x4000000  # a flag of Python 3.13 and later
# Attributes of a class that are made of its others, or say nothing of what it does.
MADE = {"__doc__", "__module__", "__dict__", "__weakref__", "__firstlineno__", "__static_attributes__"}
MADE |= {"_abc_impl", "__signature__"}
MADE_BY_PYDANTIC = "__pydantic_"
FIELDS_OF_PYDANTIC = "__pydantic_fields__"


class CodeDigest(ValueDigest):
    """Hashes values, and looks into the functions, classes and modules of the author's project."""

    def __init__(self, follow: Iterable[str] = ()) -> None:
        """`follow` names installed packages that are looked into as well."""
        super().__init__()
        self._follow = tuple(follow)

    def of(self, value: Any, name: str) -> str:
        while isinstance(value, CountsAs):
            value = value.counts_as()
        return super().of(value, name)

    def of_function(self, function: FunctionType, name: str) -> str:
        if not (is_own_function(function) or self._follows(function.__module__)):
            return self._wrapper(function, name)
        parts = [_code(function.__code__)]
        attributes = {key: value for key, value in vars(function).items() if key != "__wrapped__"}
        given = [function.__defaults__, function.__kwdefaults__, attributes, getattr(function, "__wrapped__", None)]
        parts += [self.of(each, name) for each in given]
        parts += [self.of(value, free) for free, value in _closure(function)]
        for path, value in self._reached(function):
            parts += [path, self.of(value, path)]
        return hash_of("function", parts)

    def of_class(self, kind: type, name: str) -> str:
        if not (is_own_class(kind) or self._follows(kind.__module__)):
            return super().of_class(kind, name)
        parts = [kind.__qualname__, *(self.of(base, name) for base in (*kind.__bases__, type(kind)))]
        for attribute, value in sorted(vars(kind).items()):
            if not _is_made(attribute):
                parts += [attribute, self.of(value, f"{name}.{attribute}")]
        return hash_of("class", parts)

    def of_module(self, module: ModuleType, name: str) -> str:
        if not self._is_followed(module):
            return super().of_module(module, name)
        parts = [module.__name__]
        for attribute, value in sorted(vars(module).items()):
            if not (attribute.startswith("__") and attribute.endswith("__")):
                parts += [attribute, self.of(value, f"{module.__name__}.{attribute}")]
        return hash_of("module", parts)

    def _wrapper(self, function: FunctionType, name: str) -> str:
        """A function of an installed package by its name; if a decorator made it, the author's function is in it."""
        parts = [super().of_function(function, name)]
        held = [value for _, value in _closure(function) if self._is_authors(value)]
        held.append(getattr(function, "__wrapped__", None))
        held.append(getattr(function, "registry", None))  # of functools.singledispatch
        parts += [self.of(each, name) for each in held]
        return hash_of("function", parts)

    def _is_authors(self, value: Any) -> bool:
        """Whether a decorator holds the author's function or argument; its package's own objects are its own affair."""
        if isinstance(value, MethodType):
            kind = type(value.__self__)
            return is_own_class(kind) or self._follows(kind.__module__)
        return isinstance(value, (FunctionType, *PLAIN))

    def _reached(self, function: FunctionType) -> Iterator[tuple[str, Any]]:
        """What the code of a function names: globals, attributes of modules, and what it imports."""
        names, space = sorted(set(_names(function.__code__))), function.__globals__
        modules = {name: space[name] for name in names if isinstance(space.get(name), ModuleType)}
        whole = _handed_on(function.__code__) if any(map(self._is_followed, modules.values())) else set()
        for name in names:
            if name in space and (name not in modules or name in whole):
                yield name, space[name]
            for path, module in modules.items():
                yield from self._attribute(module, path, name, names)
        for module in _imported_inside(function):
            for name in names:
                yield from self._attribute(module, module.__name__, name, names)

    def _attribute(self, module: ModuleType, path: str, name: str, names: list[str]) -> Iterator[tuple[str, Any]]:
        """An attribute of a module that code may mean, also behind some dots, as in `package.module.function`."""
        if not self._is_followed(module):
            return
        if name not in vars(module):
            if "__getattr__" in vars(module):  # which makes up attributes
                yield f"{path}.__getattr__", vars(module)["__getattr__"]
            return
        value = vars(module)[name]
        if not isinstance(value, ModuleType):
            yield f"{path}.{name}", value
        elif value is not module and path.count(".") < MOST_DEPTH:
            for inner in names:
                if inner != name:
                    yield from self._attribute(value, f"{path}.{name}", inner, names)

    def _is_followed(self, module: ModuleType) -> bool:
        return is_project(module) or self._follows(module.__name__)

    def _follows(self, module_name: str | None) -> bool:
        return module_name is not None and module_name.partition(".")[0] in self._follow


def _is_made(attribute: str) -> bool:
    made_by_pydantic = attribute.startswith(MADE_BY_PYDANTIC) and attribute != FIELDS_OF_PYDANTIC
    return attribute in MADE or made_by_pydantic


def _closure(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """The variables of a closure that are filled, with their values."""
    for free, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # an empty cell
            yield free, cell.cell_contents


def _handed_on(code: CodeType) -> set[str]:
    """The names that code uses otherwise than for one of their attributes: as an argument, in a list, in a return."""
    names = set()
    for each in _codes(code):
        instructions = list(dis.get_instructions(each))
        for instruction, following in zip(instructions, [*instructions[1:], None], strict=True):
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME") and (
                following is None or following.opname not in LOADS_ATTRIBUTE
            ):
                names.add(str(instruction.argval))
    return names


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
    if not any(map(is_project_file, places)):
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
