"""The graph of steps as a Mermaid drawing: what needs what, and how far each is. Without Streamlit."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobs.pipelines import Pipeline
from pages.parts import words
from store.steps import Step
from store.tables import Status, StepRole

# With more steps of one name than these, they are one node: "train × 40".
MOST_ALIKE = 3
# With more nodes than these, the steps of a group are one.
MOST_NODES = 30
LONGEST_TITLE = 40
SIGNS = {
    Status.pending: "○",
    Status.running: "▶",
    Status.completed: "✓",
    Status.failed: "✕",
    Status.skipped: "–",
    Status.cancelled: "■",
    Status.waiting: "?",
}
# The colours of the theme, drawn so that the text on them can be read on light and on dark pages.
COLOURS = {
    Status.pending: "#8b97a6",
    Status.running: "#3d85d0",
    Status.completed: "#2f9463",
    Status.failed: "#d0554b",
    Status.skipped: "#8b97a6",
    Status.cancelled: "#cf8334",
    Status.waiting: "#8a63c9",
}


@dataclass(frozen=True, slots=True)
class Node:
    """One step, or several alike, in the drawing."""

    steps: tuple[Step, ...]
    title: str

    @property
    def status(self) -> Status:
        """What is most worth knowing about its steps."""
        # A failure that a flow handled stops nothing.
        seen = {step.status for step in self.steps if not step.handled} or {step.status for step in self.steps}
        order = (Status.waiting, Status.failed, Status.running, Status.cancelled, Status.pending, Status.skipped)
        return next((status for status in order if status in seen), Status.completed)

    @property
    def state(self) -> str:
        """What became of it, in words: Completed · 1.2 s. Without progress, which would redraw it all the time."""
        if len(self.steps) > 1:
            counted = Counter((step.status, step.handled) for step in self.steps)
            return ", ".join(
                f"{words.count(counted[status, handled])} {words.status(status).lower()}{' and handled' * handled}"
                for status in SIGNS
                for handled in (False, True)
                if counted[status, handled]
            )
        step = self.steps[0]
        if step.reused_from is not None:
            return "Reused"
        if step.status.over and step.seconds is not None:
            return f"{words.status(step.status)} · {words.duration(step.seconds)}"
        return words.status(step.status)


def nodes(steps: Sequence[Step], titles: Mapping[str, str]) -> list[Node]:
    """What is drawn: each step by itself, or as one node where many have the same name; of very many, each group as
    one node."""
    alike = Counter(step.name for step in steps)
    named = _together(steps, [step.name if alike[step.name] > MOST_ALIKE else step.key for step in steps])
    if len(named) <= MOST_NODES:
        return [Node(group, _title(group, titles)) for group in named]
    grouped = _together(steps, [f"{step.group}/" if step.group else step.name for step in steps])
    return [Node(group, _title_of_group(group, titles)) for group in grouped]


def _together(steps: Sequence[Step], keys: Sequence[str]) -> list[tuple[Step, ...]]:
    groups: dict[str, list[Step]] = {}
    for step, key in zip(steps, keys, strict=True):
        groups.setdefault(key, []).append(step)
    return [tuple(group) for group in groups.values()]


def _title(group: Sequence[Step], titles: Mapping[str, str]) -> str:
    several = len(group) > 1 and group[0].source  # each of these may have a label of its own
    title = words.titled(group[0].name) if several else titles.get(group[0].key) or words.titled(group[0].name)
    return f"{title} × {words.count(len(group))}" if len(group) > 1 else title


def _title_of_group(group: Sequence[Step], titles: Mapping[str, str]) -> str:
    return words.titled_group(group[0].group) if group[0].group else _title(group, titles)


def mermaid(steps: Sequence[Step], needs: Mapping[int, Sequence[int]], titles: Mapping[str, str]) -> str:
    """The drawing: one node a step, an arrow from what is needed to what needs it, top to bottom. The driver of a flow
    has dotted ones to what it asks for."""
    drawn = nodes(steps, titles)
    place = {step.id: number for number, node in enumerate(drawn) for step in node.steps}
    lines = ["flowchart TD"]
    for number, node in enumerate(drawn):
        title = safe(f"{SIGNS[node.status]} {node.title[:LONGEST_TITLE]}")
        lines.append(f'    n{number}["{title}<br/>{safe(node.state)}"]:::{node.status}')
    driver = next((step for step in steps if step.role == StepRole.driver), None)
    arrows = {
        (place[above], place[step_id])
        for step_id, aboves in needs.items()
        for above in aboves
        if above in place and step_id in place and place[above] != place[step_id]
        if driver is None or step_id != driver.id  # it waits for what it has asked for
    }
    lines += [f"    n{above} --> n{below}" for above, below in sorted(arrows)]
    if driver is not None:
        given = {below for _above, below in arrows}
        lines += [
            f"    n{place[driver.id]} -.-> n{number}"
            for number in range(len(drawn))
            if number not in given and number != place[driver.id]
        ]
    used = {node.status for node in drawn}
    lines += [
        f"    classDef {status} fill:{colour}33,stroke:{colour},stroke-width:{3 if status is Status.running else 2}px"
        for status, colour in COLOURS.items()
        if status in used
    ]
    return "\n".join(lines)


def written(pipeline: Pipeline) -> str:
    """A pipeline as it is written, before anything runs."""
    place = {step.key: number for number, step in enumerate(pipeline.steps)}
    lines = ["flowchart TD"]
    lines += [f'    n{place[step.key]}["{safe(step.title[:LONGEST_TITLE])}"]:::step' for step in pipeline.steps]
    lines += [f"    n{place[need]} --> n{place[step.key]}" for step in pipeline.steps for need in step.needs]
    colour = COLOURS[Status.pending]
    return "\n".join([*lines, f"    classDef step fill:{colour}22,stroke:{colour},stroke-width:1px"])


def safe(text: str) -> str:
    """A text as Mermaid shows it letter by letter, never as markup."""
    return "".join(sign if sign.isalnum() or sign in " ·,." else f"#{ord(sign)};" for sign in text)
