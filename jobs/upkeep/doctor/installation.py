"""Settings, and the versions of libraries."""

import platform
import re
from collections.abc import Iterator
from importlib import metadata

from jobs.upkeep.doctor.check import Check
from store.program import INSTALL
from store.settings import ROOT, settings

PINS = ROOT / "requirements.txt"


def check_settings(_: bool) -> Iterator[Check]:
    changed = {f"TRAINYARD_{name.upper()}": _masked(name) for name in sorted(settings().model_fields_set)}
    values = ", ".join(f"{name}={value}" for name, value in changed.items())
    yield Check("settings", "ok", values or "All have their defaults.")


def check_versions(_: bool) -> Iterator[Check]:
    pins = _pins()
    installed = {name: _version(name) for name in pins}
    if missing := [name for name in pins if not installed[name]]:
        yield Check("versions", "problem", f"{', '.join(missing)} not installed.", INSTALL)
    others = [
        f"{name} {installed[name]} (tested with {pin})"
        for name, pin in pins.items()
        if installed[name] not in ("", pin)
    ]
    if others:
        yield Check("versions", "problem", f"Not the tested versions: {', '.join(others)}.", INSTALL)
    if not missing and not others:
        yield Check(
            "versions", "ok", f"Python {platform.python_version()}, and {len(pins)} libraries as in requirements.txt."
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


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return ""
