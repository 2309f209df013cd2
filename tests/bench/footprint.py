"""What the whole stack takes: seconds until ready and until gone, memory, and time of a core while nothing happens.

    python -m tests.bench.footprint

It is started as a user starts it, with two workers and compiled bytecode. Memory is that of the app and of everything
it started: what several of these processes share counts once, and a page of a library counts in full even when
programs outside share it (then the kernel's PSS says less). Beside it runs a Streamlit app of one line.
"""

import compileall
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.bench.figures import ROOT, Figure, Found, Plot, middle, run

ONE_LINE = 'import streamlit as st; st.write("hi")\n'
ROWS = "".join(f"{20 + row % 50},{row % 7},{'yes' if row % 3 else 'no'}\n" for row in range(400))
TABLE = f"age,income,bought\n{ROWS}".encode()
MAPPING = re.compile(r"[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ (\d+) *(.*)")
LOOKING = "looking server"
TOGETHER = ("asleep", "all")
MIB = 1 << 20
PATIENCE = 60.0


def measure(short: bool) -> Found:
    compileall.compile_dir(ROOT, quiet=1, maxlevels=4)
    with tempfile.TemporaryDirectory(prefix="trainyard-bench-") as folder:
        starts = [first_start(Path(folder) / f"home{number}") for number in range(1 if short else 3)]
        bare, bare_opened = bare_streamlit(Path(folder))
        stack = Stack(Path(folder) / "home0")
        with stack.running() as again:
            seen = memories(stack, 5 if short else 25, (8, 24) if short else (20, 80))
        seconds = [again, *(second_start(Path(folder) / f"home{number}") for number in range(1, len(starts)))]
    figures = [*_starting(starts, seconds), *_memory(seen, starts[0].memory, bare, bare_opened)]
    return Found([*figures, _growth(seen, None if short else 8)], [_plot(seen)])


class Running:
    """An app that was started in a process of its own, on a free port."""

    def __init__(self, folder: Path, script: str, **environment: str) -> None:
        self.folder = folder
        self.stopping = 0.0
        self._script, self._environment = script, environment

    @contextmanager
    def running(self) -> Iterator[float]:
        """The app while the body runs; gives the seconds until it was ready."""
        self.port = free_port()
        self.folder.mkdir(exist_ok=True)
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("TRAINYARD_", "PYTHON"))
        }
        begun = time.perf_counter()
        with (self.folder / "said").open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", self._script, f"--server.port={self.port}"],
                cwd=ROOT,
                env=environment | self._environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        self.process = psutil.Process(process.pid)
        try:
            while not self.is_ready():
                assert process.poll() is None and time.perf_counter() < begun + PATIENCE, self.said()
                time.sleep(0.01)
            yield time.perf_counter() - begun
        finally:
            family, begun = self.family(), time.perf_counter()
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)
            _, alive = psutil.wait_procs(family, timeout=PATIENCE)
            self.stopping = time.perf_counter() - begun
            for one in alive:
                one.kill()

    def is_ready(self) -> bool:
        raise NotImplementedError

    def said(self) -> str:
        return (self.folder / "said").read_text()

    def family(self) -> list[psutil.Process]:
        """The app and everything it started."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return [self.process, *self.process.children(recursive=True)]
        return []

    def ask(self, path: str, body: bytes | None = None) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", body, PATIENCE) as answer:
            return answer.read()

    def open_page(self, name: str = "", **query: object) -> None:
        """What a browser does: fetch the page, run its script, and wait for its end."""
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
        from websockets.sync.client import connect

        self.ask(f"/{name}")
        wanted = BackMsg()
        wanted.rerun_script.page_name = name
        wanted.rerun_script.query_string = "&".join(f"{key}={value}" for key, value in query.items())
        address = f"127.0.0.1:{self.port}"
        with connect(
            f"ws://{address}/_stcore/stream", subprotocols=["streamlit"], origin=f"http://{address}", max_size=None
        ) as line:
            line.send(wanted.SerializeToString())
            while ForwardMsg.FromString(line.recv(PATIENCE)).WhichOneof("type") != "script_finished":
                pass


class Stack(Running):
    """Trainyard."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "app.py", TRAINYARD_HOME=str(folder), TRAINYARD_WORKERS="2", PYTHONPATH=str(ROOT))

    def is_ready(self) -> bool:
        return "Running: 2 workers" in self.said() and json.loads(self.ask("/api/health"))["workers"] == 2

    def parts(self) -> dict[str, list[psutil.Process]]:
        """Which process is what."""
        found = defaultdict(list)
        for process in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                found[self._part(process)].append(process)
        return found

    def _part(self, process: psutil.Process) -> str:
        if process == self.process:
            return "app"
        if "jobs.tabular.sandbox_server" in process.cmdline():
            return LOOKING
        if process.name().startswith("valkey"):
            return "Valkey"
        return "supervisor" if process.ppid() == self.process.pid else "workers and their children"

    def upload(self) -> int:
        return int(json.loads(self.ask("/api/datasets?name=people.csv", TABLE))["id"])

    def start(self, dataset: int, seed: int) -> int:
        wanted = {
            "dataset_id": dataset,
            "target": "bought",
            "algorithm": "logistic_regression",
            "params": {"epochs": 2, "random_state": seed},
        }
        address = f"http://127.0.0.1:{self.port}/api/workflows"
        request = urllib.request.Request(address, json.dumps(wanted).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return int(json.load(answer)["id"])

    def finish(self, dataset: int, seeds: range) -> None:
        """Run workflows, each with another seed so that every one is really computed, and wait for their ends."""
        for workflow in [self.start(dataset, seed) for seed in seeds]:
            while (status := json.loads(self.ask(f"/api/workflows/{workflow}"))["status"]) in ("pending", "running"):
                time.sleep(0.1)
            assert status == "completed", status


class Bare(Running):
    """A Streamlit app of one line."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, str(folder / "hi.py"))
        (folder / "hi.py").write_text(ONE_LINE)

    def is_ready(self) -> bool:
        with contextlib.suppress(urllib.error.URLError):
            return bool(self.ask("/_stcore/health"))
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds until ready in a fresh home and until everything is gone; MiB of a start that has made the tables."""

    ready: float
    stopping: float
    memory: float


def first_start(folder: Path) -> Start:
    stack = Stack(folder)
    with stack.running() as ready:
        taken = memory(stack.family())
    return Start(ready, stack.stopping, taken)


def second_start(folder: Path) -> float:
    with Stack(folder).running() as ready:
        return ready


def bare_streamlit(folder: Path) -> tuple[float, float]:
    """MiB of the one-line app: started, and after its page was opened."""
    bare = Bare(folder)
    with bare.running():
        time.sleep(1)
        started = memory([bare.process])
        bare.open_page()
        return started, memory([bare.process])


def memories(stack: Stack, idle_seconds: float, workflows: tuple[int, int]) -> dict[str, Any]:
    """MiB of the stack at one moment after the other, and the time of a core it takes while nothing happens."""
    time.sleep(2)
    seen: dict[str, Any] = {"cpu": idle_cpu(stack, idle_seconds)}
    few, many = workflows
    seen["idle"], seen["app"] = memory(stack.family()), memory([stack.process])
    seen["pss"] = sum(_pss(process) for process in stack.family())
    for page in ("new", "workflows"):
        stack.open_page(page)
    seen["opened"], seen["app opened"] = memory(stack.family()), memory([stack.process])
    dataset = stack.upload()
    seen["uploaded"] = memory(stack.family())
    stack.finish(dataset, range(few))
    seen["workflows"] = (few, many)
    seen["few"] = settled(stack)
    stack.finish(dataset, range(few, many))
    seen["many"] = settled(stack)
    return seen


def settled(stack: Stack) -> dict[str, float]:
    """MiB of each part once the next children wait, and of all together, with the looking server and without."""
    time.sleep(2)
    parts = stack.parts()
    rest = [process for part, processes in parts.items() if part != LOOKING for process in processes]
    return {part: memory(processes) for part, processes in parts.items()} | {
        "asleep": memory(rest),
        "all": memory(stack.family()),
    }


def idle_cpu(stack: Stack, seconds: float) -> float:
    """Percent of one core that all processes take together, ended children included."""
    before, begun = _cpu_seconds(stack), time.perf_counter()
    time.sleep(seconds)
    return 100 * (_cpu_seconds(stack) - before) / (time.perf_counter() - begun)


def _cpu_seconds(stack: Stack) -> float:
    return sum(sum(process.cpu_times()[:4]) for process in stack.family())


def memory(processes: list[psutil.Process]) -> float:
    """MiB that these processes take together, each page that they share counted once."""
    own = 0.0
    files: dict[str, int] = defaultdict(int)
    for process in processes:
        for name, size in _mapped(process.pid).items():
            files[name] = max(files[name], size)
        own += _rollup(process.pid, "Pss_Anon") + _rollup(process.pid, "Pss_Shmem")
    return (own + sum(files.values())) / MIB


def _mapped(pid: int) -> dict[str, int]:
    """Bytes of each file that are in a process's memory as they are on the disk."""
    found: dict[str, int] = defaultdict(int)
    name = ""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
            if head := MAPPING.fullmatch(line):
                name = head[2] if head[1] != "0" else ""
            elif name and line.startswith(("Rss:", "Anonymous:")):
                found[name] += int(line.split()[1]) * 1024 * (1 if line.startswith("Rss:") else -1)
    return found


def _rollup(pid: int, what: str) -> int:
    """Bytes of one line of what the kernel adds up for a process; 0 for one that has ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        found = re.search(rf"^{what}: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
        return int(found[1]) * 1024 if found else 0
    return 0


def _pss(process: psutil.Process) -> float:
    return _rollup(process.pid, "Pss") / MIB


def _starting(starts: list[Start], seconds: list[float]) -> list[Figure]:
    return [
        Figure(
            "ready for a job in a fresh home",
            middle([each.ready for each in starts]),
            "s",
            5,
            beside=f"second start {middle(seconds):.2f} s; median of {len(starts)}",
        ),
        Figure("from Ctrl-C until every process is gone", middle([each.stopping for each in starts]), "s"),
    ]


def _memory(seen: dict[str, Any], first: float, bare: float, bare_opened: float) -> list[Figure]:
    many = seen["workflows"][1]
    asleep = seen["many"]["asleep"]
    return [
        Figure(
            "memory of the idle stack with two workers",
            seen["idle"],
            "MiB",
            400,
            beside=f"a one-line Streamlit app {bare:.0f}; ours as PSS, here and now, {seen['pss']:.0f}; after the "
            f"first start, which made the tables, {first:.0f}",
        ),
        Figure("idle stack, as a multiple of a one-line Streamlit app", seen["idle"] / bare, guarded=True),
        Figure(
            "the app's process alone, as a multiple of it",
            seen["app"] / bare,
            guarded=True,
            beside=f"{seen['app']:.0f} and {bare:.0f} MiB",
        ),
        Figure(
            "after two pages were opened",
            seen["opened"],
            "MiB",
            beside=f"one-line app after its page was opened {bare_opened:.0f}, ours alone {seen['app opened']:.0f}",
        ),
        Figure("just after an upload, its looking server awake", seen["uploaded"], "MiB"),
        Figure(f"after {many} workflows, without the looking server, which ends by itself", asleep, "MiB"),
        Figure("time of one core while nothing happens", seen["cpu"], "%", 2),
    ]


def _growth(seen: dict[str, Any], most: float | None) -> Figure:
    (few, many), before, after = seen["workflows"], seen["few"], seen["many"]
    per_hundred = 100 / (many - few)
    parts = ", ".join(f"{part} {after[part] - before[part]:+.1f}" for part in before if part not in TOGETHER)
    grown = (after["all"] - before["all"]) * per_hundred
    return Figure(
        "memory gained by a hundred finished workflows",
        grown,
        "MiB",
        most,
        beside=f"between {few} and {many}: {parts} MiB",
    )


def _plot(seen: dict[str, Any]) -> Plot:
    few, many = seen["workflows"]
    lines = {part: [(few, seen["few"][part]), (many, seen["many"][part])] for part in seen["few"] if part != "asleep"}
    return Plot("Memory and finished workflows", "workflows", "MiB", lines)


if __name__ == "__main__":
    run(measure, __doc__)
