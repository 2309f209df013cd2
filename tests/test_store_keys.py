"""The key ring: what this installation signed is known again, and nothing else is."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import forget

from store import keys
from store.errors import RequestError

OTHER = "k" * 32


@pytest.fixture
def ring(monkeypatch):
    def ring(*several):
        monkeypatch.setenv("TRAINYARD_SECRET_KEYS", ",".join(several))
        forget()

    return ring


def test_what_was_signed_is_known_again(home):
    """A signature is valid for its text, and for no other text and no other signature."""
    signature = keys.sign("step 7 abc")
    assert keys.is_signed("step 7 abc", signature) and keys.sign("step 7 abc") == signature
    assert not keys.is_signed("step 8 abc", signature)
    for wrong in ("", "0" * 64, signature.upper(), signature[:-1], "ü", "\ud800"):
        assert not keys.is_signed("step 7 abc", wrong)


def test_the_key_is_made_when_it_is_first_needed(home):
    """Until something is signed there is no key; then it is one line that its owner alone can read."""
    file = home / keys.FILE
    assert keys.names() == [] and not file.exists()
    keys.sign("a")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and len(file.read_text().split()) == 1
    assert [path.name for path in home.iterdir() if path.name.startswith(keys.FILE)] == [keys.FILE]


def test_who_signs_first_makes_the_key_of_all(home):
    """Several that need the key at once agree on one; it is never overwritten."""
    with ThreadPoolExecutor(8) as crowd:
        assert len(set(crowd.map(keys.sign, ["same"] * 40))) == 1


def test_another_installation_signs_otherwise(home, ring):
    """A signature of another key is not valid here."""
    signature = keys.sign("a")
    ring(OTHER)
    assert not keys.is_signed("a", signature)


def test_the_first_key_signs_and_all_are_valid(home, ring):
    """A new key is put first, and what the old one signed stays valid as long as it is in the list."""
    ring(OTHER)
    old = keys.sign("a")
    ring("n" * 32, OTHER)
    assert keys.is_signed("a", old) and keys.sign("a") != old
    ring("n" * 32)
    assert not keys.is_signed("a", old)


def test_the_file_holds_a_key_a_line(home):
    """Keys are replaced in the file as they are in the setting: the first line signs."""
    old = keys.sign("a")
    file = home / keys.FILE
    file.write_text(f"{OTHER}\n{file.read_text()}")
    assert keys.is_signed("a", old) and keys.sign("a") != old and len(keys.names()) == 2


def test_a_short_key_is_refused(home, ring):
    """A key that could be guessed signs nothing."""
    ring("short")
    with pytest.raises(RequestError, match="secret_key_short"):
        keys.sign("a")


@pytest.mark.parametrize("content", [b"", b"\n", b"short\n", b"\xff\xfe"])
def test_a_damaged_key_file_is_told_and_stays(home, content):
    """A new key in place of a damaged one would make every signature invalid without a word."""
    file = home / keys.FILE
    file.write_bytes(content)
    with pytest.raises(RequestError, match="secret_key_"):
        keys.sign("a")
    assert file.read_bytes() == content
    assert keys.names() == []  # a backup does without


def test_the_names_of_keys_tell_nothing_of_them(home):
    """What a backup says of a key is neither the key nor a signature of it."""
    keys.sign("a")
    key = (home / keys.FILE).read_text().strip()
    assert keys.names() == keys.names() and keys.names()[0] not in key
    assert not keys.is_signed("", keys.names()[0])


def test_a_key_file_that_cannot_be_read_is_told(home):
    """What cannot be read, as a folder of the name, is no reason to make another key."""
    (home / keys.FILE).mkdir()
    with pytest.raises(RequestError, match="secret_key_unreadable"):
        keys.sign("a")


@pytest.mark.sqlite
def test_restoring_elsewhere_says_that_signatures_are_not_valid_there(home, monkeypatch, tmp_path):
    """Restore says that outputs which are code are not loaded, in a home without the key that signed them."""
    from jobs.upkeep import backup
    from store import schema

    keys.sign("a")
    backup.backup(tmp_path / "made.tar")
    words = "signed with a key that this home does not have"
    assert words not in backup.restore(tmp_path / "made.tar", lambda question: True).sentence
    monkeypatch.setenv("TRAINYARD_HOME", str(tmp_path / "other"))
    forget()
    schema.prepare()
    assert words in backup.restore(tmp_path / "made.tar", lambda question: True).sentence
    (tmp_path / "other" / keys.FILE).write_text((home / keys.FILE).read_text())
    assert words not in backup.restore(tmp_path / "made.tar", lambda question: True).sentence
