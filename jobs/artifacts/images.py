"""Images for previews: arrays as small PNG files, and which bytes are a picture that a browser draws."""

import base64
import struct
import zlib
from typing import Any

from jobs.artifacts.previews import PicturePreview

LARGEST = 45_000  # bytes of a picture, which are a third more as text
WIDEST = 160
SIGNATURES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


def media_type(head: bytes) -> str | None:
    """The type of picture that bytes begin, or None."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for sign, kind in SIGNATURES if head.startswith(sign)), None)


def of_bytes(data: bytes) -> PicturePreview | None:
    """The preview of a picture that is small enough to be its own."""
    kind = media_type(data[:16])
    if kind is None or len(data) > LARGEST:
        return None
    return {"kind": "picture", "media_type": kind, "data": base64.b64encode(data).decode()}


def of_array(value: Any) -> PicturePreview | None:
    """The preview of an array that is a picture: height x width x 3 or 4, in bytes or in numbers from 0 to 1."""
    if value.ndim != 3 or value.shape[2] not in (3, 4) or min(value.shape[:2]) < 8:
        return None
    height, width = value.shape[:2]
    step = max(1, -(-max(height, width) // WIDEST))
    small = value[::step, ::step]
    if value.dtype.kind == "f":
        if not (small.min() >= 0 and small.max() <= 1):  # also where there is NaN
            return None
        small = (small * 255).round()
    elif str(value.dtype) != "uint8":
        return None
    while True:
        data = png(small.astype("uint8"))
        if len(data) <= LARGEST:
            break
        small = small[::2, ::2]
    return {
        "kind": "picture",
        "media_type": "image/png",
        "data": base64.b64encode(data).decode(),
        "width": width,
        "height": height,
    }


def png(pixels: Any) -> bytes:
    """Bytes of height x width x 3 or 4 as a PNG file. Small enough to write out; importing Pillow takes longer."""
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + pixels[row].tobytes() for row in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 6, 0, 0, 0)
    parts = (b"IHDR", head), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b"")
    return SIGNATURES[0][0] + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
