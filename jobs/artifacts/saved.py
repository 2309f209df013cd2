"""What saving a value leaves, and what reading one back is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobs.artifacts.previews import NONE, Preview
from store.messages import Message

ROW_BYTES = 32_000  # of JSON that a row holds itself


@dataclass(frozen=True, slots=True)
class Saved:
    """A value as it was saved: plain facts, and its file if it has one."""

    type: str  # what people read: "pandas.DataFrame", "list[str]", "shop.Order"
    format: str
    executable: bool = False  # reading it back can run code
    value: Any = None  # plain JSON of at most ROW_BYTES, for format "json"; then there is no file
    file: Path | None = None  # finished, in the folder that was given
    preview: Preview = field(default_factory=lambda: NONE.copy())
    metadata: dict[str, Any] = field(default_factory=dict)
    notices: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """A value to read back."""

    format: str
    annotation: object
    value: Any
    path: Path | None
    type: str
    metadata: Mapping[str, Any]
    folder: Callable[[], Path]  # a new folder, for what is unpacked
    notify: Callable[[Message], object]

    @property
    def file(self) -> Path:
        if self.path is None:
            raise ValueError(f"format {self.format} needs its file")
        return self.path
