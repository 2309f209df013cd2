"""Which modules with pipelines the app that runs on this home was started with, and what that means for a command."""

from jobs.language import sentence
from store.errors import RequestError
from store.messages import Message
from store.settings import settings

NAME, PROJECT = "TRAINYARD_PIPELINES", "TRAINYARD_PROJECT"
UNKNOWN = ("no_such_pipeline", "no_such_pipeline_and_faults")


def check(pipeline: str) -> None:
    """Refuse to start what the workers that run now cannot load: it would fail as soon as one takes it."""
    from jobs.pipelines import registry

    app = _of_the_app()
    if app is None or pipeline in {each.name for each in registry.built_in()}:
        return
    if missing := [each for each in _listed(settings().pipelines) if each not in _listed(app.get(NAME, ""))]:
        wanted = ",".join(dict.fromkeys([*_listed(app.get(NAME, "")), *missing]))
        raise RequestError(Message("app_without_modules", {"missing": missing, "wanted": wanted}), "pipeline")


def advice(refused: RequestError) -> str:
    """What to do about a pipeline that this command does not know, and that the app may know."""
    if refused.message.code not in UNKNOWN:
        return ""
    app = _of_the_app() or {}
    if app.get(NAME) and _listed(app[NAME]) != _listed(settings().pipelines):
        values = {"modules": app[NAME], "project": app.get(PROJECT, ".")}
        return sentence(Message("app_has_modules", {**values}))
    return "" if settings().pipelines else sentence(Message("pipelines_unset"))


def _of_the_app() -> dict[str, str] | None:
    """The settings of the services that run on this home; None when none do, or it cannot be known."""
    from jobs.services import presence

    return presence.started_with()


def _listed(modules: str) -> list[str]:
    return [each.strip() for each in modules.split(",") if each.strip()]
