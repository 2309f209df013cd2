"""Scripts and styles are sent packed to browsers that accept it, and nothing else changes."""

import gzip
import importlib
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from streamlit import file_util

STATIC = Path(file_util.get_static_dir())


@pytest.fixture
def client(home):
    served = importlib.import_module("app").app._build_starlette_app()
    return TestClient(served, base_url="http://localhost:8501")


@pytest.fixture
def largest():
    """The largest script of the pages: most of it is Plotly."""
    return max(STATIC.rglob("*.js"), key=lambda path: path.stat().st_size)


def sent(client, path, accepts="gzip, deflate, br", **headers):
    """An answer as it goes over the line, not unpacked."""
    asked = {"accept-encoding": accepts, **headers}
    with client.stream("GET", path, headers=asked) as answer:
        return answer, b"".join(answer.iter_raw())


def test_scripts_are_sent_packed(client, largest):
    """A browser gets the same bytes in a third of the size, the second time as the first."""
    address = f"/{largest.relative_to(STATIC)}"
    for _ in range(2):
        answer, body = sent(client, address)
        assert answer.status_code == 200 and answer.headers["content-encoding"] == "gzip"
        assert int(answer.headers["content-length"]) == len(body) < largest.stat().st_size / 2.5
        assert gzip.decompress(body) == largest.read_bytes()
        assert "immutable" in answer.headers["cache-control"] and answer.headers["vary"] == "Accept-Encoding"


def test_the_whole_file_goes_to_who_does_not_accept_gzip(client, largest):
    """Packing is an offer: without it, and for a part of a file, the bytes are as they lie there."""
    address = f"/{largest.relative_to(STATIC)}"
    sent(client, address)
    for accepts in ("identity", "gzip;q=0"):
        answer, body = sent(client, address, accepts)
        assert "content-encoding" not in answer.headers and body == largest.read_bytes()
    part, body = sent(client, address, range="bytes=0-9")
    assert part.status_code == 206 and body == largest.read_bytes()[:10]


def test_a_known_file_is_not_sent_again(client, largest):
    """A browser that still has the file, packed, is told that it is the same."""
    address = f"/{largest.relative_to(STATIC)}"
    answer, _ = sent(client, address)
    again, body = sent(client, address, **{"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304 and not body


def test_fonts_and_addresses_of_nothing_stay_as_they_are(client):
    """What is packed already is not packed twice, and what is not there takes no memory."""
    font = next(STATIC.rglob("*.woff2"))
    answer, body = sent(client, f"/{font.relative_to(STATIC)}")
    assert "content-encoding" not in answer.headers and body == font.read_bytes()
    answer, _ = sent(client, "/static/js/no-such-script.js")
    assert "immutable" not in answer.headers.get("cache-control", "")
