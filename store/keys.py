"""The key ring of this installation: it signs what only code that was run here may have made, and links by which a
stranger may answer a question.

The keys are those in `TRAINYARD_SECRET_KEYS`, else the lines of `secret.key` in the home folder, which is made when it
is first needed. The first key signs; a signature of any key of the ring is valid, so that keys can be replaced one by
one.
"""

import hashlib
import hmac
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from store.errors import RequestError
from store.messages import Message
from store.settings import make_home, settings

FILE = "secret.key"
ARTIFACT, ANSWER = "artifact", "answer"  # what a signature is for
SHORTEST = 32  # characters; what `secrets.token_hex(16)` writes


def sign(text: str, purpose: str = ARTIFACT) -> str:
    """Return the signature of a text by the first key; one for another purpose is another one."""
    return _signature(_ring()[0], purpose, text)


def is_signed(text: str, signature: str, purpose: str = ARTIFACT) -> bool:
    """Whether a signature was made of this text, for this purpose, by a key of this installation."""
    given = signature.encode(errors="replace")  # compare_digest refuses text beyond ASCII
    keys = _configured() or _kept(_file())  # none is made: strangers ask, too
    return any(hmac.compare_digest(_signature(key, purpose, text).encode(), given) for key in keys)


def names() -> list[str]:
    """Return the public names of the keys, the signing one first: by them, a backup says whose signatures it holds.

    Empty as long as nothing was signed here."""
    try:
        keys = _configured() or _kept(_file())
    except RequestError:  # which is raised where a signature is needed; it is no reason to have no backup
        return []
    return [_signature(key, "name", "")[:16] for key in keys]


def _signature(key: str, purpose: str, text: str) -> str:
    """The purpose is part of what is signed, so that a signature of one kind is none of another."""
    return hmac.new(key.encode(), f"trainyard {purpose}\0{text}".encode(), hashlib.sha256).hexdigest()


def _ring() -> list[str]:
    return _configured() or _kept(_file()) or _made(_file())


def _configured() -> list[str]:
    keys = [key.strip() for key in settings().secret_keys.split(",") if key.strip()]
    if any(len(key) < SHORTEST for key in keys):
        raise RequestError(Message("secret_key_short", {"shortest": SHORTEST}), "TRAINYARD_SECRET_KEYS")
    return keys


def _file() -> Path:
    return settings().folder / FILE


def _kept(file: Path) -> list[str]:
    """The keys in the file; a file that holds none is refused, since a new key would make every signature invalid."""
    try:
        lines = file.read_text().split()
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or error)
        raise RequestError(Message("secret_key_unreadable", {"file": str(file), "reason": reason})) from None
    if not lines or any(len(key) < SHORTEST for key in lines):
        raise RequestError(Message("secret_key_damaged", {"file": str(file), "shortest": SHORTEST}))
    return lines


def _made(file: Path) -> list[str]:
    """Make the file, whole or not at all; where another process was first, its key counts."""
    make_home()
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f"{FILE}-")  # readable for its owner only
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(f"{secrets.token_hex(32)}\n")
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):
            os.link(name, file)
    finally:
        Path(name).unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return _kept(file)
