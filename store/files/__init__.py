"""Files, known by what is in them: written aside, synced, put in place, and checked before use.

Where a file lives (`folder`) and a local copy to read from (`local`) are different questions, so that files can live
elsewhere than on a disk of this machine.
"""

from store.files.checkpoint_files import (
    all_checkpoints,
    checkpoints,
    drop_checkpoints,
    keep_checkpoint,
    place_checkpoint,
    steps_with_checkpoints,
    whole_checkpoint,
)
from store.files.disk import ROOM_FOR_EACH_BYTE, check, check_room, room
from store.files.file_ref import DamagedError, FileRef
from store.files.folder import StoredFile, find, path_of, remove, stored
from store.files.incoming_files import CHUNK, Incoming, incoming, keep, writing
from store.files.local import checked, present, unverified, verified
from store.files.locked_folders import lock_alone, lock_shared
from store.files.scratch_folders import abandoned, scratch, sweep_scratch
from store.files.waiting_folders import Waiting
from store.files.waiting_folders import drop as drop_waiting
from store.files.waiting_folders import take as take_waiting

__all__ = [
    "CHUNK",
    "ROOM_FOR_EACH_BYTE",
    "DamagedError",
    "FileRef",
    "Incoming",
    "StoredFile",
    "Waiting",
    "abandoned",
    "all_checkpoints",
    "check",
    "check_room",
    "checked",
    "checkpoints",
    "drop_checkpoints",
    "drop_waiting",
    "find",
    "incoming",
    "keep",
    "keep_checkpoint",
    "lock_alone",
    "lock_shared",
    "path_of",
    "place_checkpoint",
    "present",
    "remove",
    "room",
    "scratch",
    "steps_with_checkpoints",
    "stored",
    "sweep_scratch",
    "take_waiting",
    "unverified",
    "verified",
    "whole_checkpoint",
    "writing",
]
