"""What flows cost: waiting for steps one by one beside a traced chain of them, a map, and a data frame handed on.

    python -m tests.bench.flows

Flow and chain take turns, on the same services; once with a driver that ends at each wait, once with one that lingers.
"""

import os
import sqlite3
import tempfile
import time
from pathlib import Path

from tests.bench.figures import ROOT, Figure, Found, home, middle, run

PAUSE = 0.05
VIEWS = {"cells": ":material/view_agenda: Cells", "graph": ":material/account_tree: Graph"}
SETTINGS = {"TRAINYARD_WORKERS": "2", "TRAINYARD_PIPELINES": "helpers.survivors"}


def measure(short: bool) -> Found:
    rounds, items = (10, 200) if short else (50, 1_000)
    parked, chain = waits("0", rounds)
    lingering, again = waits("2", rounds)
    rate, chunked = mapped(items)
    handed, plain = frames(20 if short else 100)
    drawn = large(500 if short else 5_000)
    return Found(
        [
            Figure("three empty tasks awaited one by one, parked at each, median", 1000 * middle(parked), "ms"),
            Figure(
                "the same, as a share of a traced chain's time", middle(parked) / middle(chain), target=3, guarded=True
            ),
            Figure("the same, lingering, median", 1000 * middle(lingering), "ms"),
            Figure(
                "the same, as a share of a traced chain's time",
                middle(lingering) / middle(again),
                target=2,
                guarded=True,
            ),
            Figure("a traced chain of the three, median", 1000 * middle(again), "ms"),
            Figure(f"a map over {items:,} empty tasks on two workers", rate, "tasks/s", 60, at_least=True),
            Figure("the same in four chunks", chunked, "tasks/s", 1_000, at_least=True),
            Figure("page of a workflow of 5,000 steps", drawn["cells"], "s", 0.5),
            Figure("the same, drawn again", drawn["cells again"], "s", 0.2),
            Figure("the same as a graph", drawn["graph"], "s", 0.5),
            Figure(
                "a data frame handed on, as a share of writing and reading it as parquet",
                handed / plain,
                target=1.3,
                guarded=True,
            ),
        ]
    )


def waits(linger: str, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of the flow and of the chain, in turns."""
    with home(**SETTINGS, TRAINYARD_LINGER_SECONDS=linger):
        from jobs.services import presence
        from store import actors, schema

        schema.prepare()
        with presence.using() as use, actors.acting(actors.operator()):
            use.wait_until_ready()
            flows, chains = [], []
            for number in range(rounds + 3):
                flows.append(took("three", number=number))
                time.sleep(PAUSE)
                chains.append(took("traced_three", number=number))
                time.sleep(PAUSE)
    return flows[3:], chains[3:]


def mapped(items: int) -> tuple[float, float]:
    """Steps a second of a map, and of one in chunks."""
    with home(**SETTINGS):
        from jobs.services import presence
        from store import actors, schema

        schema.prepare()
        with presence.using() as use, actors.acting(actors.operator()):
            use.wait_until_ready()
            took("spreads", count=4)
            return items / took("spreads", count=items), items / took("spreads", count=items, chunk=items // 4)


def took(pipeline: str, **params: int) -> float:
    """Seconds from posting a workflow to its end in the database."""
    from jobs.verbs import workflows

    begun = time.perf_counter()
    workflow = workflows.start(pipeline, params).id
    database = sqlite3.connect(Path(os.environ["TRAINYARD_HOME"]) / "trainyard.db", isolation_level=None)
    while not database.execute("SELECT ended_at FROM workflows WHERE id = ?", [workflow]).fetchone()[0]:
        time.sleep(0.001)
    seconds = time.perf_counter() - begun
    (status,) = database.execute("SELECT status FROM workflows WHERE id = ?", [workflow]).fetchone()
    database.close()
    assert status == "completed", status
    return seconds


def large(count: int) -> dict[str, float]:
    """Seconds until the page of a workflow of so many steps is drawn, as a visitor meets it."""
    with home(**SETTINGS):
        from helpers import authored, survivors
        from streamlit.testing.v1 import AppTest

        from jobs.engine.runner import run_step
        from store import actors, db, schema, steps

        schema.prepare()
        seconds: dict[str, float] = {}
        with actors.acting(actors.operator()):
            number = authored.start(survivors.spreads, count=count)
            run_step(steps.of_workflow(number)[0].id, 1)
            with db.writing() as connection:  # as after hours of work
                connection.exec_driver_sql(
                    "UPDATE steps SET status = 'completed', started_at = ready_at, ended_at = ready_at "
                    "WHERE workflow_id = ? AND role IS NULL AND position % 50 != 7",
                    (number,),
                )
            page = AppTest.from_file(str(ROOT / "pages" / "navigation.py"), default_timeout=60)
            page.run()  # what is loaded once
            page.switch_page("workflow.py")
            page.query_params["id"] = str(number)
            for view, shown in VIEWS.items():
                page.session_state["workflow-view"] = shown
                for again in ("", " again"):
                    begun = time.perf_counter()
                    page.run()
                    seconds[view + again] = time.perf_counter() - begun
                    assert not page.exception, page.exception
    return seconds


def frames(megabytes: int) -> tuple[float, float]:
    """Seconds to save and load a frame as steps do, and as pandas does; each the best of three, in turns."""
    import numpy
    import pandas

    from jobs import artifacts
    from store import files

    rows = megabytes * 1_000_000 // 80
    draw = numpy.random.default_rng(0)
    frame = pandas.DataFrame({f"column_{number}": draw.normal(size=rows) for number in range(10)})
    ours, theirs = [], []
    with home(), tempfile.TemporaryDirectory() as folder:
        for _ in range(3):
            begun = time.perf_counter()
            saved = artifacts.save(frame, pandas.DataFrame, Path(folder))
            assert saved.file
            kept = files.keep(saved.file)
            loaded = artifacts.load(
                saved.format, pandas.DataFrame, file=files.verified(kept), type=saved.type, metadata=saved.metadata
            )
            ours.append(time.perf_counter() - begun)
            assert len(loaded) == rows  # type: ignore[arg-type]
            begun = time.perf_counter()
            frame.to_parquet(Path(folder) / "plain.parquet")
            pandas.read_parquet(Path(folder) / "plain.parquet")
            theirs.append(time.perf_counter() - begun)
    return min(ours), min(theirs)


if __name__ == "__main__":
    run(measure, __doc__)
