"""The queue and the workers that are registered in it."""

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlsplit

from jobs.engine import queue, queue_view
from jobs.services import presence
from jobs.upkeep.doctor.check import Check, listed
from store.program import COMMAND, INSTALL
from store.settings import settings
from store.tables import now

SILENT_SECONDS = 30.0


def check_queue(_: bool) -> Iterator[Check]:
    where = _queue_address()
    try:
        options = queue.server_settings()
    except queue.QueueDownError:
        yield _no_queue(where)
        return
    wrong = list(_queue_faults(where, options))
    yield from wrong or [Check("queue", "ok", f"{where} answers.")]
    yield from _workers()


def _queue_faults(where: str, options: dict[str, str]) -> Iterator[Check]:
    if options.get("maxmemory-policy", "noeviction") != "noeviction":
        yield Check(
            "queue",
            "problem",
            f"{where} drops entries when it is full ({options['maxmemory-policy']}).",
            "Set its maxmemory-policy to noeviction.",
        )
    if options.get("appendonly", "yes") != "yes":
        yield Check(
            "queue",
            "problem" if not settings().redis_url else "note",
            f"{where} forgets everything when it ends. Nothing is lost, but waiting work is handed over again.",
            "Set its appendonly to yes." if settings().redis_url else "Restart the app.",
        )
    if not settings().redis_url and options.get("port", "0") != "0":
        yield Check(
            "queue",
            "problem",
            f"{where} also listens on port {options['port']}, where every user of this machine can reach it.",
            "Restart the app.",
        )
    parts = urlsplit(settings().redis_url)
    secret = parts.password and parts.scheme == "rediss"
    if parts.hostname not in (None, "localhost", "127.0.0.1", "::1") and not secret:
        yield Check(
            "queue",
            "note",
            f"{where} is reached without a password or encryption: anyone who reaches it can start and stop work.",
            "Use rediss:// with a password.",
        )


def _no_queue(where: str) -> Check:
    if not settings().redis_url and not presence.supervisor_runs():
        return Check(
            "queue", "note", "It does not run now.", "It starts with the app, or with a command that needs it."
        )
    return Check(
        "queue",
        "problem",
        f"{where} cannot be reached.",
        "Is it running, and is TRAINYARD_REDIS_URL right? Saved work is safe."
        if settings().redis_url
        else f"Look at {settings().folder / 'logs' / 'valkey.log'}.",
    )


def _workers() -> Iterator[Check]:
    seen = queue_view.snapshot()
    silent = [
        f"{name} ({seconds:,.0f} s)"
        for name, seconds in _silences([row.name for row in seen.workers]).items()
        if seconds > SILENT_SECONDS
    ]
    if silent:
        yield Check(
            "workers",
            "problem",
            f"No sign of life: {listed(silent)}.",
            "The app replaces those of this machine. Restart the app if it does not.",
        )
    if others := sorted(queue.worker_versions([row.name for row in seen.workers]) - {queue.RQ_VERSION}):
        yield Check(
            "workers",
            "problem",
            f"Some workers use RQ {', '.join(others)}, this is {queue.RQ_VERSION}.",
            f"{INSTALL} on every machine, then restart its workers.",
        )
    if seen.workers:
        busy = sum(worker.state == "busy" for worker in seen.workers)
        yield Check("workers", "ok", f"{len(seen.workers)} known, {busy} busy; {seen.waiting} steps wait.")
    elif seen.waiting:
        yield Check("workers", "problem", f"None is running and {seen.waiting} steps wait.", f"{COMMAND} worker")
    else:
        yield Check("workers", "note", "None is running.", f"They start with the app, or: {COMMAND} worker")


def _silences(names: list[str]) -> dict[str, float]:
    """For how many seconds each worker has given no sign of life."""
    heartbeats = queue.worker_heartbeats(names)
    return {
        name: (now() - datetime.fromisoformat(at.replace("Z", "+00:00"))).total_seconds()
        for name, at in heartbeats.items()
    }


def _queue_address() -> str:
    """Where the queue is, without its password."""
    if not settings().redis_url:
        return f"Valkey on {queue.socket_path()}"
    parts = urlsplit(settings().redis_url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
