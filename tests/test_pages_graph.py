"""The graph is a pure drawing of steps: true to what needs what, and safe whatever they are called."""

from dataclasses import replace

from helpers import cast

from jobs.pipelines import registry
from pages.parts import graph
from store import steps
from store.tables import Status


def diamond():
    rows = steps.of_workflow(number := cast.play("diamond"))
    return rows, steps.needs_of(number)


def test_every_step_is_a_node_and_every_need_an_arrow(home):
    """A diamond has four nodes and four arrows, from what is needed to what needs it."""
    rows, needs = diamond()
    drawn = graph.mermaid(rows, needs, {})
    assert drawn.count(":::pending") == 4
    assert [line.strip() for line in drawn.splitlines() if "-->" in line] == [
        "n0 --> n1", "n0 --> n2", "n1 --> n3", "n2 --> n3",
    ]  # fmt: skip


def test_a_status_is_a_word_a_sign_and_a_colour(home):
    """How far a step is can be read without seeing colours."""
    rows, needs = diamond()
    drawn = graph.mermaid([replace(rows[0], status=Status.failed), *rows[1:]], needs, {"top": "First"})
    assert "First<br/>Failed" in drawn and f"#{ord('✕')};" in drawn
    assert f"classDef failed fill:{graph.COLOURS[Status.failed]}33" in drawn


def test_many_steps_of_one_name_are_one_node(home):
    """Forty trainings are folded, and say how many of them are how far."""
    rows, _ = diamond()
    many = [replace(rows[1], id=100 + place, key=f"left[{place}]", status=Status.completed) for place in range(38)]
    many += [replace(rows[1], id=200 + place, key=f"left[{50 + place}]", status=Status.failed) for place in range(2)]
    needs = {step.id: [rows[0].id] for step in many}
    drawn = graph.mermaid([rows[0], *many], needs, {})
    assert drawn.count("-->") == 1
    assert "Left × 40" in drawn.replace("#215;", "×") and "38 completed, 2 failed" in drawn
    assert f"]:::{Status.failed}" in drawn


def test_names_are_never_markup():
    """A title is shown letter by letter: no quote, bracket or tag of it reaches the drawing."""
    assert not set('"<>[]{}()&`|') & set(graph.safe('"]<img src=x onerror=alert(1)>{`|&'))
    assert graph.safe("eğit 2") == "eğit 2"


def test_a_pipeline_is_drawn_before_it_runs():
    """The form of a pipeline shows its steps as they are written."""
    drawn = graph.written(registry.get("diamond"))
    assert drawn.count(":::step") == 4 and "n2 --> n3" in drawn
