"""What the list of workflows shows, as the URL says it: filters, order, page."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jobs.pipelines import registry
from pages.parts import presentation, visitor, words
from store import actors, sweeps, workflows
from store.ids import read_id
from store.tables import Status
from store.workflows import FACET, SORT_COLUMNS, Filter

LONGEST_TEXT = 200
# How many workflows of a pipeline tell what it has.
LATEST = 20
NEWEST = "-created_at"
SORTS = {
    NEWEST: "Newest first",
    "created_at": "Oldest first",
    "-seconds": "Longest first",
    "seconds": "Shortest first",
    "name": "By name",
}
# Only steps are skipped, or wait for an answer.
STATUSES = tuple(str(status) for status in Status if status not in (Status.skipped, Status.waiting))
# Words of the URL that are no facets.
RESERVED = ("status", "pipeline", "dataset", "text", "unseen", "sort", "page", "mine", "sweep", "tag", "id", "ids")


@dataclass(frozen=True, slots=True)
class ListView:
    """What is looked at; all of it is in the URL."""

    statuses: tuple[str, ...] = ()
    pipeline: str = ""
    facets: Mapping[str, str] = field(default_factory=dict)
    dataset: int | None = None
    text: str = ""
    unseen: bool = False
    sort: str = NEWEST
    page: int = 1
    mine: bool = False
    sweep: int | None = None
    tags: tuple[str, ...] = ()

    def which(self) -> Filter:
        return Filter(
            statuses=self.statuses,
            pipelines=(self.pipeline,) if self.pipeline else (),
            facets={name: (value,) for name, value in self.facets.items()},
            dataset_id=self.dataset,
            text=self.text,
            unseen_failures=self.unseen,
            sort=self.sort.removeprefix("-"),
            descending=self.sort.startswith("-"),
            created_by=actors.name() or "" if self.mine else "",
            sweep_id=self.sweep,
            tags=self.tags,
        )

    def url(self) -> dict[str, str]:
        written = {
            "status": ",".join(self.statuses),
            "pipeline": self.pipeline,
            **{_facet_key(name): value for name, value in self.facets.items()},
            "dataset": self.dataset or "",
            "text": self.text,
            "unseen": "1" if self.unseen else "",
            "sort": self.sort if self.sort != NEWEST else "",
            "page": self.page if self.page > 1 else "",
            "mine": "1" if self.mine else "",
            "sweep": self.sweep or "",
            "tag": ",".join(self.tags),
        }
        return {name: str(value) for name, value in written.items() if value}

    @property
    def score(self) -> str | None:
        """The score that is sorted by, which is then the one to show."""
        name = self.sort.removeprefix("-")
        return None if name in SORT_COLUMNS or name == "seconds" or name.startswith(FACET) else name


def parse(given: Mapping[str, str]) -> ListView:
    """What a URL asks for; whatever makes no sense in it is left out."""
    page, dataset, sort = given.get("page", ""), given.get("dataset", ""), given.get("sort", NEWEST)
    names = workflows.facet_names()
    pipeline = given.get("pipeline", "") if given.get("pipeline") in workflows.pipelines_used() else ""
    return ListView(
        tuple(word for word in given.get("status", "").split(",") if word in STATUSES),
        pipeline,
        {name: value for name in names if (value := _known_value(name, given.get(_facet_key(name), "")))},
        dataset_id if (dataset_id := read_id(dataset)) in workflows.datasets_used() else None,
        given.get("text", "").strip()[:LONGEST_TEXT],
        given.get("unseen") == "1",
        sort if sort in sorts() or sort in sorts(pipeline) else NEWEST,
        read_id(page) or 1,
        given.get("mine") == "1" and visitor.has_signed_in(),
        number if (number := read_id(given.get("sweep", ""))) in sweeps.names() else None,
        tuple(tag for tag in given.get("tag", "").split(",") if tag in workflows.tags_used()),
    )


def sorts(pipeline: str = "") -> dict[str, str]:
    """Every order there is, or that makes sense for a pipeline, as it is written in the URL, and its words."""
    by_score, by_facet = {}, {}
    scores, facets = workflows.score_names(), workflows.facet_names()
    if pipeline:
        latest = workflows.find(Filter(pipelines=(pipeline,)), limit=LATEST)
        scores = list(dict.fromkeys(name for each in latest for name in each.scores))
        facets = list(dict.fromkeys(name for each in latest for name in each.facets))
    for name in scores:
        measure = registry.measure(name)
        if not presentation.is_beside(name):
            by_score[name if measure.lower_is_better else f"-{name}"] = f"Best {measure.shown}"
    for name in facets:
        by_facet[f"{FACET}{name}"] = f"By {words.inside(words.titled(name))}"
    return SORTS | by_score | by_facet


def _facet_key(name: str) -> str:
    """Under which word a facet stands in the URL."""
    return f"{FACET}{name}" if name in RESERVED else name


def _known_value(name: str, value: str) -> str:
    return value if value and workflows.has_facet(name, value) else ""
