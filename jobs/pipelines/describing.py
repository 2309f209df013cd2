"""The child of the describer: loads people's own pipelines and answers until its caller closes the connection."""

import json
import pickle
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, cast

from jobs.pipelines import registry
from jobs.pipelines.definition import Datasets, Options
from jobs.pipelines.described import (
    Description,
    ParamFacts,
    PlannedFacts,
    PreparedFacts,
    facts_of,
    params_facts,
)
from jobs.pipelines.describer import receive, send
from jobs.pipelines.errors import PipelineError
from jobs.pipelines.own_code import is_project
from jobs.pipelines.params import Params
from jobs.pipelines.preparation import prepare
from jobs.pipelines.slips import at_its_place, guarded
from jobs.pipelines.sources import drop_fresh_bytecode, files_of, own_modules
from jobs.pipelines.watching import State, Watched, state
from store.errors import RequestError
from store.messages import Message


def main() -> None:
    """Answer question after question."""
    line = socket.socket(fileno=int(sys.argv[1]))
    registry.load_built_in()
    read = Watched()
    read.begin()
    while True:
        try:
            question = pickle.loads(receive(line))
        except (EOFError, OSError):
            return
        loaded = set(sys.modules)
        answer = _answer(question)
        drop_fresh_bytecode(sys.modules.keys() - loaded)
        send(line, json.dumps({**answer, "files": _files(read)}).encode())


def _files(read: Watched) -> dict[str, State]:
    """What the answers depend on so far: all that was read, but for what these modules write themselves."""
    loaded = [*_project_files(), *registry.failed_files, *files_of(own_modules())]
    known = {file: state(file) for file in loaded if file not in read.files} | read.files
    return {file: before for file, before in known.items() if file not in read.written}


def _answer(question: dict[str, Any]) -> dict[str, object]:
    try:
        return {"answer": OPERATIONS[question.pop("operation")](**question)}
    except RequestError as refused:
        return {"refused": refused.message.as_json(), "field": refused.field}
    except PipelineError as wrong:
        return {"refused": wrong.message.as_json(), "field": "pipeline"}
    except BaseException as error:  # noqa: BLE001 - the author needs to see whatever their code raises
        first = (str(error) or type(error).__name__).splitlines()[0][:300]
        message = Message("own_pipeline_raised", {"kind": type(error).__name__, "reason": first})
        return {"refused": at_its_place(message, error).as_json(), "field": "pipeline"}


def describe() -> Description:
    """Every pipeline of people's own, and what is wrong with modules."""
    pipelines, faults = registry.load_for_description()
    return {
        "pipelines": [facts_of(each) for each in pipelines],
        "faults": [fault.as_json() for fault in faults],
    }


def _project_files() -> list[str]:
    return [
        file
        for module in list(sys.modules.values())
        if (file := getattr(module, "__file__", None)) and is_project(module)
    ]


def params(pipeline: str, step: str, chosen: Params) -> list[ParamFacts]:
    """The params of a step, for what is chosen so far."""
    return params_facts(registry.in_a_child(pipeline).step(step).params_for(chosen))


def propose(pipeline: str, chosen: Params, inputs: Datasets) -> dict[str, Any]:
    """What is chosen so far, completed by what the pipeline proposes for its inputs."""
    return dict(guarded(registry.in_a_child(pipeline)).propose(chosen, inputs))


def prepared(pipeline: str, given: Params, inputs: Datasets, options: Options | None = None) -> PreparedFacts:
    """What a start would write."""
    made = prepare(guarded(registry.in_a_child(pipeline)), given, inputs, options)
    return {
        "problems": [{**each.message.as_json(), "field": each.field} for each in made.problems],
        "params": made.params,
        "steps": [cast(PlannedFacts, asdict(each)) for each in made.steps],
        "facets": dict(made.facets or {}),
        "title": made.title,
        "notices": list(made.notices),
        "tags": list(made.tags),
    }


OPERATIONS: dict[str, Callable[..., Any]] = {
    "describe": describe,
    "params": params,
    "propose": propose,
    "prepare": prepared,
}

if __name__ == "__main__":
    main()
