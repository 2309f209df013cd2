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


def test_equal_bytes_that_are_read_alike_share_an_exact_profile(home):
    """Once one of them was read as a whole, all are known exactly, also those that come later; others are not."""
    quick, other = add("quick", b"same", exact=False), add("other", b"other", exact=False)
    differently = add("differently", b"same", exact=False, dialect={"encoding": "cp1254"})
    datasets.describe(add("again", b"same", exact=False).id, profile(exact=True))
    assert [datasets.get(each.id).exact for each in (quick, other, differently)] == [True, False, False]
    assert (add("later", b"same", exact=False).rows, add("wrongly", b"other", exact=False).rows) == (1, None)


def add(name, content=None, exact=True, dialect=None):
    with files.incoming() as stream:
        stream.write(content or name.encode())
        kept = stream.keep()
    return datasets.add(name, kept, {**profile(exact), "dialect": dialect or {}})


def profile(exact):
    rows = 1 if exact else None
    return {"rows": rows, "exact": exact, "columns": [], "preview": [], "notices": [], "proposal": None}
