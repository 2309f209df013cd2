"""Describer: a child that loads people's own pipelines and answers questions about them.

The child answers until a file that it loaded has changed; then another one takes its place. What
it answers is plain JSON, so that code of people's own can hand nothing but facts to the process that asks.
"""

import atexit
import contextlib
import json
import logging
import os
import pickle
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from jobs.pipelines.definition import Input, Pipeline, StepDefinition
from jobs.pipelines.described import Description, ParamFacts, PipelineFacts, PlannedFacts, PreparedFacts, StepFacts
from jobs.pipelines.measures import Measure
from jobs.pipelines.params import Param, Params
from jobs.pipelines.planned import PlannedStep, Prepared
from jobs.pipelines.sources import files_of, own_modules
from jobs.pipelines.watching import State, state, unchanged
from store.codes import Place
from store.errors import RequestError, UnavailableError
from store.messages import Message
from store.settings import environment_with_project, settings

log = logging.getLogger(__name__)

ANSWER_SECONDS = 30.0
MOST_BYTES = 64 << 20
HEADER = struct.Struct("!Q")
# When a child is started again that ended, or took too long, while it described.
AGAIN_SECONDS, SLOW_AGAIN_SECONDS = 10.0, 600.0
LOG, MOST_LOGGED = "pipelines.log", 1 << 20
TOO_SLOW = "own_pipelines_too_slow"


@dataclass
class _Child:
    """A child that answers, what it described, and the files that its answers depend on.

    A child that ended while it described stays until one of its modules changes, or until it is time to `try_again`.
    """

    process: subprocess.Popen[bytes]
    line: socket.socket
    modules: str
    place: Place | None
    files: dict[str, State] = field(default_factory=dict)
    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    faults: list[Message] = field(default_factory=list)
    try_again: float | None = None
    asking: threading.Lock = field(default_factory=threading.Lock)
    replaced: bool = False

    def is_current(self, modules: str) -> bool:
        """Whether it would describe the same now, and can answer."""
        if self.modules != modules or not unchanged(dict(self.files)):
            return False
        if self.try_again is not None:
            return time.monotonic() < self.try_again
        return not self.replaced and self.process.poll() is None


# How many children stay for code that was brought; the one for the modules that the settings name comes in addition.
MOST_PLACES = 2

# Held while one child takes the place of another; a question holds only the line to the child that it asks, so that
# a slow answer keeps nobody from what has been described already.
_replacing = threading.RLock()
_children: dict[Place | None, _Child] = {}


def pipelines(place: Place | None = None) -> dict[str, Pipeline]:
    """People's own pipelines, by name: as their code is now, or as it is in a `place`."""
    child = _current(place)
    return child.pipelines if child else {}


def faults(place: Place | None = None) -> list[Message]:
    """What is wrong with each module that cannot be loaded."""
    child = _current(place)
    return child.faults if child else []


def close() -> None:
    """End the children, once they have answered what they are asked; the next question starts another one."""
    with _replacing:
        for place in list(_children):
            _close(place)


def _close(place: Place | None) -> None:
    child = _children.pop(place)
    child.replaced = True
    _end_if_replaced(child)


def ask(operation: str, place: Place | None = None, **arguments: object) -> Any:
    """One question to the child, and its answer as JSON values."""
    until = time.monotonic() + ANSWER_SECONDS
    while True:
        child = _current(place)
        if child is None:
            raise RequestError(Message("no_own_pipelines"), "pipeline")
        if child.try_again is not None:
            raise UnavailableError(child.faults[0], "pipeline")
        if not child.asking.acquire(timeout=max(until - time.monotonic(), 0.0)):
            raise _too_slow()
        try:
            if not child.replaced:
                return _ask(child, {"operation": operation, **arguments})
        finally:
            child.asking.release()
            _end_if_replaced(child)


def _current(place: Place | None) -> _Child | None:
    """The child whose knowledge is up to date; started when needed, and not at all when there is nothing to load."""
    modules = [place.module] if place else own_modules()
    named = ",".join(modules)
    if modules and (child := _children.get(place)) and child.is_current(named):
        return child
    with _replacing:
        if place in _children and not (modules and _children[place].is_current(named)):
            _close(place)
        if modules and place not in _children:
            brought = [each for each in _children if each is not None]
            if place is not None and len(brought) >= MOST_PLACES:
                _close(brought[0])
            _children[place] = _started(named, place)
        return _children[place] if modules else None


def _environment(place: Place | None) -> tuple[str, dict[str, str]]:
    """In which folder a child starts, and where it finds what."""
    if place is None:
        return str(settings().project), environment_with_project()
    folders = place.unpacked()
    found = environment_with_project(folders)
    return folders[0], found | {"TRAINYARD_PIPELINES": place.module, "TRAINYARD_PROJECT": folders[0]}


def _started(modules: str, place: Place | None) -> _Child:
    folder, environment = _environment(place)
    ours, its = socket.socketpair()
    with its, _log() as errors:
        process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", "jobs.pipelines.describing", str(its.fileno())],
            pass_fds=(its.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            cwd=folder,
            env=environment,
        )
    ours.settimeout(ANSWER_SECONDS)
    child = _Child(process, ours, modules, place)
    before = {} if place else {file: state(file) for file in files_of(modules.split(","))}
    try:
        description: Description = _ask(child, {"operation": "describe"})
    except RequestError as refused:
        slow = refused.message.code == TOO_SLOW
        child.faults, child.files = [refused.message], before | child.files
        child.try_again = time.monotonic() + (SLOW_AGAIN_SECONDS if slow else AGAIN_SECONDS)
        return child
    child.faults = [Message.from_json(each) for each in description["faults"]]
    child.pipelines = {each["name"]: pipeline_from(each, place) for each in description["pipelines"]}
    return child


def _log() -> BinaryIO:
    """Where a child writes what it has to say of mistakes; begun anew when it has grown long."""
    folder = settings().folder / "logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / LOG
        long = file.exists() and file.stat().st_size > MOST_LOGGED
        return file.open("wb" if long else "ab")
    except OSError:  # as on a full disk: its answers are worth more than its log
        return Path(os.devnull).open("wb")


def _ask(child: _Child, question: Mapping[str, object]) -> Any:
    try:
        send(child.line, pickle.dumps(question))
        answer = json.loads(receive(child.line))
    except TimeoutError:
        child.replaced = True
        _end(child)
        raise _too_slow() from None
    except (OSError, EOFError, ValueError):
        child.replaced = True
        _end(child)
        raise UnavailableError(Message("own_pipelines_ended")) from None
    child.files = {**answer["files"], **child.files}
    if "refused" in answer:
        raise RequestError(Message.from_json(answer["refused"]), answer.get("field"))
    return answer["answer"]


def _too_slow() -> UnavailableError:
    return UnavailableError(Message(TOO_SLOW, {"seconds": ANSWER_SECONDS}))


def _end_if_replaced(child: _Child) -> None:
    """End a child that was replaced, unless it is being asked: then whoever asks it does so afterwards."""
    if child.replaced and child.asking.acquire(blocking=False):
        try:
            _end(child)
        finally:
            child.asking.release()


def _end(child: _Child) -> None:
    child.line.close()
    child.process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.process.wait(5)


def send(line: socket.socket, data: bytes) -> None:
    """Send one message."""
    line.sendall(HEADER.pack(len(data)) + data)


def receive(line: socket.socket) -> bytes:
    """Receive one message; EOFError when the other side has closed."""
    (size,) = HEADER.unpack(_exactly(line, HEADER.size))
    if size > MOST_BYTES:
        raise EOFError
    return _exactly(line, size)


def _exactly(line: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        part = line.recv(min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def pipeline_from(described: PipelineFacts, place: Place | None) -> Pipeline:
    """A pipeline as described: with its facts, without its code."""
    name = described["name"]
    return Pipeline(
        name=name,
        steps=tuple(_step(name, each, place) for each in described["steps"]),
        label=described["label"],
        description=described["description"],
        inputs=tuple(Input(**each) for each in described["inputs"]),
        measures=tuple(Measure(**each) for each in described["measures"]),
        propose=lambda chosen, inputs: dict(
            ask("propose", place, pipeline=name, chosen=dict(chosen), inputs=dict(inputs))
        ),
        is_function=described["is_function"],
        own_params=tuple(map(param_from, described["params"])),
        offered=described["offered"],
        prepared_elsewhere=lambda given, inputs, options: _prepared(
            ask("prepare", place, pipeline=name, given=dict(given), inputs=inputs, options=dict(options))
        ),
    )


def _step(pipeline: str, described: StepFacts, place: Place | None) -> StepDefinition:
    fixed, key = described["params"], described["key"]
    params = [param_from(each) for each in fixed] if fixed is not None else _asks_for_params(pipeline, key, place)
    return StepDefinition(
        name=described["name"],
        function=_runs_in_a_child,
        version=described["version"],
        needs=tuple(described["needs"]),
        params=params,
        reads_dataset=described["reads_dataset"],
        repeats_on_restart=described["repeats_on_restart"],
        stops_early=described["stops_early"],
        max_attempts=described["max_attempts"],
        timeout=described["timeout"],
        label=described["label"],
        key=key,
    )


def _asks_for_params(pipeline: str, key: str, place: Place | None) -> Callable[[Params], Sequence[Param]]:
    def params(chosen: Params) -> Sequence[Param]:
        return [param_from(each) for each in ask("params", place, pipeline=pipeline, step=key, chosen=dict(chosen))]

    return params


def param_from(described: ParamFacts) -> Param:
    """A param from its JSON."""
    facts: dict[str, Any] = {**described, "choices": tuple(described["choices"])}
    return Param(**facts)


def _runs_in_a_child(_context: object) -> NoReturn:
    raise RuntimeError("the code of this step is loaded by the child that runs it")


def _prepared(prepared: PreparedFacts) -> Prepared:
    steps = tuple(_planned(each) for each in prepared["steps"])
    problems = tuple(RequestError(Message.from_json(each), each["field"]) for each in prepared["problems"])
    return Prepared(
        problems,
        prepared["params"],
        steps,
        prepared["facets"],
        prepared["title"],
        tuple(prepared["notices"]),
        tuple(prepared["tags"]),
    )


def _planned(step: PlannedFacts) -> PlannedStep:
    facts: dict[str, Any] = {**step, "needs": tuple(step["needs"])}
    return PlannedStep(**facts)


def _forget_after_fork() -> None:
    """A child of ours must not talk to its parent's child, nor wait for a thread that only its parent has."""
    global _replacing
    _replacing = threading.RLock()
    for child in _children.values():
        child.line.close()
    _children.clear()


os.register_at_fork(after_in_child=_forget_after_fork)
atexit.register(close)
