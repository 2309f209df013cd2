"""The command and the request that do the same as a button."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import streamlit as st

from jobs.pipelines.params import written_texts
from jobs.verbs import queries, run_logs
from pages.parts import address, visitor, words
from store.program import COMMAND
from store.settings import settings


@dataclass(frozen=True, slots=True)
class Command:
    """What to type in a shell instead of pressing a button."""

    what: str
    command: str
    request: str


def run(pipeline: str, params: Mapping[str, object], inputs: Mapping[str, int], called: str = "") -> Command:
    """How to start any pipeline."""
    given = [part for name, dataset_id in inputs.items() for part in ("--input", f"{name}={dataset_id}")]
    return submit(["--pipeline", pipeline, *given], params, {"pipeline": pipeline, "inputs": dict(inputs)}, called)


def submit(what: Sequence[str], params: Mapping[str, object], body: Mapping[str, object], called: str) -> Command:
    """How to start what these arguments and this body say; the params are in both."""
    command = [*COMMAND.split(), "submit", *what, *queries.written(params)]
    named = {"name": called} if called else {}
    command += ["--name", called] if called else []
    return Command(
        "Start",
        shlex.join(command),
        _post(f"{address.server()}/api/workflows", {**body, "params": dict(params), **named}),
    )


def restart(workflow_id: int, params: Mapping[str, object] | None = None) -> Command:
    """How to run a workflow again, with some params changed."""
    if not params:
        return _verb("Restart", "restart", workflow_id)
    command = [*COMMAND.split(), "restart", str(workflow_id), *queries.written(params)]
    return Command("Restart", shlex.join(command), _post(f"{_url(workflow_id)}/restart", {"params": dict(params)}))


def bulk(workflow_ids: Sequence[int]) -> list[Command]:
    """How to do with several workflows what the list can."""
    return [
        all_of("restart", workflow_ids),
        cancel_all(workflow_ids),
        all_of("retry", workflow_ids),
        tag_all(workflow_ids),
        delete_all(workflow_ids),
    ]


def all_of(act: str, workflow_ids: Sequence[int]) -> Command:
    """How to do one thing with several workflows."""
    command = f"{COMMAND} {act} {' '.join(map(str, workflow_ids))}"
    return Command(words.titled(act), command, _bulk({"do": act, "ids": list(workflow_ids)}))


def tag_all(workflow_ids: Sequence[int]) -> Command:
    """How to tag several workflows."""
    command = f"{COMMAND} tag {' '.join(map(str, workflow_ids))} --add nightly --remove draft"
    body = {"do": "tag", "ids": list(workflow_ids), "add": ["nightly"], "remove": ["draft"]}
    return Command("Tag", command, _bulk(body))


def _bulk(body: Mapping[str, object]) -> str:
    return _post(f"{address.server()}/api/workflows/bulk", body)


def delete_all(workflow_ids: Sequence[int]) -> Command:
    requests = (f"{curl()} -X DELETE {address.server()}/api/workflows/{workflow_id}" for workflow_id in workflow_ids)
    return Command("Delete", f"{COMMAND} delete {' '.join(map(str, workflow_ids))}", "\n".join(requests))


def retry(workflow_id: int, step: str = "") -> Command:
    """How to try again what did not complete, or one step."""
    if not step:
        return _verb("Retry", "retry", workflow_id)
    command = [*COMMAND.split(), "retry", str(workflow_id), "--step", step]
    return Command("Retry this step", shlex.join(command), _post(f"{_url(workflow_id)}/retry", {"step": step}))


def cancel(workflow_id: int) -> Command:
    return _verb("Cancel", "cancel", workflow_id)


def stop_early(workflow_id: int) -> Command:
    return _verb("Stop early", "stop", workflow_id)


def answer(workflow_id: int, step: str) -> Command:
    value = {"step": step, "value": "ANSWER"}
    return Command(
        "Answer",
        f"{COMMAND} answer {workflow_id} ANSWER --step {shlex.quote(step)}",
        _post(f"{address.server()}/api/workflows/{workflow_id}/answer", value),
    )


def cancel_all(workflow_ids: Sequence[int]) -> Command:
    requests = (cancel(workflow_id).request for workflow_id in workflow_ids)
    return Command("Cancel", f"{COMMAND} cancel {' '.join(map(str, workflow_ids))}", "\n".join(requests))


def compose(data_from: int, config_from: int, params: Mapping[str, object] | None = None) -> Command:
    command = [*COMMAND.split(), "compose", "--data-from", str(data_from), "--config-from", str(config_from)]
    body: dict[str, object] = {"data_from": data_from, "config_from": config_from}
    if params:
        command += queries.written(params)
        body["params"] = dict(params)
    return Command("Compose", shlex.join(command), _post(f"{address.server()}/api/workflows/compose", body))


def rerun(workflow_id: int, step: str, params: Mapping[str, object]) -> Command:
    command = [*COMMAND.split(), "rerun", str(workflow_id), "--from", step, *queries.written(params)]
    return Command(
        "Run from here",
        shlex.join(command),
        _post(f"{_url(workflow_id)}/rerun", {"step": step, "params": dict(params)}),
    )


def repeat(workflow_id: int, dataset_id: int) -> Command:
    return Command(
        "Same settings on other data",
        f"{COMMAND} repeat {workflow_id} --dataset {dataset_id}",
        _post(f"{_url(workflow_id)}/repeat", {"dataset_id": dataset_id}),
    )


def describe(workflow_id: int) -> Command:
    body = _json({"name": "A new name", "note": "What was tried"})
    return Command(
        "Name, note and tags",
        f"{COMMAND} describe {workflow_id} --name 'A new name' --note 'What was tried'",
        f"{curl()} -X PATCH {_url(workflow_id)} -H 'Content-Type: application/json' -d {body}",
    )


def show(workflow_id: int) -> Command:
    return Command("Show", f"{COMMAND} show {workflow_id} --json", f"{curl()} {_url(workflow_id)}")


def run_log(workflow_id: int, wanted: run_logs.Which) -> Command:
    """How to read the log of a whole workflow."""
    given = {"--grep": wanted.text, "--level": wanted.level, "--step": wanted.step}
    options = [part for name, value in given.items() if value for part in (name, value)]
    query = {"text": wanted.text, "level": wanted.level, "step": wanted.step}
    asked = urlencode({name: value for name, value in query.items() if value})
    url = f"{_url(workflow_id)}/log{'?' if asked else ''}{asked}"
    return Command("Log", shlex.join([*COMMAND.split(), "logs", str(workflow_id), *options]), f"{curl()} '{url}'")


def limit(tag: str, most: int) -> Command:
    """How to limit a tag."""
    url = f"{address.server()}/api/limits/{quote(tag, safe='')}"
    data = f"-H 'Content-Type: application/json' -d {_json({'most': most})}"
    command = shlex.join([*COMMAND.split(), "limit", "set", tag, str(most)])
    return Command("Set limit", command, f"{curl()} -X PUT {url} {data}")


def show_sweep(sweep_id: int) -> Command:
    return Command("Show", f"{COMMAND} sweep show {sweep_id}", f"{curl()} {_sweep_url(sweep_id)}")


def sweep(
    what: Sequence[str],
    params: Mapping[str, object],
    values: Mapping[str, Sequence[object] | str],
    body: Mapping[str, object],
    called: str,
) -> Command:
    """How to try several values at once; the params are those that all trials have in common."""
    tried = [
        part
        for name, each in values.items()
        for part in ("--values", f"{name}={each if isinstance(each, str) else written_texts(each)}")
    ]
    command = [*COMMAND.split(), "sweep", *what, *tried, *queries.written(params)]
    command += ["--name", called] if called else []
    given = {**({"values": dict(values)} if values else {}), "params": dict(params)}
    named = {"name": called} if called else {}
    return Command("Try all", shlex.join(command), _post(f"{address.server()}/api/sweeps", {**body, **given, **named}))


def rename_dataset(dataset_id: int) -> Command:
    body = _json({"name": "A new name"})
    return Command(
        "Rename",
        f"{COMMAND} dataset describe {dataset_id} --name 'A new name'",
        f"{curl()} -X PATCH {address.server()}/api/datasets/{dataset_id} -H 'Content-Type: application/json' -d {body}",
    )


def delete_datasets(dataset_ids: Sequence[int]) -> Command:
    """How to delete datasets that no workflow uses."""
    requests = (f"{curl()} -X DELETE {address.server()}/api/datasets/{dataset_id}" for dataset_id in dataset_ids)
    return Command("Delete", f"{COMMAND} dataset delete {' '.join(map(str, dataset_ids))}", "\n".join(requests))


def rename_sweep(sweep_id: int) -> Command:
    body = _json({"name": "A new name"})
    return Command(
        "Rename",
        f"{COMMAND} sweep describe {sweep_id} --name 'A new name'",
        f"{curl()} -X PATCH {_sweep_url(sweep_id)} -H 'Content-Type: application/json' -d {body}",
    )


def delete_sweep(sweep_id: int, with_workflows: bool = False) -> Command:
    option, query = (" --workflows", "?workflows=true") if with_workflows else ("", "")
    return Command(
        "Delete",
        f"{COMMAND} sweep delete {sweep_id}{option}",
        f"{curl()} -X DELETE {_sweep_url(sweep_id)}{query}",
    )


def stop_sweep(sweep_id: int) -> Command:
    return Command("Stop", f"{COMMAND} sweep stop {sweep_id}", _post(f"{_sweep_url(sweep_id)}/stop"))


def _sweep_url(sweep_id: int) -> str:
    return f"{address.server()}/api/sweeps/{sweep_id}"


def downloads(workflow_id: int, *, with_model: bool) -> list[Command]:
    """How to take away what a completed workflow left."""
    model = f"{curl()} -o workflow-{workflow_id}.joblib {_url(workflow_id)}/model"
    return [
        *([Command("Download model", f"{COMMAND} model {workflow_id}", model)] if with_model else []),
        Command("Download metrics", "", f"{curl()} {_url(workflow_id)}/metrics"),
        Command(
            "Download report",
            f"{COMMAND} report {workflow_id}",
            f"{curl()} -o workflow-{workflow_id}-report.html {_url(workflow_id)}/report",
        ),
    ]


def threshold(workflow_id: int, value: float, costs: tuple[float, float] | None) -> Command:
    """How to move the threshold of a workflow."""
    body: dict[str, float] = {"value": value}
    command = [*COMMAND.split(), "threshold", str(workflow_id), f"{value:g}"]
    if costs:
        body |= {"false_alarm_cost": costs[0], "found_gain": costs[1]}
        command += ["--false-alarm-cost", f"{costs[0]:g}", "--found-gain", f"{costs[1]:g}"]
    data = f"-H 'Content-Type: application/json' -d {_json(body)}"
    return Command("Threshold", shlex.join(command), f"{curl()} -X PUT {_url(workflow_id)}/threshold {data}")


def predict(workflow_id: int) -> Command:
    """How to predict the rows of a file."""
    return Command(
        "Predict new rows",
        f"{COMMAND} predict {workflow_id} new.csv -o predictions.csv",
        f"{curl()} -X POST -T new.csv -o predictions.csv '{_url(workflow_id)}/predict?name=new.csv'",
    )


def predict_row(workflow_id: int, row: Mapping[str, object]) -> Command:
    """How to predict one row."""
    return Command("Predict one row", "", _post(f"{_url(workflow_id)}/predict", {"rows": [dict(row)]}))


def popover(commands: Sequence[Command], key: str, label: str = "As a command") -> None:
    """A small button that shows how to do the same from a shell."""
    with st.popover(label, icon=":material/terminal:", type="tertiary", key=key):
        draw(commands)


def draw(commands: Sequence[Command]) -> None:
    """Commands and requests; a new terminal does not know which modules the app was started with."""
    if modules := settings().pipelines:
        setting = words.plain(f"TRAINYARD_PIPELINES={shlex.quote(modules)}")
        st.caption(f"In a new terminal, in the folder of the app, first: export {setting}")
    for command in commands:
        if len(commands) > 1:
            st.markdown(f"**{command.what}**")
        st.code("\n".join(filter(None, (command.command, command.request))), language="bash", wrap_lines=True)


def user(
    what: str,
    words: Sequence[str],
    method: str,
    path: str,
    body: Mapping[str, object] | None = None,
    *,
    in_person: bool = False,
) -> Command:
    """What an admin does with people; some of it only a browser session can do, no token."""
    command = shlex.join([*COMMAND.split(), "user", *words])
    return Command(what, command, _request(method, quote(path), body, in_person))


def own(
    what: str, method: str, path: str, body: Mapping[str, object] | None = None, *, in_person: bool = False
) -> Command:
    """What people do with their own account; a command cannot know who that is."""
    return Command(what, "", _request(method, f"me{path}", body, in_person))


def _request(method: str, path: str, body: Mapping[str, object] | None, in_person: bool) -> str:
    """The request with curl; in person, it signs in first and shows the session instead of a token."""
    content = f" -H 'Content-Type: application/json' -d {_json(body)}" if body is not None else ""
    ask = f"-X {method} {address.server()}/api/{path}{content}"
    if not in_person or not visitor.has_signed_in():
        return f"{curl()} {ask}"
    return f"curl -c session -d name=NAME -d password=... {address.server()}/login\ncurl -b session {ask}"


def curl() -> str:
    """How a request begins; where people sign in, it shows a token, made on the page Account."""
    return 'curl -H "Authorization: Bearer $TOKEN"' if visitor.has_signed_in() else "curl"


def _verb(what: str, verb: str, workflow_id: int) -> Command:
    return Command(what, f"{COMMAND} {verb} {workflow_id}", _post(f"{_url(workflow_id)}/{verb}"))


def _url(workflow_id: int) -> str:
    return f"{address.server()}/api/workflows/{workflow_id}"


def _post(url: str, body: Mapping[str, object] | None = None) -> str:
    data = f" -H 'Content-Type: application/json' -d {_json(body)}" if body is not None else ""
    return f"{curl()} -X POST {url}{data}"


def _json(body: Mapping[str, object]) -> str:
    return shlex.quote(json.dumps(body, ensure_ascii=False))
