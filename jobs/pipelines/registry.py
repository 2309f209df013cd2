"""Registry: every pipeline there is, by name.

A pipeline that comes with Trainyard is loaded into the process that asks. One of your own is loaded by children
only: by those that run its steps, and by one that describes it to all other processes. So an edit needs no restart, and
nothing that a module does when it is imported can harm the pages, the queue or the workers.
"""

import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any, Protocol, Unpack, cast

from jobs.pipelines import describer, keywords, slips
from jobs.pipelines.checks import problems_of
from jobs.pipelines.code_hash import code_hash
from jobs.pipelines.definition import Input, Pipeline, PipelineOptions, StepDefinition, inputs_of, with_keys
from jobs.pipelines.described import PipelineFacts
from jobs.pipelines.errors import PipelineError
from jobs.pipelines.measures import Measure, declared_measure, measure_for
from jobs.pipelines.params import short
from jobs.pipelines.sources import drop_fresh_bytecode, own_modules
from store import codes
from store.codes import Brought, Place
from store.errors import NotFoundError, RequestError
from store.messages import Message, Values
from store.settings import settings
from store.text import composed

BUILT_IN = ("jobs.tabular.builtin", "jobs.tabular.predict.job")

# The code of an unknown pipeline which may be in a module that cannot be loaded now, as it is being edited.
UNKNOWN_BESIDE_FAULTS = "no_such_pipeline_and_faults"

KEYWORDS = {"inputs": keywords.Keyword(keywords.each_is(Input), 'inputs=(Input("sales"),)'), **keywords.PIPELINE}

_here: dict[str, Pipeline] = {}


class Offered(Protocol):
    """Something of which a pipeline can be made, once everything that it names is loaded."""

    @property
    def registered(self) -> Pipeline: ...


# Pipelines that are functions: they are made when somebody asks, as a body may call what its module defines below.
_offered: dict[str, Offered] = {}


def pipeline(name: str, *steps: StepDefinition, **options: Unpack[PipelineOptions]) -> Pipeline:
    """Register a pipeline, after checking it."""
    keywords.check_name("pipeline", name)
    keywords.check("pipeline", name, KEYWORDS, options)
    for each in steps:
        if not isinstance(each, StepDefinition):
            raise PipelineError(Message("pipeline_of_no_step", {"pipeline": name, "given": _as_written(each)}))
    name = composed(name)
    fields: dict[str, Any] = {
        **options,
        "inputs": inputs_of(steps, options.get("inputs", ())),
        "measures": tuple(options.get("measures", ())),
        "preload": tuple(options.get("preload", ())),
    }
    made = Pipeline(name=name, steps=with_keys(steps), **fields)
    for problem in problems_of(made):
        raise PipelineError(problem)
    if name in _here:
        raise PipelineError(Message("pipeline_exists", {"pipeline": name}))
    _here[name] = made
    return made


def offer(name: str, offered: Offered) -> None:
    """Register a pipeline that is a function."""
    if name in _here:
        raise PipelineError(Message("pipeline_exists", {"pipeline": name}))
    _offered[name] = offered


Finder = Callable[[ModuleType], None]
_finders: list[Finder] = []


def find_with(finder: Finder) -> None:
    """Have each module of people's own looked through once it is loaded, for pipelines that nobody registered yet."""
    _finders.append(finder)


def _take_offered(names: Iterable[str]) -> list[Message]:
    """Make pipelines of functions that were decorated; returns what is wrong with those that cannot be made."""
    problems = []
    for name in names:
        try:
            made = _offered.pop(name).registered
            for problem in problems_of(made):
                raise PipelineError(problem)
            _here[name] = made
        except (PipelineError, RequestError) as error:
            problems.append(error.message)
    return problems


def _as_written(given: object) -> str:
    return getattr(given, "__name__", short(given))


def get(name: str) -> Pipeline:
    """The pipeline of this name."""
    load_built_in()
    name = composed(name)
    if name in _offered:  # of the script that asks
        for problem in _take_offered([name]):
            raise PipelineError(problem)
    if name in _here:
        return _here[name]
    if (described := describer.pipelines()).get(name):
        return described[name]
    brought = codes.all_brought()
    if name in brought:
        return _as_brought(brought[name])
    raise NotFoundError(_no_such_pipeline(name, {*_here, *described, *brought}, describer.faults()), "pipeline")


def get_in(place: Place | None, name: str) -> Pipeline:
    """The pipeline of this name in a certain code, or in this process when it has loaded it."""
    if place is None or name in _here or name in _offered:
        return get(name)
    return at(place, name)


def _as_brought(brought: Brought) -> Pipeline:
    """A pipeline as it was when it was brought; its code is loaded when somebody prepares a start."""
    return describer.pipeline_from(cast(PipelineFacts, brought.facts), brought.place)


def at(place: Place, name: str) -> Pipeline:
    """The pipeline of this name in a certain code."""
    described = describer.pipelines(place)
    if name not in described:
        raise NotFoundError(_no_such_pipeline(name, described, describer.faults(place)), "pipeline")
    return described[name]


def place_of(name: str) -> Place | None:
    """Where the code of a pipeline is that a script or a command brought; None for all others."""
    if name in _here or name in describer.pipelines():
        return None
    brought = codes.all_brought().get(name)
    return brought.place if brought else None


def _no_such_pipeline(name: str, known: Iterable[str], faults: Sequence[Message]) -> Message:
    values: Values = {"given": short(name), "known": sorted(known)}
    if not faults:
        return Message("no_such_pipeline", values)
    return Message(UNKNOWN_BESIDE_FAULTS, {**values, "faults": [fault.as_json() for fault in faults]})


def everything() -> list[Pipeline]:
    """Every pipeline, those that come with Trainyard first."""
    load_built_in()
    known = {**describer.pipelines(), **_here}
    known = {**{name: _as_brought(each) for name, each in codes.all_brought().items()}, **known}
    ours = {name: known.pop(name) for name in list(_here)}
    return [*ours.values(), *known.values()]


def built_in() -> list[Pipeline]:
    """The pipelines that come with Trainyard."""
    return [import_module(module).PIPELINE for module in BUILT_IN]


def warm() -> None:
    """Look up what children would otherwise look up anew, each of them: it costs a step 6 ms."""
    load_built_in()
    own_modules()
    code_hash(warm)


def here(name: str) -> Pipeline | None:
    """The pipeline of this name, if its code is loaded into this process."""
    load_built_in()
    return _here.get(name)


def check() -> None:
    """Refuse when a module with people's own pipelines cannot be loaded."""
    for fault in describer.faults():
        raise RequestError(fault, "pipeline")


def measure(name: str) -> Measure:
    """Return the measure of this name that any pipeline declares, or a plain one."""
    for each in everything():
        if declared := declared_measure(each.measures, name):
            return declared
    return measure_for(name)


def main_measures() -> list[str]:
    """The names of the measures that come first in tables and charts."""
    return [measure.name for each in everything() for measure in each.measures if measure.main]


def main_curves() -> list[str]:
    """The names of the curves that come first: those of main measures on validation rows, or as they are."""
    return [curve for name in main_measures() for curve in (f"val_{name}", name)]


@lru_cache(maxsize=1)
def load_built_in() -> None:
    """Load the pipelines that come with Trainyard."""
    for module in BUILT_IN:
        import_module(module)


def load_module(module: str, named_by: str = "pipelines") -> None:
    """Import one module of people's own, or refuse with what is wrong with it; the settings name it as one of
    `pipelines`, or it is in `code` that was brought."""
    try:
        import_module(module)
    except (PipelineError, RequestError):
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name in (module.partition(".")[0], module):
            raise RequestError(Message(f"{named_by}_module_missing", {"module": module}), "pipeline") from error
        values: Values = {"module": module, "reason": slips.first_line(error)}
        raise RequestError(Message(f"{named_by}_module_broken", values), "pipeline") from error


def in_a_child(name: str, place: Place | None = None) -> Pipeline:
    """The pipeline of this name with its code, which is loaded into this process; for processes that run its steps."""
    load_built_in()
    if name not in _here:
        faults = _load_what_can_be(place)
        if name not in _here:
            raise NotFoundError(_no_such_pipeline(name, _here.keys(), faults), "pipeline")
    return _here[name]


def load_for_description() -> tuple[list[Pipeline], list[Message]]:
    """Load people's own pipelines; returns them, and what is wrong with modules that cannot be loaded."""
    load_built_in()
    built_in = set(_here)
    problems = _load_what_can_be()
    return [made for name, made in _here.items() if name not in built_in], problems


def _load_what_can_be(place: Place | None = None) -> list[Message]:
    folders = place.unpacked() if place else [str(settings().project)]
    sys.path[:0] = [folder for folder in folders if folder not in sys.path]
    problems = []
    loaded = set(sys.modules)
    for module in [place.module] if place else own_modules():
        try:
            before = len(_here) + len(_offered)
            is_new = module not in sys.modules
            load_module(module, "code" if place else "pipelines")
            for finder in _finders:
                finder(sys.modules[module])
            if is_new and place is None and len(_here) + len(_offered) == before:
                problems.append(Message("module_without_pipeline", {"module": module}))
        except (PipelineError, RequestError) as error:
            problems.append(slips.placed(error))
            failed_files.update(_files_in(error))
    drop_fresh_bytecode(sys.modules.keys() - loaded)
    return problems + _take_offered(list(_offered))


# Files in which loading stopped, and which are worth another look when they change.
failed_files: set[str] = set()


def _files_in(error: BaseException) -> Iterator[str]:
    """The files that an error came through."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, SyntaxError) and cause.filename:
            yield cause.filename
        yield from (frame.filename for frame in traceback.extract_tb(cause.__traceback__))
        cause = cause.__cause__
