"""Many steps as a few folds: those of one group and one name together, as "Train × 40: 38 completed, 2 failed".
Without Streamlit."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pages.parts import words
from store.steps import Step
from store.tables import Status

# With more steps than these, they are folded.
MOST_CELLS = 30
# What is most worth knowing comes first.
ORDER = (
    *(Status.waiting, Status.failed, Status.running, Status.cancelled),
    *(Status.pending, Status.completed, Status.skipped),
)


@dataclass(frozen=True, slots=True)
class Fold:
    """Steps that are alike, the failed ones first."""

    key: str
    title: str
    steps: tuple[Step, ...]

    @property
    def status(self) -> Status:
        """That of the step which is most worth knowing; a failure that a flow handled stops nothing."""
        return next((step.status for step in self.steps if not step.handled), self.steps[0].status)

    @property
    def state(self) -> str:
        """38 completed, 2 failed."""
        return counted(self.steps)


def of(steps: Sequence[Step]) -> list[Fold]:
    """The folds of a workflow's steps, in the order of their first steps."""
    alike: dict[tuple[str, str], list[Step]] = {}
    for step in steps:
        alike.setdefault((step.group or "", step.name), []).append(step)
    return [
        Fold(f"{group}/{name}", _title(group, name, len(each)), tuple(by_worth(each)))
        for (group, name), each in alike.items()
    ]


def _title(group: str, name: str, count: int) -> str:
    title = words.titled(name) if count == 1 else f"{words.titled(name)} × {words.count(count)}"
    return f"{words.titled_group(group)}: {title}" if group else title


def by_worth(steps: Iterable[Step]) -> list[Step]:
    """Failed steps first, then running ones; the others as they are."""
    return sorted(steps, key=lambda step: (ORDER.index(step.status), step.position))


def counted(steps: Iterable[Step]) -> str:
    """How many steps are how far, in words."""
    by_status = Counter((step.status, step.handled and step.status is Status.failed) for step in steps)
    return ", ".join(
        f"{words.count(by_status[status, handled])} {words.status(status).lower()}{' and handled' if handled else ''}"
        for status in (Status.completed, *(each for each in ORDER if each is not Status.completed))
        for handled in (False, True)
        if by_status[status, handled]
    )
