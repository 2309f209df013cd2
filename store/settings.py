"""Every setting, in one place; nothing else reads the environment."""

import os
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from store.errors import RequestError
from store.messages import Message

# Where app.py lies, and requirements.txt, and everything else that is read as a file.
ROOT = Path(__file__).parent.parent
Environment = type(os.environ)


PREFIX = "TRAINYARD_"


class Settings(BaseModel):
    """What `TRAINYARD_*` environment variables say; every setting has a working default."""

    home: Path = Field(default=Path("data"), description="Folder that holds everything Trainyard remembers.")
    database_url: str = Field(
        default="", repr=False, description="SQLAlchemy URL; empty means a SQLite file in the home folder."
    )
    redis_url: str = Field(
        default="", repr=False, description="Redis or Valkey URL; empty means an embedded Valkey of our own."
    )
    files_url: str = Field(default="", description="Where files are stored; empty means a folder in the home folder.")
    secret_keys: str = Field(
        default="",
        repr=False,
        description="Keys that sign outputs which are code, separated by commas; empty means a file in the home.",
    )
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=0,
        le=1000,
        description="Worker processes started here; 0 means none.",
    )
    open: bool = Field(default=False, description="1 lets other machines in although nobody has to sign in.")
    fork_ahead: bool = Field(
        default=True, description="0 forks the process of a step when it begins, which is slower and simpler."
    )
    linger_seconds: float = Field(
        default=2.0,
        ge=0,
        le=3600,
        description="For how long a flow waits with its process, while another worker does what it waits for.",
    )
    pipelines: str = Field(default="", description="Python modules with pipelines of your own, separated by commas.")
    project: Path = Field(
        default_factory=Path.cwd,
        description="Folder in which those modules are looked for; else the one in which Trainyard is started.",
    )

    @classmethod
    def read(cls) -> "Settings":
        """The settings of the environment as it is now; an empty variable says nothing."""
        given = {name: os.environ.get(f"{PREFIX}{name}".upper()) for name in cls.model_fields}
        return cls.model_validate({name: value for name, value in given.items() if value})

    @cached_property  # a step may change its working folder
    def folder(self) -> Path:
        """The home folder as an absolute path."""
        return self.home.expanduser().resolve()

    @cached_property  # asked for with every transaction
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.folder / 'trainyard.db'}"

    @cached_property
    def files(self) -> Path:
        """The folder for files; only local folders are supported so far."""
        if "://" in self.files_url and not self.files_url.startswith("file://"):
            raise RequestError(Message("files_url_unsupported"))
        path = self.files_url.removeprefix("file://")
        return Path(path).expanduser().resolve() if path else self.folder / "files"


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once; tests call `settings.cache_clear()`."""
    try:
        return Settings.read()
    except ValidationError as wrong:
        first = wrong.errors()[0]
        name = f"{PREFIX}{first['loc'][0]}".upper()
        raise RequestError(
            Message("setting_wrong", {"name": name, "given": str(first["input"]), "reason": first["msg"].lower()}), name
        ) from None


def make_home() -> Path:
    """Create the home folder and return it; what this process writes from now on is for its owner only."""
    os.umask(0o077)
    folder = settings().folder
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise RequestError(
            Message("home_unusable", {"folder": str(folder), "reason": str(error.strerror)}), "TRAINYARD_HOME"
        ) from None
    return folder


def plain_environment() -> dict[str, str]:
    """The environment without our settings, which may hold passwords; for processes that read what others sent."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


def environment_with_project(folders: Sequence[str] = ()) -> dict[str, str]:
    """The environment of a process of our own that is started elsewhere: it finds Trainyard first, then the modules of
    the project, or of the `folders` that take its place."""
    project = str(settings().project.resolve())
    paths = [str(ROOT), *(folders or [project]), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return os.environ | {"PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)), "TRAINYARD_PROJECT": project}
