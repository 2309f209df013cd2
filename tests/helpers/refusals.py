"""Refusals: what a request error says, in the words that people read."""

import re
from contextlib import contextmanager

import pytest

from jobs.language import sentence
from store.errors import RequestError


@contextmanager
def refuses(kind=RequestError, match=""):
    """Expect a request error whose sentence matches."""
    with pytest.raises(kind) as caught:
        yield caught
    told = sentence(caught.value.message)
    assert re.search(match, told), told
