"""Data bigger than memory: a CSV goes from POST /api/datasets to a completed workflow in the real app, while the memory
of every process and the disk are watched.

    python -m tests.bench.bigger --gigabytes 10

The file has 20 columns in about 200 bytes a row (numbers, three texts, a date, a label) and is sorted by its label, so
that only true shuffling lets it be learned. Memory is what each process has resident, mapped pages included; disk is
all that the home holds, the uploaded file included, at any moment.
"""

import argparse
import contextlib
import http.client
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure, Found, Plot, table

ROWS_A_GB = 5_000_000
NUMBERS = 15
BLOCK_ROWS = 200_000
EPOCHS = 2
LOOK_SECONDS = 0.2
MB, GB = 1 << 20, 1_000_000_000
STEPS = ("upload", "preprocess", "train", "evaluate")


@dataclass
class Run:
    """One file's way through the app."""

    rows: int
    size: int
    posted: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    accuracy: float = 0.0
    silence: float = 0.0
    memory: dict[str, int] = field(default_factory=dict)
    shared: dict[str, int] = field(default_factory=dict)
    disk: int = 0
    left: int = 0
    now: str = "a step"

    @property
    def total(self) -> float:
        return self.posted + sum(self.seconds.values())


def measure(short: bool, gigabytes: float = 10.0, folder: Path | None = None, growth: bool = False) -> Found:
    """The big file shows memory and disk, small ones growth and that the order of rows does not matter."""
    rows = [50_000, 500_000] if short else [1_000_000, *([10_000_000] if growth else []), round(gigabytes * ROWS_A_GB)]
    with workplace(folder) as place, running_app(place / "home") as app:
        mixed = travel(app, made(place / "mixed.csv", max(rows[0], 200_000), in_order=False))
        runs = [travel(app, made(place / f"rows-{count}.csv", count)) for count in dict.fromkeys(rows)]
    one, ten, big = runs[0], runs[1], runs[-1]
    peak = max(big.memory.values()) / MB
    greediest = max(big.memory, key=lambda role: big.memory[role])
    size = f"{big.size / GB:.1f} GB, {big.rows:,} rows"
    return Found(
        [
            Figure(
                f"CSV of {size}: biggest process at its peak",
                peak,
                "MiB",
                1024,
                beside=f"it was the {greediest}",
                guarded=True,
            ),
            Figure("the same: disk at its peak, as a multiple of the file", big.disk / big.size, "x", 3, guarded=True),
            Figure("the same: scratch left behind", big.left / MB, "MiB", 0, guarded=True),
            Figure("the same: longest time without news of progress", big.silence, "s", 60),
            Figure("the same: uploaded to evaluated", big.total, "s", beside=f"{big.rows / big.total:,.0f} rows/s"),
            Figure(
                f"{ten.rows:,} rows: time per row, as a share of what {one.rows:,} take",
                ten.total / ten.rows / (one.total / one.rows),
                "x",
                1.1,
                guarded=True,
                beside=f"{one.total:.1f} s",
            ),
            Figure(
                "sorted by label: accuracy lost against mixed rows",
                mixed.accuracy - big.accuracy,
                "",
                0.02,
                guarded=True,
                beside=f"{mixed.accuracy:.4f}",
            ),
        ],
        [Plot("From file to tested model", "rows", "seconds", {"seconds": [(run.rows, run.total) for run in runs]})],
    )


def made(path: Path, rows: int, in_order: bool = True) -> Path:
    """A table whose label follows from its numbers and texts, mostly; the last half of the rows says yes."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv

    begun = time.monotonic()
    random = np.random.default_rng(rows)
    cities = np.array(["Ankara", "İstanbul", "İzmir", "Bursa", "Adana", "Muş"])
    plans, words = np.array(["basic", "plus", "family"]), np.array(["web", "shop", "phone", "friend"])
    options = csv.WriteOptions(include_header=False, quoting_style="none")
    with path.open("wb") as stream:
        names = [*(f"number_{n}" for n in range(NUMBERS)), "city", "plan", "source", "since", "bought"]
        stream.write((",".join(names) + "\n").encode())
        for start in range(0, rows, BLOCK_ROWS):
            count = min(BLOCK_ROWS, rows - start)
            position = np.arange(start, start + count)
            yes = position >= rows // 2 if in_order else random.random(count) < 0.5
            numbers = (random.normal(size=(NUMBERS, count)) + 0.25 * yes).round(8)
            texts = [random.choice(values, count) for values in (cities, plans, words)]
            days = np.datetime64("2020-01-01") + random.integers(0, 2_000, count)
            columns = [*numbers, *texts, days.astype("datetime64[D]"), np.where(yes, "yes", "no")]
            csv.write_csv(pa.table(dict(zip(names, columns, strict=True))), stream, options)
    say(f"made {path.name}: {rows:,} rows, {path.stat().st_size / MB:,.0f} MiB in {time.monotonic() - begun:.0f} s")
    return path


def travel(app: Any, path: Path) -> Run:
    """Post the file, train on it, test the model; and watch. The file is removed."""
    with path.open("rb") as stream:
        rows = sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(MB), b"")) - 1
    run = Run(rows, path.stat().st_size)
    say(f"{path.name}: {rows:,} rows, {run.size / MB:,.0f} MiB")
    before = used(app.home)
    with watching(app, before, run):
        begun = time.monotonic()
        dataset = ask(app, "POST", f"/api/datasets?name={path.name}", path)
        run.posted = time.monotonic() - begun
        say(f"  upload request {run.posted:.1f} s, {rows / run.posted:,.0f} rows/s")
        workflow = ask(
            app,
            "POST",
            "/api/workflows",
            {
                "dataset_id": dataset["id"],
                "target": "bought",
                "algorithm": "logistic_regression",
                "params": {"epochs": EPOCHS},
            },
        )
        ended = awaited(app, workflow["id"], run)
    path.unlink()
    run.accuracy = ended["scores"]["accuracy"]
    run.left = sum(used(folder) for folder in (app.home / "scratch", app.home / "checkpoints"))
    for name, seconds in run.seconds.items():
        per_epoch = f", {rows * EPOCHS / seconds:,.0f} rows/s per epoch" if name == "train" else ""
        say(f"  {name} {seconds:.1f} s, {rows / seconds:,.0f} rows/s{per_epoch}")
    for role in sorted(run.memory):
        say(
            f"  {role}: {run.memory[role] / MB:,.0f} MiB resident at the peak, {run.shared[role] / MB:,.0f} MiB with "
            "shared pages counted once"
        )
    say(
        f"  disk {run.disk / run.size:.2f} times the file at the peak, {run.left:,} bytes of scratch left, accuracy "
        f"{run.accuracy:.4f}, longest silence {run.silence:.0f} s"
    )
    return run


def awaited(app: Any, workflow_id: int, run: Run) -> dict[str, Any]:
    """The workflow when it is over; how long each step took, and the longest time without news."""
    news, since, said = None, time.monotonic(), time.monotonic()
    while True:
        workflow = ask(app, "GET", f"/api/workflows/{workflow_id}")
        now = time.monotonic()
        told = [(step["status"], step.get("progress"), step.get("progress_words")) for step in workflow["steps"]]
        run.now = next((step["name"] for step in workflow["steps"] if step["status"] == "running"), run.now)
        if told != news:
            news, since = told, now
        run.silence = max(run.silence, now - since)
        if now - said > 30:
            said = now
            say(
                "  "
                + "; ".join(f"{share:.0%} {words}" for status, share, words in told if status == "running" and share)
            )
        if workflow["status"] not in ("pending", "running"):
            assert workflow["status"] == "completed", workflow
            run.seconds = {step["name"]: step["seconds"] for step in workflow["steps"]}
            return workflow
        time.sleep(0.1 if run.size < GB else 1.0)


def ask(app: Any, method: str, path: str, body: Path | dict[str, Any] | None = None) -> Any:
    """An answer of the API; a file is streamed."""
    connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=3600)
    with contextlib.closing(connection), contextlib.ExitStack() as stack:
        if isinstance(body, Path):
            connection.blocksize = MB
            headers = {"Content-Type": "text/csv", "Content-Length": str(body.stat().st_size)}
            connection.request(method, path, stack.enter_context(body.open("rb")), headers)
        else:
            connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        found = json.loads(answer.read())
        assert answer.status < 300, found
        return found


@contextlib.contextmanager
def watching(app: Any, before: int, run: Run) -> Iterator[None]:
    """Look at every process of the app, and at its disk, again and again."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            look_at_processes(app, run)
            run.disk = max(run.disk, used(app.home) - before)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def look_at_processes(app: Any, run: Run) -> None:
    import psutil

    for process in [psutil.Process(app.process.pid), *psutil.Process(app.process.pid).children(recursive=True)]:
        with contextlib.suppress(psutil.Error, OSError):
            role, resident = role_of(process).format(run.now), process.memory_info().rss
            if resident > run.memory.get(role, 0):
                run.memory[role] = resident
                run.shared[role] = max(process.memory_full_info().pss, run.shared.get(role, 0))


def role_of(process: Any) -> str:
    """What a process is there for."""
    words = " ".join(process.cmdline())
    forks = sum(1 for each in process.parents() if "jobs.services.supervisor" in " ".join(each.cmdline()))
    if "valkey" in process.name():
        return "Valkey"
    if "jobs.tabular.sandbox" in words:
        return "reader of new files"
    if "jobs.services.supervisor" in words:
        return ("supervisor", "worker")[forks] if forks < 2 else "process of {}"
    return "app" if "streamlit" in words else process.name()


def used(folder: Path) -> int:
    """Bytes on disk below a folder."""
    found = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            found += path.stat().st_blocks * 512
    return found


@contextlib.contextmanager
def workplace(folder: Path | None) -> Iterator[Path]:
    """A folder to work in; what was there before stays there."""
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="bigger-", dir=folder))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def running_app(home: Path) -> Iterator[Any]:
    """The app, started as a user starts it."""
    import conftest

    os.environ.pop("TRAINYARD_PIPELINES", None)
    home.mkdir()
    app = conftest.App(home)
    try:
        yield app
    finally:
        for process in app.stop():
            process.kill()
        app.log.unlink()


def say(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--short", action="store_true", help="about 0.1 GB")
    parser.add_argument("--gigabytes", type=float, default=10.0, help="size of the big file")
    parser.add_argument("--growth", action="store_true", help="also one million rows beside ten")
    parser.add_argument("--folder", type=Path, help="where there is room for four times the file; a temporary folder")
    parser.add_argument("--json", type=Path, help="also write what was found to this file")
    chosen = parser.parse_args()
    found = measure(chosen.short, chosen.gigabytes, chosen.folder, chosen.growth)
    print(table(found.figures))
    if chosen.json:
        chosen.json.write_text(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()
