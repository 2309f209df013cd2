"""Client: what a script or notebook, or the body of a pipeline, finds of earlier runs."""

from dataclasses import dataclass
from typing import Any, NoReturn

from jobs.pipelines import registry
from jobs.pipelines.definition import Pipeline
from jobs.verbs import schemas
from store import outputs, workflows
from store.errors import NotFoundError
from store.messages import Message
from store.tables import Status
from store.workflows import Filter
from trainyard.exceptions import DoesNotExistException
from trainyard.runs import Artifact, Run, open_home

_SECRET = "set it as a variable of the environment where Trainyard is started, and read that in the step"
_STACK = "every step runs in a process of its own on this installation's workers"
_MODEL = "return the model from a step, and find its versions with list_artifact_versions"
# What other tools' clients have, and what to write here.
_INSTEAD = {
    **dict.fromkeys(("create_secret", "get_secret", "update_secret", "delete_secret", "list_secrets"), _SECRET),
    **dict.fromkeys(("active_stack", "active_stack_model", "activate_stack", "get_stack", "list_stacks"), _STACK),
    **dict.fromkeys(("create_model", "get_model", "list_models", "get_model_version", "list_model_versions"), _MODEL),
    "get_artifact": "write get_artifact_version(name)",
    "list_artifacts": "write list_artifact_versions()",
    "list_runs": "write list_pipeline_runs(pipeline)",
    "create_run_metadata": "call log_metadata in the step",
    "delete_pipeline_run": "write trainyard delete ID in a terminal",
    "create_schedule": "start the pipeline from your own scheduler: trainyard pipeline run FILE:NAME",
}


@dataclass(frozen=True, slots=True)
class KnownPipeline:
    """A pipeline that can be started here."""

    row: Pipeline

    @property
    def name(self) -> str:
        return self.row.name

    @property
    def description(self) -> str:
        return self.row.description

    @property
    def params(self) -> dict[str, Any]:
        """What it takes, as a JSON schema."""
        return schemas.params_schema(self.row.params({}))

    @property
    def runs(self) -> list[Run]:
        """Its newest runs."""
        return _runs(Filter(pipelines=(self.name,)), 20)

    @property
    def last_run(self) -> Run | None:
        return next(iter(_runs(Filter(pipelines=(self.name,)), 1)), None)

    @property
    def last_successful_run(self) -> Run | None:
        return next(iter(_runs(Filter(pipelines=(self.name,), statuses=(Status.completed,)), 1)), None)


class Client:
    """What there is in this home."""

    def __init__(self) -> None:
        open_home()

    def get_pipeline_run(self, name_id_or_number: str | int) -> Run:
        """A run by its number, or the newest one with this name."""
        number = _number(name_id_or_number, "run ")
        found = workflows.newest_named(str(name_id_or_number)) if number is None else number
        if found is None:
            raise DoesNotExistException(Message("no_run_called", {"given": str(name_id_or_number)}))
        try:
            workflows.get(found)
        except NotFoundError as missing:
            raise DoesNotExistException(missing.message) from None
        return Run(found)

    def list_pipeline_runs(self, pipeline: str | None = None, size: int = 20) -> list[Run]:
        """The newest runs, of one pipeline or of all."""
        return _runs(Filter(pipelines=(pipeline,) if pipeline else ()), size)

    def get_artifact_version(self, name_or_id: str | int, version: int | str | None = None) -> Artifact:
        """An artifact by its id, or by its name: the highest version, or the one that is asked for."""
        number = _number(name_or_id) if version is None else None
        if number is not None:
            try:
                return Artifact(outputs.get(number))
            except NotFoundError as missing:
                raise DoesNotExistException(missing.message) from None
        wanted = None if version is None else _number(version)
        found = outputs.newest(str(name_or_id), wanted) if wanted is not None or version is None else None
        if found is None:
            code = "no_artifact_called" if version is None else "no_such_artifact_version"
            given = (
                {"given": str(name_or_id)} if version is None else {"given": str(name_or_id), "version": str(version)}
            )
            raise DoesNotExistException(Message(code, {**given}))
        return Artifact(found)

    def list_artifact_versions(self, name: str | None = None, size: int = 20) -> list[Artifact]:
        """What steps left, newest first, of one name or of all."""
        return [Artifact(each) for each in outputs.listed(name, limit=size)]

    def get_pipeline(self, name: str) -> KnownPipeline:
        """A pipeline that can be started here."""
        try:
            return KnownPipeline(registry.get(name))
        except NotFoundError as missing:
            raise DoesNotExistException(missing.message) from None

    def list_pipelines(self) -> list[KnownPipeline]:
        """Every pipeline that can be started here."""
        return [KnownPipeline(each) for each in registry.everything()]

    def __getattr__(self, name: str) -> NoReturn:
        if name in _INSTEAD:
            raise AttributeError(f"Client has no {name}: {_INSTEAD[name]}.")
        known = ", ".join(each for each in vars(Client) if not each.startswith("_"))
        raise AttributeError(f"Client has no {name}; it has {known}.")


def _number(given: str | int, prefix: str = "") -> int | None:
    """The number that a text is; None if it is a name."""
    text = str(given).removeprefix(prefix).strip()
    return int(text) if text.isascii() and text.isdigit() else None


def _runs(which: Filter, limit: int) -> list[Run]:
    return [Run(each.id) for each in workflows.find(which, limit)]
