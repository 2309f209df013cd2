"""Files and folders: what a Path leads to is handed on, and an archive that would write elsewhere is refused."""

import io
import os
import tarfile
from pathlib import Path

import pytest
from helpers.kept import kept, read

from jobs import artifacts
from jobs.artifacts import ArtifactError, archives


def refused(value):
    with pytest.raises(ArtifactError) as told:
        kept(value)
    return str(told.value)


def test_a_file_is_handed_on_under_its_name(tmp_path):
    """The next step gets a copy with the name and content, which it may change."""
    file = tmp_path / "report.csv"
    file.write_text("a,b\n1,2\n")
    saved, loaded = kept(file, Path)
    assert (saved.type, saved.format) == ("pathlib.Path", "file")
    assert loaded.name == "report.csv" and loaded.read_text() == "a,b\n1,2\n"
    loaded.write_text("changed")
    assert saved.file.read_text() == file.read_text() == "a,b\n1,2\n"
    assert saved.preview == {"kind": "text", "text": "a,b\n1,2\n", "length": 8, "cut": False}


def test_a_name_in_a_row_is_no_path(tmp_path):
    """A name that leads elsewhere, in a row from elsewhere, stays in the folder."""
    (tmp_path / "f").write_text("x")
    (tmp_path / "in").mkdir()
    saved, _ = kept(tmp_path / "f")
    for name in ("../../etc/passwd", "/etc/passwd", "..", "", "a\0b"):
        loaded = read(saved, Path, metadata={"name": name}, folder=tmp_path / "in")
        assert loaded.parent.parent == tmp_path / "in" and loaded.read_text() == "x"


def test_a_program_may_still_be_run(tmp_path):
    """The bit that lets a file be run is kept."""
    file = tmp_path / "run.sh"
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    assert os.access(kept(file)[1], os.X_OK)


def test_a_folder_is_handed_on_whole(tmp_path):
    """Files, empty folders and links inside come back; names and sizes are shown."""
    root = tmp_path / "model"
    (root / "deep" / "empty").mkdir(parents=True)
    (root / "deep" / "a.txt").write_text("hello")
    (root / "link").symlink_to("deep/a.txt")
    saved, loaded = kept(root)
    assert saved.format == "folder" and loaded.name == "model"
    assert (loaded / "link").read_text() == "hello" and (loaded / "deep" / "empty").is_dir()
    assert saved.preview["entries"] == [("deep", 0), ("deep/a.txt", 5), ("deep/empty", 0), ("link", 0)]
    assert (saved.preview["name"], saved.preview["size"]) == ("model", 5)


def test_equal_folders_are_equal_files(tmp_path):
    """Times, owners and the order in which files were made change nothing."""
    for name, order in (("a", "xy"), ("b", "yx")):
        (tmp_path / name / "same").mkdir(parents=True)
        for each in order:
            (tmp_path / name / "same" / each).write_text(each)
    os.utime(tmp_path / "a" / "same" / "x", (1, 1))
    first, second = (kept(tmp_path / name / "same")[0].file.read_bytes() for name in "ab")
    assert first == second


def test_a_folder_with_many_files_shows_the_first(tmp_path):
    """The preview of a large folder is small."""
    for number in range(300):
        (tmp_path / f"{number:03}{'ğ' * 90}").write_text("")
    shown = kept(tmp_path)[0].preview
    assert shown["entry_count"] == 300 and 20 < len(shown["entries"]) <= 200


def test_what_cannot_be_handed_on_is_told(tmp_path):
    """A path that leads nowhere, a device, and a link that leads out of its folder are refused by name."""
    assert refused(tmp_path / "gone") == (
        f"There is no file or folder {tmp_path / 'gone'}. To hand on the path alone, return str(path)."
    )
    assert "neither a file nor a folder" in refused(Path("/dev/null"))
    for target in ("/etc/passwd", "../outside", "a/../../b"):
        (tmp_path / "link").unlink(missing_ok=True)
        (tmp_path / "link").symlink_to(target)
        assert "The link link in folder" in refused(tmp_path)
    (tmp_path / "link").unlink()
    os.mkfifo(tmp_path / "pipe")
    assert "neither a file nor a folder" in refused(tmp_path)


def test_a_folder_does_not_hold_itself(tmp_path):
    """The folder in which steps write cannot be its own output."""
    with pytest.raises(ArtifactError):
        artifacts.save(tmp_path, Path, tmp_path)


def test_too_many_files_are_refused(tmp_path, monkeypatch):
    """There is a limit for what one folder may hold."""
    monkeypatch.setattr(archives, "MOST_MEMBERS", 2)
    for name in "abc":
        (tmp_path / name).write_text("")
    assert "more than 2 files" in refused(tmp_path)


def member(name, kind=tarfile.REGTYPE, link="", size=0):
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, link, size
    return made


BAD = {
    "above": [member("../evil")],
    "absolute": [member("/tmp/evil")],
    "inside": [member("a/../../evil")],
    "link": [member("l", tarfile.SYMTYPE, "/etc")],
    "link above": [member("a/l", tarfile.SYMTYPE, "../../etc")],
    "through link": [member("l", tarfile.SYMTYPE, "."), member("l/evil")],
    "link by a link": [
        member("r", tarfile.DIRTYPE),
        member("a/y", tarfile.SYMTYPE, "../r"),
        member("x", tarfile.SYMTYPE, "a/y/.."),
    ],
    "link through a link": [member("a/y", tarfile.SYMTYPE, "../r"), member("x", tarfile.SYMTYPE, "a/y/z")],
    "twice": [member("l", tarfile.SYMTYPE, "m"), member("l")],
    "hard link": [member("h", tarfile.LNKTYPE, "../../etc/passwd")],
    "device": [member("d", tarfile.CHRTYPE)],
    "pipe": [member("p", tarfile.FIFOTYPE)],
    "sparse": [member("s", tarfile.GNUTYPE_SPARSE)],
}


@pytest.mark.parametrize("name", BAD)
def test_an_archive_that_is_not_ours_is_refused(tmp_path, name):
    """Links out, paths above, devices and other tricks are refused before a byte is written."""
    file, target = tmp_path / "bad.tar", tmp_path / "to"
    target.mkdir()
    with tarfile.open(file, "w") as archive:
        archive.addfile(member("fine.txt", size=2), io.BytesIO(b"ok"))
        for each in BAD[name]:
            archive.addfile(each, io.BytesIO(b""))
    with pytest.raises(ArtifactError, match=r"refused|cannot be read"):
        artifacts.load("folder", Path, file=file, metadata={"name": "f"}, folder=target)
    assert [path for path in target.rglob("*") if path.is_file()] == []


def test_an_archive_that_claims_too_much_is_refused(tmp_path):
    """Sizes are bounded by the size of the archive itself."""
    file = tmp_path / "bad.tar"
    file.write_bytes(member("big", size=10**12).tobuf() + bytes(1024))
    with pytest.raises(ArtifactError):
        artifacts.load("folder", Path, file=file, folder=tmp_path)


def test_a_compressed_archive_is_refused(tmp_path):
    """What unpacks to more than it is, is none of ours."""
    with tarfile.open(tmp_path / "bomb.tar", "w:gz") as archive:
        archive.addfile(member("zeros", size=10**6), io.BytesIO(bytes(10**6)))
    with pytest.raises(ArtifactError, match="cannot be read back"):
        artifacts.load("folder", Path, file=tmp_path / "bomb.tar", folder=tmp_path)


@pytest.mark.parametrize("value", [b"", b"\0\xff" * 10, "ğ".encode() * 5000, bytearray(b"abc")], ids=len)
def test_bytes_come_back_as_they_were(value):
    """Bytes are a file of just these bytes."""
    saved, loaded = kept(value)
    assert saved.format == "bytes" and saved.file.read_bytes() == value
    assert loaded == value and type(loaded) is type(value)


def test_bytes_show_what_they_are():
    """A picture is shown as one, text by its beginning, the rest by its first bytes."""
    png = b"\x89PNG\r\n\x1a\n" + bytes(20)
    assert kept(png)[0].preview["media_type"] == "image/png"
    assert kept(b"RIFF\0\0\0\0WEBPVP8 ")[0].preview["media_type"] == "image/webp"
    assert kept(png + bytes(100_000))[0].preview["head"].startswith("89 50 4e 47")
    assert kept("ğ".encode() * 5000)[0].preview["text"].startswith("ğğ")
    assert kept(bytes(3))[0].preview == {"kind": "size", "name": "", "size": 3, "head": "00 00 00"}
