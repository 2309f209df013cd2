"""A workflow of many steps is folded: one bar, folds with the failed steps first, and only what is open is drawn."""

from dataclasses import replace

import pytest
from helpers import authored
from helpers.notebooks import page, text
from helpers.visitors import checked

from jobs.authoring.pipeline import pipeline
from jobs.authoring.step import step
from pages.parts import forms, graph
from pages.parts.workflow import folds
from store import steps
from store.tables import Status

pytestmark = pytest.mark.usefixtures("home", "cheap")


@step
def load(count: int) -> int:
    return count


@step
def train(number: int, of: int) -> int:
    if number in (7, 21):
        raise ValueError("bad luck")
    return number * of


@step
def report(number: int) -> int:
    return number


@pipeline
def part(number: int) -> None:
    report(load(number))


@pipeline
def forest(count: int = 40, note: str = "a *note*") -> None:
    whole = load(count)
    for number in range(count):
        train(number, whole)


@pipeline
def groups(count: int = 20) -> None:
    for number in range(count):
        part(number)


def test_forty_steps_are_one_bar_and_one_fold():
    """The bar says how many completed, the fold which failed; of steps that are alike no cell is drawn before that is
    opened, and one without its like is a cell."""
    workflow = authored.run(forest)
    seen = page(id=workflow.id)
    assert [each.proto.text for each in seen.get("progress")] == ["39 of 41 completed, 2 failed"]
    said = text(seen)
    assert "**Train × 40**" in said
    assert ":red-badge[:material/error: 38 completed, 2 failed]" in said
    assert [each.label for each in seen.expander] == ["Steps"]
    assert [each.value.split("  ")[1] for each in seen.markdown if each.value.startswith("#####")] == ["Load"]
    assert "count 40 · note a *note*" in text(seen)


def test_an_open_fold_shows_its_failed_steps_first_and_pages_the_others():
    """Ten cells a page, with the numbers that the steps have in the workflow."""
    workflow = authored.run(forest)
    seen = page(id=workflow.id)
    for name in ("/load", "/train"):
        seen.session_state[f"fold-{workflow.id}-{forms.mark([name])}"] = True
    seen = checked(seen.run())
    heads = [each.value for each in seen.markdown if each.value.startswith("#####")]
    assert len(heads) == 11
    assert [head.split("]")[0].split("[")[1] for head in heads[1:3]] == ["9", "23"]
    assert "bad luck" in text(seen)


def test_the_graph_of_many_groups_has_one_node_for_each():
    """Above thirty nodes the steps of a group are one; arrows within it are not drawn."""
    number = authored.start(groups)
    rows, needs = steps.of_workflow(number), steps.needs_of(number)
    named = [replace(row, name=row.key) for row in rows]  # so that names fold nothing
    assert len(graph.nodes(rows, {})) == 2
    drawn = graph.nodes(named, {})
    assert len(drawn) == 20 and {len(node.steps) for node in drawn} == {2}
    assert "-->" not in graph.mermaid(named, needs, {})
    assert drawn[1].title == "Part 2"


def test_folds_are_by_group_and_name():
    """Equal names of two groups are two folds, in the order of their first steps."""
    listed = folds.of(steps.of_workflow(authored.start(groups, count=2)))
    assert [each.title for each in listed] == ["Part: Load", "Part: Report", "Part 2: Load", "Part 2: Report"]
    assert {each.status for each in listed} == {Status.pending} and listed[0].state == "1 waiting"


def test_a_pending_workflow_of_many_steps_says_what_waits():
    """Before a worker is there, the page comes up without asking for the place of each step."""
    seen = page(id=authored.start(forest))
    assert [each.proto.text for each in seen.get("progress")] == ["0 of 41 completed, 41 waiting"]
