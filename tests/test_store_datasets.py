"""Datasets: a row is only written for a file that is there."""

from helpers.refusals import refuses

from store import datasets, files
from store.errors import RequestError


def test_a_file_that_was_deleted_meanwhile_is_refused(home):
    """When the last dataset with these bytes goes while the same file arrives, no row without a file is left."""
    with files.incoming() as stream:
        stream.write(b"a,b\n")
        kept = stream.keep()
    files.remove(kept.sha256)
    with refuses(RequestError, match="send it again"):
        datasets.add("table", kept, {"dialect": {}})
    assert datasets.count() == 0
