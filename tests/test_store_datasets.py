"""Datasets: a row is only written for a file that is there, and its number is its own for ever."""

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


def test_the_number_of_a_deleted_dataset_is_not_given_again(home):
    """An old link never leads to other data."""
    first = add("first")
    datasets.remove(first.id)
    assert add("second").id == first.id + 1


def add(name):
    with files.incoming() as stream:
        stream.write(name.encode())
        kept = stream.keep()
    described = {"dialect": {}, "rows": 1, "exact": True, "columns": [], "preview": [], "notices": [], "proposal": None}
    return datasets.add(name, kept, described)
