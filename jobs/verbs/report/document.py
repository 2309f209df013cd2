"""The report as one HTML file: what was found first, then how it came about, and how to repeat it."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from functools import partial
from html import escape
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jobs.language import WRITTEN_IN, numbers, phrase, sentence
from jobs.verbs.report import facts, kinds, svg
from jobs.verbs.report.facts import Curve, Facts, Score
from store.datasets import Dataset
from store.errors import RequestError
from store.messages import Message
from store.program import VERSION
from store.steps import Step
from store.tables import now

# Nothing is loaded from anywhere, and no script runs, whatever a name or a text holds.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
MOST_CURVES, MOST_STEPS, MOST_RESULTS = 2, 40, 60
FEW_EPOCHS = 10

STYLE = """
@page { size: A4; margin: 14mm 14mm 16mm }
* { box-sizing: border-box }
html { color-scheme: light; -webkit-print-color-adjust: exact; print-color-adjust: exact }
body { margin: 0 auto; padding: 24px; max-width: 780px; background: #fff; color: #1b2430;
  font: 13px/1.45 system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif }
h1 { font-size: 22px; line-height: 1.2; margin: 2px 0 4px; overflow-wrap: anywhere }
h2 { font-size: 14px; margin: 22px 0 6px; padding-bottom: 3px; border-bottom: 1px solid #d8dee6; break-after: avoid }
h3 { font-size: 13px; margin: 12px 0 4px; break-after: avoid }
p { margin: 4px 0; overflow-wrap: anywhere }
.small { color: #66717f; font-size: 11.5px }
.lead { font-size: 17px; line-height: 1.35; margin: 14px 0 4px; font-weight: 600 }
.note { border-left: 3px solid #9aa5b1; padding: 1px 0 1px 9px; margin: 6px 0; break-inside: avoid }
.note.warning { border-color: #b7651b }
.grid { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 4px 20px; align-items: start;
  grid-auto-flow: dense }
.grid > section { break-inside: avoid; min-width: 0 }
.wide { grid-column: 1 / -1 }
table { border-collapse: collapse; width: 100%; font-size: 12px; margin: 2px 0 4px }
th, td { text-align: left; vertical-align: top; padding: 3px 8px 3px 0; border-bottom: 1px solid #e6eaf0;
  overflow-wrap: anywhere }
th { color: #66717f; font-weight: 500 }
tr { break-inside: avoid }
.right { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
th.right { white-space: normal; overflow-wrap: normal }
.counts td, .counts th { padding: 5px 8px; text-align: center }
svg, img { max-width: 100%; height: auto; display: block }
.legend { display: flex; flex-wrap: wrap; gap: 0 14px; font-size: 11.5px; margin: 0 0 6px }
.legend .name { display: inline-flex; align-items: center; gap: 5px; overflow-wrap: anywhere }
pre { font: 11px/1.45 ui-monospace, "DejaVu Sans Mono", monospace; background: #f3f5f8; padding: 7px 9px;
  border-radius: 4px; white-space: pre-wrap; overflow-wrap: anywhere; margin: 2px 0 8px }
.two { columns: 2; column-gap: 20px } .two div { break-inside: avoid }
.two b { font-weight: 600 }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 2px 14px; margin: 0 }
dt { color: #66717f } dd { margin: 0; overflow-wrap: anywhere }
footer { margin-top: 26px; color: #66717f; font-size: 11px }
@media (max-width: 560px) { body { padding: 14px } .grid { grid-template-columns: minmax(0, 1fr) }
  table { display: block; overflow-x: auto } th, td { overflow-wrap: normal; min-width: 60px } .two { columns: 1 } }
@media print { body { padding: 0; max-width: none } }
"""


def html(workflow_id: int, language: str | None = None, zone: str | None = None) -> str:
    """The report of a completed workflow, with numbers and dates as in a language such as tr, and times of a zone."""
    known = facts.gather(workflow_id)
    if language is None:
        return _page(known, _zone(zone))
    with numbers.speaking(language):
        return _page(known, _zone(zone))


def file_name(workflow_id: int) -> str:
    """What the file is called unless its reader says otherwise."""
    return f"workflow-{workflow_id}-report.html"


def _zone(name: str | None) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ValueError, OSError, ZoneInfoNotFoundError):  # the last is a KeyError
        raise RequestError(Message("zone_unknown", {"given": str(name)}), "zone") from None


def _page(known: Facts, zone: tzinfo) -> str:
    workflow = known.workflow
    title = f"#{workflow.id} {workflow.name}"
    clock = partial(_moment, zone=zone)
    sections = [
        _head(known),
        _notices(known),
        _section("report_scores", _scores(known.scores)),
        _section("report_results", _results(known)),
        _section("report_data", _data(known)),
        _section("report_settings", _settings(known)),
        _section("report_run", _run(known, clock)),
        _section("report_repeat", _commands(known)),
    ]
    foot = phrase("report_written", version=VERSION, at=clock(now()))
    return (
        "<!doctype html>\n"
        f'<html lang="{WRITTEN_IN}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><meta name="referrer" content="no-referrer">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body>{''.join(filter(None, sections))}<footer>{escape(foot)}</footer></body></html>\n"
    )


def _section(title: str, inside: str) -> str:
    return f"<h2>{escape(phrase(title))}</h2>{inside}" if inside else ""


def _head(known: Facts) -> str:
    workflow = known.workflow
    data = [row.title for row in workflow.inputs.values()]
    about = " · ".join([known.pipeline, *data, *(f"{name}: {value}" for name, value in known.facets)])
    lead = sentence(known.told.headline) if known.told.headline else _lead(known.scores)
    below = [*map(sentence, known.told.below), *_bounds_words(known.scores[:1])]
    note = f"<p>{escape(workflow.note)}</p>" if workflow.note else ""
    above = phrase("report_of_workflow", workflow=workflow.id)
    return (
        f'<p class="small">{escape(above)}</p><h1>{escape(workflow.name)}</h1>'
        f'<p class="small">{escape(about)}</p>{note}'
        + (f'<p class="lead">{escape(lead)}</p>' if lead else "")
        + "".join(f"<p>{escape(each)}</p>" for each in below)
    )


def _lead(scores: Sequence[Score]) -> str:
    """The main score, for a pipeline that tells no headline."""
    return f"{scores[0].measure.shown} {_written(scores[0], scores[0].value)}" if scores else ""


def _bounds_words(scores: Sequence[Score]) -> Iterator[str]:
    for score in scores:
        if score.bounds:
            yield sentence(score.measure.within(score.bounds))


def _notices(known: Facts) -> str:
    warning = f"<b>{escape(phrase('report_warning'))}</b> "
    return "".join(
        f'<p class="note {notice.level}">{warning if notice.level == "warning" else ""}'
        f"{escape(sentence(notice.message))}</p>"
        for notice in known.notices
    )


def _written(score: Score, value: float | None) -> str:
    return "" if value is None else numbers.score(value, score.measure.share)


def _scores(scores: Sequence[Score]) -> str:
    """One row a score; columns of which nothing is known are left out."""
    if not scores:
        return ""
    columns = {
        "report_score": [score.measure.shown for score in scores],
        "report_value": [_written(score, score.value) for score in scores],
        "report_range": [_range(score) for score in scores],
        "report_spread": [_written(score, score.spread) for score in scores],
        "report_validation": [_written(score, score.validation) for score in scores],
        "report_baseline": [_written(score, score.baseline) for score in scores],
        "report_help": [score.measure.help for score in scores],
    }
    shown = [name for name, values in columns.items() if any(values)]
    rows = list(zip(*(columns[name] for name in shown), strict=True))
    numeric = [place for place, name in enumerate(shown) if name not in ("report_score", "report_help")]
    return kinds.table(list(map(phrase, shown)), rows, numeric=numeric)


def _range(score: Score) -> str:
    if not score.bounds:
        return ""
    low, high = (_written(score, bound) for bound in score.bounds)
    return phrase("report_between", low=low, high=high)


def _results(known: Facts) -> str:
    """The results of the steps and the curves of training, two beside each other where they are narrow."""
    drawn, album = [], kinds.Album()
    for shown in known.results[:MOST_RESULTS]:
        if inside := kinds.drawn(shown.value, shown.title, album.reading(shown.file)):
            help_ = str(shown.value.get("help") or "")
            below = f'<p class="small">{escape(help_)}</p>' if help_ else ""
            wide = " class=wide" if kinds.is_wide(shown.value) else ""
            drawn.append(f"<section{wide}><h3>{escape(shown.title)}</h3>{inside}{below}</section>")
    drawn += [_curve(curve) for curve in known.curves[:MOST_CURVES]]
    more = len(known.results) - MOST_RESULTS
    cut = phrase("report_results_cut", most=MOST_RESULTS, count=len(known.results))
    left = f'<p class="small">{escape(cut)}</p>' if more > 0 else ""
    return f'<div class="grid">{"".join(drawn)}</div>{left}' if drawn else ""


def _curve(curve: Curve) -> str:
    share = curve.measure.share
    scale = 100 if share else 1
    title = phrase("report_by_epoch", measure=curve.measure.shown)
    colours = {"report_training": svg.GREY}
    lines = [
        svg.Line(
            phrase(part) if part else "",
            [(point.epoch, point.value * scale) for point in points],
            colours.get(part, svg.PALETTE[0]),
        )
        for part, points in sorted(curve.lines.items())
    ]
    last = max(line.points[-1][0] for line in lines if line.points)
    across = svg.Axis(phrase("report_epoch"), numbers.count, (min(1.0, last - 1), last) if last < FEW_EPOCHS else None)
    up = svg.Axis("", (lambda value: f"{numbers.number(value)} %") if share else numbers.number)
    chart = svg.lines(lines, across, up, title) + svg.legend(lines)
    return f"<section><h3>{escape(title)}</h3>{chart}</section>"


def _data(known: Facts) -> str:
    pairs = [(label, _dataset(dataset)) for label, dataset in known.data]
    pairs += [(label, numbers.count(count)) for label, count in known.told.rows.items()]
    return _pairs(pairs)


def _dataset(dataset: Dataset) -> str:
    size = phrase("count_rows", count=dataset.rows) if dataset.rows is not None else numbers.size(dataset.size)
    columns = phrase("count_columns", count=len(dataset.columns))
    return phrase("report_dataset", title=dataset.title, size=size, columns=columns, hash=dataset.sha256[:16])


def _settings(known: Facts) -> str:
    """The settings, those that differ from the default in bold."""
    rows = "".join(
        f'<div><span class="small">{escape(label)}</span> {_strong(escape(value), changed)}</div>'
        for label, value, changed in known.settings
    )
    bold = any(changed for _, _, changed in known.settings)
    below = f'<p class="small">{escape(phrase("report_not_default"))}</p>' if bold else ""
    return f'<div class="two">{rows}</div>{below}' if rows else ""


def _strong(markup: str, strong: bool) -> str:
    return f"<b>{markup}</b>" if strong else markup


def _run(known: Facts, clock: partial[str]) -> str:
    workflow = known.workflow
    began, by = clock(workflow.started_at or workflow.created_at), workflow.created_by
    took = phrase("report_took", at=clock(known.ended_at), time=numbers.duration(workflow.seconds))
    steps = [_took(known.titles.get(step.key, step.name), step) for step in known.steps[:MOST_STEPS]]
    more = len(known.steps) - len(steps)
    rest = [phrase("report_more_steps", count=more)] if more else []
    pairs = {
        "report_started": phrase("report_by", at=began, name=by) if by else began,
        "report_ended": took,
        "report_steps": " · ".join([*steps, *rest]),
    }
    return _pairs([(phrase(label), text) for label, text in pairs.items()])


def _took(title: str, step: Step) -> str:
    if step.reused_from is not None:
        return phrase("report_reused", step=title)
    return f"{title} {numbers.duration(step.seconds)}"


def _commands(known: Facts) -> str:
    text = "\n".join(f"# {phrase(what)}\n{command}" for what, command in known.commands)
    return f"<pre>{escape(text)}</pre>"


def _pairs(pairs: Sequence[tuple[str, str]]) -> str:
    rows = "".join(f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>" for label, value in pairs)
    return f"<dl>{rows}</dl>" if rows else ""


def _moment(time: datetime, zone: tzinfo) -> str:
    there = time.astimezone(zone)
    return re.sub(r":\d\d$", "", numbers.moment(there)) + f" {'UTC' if zone is UTC else zone}"
