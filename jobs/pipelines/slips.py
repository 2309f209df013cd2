"""Slips: which of a pipeline's functions made a mistake, and where in people's own code it is."""

import logging
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import CodeType
from typing import Any, NoReturn

from jobs.pipelines.definition import Pipeline, StepDefinition
from jobs.pipelines.errors import PipelineError
from jobs.pipelines.own_code import is_project_file
from jobs.pipelines.params import Param, short
from store.errors import RequestError
from store.messages import Message, Values
from store.settings import settings

log = logging.getLogger(__name__)

Place = tuple[str, int]


def guarded(made: Pipeline) -> Pipeline:
    """The pipeline with functions that name themselves and their place when they fail or return something else."""

    def named(part: str, wanted: str, fits: Callable[[Any], bool]) -> Any:
        function = getattr(made, part)
        return _guard(function, part, made.name, wanted, fits) if function else None

    return replace(
        made,
        check=named("check", "a list of RequestError", _is_list_of(RequestError)),
        propose=named("propose", "a dict", lambda value: isinstance(value, Mapping)),
        facets=named("facets", "a dict", lambda value: isinstance(value, Mapping)),
        advise=named("advise", "a list of texts", _is_list_of(str)),
        title=named("title", "a text", lambda value: isinstance(value, str)),
        steps=tuple(_with_params(step, made.name) for step in made.steps),
    )


def _with_params(step: StepDefinition, pipeline: str) -> StepDefinition:
    if not callable(step.params):
        return step
    part = f"params of step {step.name}"
    return replace(step, params=_guard(step.params, part, pipeline, "a list of Param", _is_list_of(Param)))


def _is_list_of(kind: type) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(each, kind) for each in value)
    )


def _guard(
    function: Callable[..., Any], part: str, pipeline: str, wanted: str, fits: Callable[[Any], bool]
) -> Callable[..., Any]:
    def call(*given: Any) -> Any:
        try:
            returned = function(*given)
        except RequestError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the author needs to see whatever their code raises
            _refuse(error, function, part, pipeline)
        if fits(returned):
            return returned
        values: Values = {"part": part, "pipeline": pipeline, "given": short(returned), "wanted": wanted}
        raise RequestError(_at(Message("own_part_returned", values), _beginning(function)), "pipeline")

    return call


def _refuse(error: BaseException, function: object, part: str, pipeline: str) -> NoReturn:
    log.error("%s of pipeline %s:\n%s", part, pipeline, "".join(traceback.format_exception(error)))
    values: Values = {"part": part, "pipeline": pipeline, "reason": first_line(error)}
    message = Message("own_part_raised", values)
    raise RequestError(_at(message, place_of(error) or _beginning(function)), "pipeline") from error


def placed(error: PipelineError | RequestError) -> Message:
    """What is wrong with a module, and where in it."""
    place = place_of(error)
    if place is None or isinstance(error.__cause__, SyntaxError):  # which says so itself
        return error.message
    return _at(error.message, place)


def at_its_place(message: Message, error: BaseException) -> Message:
    """What an error of people's own code is, and where it was raised; the log has its traceback."""
    log.error("%s", "".join(traceback.format_exception(error)))
    return _at(message, place_of(error))


def _at(message: Message, place: Place | None) -> Message:
    if place is None:
        return message
    return Message("in_own_file", {"file": place[0], "line": place[1], "problem": message.as_json()})


def place_of(error: BaseException) -> Place | None:
    """The innermost line of people's own code that an error came through."""
    found = None
    cause: BaseException | None = error
    while cause is not None and found is None:
        found = next(_own(traceback.extract_tb(cause.__traceback__)[::-1]), None)
        cause = cause.__cause__
    return found


def _own(frames: Sequence[traceback.FrameSummary]) -> Iterator[Place]:
    for frame in frames:
        if _is_own(frame.filename):
            yield _shown(frame.filename), frame.lineno or 1


def _beginning(function: object) -> Place | None:
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType) or not _is_own(code.co_filename):
        return None
    return _shown(code.co_filename), code.co_firstlineno


def _is_own(file: str) -> bool:
    return not file.startswith("<") and is_project_file(file)


def _shown(file: str) -> str:
    """The file as it is called in the project."""
    path, project = Path(file).resolve(), settings().project.resolve()
    return str(path.relative_to(project)) if path.is_relative_to(project) else path.name


def first_line(error: BaseException) -> str:
    """The kind of an error and what it says, in one line."""
    text = " ".join(str(error).split())[:200].rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
