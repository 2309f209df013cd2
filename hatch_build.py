"""Gives the wheel its dependencies: the first part of requirements.txt, so that each pin has one home."""

from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class Requirements(MetadataHookInterface):
    """Fills in `dependencies`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Take over the pins of the libraries that Trainyard itself imports or needs at run time."""
        first_part = (Path(self.root) / "requirements.txt").read_text().split("\n\n")[0]
        lines = (line.partition("#")[0].strip() for line in first_part.splitlines())
        metadata["dependencies"] = [line for line in lines if line]
