"""Commands that control workflows: run them again, stop them, name and tag them, delete them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.cli.follow import carry_out, show_workflow
from jobs.cli.output import DONE, NOT_DONE, Json, open_home, print_json
from jobs.cli.output import answer as _answer
from jobs.cli.workflows import Id, Ids, Setting, Wait, check_file, upload

if TYPE_CHECKING:
    from jobs.verbs.outlooks import Control

PlanOnly = Annotated[bool, typer.Option("--plan", help="Only say which steps would run and which would be reused.")]


def restart(
    workflow_ids: Ids, setting: Setting = None, plan: PlanOnly = False, wait: Wait = False, as_json: Json = False
) -> int:
    """Run the same dataset and settings again, as a new workflow; of several workflows, each."""
    from jobs.verbs import queries

    params = queries.settings(setting or [])
    open_home()
    if plan:
        return _plan("restart", _only(workflow_ids), params, as_json=as_json)
    if len(workflow_ids) > 1:
        _refuse_with_several(bool(params), "--set")
        return _each("restart", workflow_ids, as_json)
    from jobs.verbs import workflows as verbs

    return carry_out(verbs.restart(workflow_ids[0], params).id, wait, as_json)


def compose(
    data_from: Annotated[int, typer.Option(min=1, max=2**31 - 1, help="Its dataset and target are used.")],
    config_from: Annotated[int, typer.Option(min=1, max=2**31 - 1, help="Its algorithm and settings are used.")],
    name: Annotated[str | None, typer.Option(help="What to call the new workflow.")] = None,
    setting: Setting = None,
    plan: PlanOnly = False,
    wait: Wait = False,
    as_json: Json = False,
) -> int:
    """Start a workflow with the data of one and the configuration of another."""
    from jobs.verbs import queries

    params = queries.settings(setting or [])
    open_home()
    if plan:
        return _plan("compose", data_from, params, config_from=config_from, as_json=as_json)
    from jobs.verbs import workflows as verbs

    return carry_out(verbs.compose(data_from, config_from, name, params).id, wait, as_json)


def rerun(
    workflow_id: Id,
    step: Annotated[str, typer.Option("--from", help="The step whose settings change, such as train.")],
    setting: Setting = None,
    plan: PlanOnly = False,
    wait: Wait = False,
    as_json: Json = False,
) -> int:
    """Run again from one step with other settings, as a new workflow; the steps above are reused."""
    from jobs.verbs import queries

    params = queries.settings(setting or [])
    open_home()
    if plan:
        return _plan("rerun", workflow_id, params, step=step, as_json=as_json)
    from jobs.verbs import workflows as verbs

    return carry_out(verbs.rerun_from(workflow_id, step, params).id, wait, as_json)


def repeat(
    workflow_id: Id,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A file with the new data.")] = None,
    dataset: Annotated[int | None, typer.Option(min=1, max=2**31 - 1, help="Or the number of a dataset.")] = None,
    name: Annotated[str | None, typer.Option(help="What to call the new workflow.")] = None,
    wait: Wait = False,
    as_json: Json = False,
) -> int:
    """Run a workflow's settings on new data, as a new workflow."""
    if (file is None) == (dataset is None):
        raise typer.BadParameter("name a file, or --dataset NUMBER.")
    if file:
        check_file(file)
    open_home()
    from jobs.verbs import workflows as verbs

    dataset_id = upload(file, {}, as_json).id if file else dataset
    assert dataset_id is not None
    return carry_out(verbs.repeat(workflow_id, dataset_id, name).id, wait, as_json)


def retry(
    workflow_ids: Ids,
    step: Annotated[
        str | None, typer.Option(metavar="KEY", help="Only this step, with what it needs and what then can run.")
    ] = None,
    plan: PlanOnly = False,
    wait: Wait = False,
    as_json: Json = False,
) -> int:
    """Try the failed, skipped or cancelled steps of a workflow again; of several workflows, each."""
    open_home()
    if plan:
        return _plan("retry", _only(workflow_ids), {}, step=step, as_json=as_json)
    if len(workflow_ids) > 1:
        _refuse_with_several(step is not None, "--step")
        return _each("retry", workflow_ids, as_json)
    from jobs.verbs import workflows as verbs

    return carry_out(verbs.retry(workflow_ids[0], step).id, wait, as_json)


def cancel(workflow_ids: Ids, as_json: Json = False) -> int:
    """Stop workflows."""
    open_home()
    from jobs.verbs import workflows as verbs

    if len(workflow_ids) == 1:
        verbs.cancel(workflow_ids[0])
        return show_workflow(workflow_ids[0], as_json, f"Workflow {workflow_ids[0]} is cancelled.")
    cancelled = verbs.cancel_all(workflow_ids)
    named = f"Cancelled {', '.join(map(str, cancelled))}." if cancelled else "All of them had ended already."
    return _answer(named, {"cancelled": cancelled}, as_json)


def stop(workflow_id: Id, as_json: Json = False) -> int:
    """Stop training early and keep the best epoch so far; the workflow goes on with it."""
    open_home()
    from jobs.verbs import workflows as verbs

    verbs.stop_early(workflow_id)
    return show_workflow(workflow_id, as_json, f"Workflow {workflow_id} stops and keeps what it has.")


def describe(
    workflow_id: Id,
    name: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    note: Annotated[str | None, typer.Option(help="What you tried, and the result.")] = None,
    as_json: Json = False,
) -> int:
    """Change a workflow's name or note."""
    open_home()
    from jobs.verbs import workflows as verbs

    verbs.describe(workflow_id, name, note)
    return show_workflow(workflow_id, as_json)


def delete(
    workflow_ids: Ids,
    as_json: Json = False,
) -> int:
    """Delete workflows that have ended, with their logs, metrics, models and files that only they use."""
    open_home()
    from jobs.verbs import workflows as verbs
    from store import workflows

    for workflow_id in workflow_ids:
        workflows.get(workflow_id)
    count = verbs.remove(workflow_ids)
    return _answer(f"Deleted {count} workflow{'s' * (count != 1)}.", {"deleted": workflow_ids}, as_json)


def tag(
    workflow_ids: Ids,
    add: Annotated[list[str] | None, typer.Option(metavar="TAG", help="A tag to add.")] = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="TAG", help="A tag to take away.")] = None,
    as_json: Json = False,
) -> int:
    """Mark workflows with tags, or take tags away."""
    open_home()
    from jobs.verbs import workflows as verbs

    changed = verbs.tag(workflow_ids, add or (), remove or ())
    if as_json:
        return print_json([{"workflow_id": each.id, "tags": list(each.tags)} for each in changed])
    from jobs.cli.terminal import table

    table(("ID", "Name", "Tags"), [(each.id, each.name, ", ".join(each.tags)) for each in changed])
    return DONE


def _only(workflow_ids: Sequence[int]) -> int:
    if len(workflow_ids) > 1:
        raise typer.BadParameter("--plan is about one workflow.")
    return workflow_ids[0]


def _refuse_with_several(given: bool, option: str) -> None:
    if given:
        raise typer.BadParameter(f"{option} is about one workflow.")


def _plan(
    control: "Control",
    workflow_id: int,
    params: Mapping[str, Any],
    *,
    step: str | None = None,
    config_from: int | None = None,
    as_json: bool,
) -> int:
    """Print what a control would do to each step."""
    from jobs.verbs import control_schemas, outlooks

    cells = outlooks.of(control, workflow_id, params, step, config_from)
    if as_json:
        return print_json([control_schemas.cell_plan(each) for each in cells])
    from jobs.cli.terminal import say, table

    source = {cell.key: f"reused from {cell.reused_from}" for cell in cells if cell.reused_from is not None}
    if control == "retry":
        source = dict.fromkeys(source, "completed")
    table(("Step", ""), [(cell.key, source.get(cell.key, "runs")) for cell in cells])
    say(f"{len(cells) - len(source)} of {len(cells)} steps would run.")
    return DONE


def _each(act: str, workflow_ids: Sequence[int], as_json: bool) -> int:
    """Do the same to several workflows, and print what became of each."""
    from jobs.language import sentence
    from jobs.verbs import bulk, control_schemas

    outcomes = bulk.do(act, workflow_ids)
    code = NOT_DONE if any(each.refused for each in outcomes) else DONE
    if as_json:
        print_json([control_schemas.outcome(each) for each in outcomes])
        return code
    from jobs.cli.terminal import table

    words = {"restart": "running again as {}", "retry": "retried"}[act]
    rows = [
        (each.workflow_id, sentence(each.refused) if each.refused else words.format(each.started)) for each in outcomes
    ]
    table(("ID", ""), rows)
    return code
