"""Files: whole or not there, and checked before use."""

import tempfile
import threading
from pathlib import Path

import pytest
from helpers.refusals import refuses

from store import files
from store.settings import settings


def put(content=b"hello"):
    with files.incoming() as stream:
        stream.write(content)
        return stream.keep()


def test_the_same_bytes_are_stored_once(home):
    """Two files with the same content are one file on disk."""
    assert put() == put()
    assert len([path for path in (home / "files").rglob("*") if path.is_file()]) == 1


def test_what_is_not_kept_leaves_nothing(home):
    """A failed upload leaves no file behind."""
    with pytest.raises(OSError, match="gone"), files.incoming() as stream:
        stream.write(b"half")
        raise OSError("gone")
    assert [path for path in (home / "files").rglob("*") if path.is_file()] == []


def test_a_changed_file_is_refused(home):
    """A stored file that was changed on disk is not used."""
    kept = put()
    assert files.verified(kept).read_bytes() == b"hello"
    files.path_of(kept.sha256).write_bytes(b"jello")
    with pytest.raises(files.DamagedError):
        files.verified(kept)


def test_a_missing_file_is_refused(home):
    """A stored file that is gone is said to be missing."""
    kept = put()
    files.remove(kept.sha256)
    with refuses(files.DamagedError, match="missing"):
        files.verified(kept)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "x" * 64, "A" * 64])
def test_paths_come_from_hashes_only(home, name):
    """Nothing but a sha256 becomes a path."""
    with pytest.raises(ValueError, match="not a sha256"):
        files.path_of(name)


def test_files_are_for_their_owner_only(home):
    """Nothing under the file store can be read by others."""
    put()
    assert all(path.stat().st_mode & 0o077 == 0 for path in (home / "files").rglob("*"))


def test_sweeping_spares_what_somebody_writes(home):
    """A supervisor that starts removes what the killed left, not an upload or a step that goes on."""
    (home / "files").mkdir()
    (home / "files" / "incoming-old").write_bytes(b"left")
    with files.scratch() as folder, files.incoming() as stream:
        (home / "scratch" / "1-left").mkdir()
        stream.write(b"so far")
        files.sweep_scratch()
        assert folder.is_dir() and not (home / "scratch" / "1-left").exists()
        assert not (home / "files" / "incoming-old").exists()
        assert files.verified(stream.keep()).read_bytes() == b"so far"


def test_what_was_just_begun_is_not_swept_away(home):
    """Sweeping all the time, somebody never removes a folder or file that another one has just begun."""
    over = threading.Event()

    def sweep():
        while not over.is_set():
            files.sweep_scratch()

    thread = threading.Thread(target=sweep)
    thread.start()
    try:
        for _ in range(1_500):
            with files.scratch() as folder, files.incoming() as stream:
                (folder / "a").touch()
                assert stream.path.exists()
    finally:
        over.set()
        thread.join()


def test_hosts_that_share_files_share_checkpoints(home, monkeypatch, tmp_path):
    """A checkpoint that one host kept is found by another one with a home of its own and the same folder for files."""
    before = home / "checkpoints"
    with files.scratch() as folder:
        (folder / "old").write_text("kept at home")
        files.keep_checkpoint(1, "f", folder / "old")
    assert len(list(before.iterdir())) == 1
    monkeypatch.setenv("TRAINYARD_FILES_URL", str(tmp_path / "shared"))
    for host in ("one", "two"):
        monkeypatch.setenv("TRAINYARD_HOME", str(home / host))
        settings.cache_clear()
        if host == "one":
            with files.scratch() as folder:
                (folder / "new").write_text("kept by one")
                files.keep_checkpoint(2, "f", folder / "new")
    assert files.whole_checkpoint(2, "f").read_text() == "kept by one"
    assert list(files.stored()) == [] and files.steps_with_checkpoints() == {2}
    monkeypatch.setenv("TRAINYARD_HOME", str(home))
    settings.cache_clear()
    assert files.whole_checkpoint(1, "f").read_text() == "kept at home"
    settings.cache_clear()


def test_a_checkpoint_may_come_from_another_disk(home, monkeypatch):
    """Where the home and the files are on different disks, a checkpoint arrives whole and leaves nothing else."""
    elsewhere = Path("/dev/shm") if Path("/dev/shm").is_dir() else home
    with tempfile.TemporaryDirectory(dir=elsewhere) as other:
        monkeypatch.setenv("TRAINYARD_FILES_URL", other)
        settings.cache_clear()
        with files.scratch() as folder:
            (folder / "new").write_bytes(b"x" * 3_000_000)
            files.keep_checkpoint(2, "f", folder / "new")
        assert files.whole_checkpoint(2, "f").stat().st_size == 3_000_000
        assert len([path for path in Path(other).rglob("*") if path.is_file()]) == 1
    settings.cache_clear()
