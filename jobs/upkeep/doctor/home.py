"""The home folder: can it be written to, is it private, is there room."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from jobs.upkeep.doctor.check import Check, counted, existing, named, size, stat_of
from store import files
from store.settings import settings

ROOM = 1_000_000_000
CLOCK_SECONDS = 5.0
NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "afs", "9p"}


def check_home(_: bool) -> Iterator[Check]:
    home = settings().folder
    if not home.exists():
        above = existing(home)
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
        stats = [(path, stat) for path in (root, *root.rglob("*")) if (stat := stat_of(path))]
        foreign = [path for path, stat in stats if stat.st_uid != os.geteuid()]
        ajar = [path for path, stat in stats if stat.st_mode & 0o077 and not path.is_symlink()]
        if foreign:
            well = False
            yield Check(
                "modes",
                "problem",
                f"{counted(foreign, 'belongs', 'belong')} to another user.",
                f"sudo chown -R {os.geteuid()} {root}",
            )
        if ajar:
            well = False
            yield Check(
                "modes", "problem", f"Other users of this machine may use {named(ajar)}.", f"chmod -R go-rwx {root}"
            )
    if well:
        yield Check("modes", "ok", "Only you may look into it.")


def check_disk(_: bool) -> Iterator[Check]:
    folder = existing(settings().folder)
    free = shutil.disk_usage(folder).free
    stored = sum(each.size for each in files.stored()) if settings().files.is_dir() else 0
    usage = f"{size(free)} free, {size(stored)} stored."
    if free < ROOM:
        yield Check("disk", "problem", usage, "Make room: delete workflows and datasets that are not needed.")
    elif free < stored:
        yield Check(
            "disk", "note", f"{usage} A backup does not fit on the same disk.", "Make room, or back up to another disk."
        )
    else:
        yield Check("disk", "ok", usage)


def _file_system(folder: Path) -> str:
    """The kind of file system a folder is on."""
    mounts = [mount for mount in psutil.disk_partitions(all=True) if folder.is_relative_to(mount.mountpoint)]
    return max(mounts, key=lambda mount: len(mount.mountpoint)).fstype if mounts else ""
