"""The name of a typed table that waits for the step which needs it: no library is loaded, as the app asks for it."""

import hashlib
import json
from collections.abc import Mapping

# Of what the upload step leaves: who reads a table that another version of it wrote, must know.
VERSION = 10


def name_of(sha256: str, dialect: Mapping[str, object]) -> str:
    """Return the name under which a table waits: by the bytes it was read from, how they were read, and our version."""
    return hashlib.sha256(json.dumps([VERSION, sha256, dialect], sort_keys=True).encode()).hexdigest()
