"""Whether files can be stored at all, and whether there is room for one more."""

from store.errors import RequestError
from store.files import folder
from store.files.incoming_files import incoming
from store.settings import settings

ROOM_FOR_EACH_BYTE = 3


def check_room(size: int) -> None:
    """Refuse a file that would fill the disk: with what is made of it, it takes about three times its size."""
    free = room()
    if free < size * ROOM_FOR_EACH_BYTE:
        raise RequestError(
            f"The file has {size / 1e9:,.1f} GB and needs three times that to be worked with; the disk of the server "
            f"has {free / 1e9:,.1f} GB free. Make room, or send fewer rows.",
            "file",
        )


def room() -> int:
    """How many bytes there is room for."""
    return folder.free_bytes()


def check() -> None:
    """Refuse, in one sentence, when there is no folder to store files in."""
    try:
        with incoming():
            pass
    except OSError as error:
        raise RequestError(
            f"Files cannot be kept in {settings().files}: {error.strerror}. Make it a folder that you may "
            "write to, or set TRAINYARD_FILES_URL to another.",
            "TRAINYARD_FILES_URL",
        ) from None
