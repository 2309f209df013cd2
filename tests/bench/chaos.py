"""Chaos: post real work at a steady rate, break everything that can break, and see whether every promise holds.

    python -m tests.bench.chaos --minutes 10 --seed 1

It works in a home of its own with real Valkey, supervisor and workers. What happened is judged from two witnesses that
the engine does not know of: a trigger in the database that writes down every change of a step's status, and a journal
to which every step's body adds a line when it begins and ends. The exit code is 0 only when all promises hold.
"""

import argparse
import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).parent.parent.parent
for folder in (ROOT / "tests", ROOT):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

import psutil  # noqa: E402

POST_SECONDS = 0.9
BACKLOG = 8
SURVIVES = 20  # what the flow of that name returns
CALM_SECONDS = 120.0
LEASE_SECONDS = 30.0
WARM_SECONDS = 15.0  # by then every process has loaded what it needs
OVER = ("completed", "failed", "skipped", "cancelled")
WITNESS = """
CREATE TABLE witness (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL, step INTEGER, attempt INTEGER, old TEXT, new TEXT);
CREATE TRIGGER witness_added AFTER INSERT ON steps BEGIN
  INSERT INTO witness (at, step, attempt, old, new)
  VALUES ((julianday('now') - 2440587.5) * 86400.0, NEW.id, NEW.attempt, '', NEW.status); END;
CREATE TRIGGER witness_changed AFTER UPDATE OF status ON steps BEGIN
  INSERT INTO witness (at, step, attempt, old, new)
  VALUES ((julianday('now') - 2440587.5) * 86400.0, NEW.id, NEW.attempt, OLD.status, NEW.status); END;
"""
# After these a step has to run again, or the queue to be filled again.
RERUNS = ("SIGKILL", "SIGTERM twice", "FLUSHALL")
# The witness notes whole milliseconds, the journal is more exact.
GRAIN = 0.005
ALGORITHMS = {
    "logistic_regression": 150,
    "linear_svm": 150,
    "perceptron": 100,
    "passive_aggressive": 100,
    "mlp": 40,
    "hist_gradient_boosting": 10,
    "sgd_regressor": 150,
    "mlp_regressor": 40,
    "hist_gradient_boosting_regressor": 10,
}


@dataclass(frozen=True)
class Fault:
    """Something that was done to the system, and the running steps that it hit, or those that waited in the queue."""

    kind: str
    at: float
    until: float
    steps: tuple[int, ...]

    @property
    def of_queue(self) -> bool:
        return "Valkey" in self.kind or self.kind == "FLUSHALL"

    @property
    def of_all(self) -> bool:
        """Whether nothing could go on anywhere meanwhile."""
        return self.of_queue or "supervisor" in self.kind or "database" in self.kind


@dataclass(frozen=True)
class Sample:
    """What processes and files used at a moment, in MiB: what each process has to itself, and all of them together."""

    at: float
    memory: dict[str, float]
    open_files: dict[str, int]
    files: dict[str, float]


class Load:
    """Posts workflows, and restarts, composes, retries and cancels them."""

    def __init__(self, random: Random) -> None:
        from helpers import tables

        from jobs.verbs import datasets

        self.random = random
        self.done: Counter[str] = Counter()
        self.trained: list[int] = []
        self.posted: list[int] = []
        self._data = [
            (_added(datasets, tables.numbers(400), "prices.csv"), "kind", "price"),
            (_added(datasets, tables.turkish(300), "kunden.csv"), "abone mi", "gelir"),
        ]

    def post(self) -> None:
        """One act."""
        from jobs.engine import queue
        from store.errors import RequestError

        if len(_waiting()) >= BACKLOG:
            return
        acts: dict[Callable[[], int | None], int] = {
            self.play: 40,
            self.nothing: 12,
            self.train: 18,
            self.flow: 10,
            self.restart: 6,
            self.compose: 6,
            self.retry: 10,
            self.cancel: 8,
        }
        [act] = self.random.choices(list(acts), list(acts.values()))
        try:
            workflow_id = act()
        except queue.QueueDownError:
            self.done[f"{act.__name__} while the queue was down"] += 1
        except RequestError:
            self.done[f"{act.__name__}, refused"] += 1
        else:
            if workflow_id is not None:
                self.done[act.__name__] += 1
                self.posted.append(workflow_id)

    def play(self) -> int:
        moods = {"calm": 14, "refuses": 1, "breaks": 1, "dies once": 1, "dies": 1}
        [mood] = self.random.choices(list(moods), list(moods.values()))
        pause = round(self.random.choice([0.0, 0.03, 0.06]) + self.random.random() / 100, 5)
        return self._run("play", mood=mood, number=self.random.randint(3, 50), pause=pause)

    def nothing(self) -> int:
        return self._run("nothing")

    def train(self) -> int:

        key = self.random.choice(list(ALGORITHMS))
        dataset_id, label, number = self.random.choice(self._data)
        params: dict[str, Any] = {"epochs": ALGORITHMS[key]}
        if "hist" not in key:
            params["random_state"] = self.random.randint(1, 2)
        if "mlp" in key:
            params["hidden_layers"] = "16"
        target = number if "regressor" in key else label
        from jobs.verbs import short_form

        made = short_form.start(dataset_id, target, key, params, fresh=True)
        self.trained.append(made.id)
        return made.id

    def flow(self) -> int:
        from jobs.verbs import workflows

        return workflows.start("survives", {"seconds": round(self.random.uniform(0.0, 0.5), 3)}).id

    def restart(self) -> int | None:
        from jobs.verbs import workflows

        return workflows.restart(self.random.choice(self.trained)).id if self.trained else None

    def compose(self) -> int | None:
        from jobs.verbs import workflows

        if len(self.trained) < 2:
            return None
        return workflows.compose(*self.random.sample(self.trained, 2)).id

    def retry(self) -> int | None:
        return self._change(("failed", "cancelled"), "retry")

    def cancel(self) -> int | None:
        return self._change(("pending", "running"), "cancel")

    def _change(self, statuses: tuple[str, ...], verb: str) -> int | None:
        from jobs.verbs import workflows
        from store.workflows import Filter, find

        found = [each.id for each in find(Filter(statuses=statuses), limit=20)]
        return getattr(workflows, verb)(self.random.choice(found)).id if found else None

    def _run(self, name: str, **params: Any) -> int:
        from helpers import cast

        from jobs.chain import run_workflow
        from jobs.engine import queue

        workflow_id = cast.play(name, **params)
        with contextlib.suppress(queue.QueueDownError):
            run_workflow(workflow_id)
        return workflow_id


class Faults:
    """Breaks things, every kind in turn, in seeded order."""

    def __init__(self, random: Random, minutes: float) -> None:
        self.random = random
        self.kinds: dict[str, Callable[[], list[int] | None]] = {
            "SIGKILL to a child": self.kill_child,
            "SIGKILL to a worker": self.kill_worker,
            "SIGKILL to worker and child": self.kill_both,
            "SIGKILL to a fork server": self.kill_fork_server,
            "fork server frozen for seconds": self.freeze_fork_server,
            "SIGKILL to Valkey": self.kill_valkey,
            "SIGKILL to Valkey, its file deleted": self.lose_valkey,
            "SIGKILL to the supervisor": self.kill_supervisor,
            "child frozen for seconds": self.freeze_child,
            "worker frozen for seconds": self.freeze_worker,
            "SIGTERM to a worker": self.end_worker,
            "SIGTERM twice to a worker": self.end_worker_twice,
            "FLUSHALL": self.flush,
            "database locked for seconds": self.lock_database,
            "jobs delivered twice": self.deliver_twice,
            "Valkey frozen for seconds": self.freeze_valkey,
            "supervisor frozen for seconds": self.freeze_supervisor,
        }
        if minutes >= 2:
            self.kinds |= {
                "child frozen past its lease": self.freeze_child_long,
                "worker frozen for long": self.freeze_worker_long,
            }
        self.happened: list[Fault] = []
        self._lasts = 0.0
        self._deck: list[str] = []
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._locks: list[threading.Thread] = []

    def strike(self) -> None:
        """The next fault of the deck for which there is something to hit."""
        if not self._deck:
            self._deck = self.random.sample(list(self.kinds), len(self.kinds))
        for kind in list(self._deck):
            at, self._lasts = time.time(), 0.0
            hit = self.kinds[kind]()
            if hit is not None:
                self._deck.remove(kind)
                self.happened.append(Fault(kind, at, time.time() + self._lasts, tuple(hit)))
                return

    def thaw(self, everything: bool = False) -> None:
        """Do what was put off until now."""
        due = [each for each in self._later if everything or each[0] <= time.monotonic()]
        for each in due:
            self._later.remove(each)
            each[1]()

    def end(self) -> None:
        self.thaw(everything=True)
        for lock in self._locks:
            lock.join()

    def kill_child(self) -> list[int] | None:
        return self._signal_busy(signal.SIGKILL, worker=False, child=True)

    def kill_worker(self) -> list[int] | None:
        return self._signal_busy(signal.SIGKILL, worker=True, child=False)

    def kill_both(self) -> list[int] | None:
        return self._signal_busy(signal.SIGKILL, worker=True, child=True)

    def kill_fork_server(self) -> list[int] | None:
        busy = self._pick()
        return [busy[0]] if busy and _send(_fork_server(busy[1]), signal.SIGKILL) else None

    def freeze_fork_server(self) -> list[int] | None:
        busy = self._pick()
        return self._freeze_this(_fork_server(busy[1]), self.random.uniform(1, 20), [busy[0]]) if busy else None

    def kill_supervisor(self) -> list[int] | None:
        hit = [step for step, _ in _busy()]
        return hit if _send(_process("pid"), signal.SIGKILL) else None

    def kill_valkey(self) -> list[int] | None:
        hit = _waiting()
        return hit if _send(_process("valkey"), signal.SIGKILL) else None

    def lose_valkey(self) -> list[int] | None:
        hit, server = _waiting(), _process("valkey")
        if server is None:
            return None
        shutil.rmtree(Path(os.environ["TRAINYARD_HOME"]) / "valkey" / "appendonlydir", ignore_errors=True)
        _send(server, signal.SIGKILL)
        return hit

    def freeze_child(self) -> list[int] | None:
        return self._freeze(worker=False, seconds=self.random.uniform(1, 6))

    def freeze_child_long(self) -> list[int] | None:
        return self._freeze(worker=False, seconds=LEASE_SECONDS + self.random.uniform(5, 20))

    def freeze_worker(self) -> list[int] | None:
        return self._freeze(worker=True, seconds=self.random.uniform(1, 6))

    def freeze_worker_long(self) -> list[int] | None:
        return self._freeze(worker=True, seconds=LEASE_SECONDS + self.random.uniform(5, 20))

    def freeze_valkey(self) -> list[int] | None:
        return self._freeze_this(_process("valkey"), self.random.uniform(1, 6), [])

    def freeze_supervisor(self) -> list[int] | None:
        return self._freeze_this(_process("pid"), self.random.uniform(1, 6), [])

    def end_worker(self) -> list[int] | None:
        return self._signal_busy(signal.SIGTERM, worker=True, child=False)

    def end_worker_twice(self) -> list[int] | None:
        busy = self._pick()
        if not busy or not _send(busy[1], signal.SIGTERM):
            return None
        self._later.append((time.monotonic() + 1.3, lambda: _send(busy[1], signal.SIGTERM) and None))
        return [busy[0]]

    def flush(self) -> list[int] | None:
        from redis.exceptions import RedisError

        from jobs.engine import queue

        hit = _waiting()
        try:
            queue.connection().flushall()
        except RedisError:
            return None
        return hit

    def deliver_twice(self) -> list[int] | None:
        """What a queue may do: hand out once more what runs, waits, or has ended."""
        from redis.exceptions import RedisError

        from jobs.engine import queue

        with _database() as database:
            rows = database.execute(
                "SELECT id, attempt FROM steps WHERE status IN ('running', 'completed') "
                "ORDER BY status DESC, id DESC LIMIT 6"
            ).fetchall()
        try:
            for step, attempt in rows:
                queue.rq_queue().push_job_id(f"s{step}-a{attempt}", at_front=True)
        except RedisError:
            return None
        return [] if rows else None

    def lock_database(self) -> list[int]:
        self._lasts = seconds = self.random.uniform(2, 6)

        def hold() -> None:
            with _database() as database:
                database.execute("BEGIN IMMEDIATE")
                time.sleep(seconds)
                database.execute("ROLLBACK")

        self._locks.append(threading.Thread(target=hold, name="lock"))
        self._locks[-1].start()
        return []

    def _pick(self) -> tuple[int, psutil.Process] | None:
        busy = _busy()
        return self.random.choice(busy) if busy else None

    def _signal_busy(self, sign: int, worker: bool, child: bool) -> list[int] | None:
        if not (busy := self._pick()):
            return None
        step, process = busy
        targets = ([process] if worker else []) + ([_child(process)] if child else [])
        sent = [_send(target, sign) for target in targets if target]
        return [step] if any(sent) else None

    def _freeze(self, worker: bool, seconds: float) -> list[int] | None:
        if not (busy := self._pick()):
            return None
        return self._freeze_this(busy[1] if worker else _child(busy[1]), seconds, [busy[0]])

    def _freeze_this(self, target: psutil.Process | None, seconds: float, hit: list[int]) -> list[int] | None:
        if not target or not _send(target, signal.SIGSTOP):
            return None
        self._later.append((time.monotonic() + seconds, lambda: _send(target, signal.SIGCONT) and None))
        self._lasts = seconds
        return hit


class Watch:
    """Measures, from time to time."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []

    def look(self) -> None:
        """One sample, if everybody who should run does."""
        from jobs.services import presence

        state = presence.state()
        roles = {"supervisor": [state.get("pid")], "worker": state.get("workers", []), "valkey": [state.get("valkey")]}
        try:
            processes = {role: [psutil.Process(pid) for pid in pids] for role, pids in roles.items()}
            memory = {
                role: max(each.memory_full_info().uss for each in found) / 2**20 for role, found in processes.items()
            }
            family = [*processes["supervisor"], *processes["supervisor"][0].children(recursive=True)]
            memory["all together"] = sum(each.memory_full_info().pss for each in family) / 2**20
            opened = {role: max(each.num_fds() for each in found) for role, found in processes.items()}
        except (psutil.Error, TypeError, ValueError):
            return
        if not all(memory.values()) or not all(opened.values()) or len(family) < 2 + 2 * len(processes["worker"]):
            return  # one of them has just ended
        home = Path(os.environ["TRAINYARD_HOME"])
        sizes = {
            "database": _size(home.glob("trainyard.db*")),
            "Valkey's file": _size(home.glob("valkey/**/*")),
            "logs": _size(home.glob("logs/*")),
        }
        self.samples.append(Sample(time.time(), memory, opened, sizes))

    def look_once_more(self, ensure: Callable[[], None], seconds: float = 20.0) -> None:
        """A last sample, as soon as everybody is there."""
        before, end = len(self.samples), time.monotonic() + seconds
        while len(self.samples) == before and time.monotonic() < end:
            time.sleep(0.5)
            ensure()
            self.look()


@dataclass
class Report:
    """What happened, and which promises were kept."""

    told: dict[str, Any] = field(default_factory=dict)
    promises: dict[str, bool] = field(default_factory=dict)

    @property
    def kept(self) -> bool:
        return all(self.promises.values())


def run(minutes: float, seed: int, every: float, recovery_limit: float) -> Report:
    """Chaos for so many minutes, then calm, then the verdict."""
    from jobs.pipelines import describer
    from jobs.services import presence
    from store import actors, schema

    home = Path(os.environ["TRAINYARD_HOME"])
    schema.prepare()
    with _database() as database:
        database.executescript(WITNESS)
    began = time.time()
    errors: list[str] = []
    watch, faults = Watch(), Faults(Random(f"{seed} faults"), minutes)
    actors.recognise_by(actors.operator)
    with presence.using() as use:
        load = Load(Random(f"{seed} load"))
        over = threading.Event()
        threads = [
            _repeat(load.post, lambda: POST_SECONDS, over, errors),
            _repeat(faults.strike, lambda: faults.random.uniform(0.5, 1.5) * every, over, errors),
            _repeat(use.ensure, lambda: 0.5, over, errors),
            _repeat(watch.look, lambda: max(1.0, minutes * 60 / 100), over, errors),
        ]
        end = time.monotonic() + minutes * 60
        while time.monotonic() < end:
            faults.thaw()
            time.sleep(0.05)
        over.set()
        for thread in threads:
            thread.join()
        faults.end()
        calm_after = _calm_down(use.ensure)
        settled = _settled_queue(use.ensure)
        watch.look_once_more(use.ensure)
        describer.close()  # a process of this one
        family = _family(home)
    (home / "faults.json").write_text(json.dumps([vars(fault) for fault in faults.happened]))
    report = Report()
    report.told |= {
        "minutes": minutes,
        "seed": seed,
        "seconds": round(time.time() - began, 1),
        "processors": os.cpu_count(),
        "load of the machine": round(os.getloadavg()[0], 1),
        "acts": dict(sorted(load.done.items())),
        "faults": dict(sorted(Counter(fault.kind for fault in faults.happened).items())),
        "faults in all": len(faults.happened),
        "seconds until calm": calm_after,
    }
    _judge_steps(report)
    _judge_recovery(report, faults.happened, recovery_limit)
    _judge_results(report)
    _judge_growth(report, watch.samples, began, minutes)
    _judge_rest(report, home, family, settled, errors)
    return report


def _judge_steps(report: Report) -> None:
    """Every accepted step is over, accepted once, and began after what it needs; by the trigger and the journal."""
    with _database() as database:
        moves = database.execute("SELECT seq, at, step, attempt, old, new FROM witness ORDER BY seq").fetchall()
        rows = database.execute(
            "SELECT id, workflow_id, status, json_extract(error, '$.code'), error, name, attempt FROM steps"
        ).fetchall()
        workflows = database.execute("SELECT id, status FROM workflows").fetchall()
        needs = defaultdict(list)
        for step, need in database.execute("SELECT step_id, needs_id FROM needs WHERE kind = 'completed'"):
            needs[step].append(need)
    said = _journal()
    accepted: Counter[int] = Counter()
    started: Counter[int] = Counter()
    status: dict[int, str] = {}
    completed_at: dict[int, float] = {}
    disorder = []
    for _, at, step, _attempt, _old, new in moves:
        if new == "completed":
            accepted[step] += 1
            completed_at[step] = at
        if new == "running":
            started[step] += 1
            disorder += [step for need in needs[step] if status.get(need) != "completed"]
        status[step] = new
    begun = Counter((line["step"], line["attempt"]) for line in said if line["what"] == "begin")
    ended = Counter(line["step"] for line in said if line["what"] == "end")
    disorder += [
        line["step"]
        for line in said
        if line["what"] == "begin"
        for need in needs[line["step"]]
        if line["at"] < completed_at.get(need, float("inf")) - GRAIN
    ]
    by_status = Counter(row[2] for row in rows)
    by_workflow = Counter(word for _, word in workflows)
    failures = [row for row in rows if row[2] == "failed"]
    failed = Counter(f"{row[3]}: {row[4]}" for row in failures)
    strange = [f"step {row[0]} ({row[5]}): {row[3]}: {row[4]}" for row in failures if not _expected(row)]
    open_steps = [
        f"step {row[0]} ({row[5]} of workflow {row[1]}) is {row[2]}, attempt {row[6]}"
        for row in rows
        if row[2] not in OVER
    ]
    unfounded = [row[0] for row in rows if row[2] == "completed" and accepted[row[0]] != 1]
    report.told |= {
        "workflows": {"accepted": len(workflows)} | dict(by_workflow),
        "steps": {"accepted": len(rows)} | dict(by_status),
        "failed, by reason": dict(failed),
        "steps run more than once": sum(count > 1 for count in started.values()),
        "attempts beyond the first": sum(count - 1 for count in started.values() if count > 1),
        "bodies begun": sum(begun.values()),
        "bodies ended": sum(ended.values()),
        "steps whose body ended more than once": sum(count > 1 for count in ended.values()),
        "accepted twice": [step for step, count in accepted.items() if count > 1],
        "lost": open_steps,
        "order violations": sorted(set(disorder)),
        "unexpected failures": strange,
    }
    report.promises |= {
        "nothing is lost": not open_steps and not [each for each in workflows if each[1] not in OVER],
        "nothing is accepted twice": max(accepted.values(), default=0) <= 1 and not unfounded,
        "no attempt runs twice": max(begun.values(), default=0) <= 1,
        "no step starts before what it needs has ended": not disorder,
        "failures have a reason that was to be expected": not strange,
        "something was done": by_status["completed"] >= 10 and len(said) >= 10,
    }


HIT = ("killed", "worker_lost", "frozen")


def _expected(row: tuple[Any, ...]) -> bool:
    """Whether a step failed as it was told to, or because it was hit too often."""
    code, sentence, name = row[3], row[4] or "", row[5]
    if name == "judge" and code in ("refused", "error"):
        return "The mood is not right" in sentence or "broke" in sentence
    if code == "task_failed":  # a flow, as one of its steps was hit too often
        return any(f'"{each}"' in sentence for each in HIT)
    return code in HIT


def _judge_recovery(report: Report, faults: list[Fault], limit: float) -> None:
    """From a fault to the moment when each running step it hit runs again or is over; and, where only the queue was
    hit while steps waited in it, to the moment when the next of them starts."""
    with _database() as database:
        moves = defaultdict(list)
        for at, step, new in database.execute(
            "SELECT at, step, new FROM witness WHERE new != 'pending' "
            "AND step NOT IN (SELECT id FROM steps WHERE role = 'driver') ORDER BY seq"  # it waits in between
        ):
            moves[step].append((at, new))
    starts = sorted(at for each in moves.values() for at, new in each if new == "running")
    slowest: dict[str, float] = defaultdict(float)
    due: list[tuple[float, str]] = []
    raw = [0.0]
    for fault in faults:
        for begun, over, words in _recoveries(fault, moves, starts):
            # What stops everything once more meanwhile, or goes on stopping it, begins the recovery anew.
            begin = max([begun, *(min(each.until, over) for each in faults if each.of_all and each.at < over)])
            seconds = over - begin
            slowest[fault.kind] = max(round(seconds, 2), slowest[fault.kind])
            if fault.kind.startswith(RERUNS):
                raw.append(over - begun)
                due.append((seconds, f"{fault.kind}, {words}"))
    cases = sorted(due, reverse=True)
    worst = round(cases[0][0], 2) if cases else 0.0
    frozen = slowest.get("child frozen past its lease", 0.0)
    report.told |= {
        "slowest recovery, by fault": slowest,
        "slowest recovery where a rerun is due": worst,
        "the same, counted through all further faults": round(max(raw), 2),
        "recoveries": len(due),
        "slowest cases": [f"{seconds:.1f} s: {words}" for seconds, words in cases[:5]],
    }
    late = LEASE_SECONDS + limit
    report.promises[f"a step that was hit runs again or ends within {limit:g} s"] = worst <= limit
    report.promises[f"a step that froze runs again or ends within {late:g} s"] = frozen <= late


def _recoveries(
    fault: Fault,
    moves: dict[int, list[tuple[float, str]]],
    starts: list[float],
) -> Iterator[tuple[float, float, str]]:
    """When everything that a fault hit was hit, and when it went on."""
    if fault.of_queue and fault.steps:
        yield fault.at, next((at for at in starts if at > fault.at), time.time()), f"{len(fault.steps)} waiting"
    for step in () if fault.of_queue else fault.steps:
        before = [new for at, new in moves[step] if at <= fault.at + GRAIN]
        if not before or before[-1] not in OVER:  # or it had just ended
            yield fault.at, next((at for at, _ in moves[step] if at > fault.at + GRAIN), time.time()), f"step {step}"


def _judge_results(report: Report) -> None:
    """Curves without gap, equal results for equal settings, files that verify, a database that is whole."""
    from store import files
    from store.files import FileRef

    with _database() as database:
        rows = database.execute(
            "SELECT s.id, s.name, s.params, s.result, w.params, (SELECT group_concat(i.dataset_id) FROM inputs i "
            "WHERE i.workflow_id = w.id) FROM steps s "
            "JOIN workflows w ON w.id = s.workflow_id WHERE s.status = 'completed' AND s.name IN ('count', 'train')"
        ).fetchall()
        points = defaultdict(lambda: defaultdict(list))
        for step, name, epoch, value in database.execute(
            "SELECT m.step_id, m.name, m.epoch, m.value FROM metrics m JOIN steps s ON s.id = m.step_id "
            "AND s.attempt = m.attempt ORDER BY m.step_id, m.name, m.epoch"
        ):
            points[step][name].append((epoch, value))
        kept = database.execute("SELECT sha256, size FROM artifacts UNION SELECT sha256, size FROM datasets").fetchall()
        whole = database.execute("PRAGMA integrity_check").fetchone()[0]
        astray = database.execute("PRAGMA foreign_key_check").fetchall()
        flows = database.execute(
            "SELECT s.workflow_id, o.value FROM steps s LEFT JOIN outputs o ON o.step_id = s.id "
            "WHERE s.role = 'driver' AND s.status = 'completed'"
        ).fetchall()
    torn, by_settings = [], defaultdict(list)
    for step, name, params, result, *settings in rows:
        epochs = json.loads(params)["number"] if name == "count" else json.loads(result)["epochs_run"]
        curves = points[step]
        if not curves or any([epoch for epoch, _ in curve] != list(range(1, epochs + 1)) for curve in curves.values()):
            torn.append(step)
        if name == "count" and [value for _, value in curves["count"]] != list(range(1, epochs + 1)):
            torn.append(step)
        if name == "train":
            told = {key: value for key, value in json.loads(result).items() if key != "model_size"}
            by_settings[json.dumps(settings)].append(json.dumps([told, sorted(curves.items())]))
    again = {settings: results for settings, results in by_settings.items() if len(results) > 1}
    different = [settings for settings, results in again.items() if len(set(results)) > 1]
    damaged = []
    for sha256, size in kept:
        try:
            files.verified(FileRef(sha256, size))
        except files.DamagedError as damage:
            damaged.append(str(damage))
    report.told |= {
        "curves": {"checked": len(rows), "with gaps or doubles": torn},
        "settings trained more than once": {
            "settings": len(again),
            "trainings": sum(map(len, again.values())),
            "different": different,
        },
        "flows": {"completed": len(flows), "wrong": [each for each in flows if each[1] != f"[{SURVIVES}]"]},
        "files": {"checked": len(kept), "damaged": damaged},
        "database": whole,
    }
    report.promises |= {
        "curves have no gap and no double point": not torn,
        "the same settings give the same curve and result, disturbed or not": not different,
        "flows end with the value of their functions": all(each[1] == f"[{SURVIVES}]" for each in flows),
        "every file is what was written": not damaged,
        "the database is whole": whole == "ok" and not astray,
    }


def _judge_growth(report: Report, samples: list[Sample], began: float, minutes: float) -> None:
    """Memory and open files: the most while it began, and at the end."""
    # On a busy machine, the first may come late: then it stands for the beginning.
    early = [each for each in samples if each.at - began <= max(minutes * 6, WARM_SECONDS)] or samples[:1]
    if not early or early[-1] is samples[-1]:
        report.promises["memory and open files were measured"] = False
        return
    late = samples[-1]
    both = {
        name: {
            role: (round(max(getattr(each, name)[role] for each in early), 1), round(getattr(late, name)[role], 1))
            for role in getattr(late, name)
        }
        for name in ("memory", "open_files", "files")
    }
    report.told |= {"at the beginning and at the end": both, "samples": len(samples)}
    grown = [f"{role}: {a} MiB, then {b} MiB" for role, (a, b) in both["memory"].items() if b > a * 1.25 + 20]
    opened = [f"{role}: {a} open files, then {b}" for role, (a, b) in both["open_files"].items() if b > a * 1.5 + 8]
    report.told["growth"] = grown + opened
    report.promises["memory and open files do not grow"] = not grown and not opened


def _judge_rest(report: Report, home: Path, family: list[psutil.Process], settled: str, errors: list[str]) -> None:
    """Nothing is left behind, and nothing went wrong beside."""
    _, alive = psutil.wait_procs(family, timeout=10)
    left = [f"process {process.pid}: {' '.join(process.cmdline()[:4])}" for process in alive]
    left += [f"process {process.pid}, later" for process in _family(home) if process not in alive]
    left += [f"lock {name}" for name in ("users.lock", "supervisor.lock") if not _free(home / "run" / name)]
    left += [f"socket {path.name}" for path in home.rglob("*.sock")]
    left += [str(path.relative_to(home)) for path in [*home.glob("scratch/*"), *home.glob("files/incoming-*")]]
    with _database() as database:
        completed = {step for (step,) in database.execute("SELECT id FROM steps WHERE status = 'completed'")}
    unneeded = [path.name for path in home.glob("checkpoints/*") if int(path.name.split("-")[1]) in completed]
    text = (home / "logs" / "supervisor.log").read_text(errors="replace")
    actions: Counter[str] = Counter()
    for count, what in re.findall(r"reconciled: (\d+) (\w+)", text):
        actions[what] += int(count)
    traces = Counter(re.findall(r"^([\w.]+(?:Error|Exception|Timeout|Down|Fenced|Full)\b[^\n]{0,100})", text, re.M))
    report.told |= {
        "left behind": left,
        "checkpoints to be swept": len(unneeded),
        "queue after the calm": settled or "empty",
        "reconciler": dict(actions),
        "said in the log": dict(traces.most_common(12)),
        "errors of the bench": errors[:5],
    }
    report.promises |= {
        "no process, lock, socket or scratch file is left": not left,
        "the queue is empty after the calm": not settled,
        "whoever posted was never met with an error": not errors,
    }


def _calm_down(ensure: Callable[[], None]) -> float | None:
    """Wait until everything is over; how long it took."""
    begin = time.monotonic()
    while time.monotonic() - begin < CALM_SECONDS:
        ensure()
        with _database() as database:
            [(count,)] = database.execute("SELECT count(*) FROM workflows WHERE status IN ('pending', 'running')")
        if not count:
            return round(time.monotonic() - begin, 1)
        time.sleep(0.2)
    return None


def _settled_queue(ensure: Callable[[], None], seconds: float = 40.0) -> str:
    """What still waits or runs in the queue, if anything, once it has had time to notice."""
    from jobs.engine import queue_view

    end, found = time.monotonic() + seconds, "it cannot be reached"
    while time.monotonic() < end and found:
        ensure()
        shown = queue_view.snapshot()
        for each in shown.queues:
            words = {"ready": each.ready, "started": each.started, "deferred": each.deferred}
            found = ", ".join(f"{count} {word}" for word, count in words.items() if count)
        time.sleep(0.2)
    return found


def _repeat(
    act: Callable[[], Any],
    pause: Callable[[], float],
    over: threading.Event,
    errors: list[str],
) -> threading.Thread:
    def go_on() -> None:
        while not over.wait(pause()):
            try:
                act()
            except Exception:  # noqa: BLE001 - told in the report
                errors.append(traceback.format_exc())

    thread = threading.Thread(target=go_on, name=getattr(act, "__name__", "act"))
    thread.start()
    return thread


@contextlib.contextmanager
def _database() -> Iterator[sqlite3.Connection]:
    """The database, past the engine."""
    path = Path(os.environ["TRAINYARD_HOME"]) / "trainyard.db"
    with contextlib.closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as connection:
        yield connection


def _journal() -> list[dict[str, Any]]:
    path = Path(os.environ["TRAINYARD_HOME"]) / "journal"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _added(datasets: Any, content: bytes, name: str) -> int:
    import io

    return int(datasets.add(io.BytesIO(content), name).id)


def _waiting() -> list[int]:
    """Steps that could run now."""
    with _database() as database:
        return [
            step
            for (step,) in database.execute(
                "SELECT id FROM steps WHERE status = 'pending' AND ready_at IS NOT NULL AND "
                "julianday(coalesce(next_attempt_at, ready_at)) <= julianday('now')"
            )
        ]


def _busy() -> list[tuple[int, psutil.Process]]:
    """Running steps and their workers."""
    with _database() as database:
        running = database.execute("SELECT id, worker FROM steps WHERE status = 'running'").fetchall()
    found = []
    for step, worker in running:
        with contextlib.suppress(psutil.Error, ValueError, IndexError):
            found.append((step, psutil.Process(int((worker or "").split("-")[-2]))))
    return found


def _child(worker: psutil.Process) -> psutil.Process | None:
    """The process that does the step: the one below its worker that has a recorder's thread."""
    with contextlib.suppress(psutil.Error):
        return next((child for child in worker.children(recursive=True) if child.num_threads() > 1), None)
    return None


def _fork_server(worker: psutil.Process) -> psutil.Process | None:
    """The process that forks a worker's children."""
    with contextlib.suppress(psutil.Error):
        return next(iter(worker.children()), None)
    return None


def _process(name: str) -> psutil.Process | None:
    from jobs.services import presence

    try:
        return psutil.Process(presence.state()[name])
    except (KeyError, TypeError, psutil.Error):
        return None


def _send(process: psutil.Process | None, sign: int) -> bool:
    """Signal a process, unless it is gone or another one has its number by now."""
    try:
        if process is None or process.status() == psutil.STATUS_ZOMBIE:
            return False
        process.send_signal(sign)
    except psutil.Error:
        return False
    return True


def _family(home: Path) -> list[psutil.Process]:
    """Every other process that lives in this home."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get("TRAINYARD_HOME") == str(home):
                found.append(process)
    return found


def _free(lock: Path) -> bool:
    with lock.open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _size(paths: Iterator[Path]) -> float:
    return sum(path.stat().st_size for path in paths if path.is_file()) / 2**20


def _print(report: Report) -> None:
    for name, value in report.told.items():
        if isinstance(value, dict) and value:
            print(f"{name}:")
            for key, each in value.items():
                print(f"    {key}: {each}")
        elif isinstance(value, list) and value:
            print(f"{name}: {len(value)}")
            for each in value:
                print(f"    {each}")
        else:
            print(f"{name}: {value if value not in ([], {}) else 'none'}")
    print()
    for promise, kept in report.promises.items():
        print(f"{'kept  ' if kept else 'BROKEN'}  {promise}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Break everything that can break; see whether every promise holds.")
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=float, default=3.0, help="seconds from one fault to the next, on average")
    parser.add_argument("--recovery", type=float, default=15.0, help="seconds until a step that was hit must run again")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    parser.add_argument("--keep", action="store_true", help="keep the home, and say where it is")
    chosen = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="trainyard-chaos-"))
    # The steps of the built-in pipeline run without modules of people's own, so each interpreter imports the witness.
    (home / "site").mkdir()
    (home / "site" / "sitecustomize.py").write_text("import bench.witness\n")
    os.environ |= {
        "TRAINYARD_HOME": str(home),
        "TRAINYARD_WORKERS": "2",
        "TRAINYARD_PIPELINES": "bench.witness,helpers.survivors",
        "PYTHONPATH": os.pathsep.join([str(home / "site"), str(ROOT), str(ROOT / "tests")]),
        "OMP_NUM_THREADS": "1",
    }
    for unwanted in ("TRAINYARD_DATABASE_URL", "TRAINYARD_REDIS_URL", "TRAINYARD_FILES_URL"):
        os.environ.pop(unwanted, None)
    from store import actors

    actors.recognise_by(actors.operator)  # a command on this machine, in all its threads
    try:
        report = run(chosen.minutes, chosen.seed, chosen.every, chosen.recovery)
        if chosen.json:
            print(json.dumps({"kept": report.kept, "promises": report.promises} | report.told, indent=1))
        else:
            _print(report)
    finally:
        if chosen.keep:
            print(f"kept in {home}", file=sys.stderr)
        else:
            shutil.rmtree(home, ignore_errors=True)
    return 0 if report.kept else 1


if __name__ == "__main__":
    sys.exit(main())
