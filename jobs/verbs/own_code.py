"""Own code: the verbs that bring pipelines in files of people's own, and start them with a configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.authoring import snapshot
from jobs.authoring.configuration import Configuration, read, read_file
from jobs.authoring.options import pipeline_options, step_options
from jobs.pipelines import Pipeline, describer, registry
from jobs.pipelines.described import facts_of
from jobs.pipelines.errors import PipelineError
from jobs.pipelines.params import Params, short
from jobs.verbs import workflows as verbs
from jobs.verbs.permission import deed
from store import codes
from store.actors import Role
from store.codes import Place
from store.errors import InvalidError, NotFoundError, RequestError
from store.messages import Message
from store.workflows import Workflow

SEPARATOR = ":"


@dataclass(frozen=True, slots=True)
class Brought:
    """A pipeline that was brought, and where its code is kept."""

    name: str
    place: Place


@deed("bring code", role=Role.admin)
def bring(source: str, folder: Path | None = None) -> Brought:
    """Keep the code of a pipeline as it is now: `etl.py:nightly`, or `pipelines.etl:nightly`, found in a folder, which
    for a command is the one that it is given in. To bring code is to run it, so only admins may."""
    root, module, paths, wanted = _found(source, (folder or Path.cwd()).resolve())
    place = snapshot.take(root, module, paths)
    known = describer.pipelines(place)
    for fault in describer.faults(place):
        raise RequestError(fault, "pipeline")
    names = [name for name in known if _same(name, wanted)] if wanted else list(known)
    if len(names) != 1:
        code = "no_pipeline_in_file" if not known else "which_pipeline_in_file"
        values = Message(code, {"source": source, "given": wanted or "none", "known": sorted(known)})
        raise NotFoundError(values, "pipeline")
    codes.bring({name: facts_of(each) for name, each in known.items()}, place)
    return Brought(names[0], place)


def _same(name: str, wanted: str) -> bool:
    return name.replace("-", "_").casefold() == wanted.replace("-", "_").casefold()


def _found(source: str, folder: Path) -> tuple[Path, str, list[str], str]:
    """The folder of the code, the module in it, the folders on the path, and the name of the pipeline if it is said."""
    where, _, wanted = source.rpartition(SEPARATOR) if SEPARATOR in source else (source, "", "")
    file = (folder / where) if where.endswith(".py") else folder.joinpath(*where.split(".")).with_suffix(".py")
    if not file.is_file() and (package := file.with_suffix("") / "__init__.py").is_file():
        file = package
    if not file.is_file():
        raise NotFoundError(Message("no_such_code_file", {"source": source, "file": str(file)}), "pipeline")
    file = file.resolve()
    root = folder if file.is_relative_to(folder) else file.parent
    inside = file.relative_to(root).with_suffix("")
    parts = inside.parts[:-1] if inside.name == "__init__" else inside.parts
    if not all(part.isidentifier() for part in parts):
        raise InvalidError(Message("code_file_not_importable", {"file": file.name}), "pipeline")
    own = inside.parent.as_posix()
    return root, ".".join(parts), [".", own] if own != "." and not _is_package(file.parent) else ["."], wanted


def _is_package(folder: Path) -> bool:
    return (folder / "__init__.py").is_file()


def is_source(text: str) -> bool:
    """Whether a text names code rather than a pipeline that is known."""
    return SEPARATOR in text or text.endswith(".py")


def run(
    pipeline: str,
    params: Params | None = None,
    config: Mapping[str, Any] | str | Path | None = None,
    name: str | None = None,
    request: str | None = None,
    *,
    inputs: Mapping[str, int] | None = None,
    place: Place | None = None,
) -> Workflow:
    """Start a pipeline with params and a configuration: a file, or what such a file holds. A param that both set
    differently is refused."""
    configured = _configuration(config)
    _check_options(pipeline, configured)
    known = registry.get_in(place, pipeline)
    given = dict(params or {})
    for each in set(given) & set(configured.parameters):
        if not _equal(known, each, given[each], configured.parameters[each]):
            raise RequestError(Message("param_given_twice", {"owner": pipeline, "param": each}), each)
    if configured.as_json() and not known.is_function:
        raise RequestError(Message("config_of_other_kind", {"pipeline": pipeline}), "config")
    chosen = configured.parameters | given
    return verbs.start(
        pipeline,
        verbs.propose(pipeline, inputs, chosen) if inputs else chosen,
        inputs,
        name,
        request,
        options=configured.as_json(),
        place=place,
    )


def _equal(pipeline: Pipeline, name: str, one: Any, other: Any) -> bool:
    """Whether two values of a param are the same, also where a command gives one as a text."""
    param = pipeline.params({}).get(name)
    return bool(one == other if param is None else param.read(one) == param.read(other))


def _configuration(config: Mapping[str, Any] | str | Path | None) -> Configuration:
    if config is None:
        return Configuration()
    return read(config, "config") if isinstance(config, Mapping) else read_file(config)


def _check_options(pipeline: str, configured: Configuration) -> None:
    """Refuse options that a run or a step cannot have."""
    try:
        pipeline_options(pipeline, configured.options)
        for step, said in configured.steps.items():
            step_options(step, said)
    except PipelineError as wrong:
        raise RequestError(wrong.message, "config") from None


def unused(workflow: Workflow) -> list[str]:
    """What a run's configuration says that nothing here uses."""
    return sorted(workflow.options.get("unused", {}))


def given_param(text: str) -> tuple[str, str]:
    """A param of a command, `name=value`."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise RequestError(Message("setting_malformed", {"given": short(text)}), "param")
    return name.strip(), value
