"""A PostgreSQL server for the tests of one process, and a database of its own for each test."""

import contextlib
import itertools
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
from conftest import free_port
from sqlalchemy import create_engine, make_url

USER = "trainyard"
# A database is copied for each test: 20 times as fast in memory as on a busy disk.
MEMORY = Path("/dev/shm")
ROOM_BYTES = 1_000_000_000
START_SECONDS = 30
# fsync=off: what a power cut would lose is lost anyway when the tests end.
OPTIONS = ("fsync=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=200", "timezone=UTC")


class Server:
    """Runs in a folder of its own and ends with this process, also when this process is killed."""

    def __init__(self):
        self._programs = programs()
        self._folder = Path(tempfile.mkdtemp(prefix="trainyard-postgres-", dir=MEMORY if has_room(MEMORY) else None))
        self._password = secrets.token_urlsafe(16)
        self._numbers = itertools.count(1)
        self._start()

    def _start(self):
        secret, data = self._folder / "password", self._folder / "data"
        secret.write_text(self._password)
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            owner = pwd.getpwnam("postgres")
            for path in (self._folder, secret):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        create = [
            "-U",
            USER,
            "-A",
            "scram-sha-256",
            f"--pwfile={secret}",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]
        subprocess.run([*self._as_its_user("initdb"), "-D", data, *create], check=True, stdout=subprocess.DEVNULL)
        secret.unlink()
        self.port = free_port()
        listens = ["-p", str(self.port), "-c", "listen_addresses=127.0.0.1", "-k", self._folder]
        options = itertools.chain.from_iterable(("-c", option) for option in OPTIONS)
        self._log = (self._folder / "log").open("wb")
        self._command = [*self._as_its_user("postgres"), "-D", data, *listens, *options]
        self.serve()

    def serve(self):
        """Answer, from now on or again."""
        self.process = subprocess.Popen(self._command, stdout=self._log, stderr=self._log)
        self._wait()

    def halt(self):
        """End every connection and answer nobody."""
        self.process.send_signal(signal.SIGINT)  # a fast shutdown
        self.process.wait(START_SECONDS)

    def _as_its_user(self, program):
        """The command line of a program of PostgreSQL, which the end of this process interrupts."""
        drop = ["--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
        return ["setpriv", *drop, "--pdeathsig=INT", self._programs / program]

    def _wait(self):
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                with self.connect("postgres"):
                    return
            except psycopg.OperationalError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError((self._folder / "log").read_text()) from None
                time.sleep(0.02)

    def connect(self, database):
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=self._password, dbname=database, autocommit=True
        )

    def url(self, database):
        """What TRAINYARD_DATABASE_URL has to be."""
        return f"postgresql+psycopg://{USER}:{self._password}@127.0.0.1:{self.port}/{database}"

    def create(self, template="template1"):
        """A new database, equal to another one; returns its name."""
        name = f"test_{next(self._numbers)}"
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def drop(self, name):
        with self.connect("postgres") as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self):
        self.halt()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)


class Databases:
    """Databases that are new for each test, all equal to one whose tables are made once."""

    def __init__(self, server):
        self.server = server
        self._template = None

    @contextlib.contextmanager
    def new(self):
        """The URL of a database with its tables made; it is gone afterwards, whoever is still connected."""
        if self._template is None:
            self._template = self._make_template()
        name = self.server.create(self._template)
        try:
            yield self.server.url(name)
        finally:
            self.server.drop(name)

    def _make_template(self):
        """A database can only be copied while nobody is connected to it."""
        from alembic import command
        from alembic.config import Config

        from store import schema

        name = self.server.create()
        engine = create_engine(make_url(self.server.url(name)))
        config = Config()
        config.set_main_option("script_location", str(schema.MIGRATIONS))
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        engine.dispose()
        return name


def has_room(folder):
    return folder.is_dir() and shutil.disk_usage(folder).free > ROOM_BYTES


def programs():
    """The folder with initdb and postgres, of the newest version that is installed; None when there is none."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((path.parent for path in installed), key=lambda folder: float(folder.parent.name), default=None)
