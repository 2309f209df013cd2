"""Files in legacy code pages: the reader detects how they are written, better than the library made for it."""

import legacy_files
import pytest
from charset_normalizer import from_bytes

from jobs.tabular.csv.dialect import ENCODINGS
from jobs.tabular.csv.reader import inspect

FILES = legacy_files.files()
# Their one row with such letters reads as well in another language: â and ă as â and ã, ā and ž as â and ţ.
UNDECIDABLE = {"Romanian cp1250 few letters", "Latvian cp1257 few letters"}
LEGACY = [encoding for encoding in ENCODINGS if not encoding.startswith("utf")]


def reads_right(file, encoding):
    return file.content.decode(encoding, "replace") == file.text


@pytest.fixture(scope="module")
def detected(tmp_path_factory):
    """Each file's name with the encoding that the reader detected."""
    folder, encodings = tmp_path_factory.mktemp("legacy"), {}
    for number, file in enumerate(FILES):
        path = folder / f"{number}.csv"
        path.write_bytes(file.content)
        encodings[file.name] = inspect(path).dialect.encoding
    return encodings


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_letter_is_read_as_it_was_written(file, detected):
    """Short files, long ones, and ones with a single row beyond ASCII read right in 28 languages."""
    assert len(FILES) >= 60
    assert reads_right(file, detected[file.name]) == (file.name not in UNDECIDABLE)


def test_the_library_made_for_it_reads_fewer(detected):
    """charset-normalizer, asked about the same encodings, reads fewer files right; when it no longer does, take it."""
    ours = sum(reads_right(file, detected[file.name]) for file in FILES)
    theirs = 0
    for file in FILES:
        best = from_bytes(file.content[: 1 << 18], cp_isolation=LEGACY).best()
        theirs += reads_right(file, best.encoding if best else "latin-1")
    assert ours > theirs
