"""Runs: what a script has of a workflow that it started, and of what earlier ones left."""

import logging
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from jobs.authoring import body, snapshot
from jobs.authoring.written import WrittenPipeline
from jobs.language import sentence
from jobs.pipelines.described import facts_of
from jobs.process.printed import OWN_LOGGERS
from store import actors, codes, outputs, schema, steps, workflows
from store.errors import NotFoundError, RequestError
from store.messages import Message
from store.outputs import Output
from store.settings import make_home
from store.steps import Step
from store.tables import Status
from store.workflows import Workflow


class RunFailedError(RuntimeError):
    """A workflow did not complete; the sentence names its failed steps."""

    def __init__(self, run: "Run") -> None:
        self.run = run
        failed = [each for each in run.steps.values() if each.status == Status.failed]
        why = "; ".join(f"{each.key}: {each.error}" for each in failed) or f"it is {run.status}"
        super().__init__(f"Workflow {run.id} of {run.pipeline} did not complete. {why}")


@dataclass(frozen=True, slots=True)
class Artifact:
    """A typed value that a step left."""

    row: Output

    @property
    def id(self) -> int:
        return self.row.id

    @property
    def name(self) -> str:
        return self.row.name

    @property
    def version(self) -> int:
        return self.row.version

    @property
    def type(self) -> str:
        return self.row.type

    @property
    def format(self) -> str:
        return self.row.format

    @property
    def sha256(self) -> str:
        return self.row.sha256

    @property
    def metadata(self) -> dict[str, Any]:
        return self.row.metadata

    run_metadata = metadata

    @property
    def tags(self) -> list[str]:
        return self.row.tags

    def load(self, annotation: Any = Any) -> Any:
        """The value; `annotation` is its type where the format alone does not say it, such as a class of your own."""
        return body.loaded(self.row.handed(), annotation)

    read = load


@dataclass(frozen=True, slots=True)
class StepOfRun:
    """A step of a workflow."""

    row: Step

    @property
    def key(self) -> str:
        return self.row.key

    @property
    def name(self) -> str:
        return self.row.name

    @property
    def status(self) -> Status:
        return self.row.status

    @property
    def is_reused(self) -> bool:
        """Whether its result was taken over from an equal step."""
        return self.row.reused_from is not None

    @property
    def error(self) -> str:
        return sentence(self.row.error) if self.row.error else ""

    @property
    def run_metadata(self) -> dict[str, Any]:
        return dict((self.row.result or {}).get("metadata", {}))

    @property
    def outputs(self) -> dict[str, Artifact]:
        """What it left, by name."""
        found = outputs.of_workflow(self.row.workflow_id, self.row.key)
        return {each.name: Artifact(each) for each in found}

    def output(self, name: str | None = None) -> Artifact:
        """One of what it left; the name may be left out where there is one."""
        left = self.outputs
        if name is None and len(left) == 1:
            return next(iter(left.values()))
        if name not in left:
            raise KeyError(f"Step {self.key} left {', '.join(left) or 'nothing'}, not {name!r}.")
        return left[name]


@dataclass(frozen=True, slots=True)
class Run:
    """A workflow, as it is each time it is asked."""

    id: int

    @property
    def row(self) -> Workflow:
        return workflows.get(self.id)

    @property
    def name(self) -> str:
        return self.row.name

    @property
    def pipeline(self) -> str:
        return self.row.pipeline

    @property
    def status(self) -> Status:
        return self.row.status

    @property
    def tags(self) -> tuple[str, ...]:
        return self.row.tags

    @property
    def params(self) -> dict[str, Any]:
        return self.row.params

    @property
    def steps(self) -> dict[str, StepOfRun]:
        """Its steps by key, in order."""
        return {each.key: StepOfRun(each) for each in steps.of_workflow(self.id)}

    @property
    def outputs(self) -> dict[str, Artifact]:
        """What its steps left, by name; of several with one name the last."""
        return {each.name: Artifact(each) for each in outputs.of_workflow(self.id)}

    def wait(self) -> "Run":
        """Wait until it is over; raises RunFailedError unless it completed."""
        from jobs.cli import follow

        with as_caller():
            follow.run_to_end(self.id, as_json=False)
        if self.status is not Status.completed:
            raise RunFailedError(self)
        return self

    def __repr__(self) -> str:
        return f"<Run {self.id} of {self.pipeline}: {self.status}>"


def as_caller() -> Any:
    """Act as the account that runs the script."""
    return actors.acting(actors.caller())


def open_home() -> None:
    """Make the home ready, as the first command does."""
    make_home()
    schema.prepare()


def launch(pipeline: WrittenPipeline, params: Mapping[str, Any], inputs: Mapping[str, Any]) -> Any:
    """Start a workflow of a pipeline that a script calls, show what it does, and wait for it. Returns the run; of a
    flow, what it returned."""
    from jobs.verbs import workflows as verbs

    for name in OWN_LOGGERS:  # that no service runs yet is no news in a script, which starts them
        logging.getLogger(name).addHandler(logging.NullHandler())
    open_home()
    with as_caller():
        place = snapshot.of_module(pipeline.source.partition(":")[0])
        codes.bring({pipeline.name: facts_of(pipeline.registered)}, place)
        started = verbs.start(
            pipeline.name,
            params,
            {name: _dataset(name, given) for name, given in inputs.items()},
            options={**pipeline.run.as_json(), codes.FOLDER: str(Path.cwd())},
            place=place,
            name=None,
        )
    if pipeline.run.unused:
        names = ", ".join(sorted(pipeline.run.unused))
        sys.stderr.write(f"Of the configuration, {names} is kept with the run and not used.\n")
    run = Run(started.id).wait()
    return _value(pipeline, run) if pipeline.is_flow else run


def _value(flow: WrittenPipeline, run: Run) -> Any:
    """What a flow returned."""
    left = run.steps[flow.name].outputs
    values = [left[each.name].load(each.annotation) if each.name in left else None for each in flow.returned]
    return values[0] if len(values) == 1 else tuple(values) or None


def _dataset(name: str, given: Any) -> int:
    """The number of a dataset that a script gives by this number, as a file, or as a data frame."""
    from jobs.verbs import datasets

    if isinstance(given, int):
        return given
    if isinstance(given, str | Path):
        file = Path(given)
        if not file.is_file():
            raise NotFoundError(Message("no_such_file", {"file": str(file)}), name)
        return datasets.add(file, file.name).id
    if hasattr(given, "to_parquet"):
        return datasets.add(BytesIO(given.to_parquet()), f"{name}.parquet").id
    raise RequestError(Message("dataset_of_other_type", {"input": name, "kind": type(given).__name__}), name)


def load(where: str, output: str | None = None) -> Any:
    """What a step left: `load("run 42", "train.model")`, or of the newest completed run, `load("nightly", "frame")`."""
    return find(where, output).load()


def find(where: str, output: str | None = None) -> Artifact:
    """The artifact that `load` loads."""
    open_home()
    number = where.removeprefix("run ").strip()
    run = int(number) if number.isdigit() else _newest(where)
    step, _, name = (output or "").rpartition(".")
    found = [each for each in _left(run) if (not name or each.name == name) and (not step or each.row.step == step)]
    if not found:
        known = ", ".join(f"{each.row.step}.{each.name}" for each in _left(run))
        raise NotFoundError(Message("refused", {"text": f"{where} left no {output}; it left {known or 'nothing'}."}))
    return found[-1]


def _left(run: int) -> Iterator[Artifact]:
    return map(Artifact, outputs.of_workflow(run))


def _newest(pipeline: str) -> int:
    completed = workflows.Filter(pipelines=(pipeline,), statuses=(Status.completed,))
    for each in workflows.find(completed, limit=1):
        return each.id
    raise NotFoundError(Message("refused", {"text": f"There is no completed run of {pipeline}."}))
