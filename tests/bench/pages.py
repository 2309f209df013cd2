"""Pages of a full home: how soon they are there, what filters and sorts cost, and what it costs that many look."""

import asyncio
import base64
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from tests.bench.figures import Figure, Found, home, middle, run

FULL, SHORT, FEW = (100_000, 10_000_000), (10_000, 500_000), (1_000, 50_000)
TIMES = 3
VIEWERS, GATHERING = 30, 4.0
FIRST_CONTENT, SORTED, REFRESHED, SEEN, SHARE, GROWTH = 0.5, 0.3, 0.2, 2.0, 25.0, 1.5
TABLE = "[data-testid=stDataFrame] canvas"
# What has to be there before a page says anything: the table, or the heading, that its readers come for.
CONTENT = {
    "new": "h2:has-text('New workflow')",
    "workflows": TABLE,
    "datasets": TABLE,
    "workflow": "h2:has-text('#')",
    "compare": ".js-plotly-plot",
    "queues": "[data-testid=stMetric]",
    "people": TABLE,
    "account": "h2:has-text('Account')",
}
ORDERS = ("created_at", "-seconds", "seconds", "name", "-accuracy", "-f1", "-auc", "-r2", "rmse", "mae")
NARROWED = (
    {"status": "completed"},
    {"status": "failed"},
    {"algorithm": "mlp"},
    {"dataset": "7"},
    {"mine": "1"},
    {"unseen": "1"},
    {"text": "churn 5"},
    {"text": "nothing like it"},
    {"status": "completed", "sort": "-accuracy"},
    {"page": "99999999"},
)


def measure(short: bool) -> Found:
    few = _pages_of(FEW, short=True)[0]
    workflows, points = SHORT if short else FULL
    seconds, slow, found = _pages_of((workflows, points), short)
    worst = max(seconds, key=lambda name: seconds[name])
    growing = max(seconds, key=lambda name: seconds[name] / few[name])
    said = f"{workflows:,} workflows, {points:,} metric rows"
    return Found(
        [
            Figure("slowest page's script, warm", seconds[worst], "s", FIRST_CONTENT, beside=f"{worst}; {said}"),
            Figure(
                "the page that grows most",
                seconds[growing] / few[growing],
                "x",
                GROWTH,
                guarded=True,
                beside=f"{growing}; beside {FEW[0]:,} workflows",
            ),
            Figure(
                "slowest filter or sort", max(slow.values()), "s", SORTED, beside=max(slow, key=lambda name: slow[name])
            ),
            *found,
        ]
    )


def _pages_of(size: tuple[int, int], short: bool) -> tuple[dict[str, float], dict[str, float], list[Figure]]:
    """The seconds that the script of each page takes, those of each filter and sort, and what the real app does."""
    from conftest import forget

    from tests.bench import fill

    with home() as folder:
        forget()
        filled = fill.fill(*size)
        with _visitor() as opens:
            pages = {name: _seconds(opens, name, asked) for name, asked in _asked(filled).items()}
            slow = {}
            if size != FEW:
                asked = [*({"sort": order} for order in ORDERS), *NARROWED]
                slow = {", ".join(map("=".join, each.items())): _seconds(opens, "workflows", each) for each in asked}
        found = _real(folder, filled, short) if size != FEW else []
        forget()
    return pages, slow, found


def _asked(filled: Any) -> dict[str, dict[str, object]]:
    """What is asked of each page."""
    few = ",".join(str(filled.ended - number) for number in range(12))
    return {
        "new": {},
        "workflows": {},
        "datasets": {},
        "workflow": {"id": filled.ended},
        "compare": {"ids": few},
        "queues": {},
        "people": {},
        "account": {},
    }


@contextmanager
def _visitor() -> Iterator[Callable[..., Any]]:
    """Somebody who has signed in and opens pages of this process; the queue is there, and nobody works."""
    import pytest
    from helpers.visitors import Visitor

    from jobs.services import valkey as valkey_server

    valkey = valkey_server.start()
    try:
        with pytest.MonkeyPatch.context() as patch, mock.patch("logging.Logger.warning"):
            somebody = Visitor(patch)
            somebody.sign_in("person0")
            yield somebody.opens
    finally:
        valkey.terminate()
        valkey.wait()


def _seconds(opens: Callable[..., Any], page: str, asked: Mapping[str, object]) -> float:
    """The page is open, and its script runs again."""
    seen, took = opens(f"{page}.py", **asked), []
    for _ in range(TIMES):
        begun = time.perf_counter()
        seen.run()
        took.append(time.perf_counter() - begun)
    return middle(took)


def _real(folder: Path, filled: Any, short: bool) -> list[Figure]:
    """What the real app does for a browser, and for many who look at one running workflow."""
    import psutil
    from conftest import App

    from jobs.verbs import people

    name, value = people.cookie_name(), people.sign_in_as("person0", "127.0.0.1", "a benchmark")
    with _going_on(filled.live) as said:
        app = App(folder)
        try:
            found = asyncio.run(
                _viewers(
                    app.port,
                    f"{name}={value}",
                    filled.live.step.workflow_id,
                    psutil.Process(app.process.pid),
                    5.0 if short else 12.0,
                    said,
                )
            )
            if not short:
                found += _in_a_browser(app.url, {"name": name, "value": str(value), "url": app.url}, _asked(filled))
        finally:
            for process in app.stop():
                process.kill()
            app.log.unlink()
    return found


@contextmanager
def _going_on(live: Any) -> Iterator[dict[int, float]]:
    """The long training goes on, an epoch a second; gives when each was recorded."""
    from store import steps
    from tests.bench import fill

    over = threading.Event()
    said: dict[int, float] = {}

    def train() -> None:
        for epoch in range(fill.REACHED + 1, fill.LONG):
            from store.messages import Message

            words = f"epoch {epoch:,} of {fill.LONG:,}"
            said[epoch] = time.perf_counter()
            steps.beat(live, fill.curve(epoch, epoch), progress=(epoch / fill.LONG, Message("text", {"text": words})))
            if over.wait(1.0):
                return

    training = threading.Thread(target=train)
    training.start()
    try:
        yield said
    finally:
        over.set()
        training.join()


async def _viewers(
    port: int,
    cookie: str,
    live: int,
    app: Any,
    seconds: float,
    said: Mapping[int, float],
) -> list[Figure]:
    from tests.bench import fill, reader

    async def come() -> reader.Reader:
        one = await reader.visit(port, "workflow", cookie, id=live)
        await one.open()
        return one

    alone = await come()
    looks = [await alone.refresh()]
    for _ in range(TIMES):
        await asyncio.sleep(1.1)
        looks.append(await alone.refresh())
    values = [_values(trace["y"]) for chart in looks[-1].charts for trace in json.loads(chart)["data"]]
    memory = app.memory_full_info().uss
    crowd = [alone] + [await come() for _ in range(VIEWERS - 1)]
    grown = (app.memory_full_info().uss - memory) / (VIEWERS - 1)
    # Whoever came first learns with the next refresh how many there are, and by that how often to ask.
    await asyncio.gather(*(one.stay(GATHERING) for one in crowd))
    used, begun = sum(app.cpu_times()[:2]), time.monotonic()
    stays = await asyncio.gather(*(one.stay(seconds) for one in crowd))
    share = 100 * (sum(app.cpu_times()[:2]) - used) / (time.monotonic() - begun)
    waits = [look.seconds for stay in stays for look in stay]
    lags = [lag for stay in stays for lag in _lags(stay, said)]
    longest = max(len(each) for each in values)
    return [
        Figure(
            "refresh of a running workflow",
            middle([look.seconds for look in looks[1:]]),
            "s",
            REFRESHED,
            beside=f"a curve of {fill.REACHED:,} epochs and 4 names, which grows",
        ),
        Figure(
            "points sent of its longest curve", longest, "points", 1000, guarded=True, beside=f"{fill.REACHED:,} epochs"
        ),
        Figure(
            "peaks of one epoch that are still in it",
            sum(max(each) > fill.SPIKE for each in values),
            "peaks",
            1,
            at_least=True,
            guarded=True,
        ),
        Figure(
            f"{VIEWERS} viewers of a running workflow",
            share,
            "% of a core",
            SHARE,
            beside=f"{len(waits)} refreshes in {seconds:.0f} s",
        ),
        Figure("what one of them waits, middle", middle(waits), "s", REFRESHED),
        Figure(
            "from a number recorded to the page of one of them, middle",
            middle(lags),
            "s",
            SEEN,
            beside=f"slowest of {len(lags)}: {max(lags):.1f} s; refreshed every {crowd[0].every:.0f} s",
        ),
        Figure("memory for each further viewer", grown / 1e6, "MB"),
    ]


def _lags(stay: list[Any], said: Mapping[int, float]) -> Iterator[float]:
    """How long after it was recorded each epoch was seen by somebody who looked all the time."""
    seen = [
        (look.at, max(_values(trace["x"])[-1] for trace in json.loads(look.charts[0])["data"]))
        for look in stay
        if look.charts
    ]
    for epoch, at in list(said.items()):
        if seen and seen[0][1] < epoch <= seen[-1][1]:
            yield next(then for then, last in seen if last >= epoch) - at


def _values(sent: Any) -> list[float]:
    """The numbers of a trace, which Plotly sends as text or as bytes."""
    import numpy as np

    return sent if isinstance(sent, list) else np.frombuffer(base64.b64decode(sent["bdata"]), sent["dtype"]).tolist()


def _in_a_browser(url: str, cookie: dict[str, str], asked: Mapping[str, Mapping[str, object]]) -> list[Figure]:
    """How long until there is something to read: in a new tab, and when the app is open already."""
    from conftest import CHROMIUM
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        return []
    opened: dict[str, float] = {}
    took: dict[str, float] = {}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu"],
            viewport={"width": 1400, "height": 1000},
        )
        context.add_cookies([cookie])  # type: ignore[list-item]
        for name, content in CONTENT.items():
            query = "&".join(f"{key}={value}" for key, value in asked[name].items())
            opened[name], took[name] = _first_content(context, f"{url}/{name}?{query}", content)
        context.close()
    return [
        _slowest("slowest page's first content in Chromium, app open", took, FIRST_CONTENT),
        _slowest("slowest page's first content in Chromium, new tab", opened),
    ]


def _slowest(what: str, took: Mapping[str, float], target: float | None = None) -> Figure:
    slowest = max(took, key=lambda name: took[name])
    return Figure(
        what,
        took[slowest],
        "s",
        target,
        beside=f"{slowest}; " + ", ".join(f"{name} {seconds:.2f}" for name, seconds in took.items()),
    )


def _first_content(context: Any, address: str, content: str) -> tuple[float, float]:
    """In a new tab of a browser that has seen the page before; and from another page of the app back to this one."""
    opened, took = [], []
    for number in range(TIMES + 1):
        page = context.new_page()
        seconds = _until_there(page, content, lambda page=page: page.goto(address, wait_until="commit"))
        if number:
            opened.append(seconds)
            page.get_by_role("link", name="Queues" if "/new" in address else "New", exact=True).click()
            page.locator(content).first.wait_for(state="detached")
            time.sleep(1.0)  # somebody reads
            took.append(_until_there(page, content, lambda page=page: page.go_back(wait_until="commit")))
        page.close()
    return middle(opened), middle(took)


def _until_there(page: Any, content: str, go: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    go()
    page.locator(content).first.wait_for(state="visible")
    return time.perf_counter() - begun


if __name__ == "__main__":
    os.environ.setdefault("TRAINYARD_WORKERS", "2")
    run(measure, __doc__)
