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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from jobs.pipelines.definition import Input, Pipeline, StepDefinition
from jobs.pipelines.described import Description, ParamFacts, PipelineFacts, PlannedFacts, PreparedFacts, StepFacts
from jobs.pipelines.measures import Measure
from jobs.pipelines.params import Param, Params
from jobs.pipelines.planned import PlannedStep, Prepared
from jobs.pipelines.sources import files_of, own_modules
from store.errors import RequestError
from store.messages import Message
from store.settings import environment_with_project, settings

log = logging.getLogger(__name__)

ANSWER_SECONDS = 30.0
MOST_BYTES = 64 << 20
HEADER = struct.Struct("!Q")

Stamp = tuple[int, int] | None


@dataclass
class _Child:
    """A child that is ready to answer, what it described, and the files that it had loaded by then."""

    process: subprocess.Popen[bytes]
    line: socket.socket
    modules: str
    files: dict[str, Stamp]
    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    faults: list[Message] = field(default_factory=list)


_lock = threading.RLock()
_child: list[_Child] = []


def pipelines() -> dict[str, Pipeline]:
    """People's own pipelines, by name, as their code is now."""
    child = _current()
    return child.pipelines if child else {}


def faults() -> list[Message]:
    """What is wrong with each module that cannot be loaded."""
    child = _current()
    return child.faults if child else []


def close() -> None:
    """End the child; the next question starts another one."""
    with _lock:
        while _child:
            _end(_child.pop())


def ask(operation: str, **arguments: object) -> Any:
    """One question to the child, and its answer as JSON values."""
    with _lock:
        child = _current()
        if child is None:
            raise RequestError(Message("no_own_pipelines"), "pipeline")
        return _ask(child, {"operation": operation, **arguments})


def _current() -> _Child | None:
    """The child whose knowledge is up to date; started when needed, and not at all when there is nothing to load."""
    with _lock:
        modules = own_modules()
        if not modules:
            close()
            return None
        named = ",".join(modules)
        if _child and not _is_current(_child[0], named):
            close()
        if not _child:
            _child.append(_started(named))
        return _child[0]


def _is_current(child: _Child, modules: str) -> bool:
    if child.modules != modules or (child.process.poll() is not None and not child.faults):
        return False
    return all(stamp(file) == before for file, before in child.files.items())


def _started(modules: str) -> _Child:
    ours, its = socket.socketpair()
    with its:
        process = subprocess.Popen(
            [sys.executable, "-m", "jobs.pipelines.describing", str(its.fileno())],
            pass_fds=(its.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=settings().project,
            env=environment_with_project(),
        )
    ours.settimeout(ANSWER_SECONDS)
    child = _Child(process, ours, modules, {})
    try:
        description: Description = _ask(child, {"operation": "describe"})
    except RequestError as refused:
        child.faults = [refused.message]
        child.files = {file: stamp(file) for file in files_of(modules.split(","))}
        return child
    child.files = {file: (before[0], before[1]) if before else None for file, before in description["files"].items()}
    child.faults = [Message.from_json(each) for each in description["faults"]]
    child.pipelines = {each["name"]: _pipeline(each) for each in description["pipelines"]}
    return child


def stamp(file: str) -> Stamp:
    """Return the time and size of a file; None when there is none."""
    try:
        stat = Path(file).stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


def _ask(child: _Child, question: Mapping[str, object]) -> Any:
    try:
        send(child.line, pickle.dumps(question))
        answer = json.loads(receive(child.line))
    except TimeoutError:
        _end(child)
        raise RequestError(Message("own_pipelines_too_slow", {"seconds": ANSWER_SECONDS})) from None
    except (OSError, EOFError, ValueError):
        _end(child)
        raise RequestError(Message("own_pipelines_ended")) from None
    if "refused" in answer:
        raise RequestError(Message.from_json(answer["refused"]), answer.get("field"))
    return answer["answer"]


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


def _pipeline(described: PipelineFacts) -> Pipeline:
    """Return a pipeline as described: with its facts, without its code."""
    name = described["name"]
    return Pipeline(
        name=name,
        steps=tuple(_step(name, each) for each in described["steps"]),
        label=described["label"],
        description=described["description"],
        inputs=tuple(Input(**each) for each in described["inputs"]),
        measures=tuple(Measure(**each) for each in described["measures"]),
        propose=lambda chosen, inputs: dict(ask("propose", pipeline=name, chosen=dict(chosen), inputs=dict(inputs))),
        prepared_elsewhere=lambda given, inputs: _prepared(
            ask("prepare", pipeline=name, given=dict(given), inputs=inputs)
        ),
    )


def _step(pipeline: str, described: StepFacts) -> StepDefinition:
    fixed, key = described["params"], described["key"]
    params = [param_from(each) for each in fixed] if fixed is not None else _asks_for_params(pipeline, key)
    return StepDefinition(
        name=described["name"],
        function=_runs_in_a_child,
        version=described["version"],
        needs=tuple(described["needs"]),
        params=params,
        reads_dataset=described["reads_dataset"],
        repeats_on_restart=described["repeats_on_restart"],
        max_attempts=described["max_attempts"],
        timeout=described["timeout"],
        label=described["label"],
        key=key,
    )


def _asks_for_params(pipeline: str, key: str) -> Callable[[Params], Sequence[Param]]:
    def params(chosen: Params) -> Sequence[Param]:
        return [param_from(each) for each in ask("params", pipeline=pipeline, step=key, chosen=dict(chosen))]

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
        problems, prepared["params"], steps, prepared["facets"], prepared["title"], tuple(prepared["notices"])
    )


def _planned(step: PlannedFacts) -> PlannedStep:
    facts: dict[str, Any] = {**step, "needs": tuple(step["needs"])}
    return PlannedStep(**facts)


def _forget_after_fork() -> None:
    """A child of ours must not talk to its parent's child."""
    for child in _child:
        child.line.close()
    _child.clear()


os.register_at_fork(after_in_child=_forget_after_fork)
atexit.register(close)
