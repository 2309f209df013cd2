"""Whether files can be stored at all, and whether there is room for one more."""

from store.errors import RequestError
from store.files import folder
from store.files.incoming_files import incoming
from store.messages import Message
from store.settings import settings

ROOM_FOR_EACH_BYTE = 3


def check_room(size: int) -> None:
    """Refuse a file that would fill the disk: with what is made of it, it takes about three times its size."""
    free = room()
    if free < size * ROOM_FOR_EACH_BYTE:
        raise RequestError(
            Message("no_room_for_file", {"size": size, "free": free}),
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
            Message("files_folder_unusable", {"folder": str(settings().files), "reason": str(error.strerror)}),
            "TRAINYARD_FILES_URL",
        ) from None
