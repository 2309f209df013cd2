"""Detect: which format a file is of, by its bytes and not by its name."""

import json
import zipfile
from pathlib import Path

from jobs.tabular import dialect
from store.errors import RequestError
from store.messages import Message

HEAD = 1 << 18
_ENCRYPTED_WORKBOOK = "EncryptedPackage".encode("utf-16-le")
# The part of a zip file that shows what it is, and the code of the refusal.
_OTHER_ZIPS = (
    ("xl/workbook.bin", "file_is_binary_excel"),
    ("content.xml", "file_is_open_document"),
    ("word/document.xml", "file_is_document"),
    ("ppt/presentation.xml", "file_is_document"),
)


def format_of(path: Path) -> str:
    """Return the format of a file; refuse workbooks that are none of ours. What is no other format is CSV."""
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return _zip_format(path)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        if _ENCRYPTED_WORKBOOK in head or _ENCRYPTED_WORKBOOK in _tail(path):
            raise RequestError(Message("file_has_password"), "file")
        raise RequestError(Message("file_is_old_excel"), "file")
    if head.startswith(b"PARE"):
        raise RequestError(Message("parquet_has_password"), "file")
    if head.startswith(b"PAR1"):
        return dialect.PARQUET
    return dialect.JSON_LINES if _begins_with_object(head) else dialect.CSV


def _zip_format(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise RequestError(Message("workbook_broken"), "file") from None
    if "xl/workbook.xml" in parts:
        return dialect.EXCEL
    for part, code in _OTHER_ZIPS:
        if part in parts:
            raise RequestError(Message(code), "file")
    if any(part.startswith("xl/") for part in parts):
        raise RequestError(Message("workbook_broken"), "file")
    raise RequestError(Message("file_is_zip"), "file")


def _tail(path: Path) -> bytes:
    """Return the end of a file, where the directory of an old workbook may stand."""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - HEAD))
        return stream.read(HEAD)


def _begins_with_object(head: bytes) -> bool:
    """Return whether the first line that is not blank is one JSON object."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text.startswith(b"{"):
        return False
    line, end, _rest = text.partition(b"\n")
    if not end and len(head) == HEAD:
        return b'"' in line[:3] and b":" in line  # one very long row
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
