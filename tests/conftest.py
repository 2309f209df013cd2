"""Fixtures that read like sentences: a home of one's own, and services that run in it."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
os.environ["TRAINYARD_PIPELINES"] = "cast"
os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent.parent), str(Path(__file__).parent)])
# Numeric libraries must not take every core in each of several processes.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def forget() -> None:
    """Let this process forget which home it was in."""
    from jobs import queues
    from store import db
    from store.settings import settings

    db.close()
    queues.connection.cache_clear()
    settings.cache_clear()


@pytest.fixture
def home(monkeypatch):
    """An empty home with its tables made, of its own for this test."""
    folder = Path(tempfile.mkdtemp(prefix="trainyard-"))
    monkeypatch.setenv("TRAINYARD_HOME", str(folder))
    forget()
    from store import schema

    schema.prepare()
    yield folder
    forget()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def services(home, monkeypatch):
    """A home in which Valkey and two workers really run."""
    from jobs import services

    monkeypatch.setenv("TRAINYARD_WORKERS", "2")
    forget()
    with services.using() as use:
        yield use
