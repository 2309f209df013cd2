"""Is everything as it should be? One check per part of the house, each with what to do."""

import os
import platform
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import psutil
from rq.version import VERSION as RQ_VERSION

from jobs.engine import queue, queue_view
from jobs.services import presence
from store import checks, db, files, people, schema
from store.actors import Role
from store.errors import Refused
from store.files import Kept
from store.program import COMMAND, INSTALL
from store.settings import ROOT, settings
from store.tables import now

ROOM = 1 << 30
CHECK_SECONDS = 10.0
SILENT_SECONDS = 30.0
CLOCK_SECONDS = 5.0
STARTING_SECONDS = 60.0
MOST_NAMED = 5
NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "afs", "9p"}
PINS = ROOT / "requirements.txt"
RESTORE = f"Restore a backup: {COMMAND} restore FILE"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, whether it is as it should be, and what to do when it is not."""

    name: str
    state: Literal["ok", "note", "problem"]
    found: str
    advice: str = ""


def examine(deep: bool = False) -> list[Check]:
    """Every check; one that cannot be made is itself a problem. Deep ones read all that is stored."""
    try:
        settings()
    except Refused as refused:
        return [Check("settings", "problem", refused.sentence, "Correct it, then run doctor again.")]
    found = [check for name, look in FIRST for check in _made(name, look, deep)]
    if any(check.name == "database" and check.state != "ok" for check in found):
        return [*found, *_made("disk", _disk, deep)]
    return [*found, *(check for name, look in AFTERWARDS for check in _made(name, look, deep))]


def _made(name: str, look: Callable[[bool], Iterator[Check]], deep: bool) -> list[Check]:
    try:
        return list(look(deep))
    except Refused as refused:
        return [Check(name, "problem", refused.sentence, "Correct the setting, then run doctor again.")]
    except OSError as error:
        advice = "Set TRAINYARD_HOME to a folder that you may write to."
        return [Check(name, "problem", f"{error.filename or name}: {error.strerror}.", advice)]


def _settings(_: bool) -> Iterator[Check]:
    changed = {f"TRAINYARD_{name.upper()}": _masked(name) for name in sorted(settings().model_fields_set)}
    told = ", ".join(f"{name}={value}" for name, value in changed.items())
    yield Check("settings", "ok", told or "All have their defaults.")


def _versions(_: bool) -> Iterator[Check]:
    pins = _pins()
    found = {name: _version(name) for name in pins}
    if missing := [name for name in pins if not found[name]]:
        yield Check("versions", "problem", f"{', '.join(missing)} not installed.", INSTALL)
    others = [f"{name} {found[name]} (tried with {pin})" for name, pin in pins.items() if found[name] not in ("", pin)]
    if others:
        yield Check("versions", "problem", f"Not what was tried: {', '.join(others)}.", INSTALL)
    if not missing and not others:
        yield Check(
            "versions", "ok", f"Python {platform.python_version()}, and {len(pins)} libraries as in requirements.txt."
        )


def _home(_: bool) -> Iterator[Check]:
    home = settings().folder
    if not home.exists():
        above = _existing(home)
        if above.is_dir() and os.access(above, os.W_OK):
            yield Check("home", "note", f"{home} does not exist yet.", "It is made when Trainyard is first used.")
        else:
            yield Check("home", "problem", f"{home} cannot be made.", "Set TRAINYARD_HOME to a folder of your own.")
        return
    probe = home / "doctor.probe"
    try:
        probe.write_bytes(b"")
        ahead = probe.stat().st_mtime - time.time()
    finally:
        probe.unlink(missing_ok=True)
    yield Check("home", "ok", f"{home} can be written to.")
    if abs(ahead) > CLOCK_SECONDS:
        yield Check(
            "clock",
            "problem",
            f"The clock of the disk of {home} differs from ours by {ahead:,.0f} s.",
            "Set both clocks by the network, or use a local disk.",
        )
    yield from _modes(home)
    if not settings().database_url and (kind := _file_system(home)) in NETWORK_FILE_SYSTEMS:
        yield Check(
            "file system",
            "problem",
            f"{home} is on a network disk ({kind}), which can damage SQLite.",
            "Set TRAINYARD_HOME to a local disk, or TRAINYARD_DATABASE_URL to PostgreSQL.",
        )


def _modes(home: Path) -> Iterator[Check]:
    """Everything below home, and the folder of files when it is elsewhere, is for its owner alone."""
    well = True
    for root in {home, settings().files} if not settings().files.is_relative_to(home) else {home}:
        stats = [(path, stat) for path in (root, *root.rglob("*")) if (stat := _stat(path))]
        foreign = [path for path, stat in stats if stat.st_uid != os.geteuid()]
        ajar = [path for path, stat in stats if stat.st_mode & 0o077 and not path.is_symlink()]
        if foreign:
            well = False
            yield Check(
                "modes",
                "problem",
                f"{_counted(foreign, 'belongs', 'belong')} to another user.",
                f"sudo chown -R {os.geteuid()} {root}",
            )
        if ajar:
            well = False
            yield Check(
                "modes", "problem", f"Other users of this machine may use {_named(ajar)}.", f"chmod -R go-rwx {root}"
            )
    if well:
        yield Check("modes", "ok", "Only you may look into it.")


def _database(deep: bool) -> Iterator[Check]:
    if not settings().database_url and not (settings().folder / "trainyard.db").exists():
        yield Check("database", "note", "There is none yet.", "It is made when Trainyard is first used.")
        return
    try:
        damage = checks.damage(None if deep else CHECK_SECONDS)
    except TimeoutError:
        damage = None
        yield Check(
            "integrity",
            "note",
            f"The database could not be looked through in {CHECK_SECONDS:.0f} s.",
            f"{COMMAND} doctor --deep",
        )
    if damage:
        yield Check(
            "database",
            "problem",
            f"{db.address()} is damaged: {damage}.",
            f"Stop the app, and move the file and those beside it, -wal and -shm, away. {RESTORE}",
        )
        return
    db.check()
    revision = schema.current()
    if revision == schema.NEWEST:
        yield Check("database", "ok", f"{db.address()}, revision {revision}.")
    elif revision is None:
        yield Check("database", "note", f"{db.address()} has no tables yet.", "They are made at the next start.")
    elif revision in schema.known():
        yield Check(
            "database",
            "problem",
            f"{db.address()} is of an older version: {revision}, not {schema.NEWEST}.",
            "Make a copy, then start the app: it brings the database up to date.",
        )
    else:
        yield Check(
            "database",
            "problem",
            f"{db.address()} is of a newer version: {revision}, not {schema.NEWEST}.",
            "Install the newer Trainyard; this one must not be used with it.",
        )


def _clock(_: bool) -> Iterator[Check]:
    if abs(ahead := checks.clock_ahead()) > CLOCK_SECONDS:
        yield Check(
            "clock",
            "problem",
            f"The clock of the database differs from ours by {ahead:,.0f} s.",
            "Set the clocks of both machines by the network.",
        )
    elif (latest := checks.latest()) and (latest - now()).total_seconds() > CLOCK_SECONDS:
        yield Check(
            "clock",
            "problem",
            f"Something happened at {latest:%Y-%m-%d %H:%M:%S} UTC, which is not yet. The "
            "clock was set back, or was wrong.",
            "Set the clock by the network: timedatectl set-ntp true",
        )
    else:
        yield Check("clock", "ok", f"{now():%Y-%m-%d %H:%M:%S} UTC, as the database has it.")


def _files(deep: bool) -> Iterator[Check]:
    named = checks.files_named()
    files.check()
    lost = [
        f"{what} ({sha256[:12]})"
        for sha256, (size, what) in named.items()
        if not (_whole(Kept(sha256, size)) if deep else _there(Kept(sha256, size)))
    ]
    if lost:
        count = "1 stored file is" if len(lost) == 1 else f"{len(lost)} stored files are"
        yield Check(
            "files",
            "problem",
            f"{count} missing or damaged: {_listed(lost)}.",
            f"{RESTORE}, or run those workflows again from their first step.",
        )
    else:
        how = "by their hashes" if deep else "by their sizes; by their hashes with --deep"
        yield Check("files", "ok", f"{len(named)} stored files in {settings().files} are whole, {how}.")
    free = [path for path in files.stored() if path.name not in named]
    if free:
        yield Check(
            "files",
            "note",
            f"{len(free)} stored files belong to nothing ({_size(_sum(free))}).",
            "They are removed a day after they were written, while the app runs.",
        )


def _supervisor(_: bool) -> Iterator[Check]:
    log = settings().folder / "logs" / "supervisor.log"
    told = presence.state()
    if not presence.supervisor_runs():
        yield Check("services", "note", "None run now.", "They start with the app, or with a command that needs them.")
        return
    if not told:
        yield Check(
            "services",
            "note",
            "They are starting, or their supervisor was killed.",
            f"If this stays so, look at the end of {log}.",
        )
        return
    process, dead = _process(told["pid"]), [pid for pid in told["workers"] if pid and not _process(pid)]
    if process and process.status() == psutil.STATUS_STOPPED:
        yield Check(
            "services", "problem", f"The supervisor (process {told['pid']}) stands still.", f"kill -CONT {told['pid']}"
        )
    elif dead and time.time() - told["started_at"] > STARTING_SECONDS:
        yield Check(
            "services",
            "problem",
            f"{len(dead)} of {len(told['workers'])} workers ended and did not start again yet.",
            f"If this stays so, look at the end of {log}.",
        )
    elif told["started_at"] < _newest_code():
        yield Check("services", "note", "They run code that was changed since they started.", "Restart the app.")
    else:
        yield Check("services", "ok", f"Supervisor {told['pid']} with {len(told['workers'])} workers.")


def _leftovers(_: bool) -> Iterator[Check]:
    if presence.supervisor_runs():
        return
    home, answers = settings().folder, queue.answers()
    left = [path for path in (queue.socket_path(), home / "run" / "supervisor.json") if path.exists() and not answers]
    left += [*files.abandoned(), *home.glob(".before-restore-*.part")]
    if left:
        yield Check(
            "leftovers",
            "note",
            f"Something was killed and left {_named(left)}.",
            "It does no harm, and goes with the next start.",
        )


def _queue(_: bool) -> Iterator[Check]:
    where = _queue_address()
    try:
        options = queue.server_settings()
    except queue.QueueDownError:
        yield _no_queue(where)
        return
    wrong = list(_queue_faults(where, options))
    yield from wrong or [Check("queue", "ok", f"{where} answers.")]
    yield from _workers()


def _queue_faults(where: str, told: dict[str, str]) -> Iterator[Check]:
    if told.get("maxmemory-policy", "noeviction") != "noeviction":
        yield Check(
            "queue",
            "problem",
            f"{where} drops entries when it is full ({told['maxmemory-policy']}).",
            "Set its maxmemory-policy to noeviction.",
        )
    if told.get("appendonly", "yes") != "yes":
        yield Check(
            "queue",
            "problem" if not settings().redis_url else "note",
            f"{where} forgets everything when it ends. Nothing is lost, but waiting work is handed over again.",
            "Set its appendonly to yes." if settings().redis_url else "Restart the app.",
        )
    if not settings().redis_url and told.get("port", "0") != "0":
        yield Check(
            "queue",
            "problem",
            f"{where} also listens on port {told['port']}, where everybody on this machine can use it.",
            "Restart the app.",
        )
    parts = urlsplit(settings().redis_url)
    secret = parts.password and parts.scheme == "rediss"
    if parts.hostname not in (None, "localhost", "127.0.0.1", "::1") and not secret:
        yield Check(
            "queue",
            "note",
            f"{where} is reached without a password or without encryption: whoever reaches it can stop and start work.",
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
            f"Not heard of for long: {_listed(silent)}.",
            "The app replaces those of this machine. Restart the app if it does not.",
        )
    if others := sorted(queue.worker_versions([row.name for row in seen.workers]) - {RQ_VERSION}):
        yield Check(
            "workers",
            "problem",
            f"Some workers use RQ {', '.join(others)}, this is {RQ_VERSION}.",
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
    """For how many seconds each worker has not been heard of."""
    told = queue.worker_heartbeats(names)
    return {
        name: (now() - datetime.fromisoformat(at.replace("Z", "+00:00"))).total_seconds() for name, at in told.items()
    }


def _people(_: bool) -> Iterator[Check]:
    known = people.everybody()
    admins = sum(each.role == Role.admin for each in known)
    if not known:
        yield Check(
            "people",
            "note",
            "Nobody has to sign in.",
            f"Before you share the app: {COMMAND} user add NAME --role admin",
        )
    elif not admins:
        yield Check("people", "problem", "Nobody is an admin.", f"{COMMAND} user role NAME admin")
    else:
        yield Check("people", "ok", f"{len(known)} may sign in, {admins} as admin.")


def _disk(_: bool) -> Iterator[Check]:
    folder = _existing(settings().folder)
    free = shutil.disk_usage(folder).free
    stored = _sum(list(files.stored())) if settings().files.is_dir() else 0
    told = f"{_size(free)} free, {_size(stored)} stored."
    if free < ROOM:
        yield Check("disk", "problem", told, "Make room: delete workflows and datasets that are not needed.")
    elif free < stored:
        yield Check(
            "disk", "note", f"{told} A backup does not fit on the same disk.", "Make room, or back up to another disk."
        )
    else:
        yield Check("disk", "ok", told)


Look = tuple[str, Callable[[bool], Iterator[Check]]]
FIRST: tuple[Look, ...] = (("settings", _settings), ("versions", _versions), ("home", _home), ("database", _database))
AFTERWARDS: tuple[Look, ...] = (
    ("clock", _clock),
    ("files", _files),
    ("services", _supervisor),
    ("leftovers", _leftovers),
    ("queue", _queue),
    ("people", _people),
    ("disk", _disk),
)


def _pins() -> dict[str, str]:
    """What requirements.txt says of the libraries that Trainyard itself uses."""
    first_part = PINS.read_text().split("\n\n")[0] if PINS.exists() else ""
    pinned = (line.split("==") for line in first_part.splitlines() if "==" in line and not line.startswith("#"))
    return {name.split("[")[0].strip(): version.split()[0] for name, version in pinned}


def _masked(name: str) -> str:
    """A setting as it may be shown: without who signs in to where it leads, and with which password."""
    shown = re.sub(r"://.*@", "://***@", str(getattr(settings(), name)))
    return re.sub(r"(password|token|secret)=[^&]*", r"\1=***", shown, flags=re.IGNORECASE)


def _there(kept: Kept) -> bool:
    try:
        return files.path_of(kept.sha256).stat().st_size == kept.size
    except FileNotFoundError:
        return False


def _whole(kept: Kept) -> bool:
    try:
        return bool(files.verified(kept))
    except files.Damaged:
        return False


def _process(pid: int) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        return process if process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def _newest_code() -> float:
    """When our own code was last changed."""
    return max(path.stat().st_mtime for folder in ("jobs", "store") for path in (ROOT / folder).rglob("*.py"))


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:  # gone since we saw its name
        return None


def _sum(paths: list[Path]) -> int:
    return sum(stat.st_size for path in paths if (stat := _stat(path)))


def _size(size: int) -> str:
    return f"{size / (1 << 30):,.1f} GB"


def _named(paths: list[Path]) -> str:
    return _listed([str(path) for path in paths])


def _listed(names: list[str]) -> str:
    """The first of several names, and how many more there are."""
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _counted(paths: list[Path], one: str, many: str) -> str:
    return f"{_named(paths)} {one if len(paths) == 1 else many}"


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
        return f"Valkey on {queue.socket_path()}"
    parts = urlsplit(settings().redis_url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _file_system(folder: Path) -> str:
    """The kind of file system a folder is on."""
    mounts = [mount for mount in psutil.disk_partitions(all=True) if folder.is_relative_to(mount.mountpoint)]
    return max(mounts, key=lambda mount: len(mount.mountpoint)).fstype if mounts else ""
