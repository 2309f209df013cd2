"""Large files that are dropped on a page: on disk as they arrive, a ticket for the page, nothing left behind."""

import io

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from api import page_uploads
from jobs.verbs import arrivals, datasets
from store import actors
from store import datasets as stored
from store.actors import ANYBODY, Actor, Role
from store.errors import NotFoundError
from store.files.incoming_files import unfinished
from store.settings import ROOT

APP = str(ROOT / "pages/navigation.py")
TABLE = "ad,yaş,üye\n".encode() + "".join(f"Şule {row},{row},{row % 2}\n" for row in range(500)).encode()
PATH = "/_stcore/upload_file/a-session/a-file"


@pytest.fixture
def upload(home):
    """Sends a file as Streamlit's pages do, to what Streamlit would be given."""

    async def streamlit(request):
        if request.path_params["session"] == "unknown":
            return Response(status_code=400)
        assert int(request.headers["content-length"]) < 5_500 and request.headers["x-xsrftoken"] == "known"
        async with request.form() as form:
            [file] = form.values()
            return JSONResponse({"name": file.filename, "data": (await file.read()).decode()})

    app = page_uploads.LargeUploads(
        Starlette(routes=[Route("/_stcore/upload_file/{session}/{file}", streamlit, methods=["PUT"])]),
        largest=lambda: 5_000,
    )

    def send(content, name="Müşteri 1.csv", path=PATH, actor=ANYBODY):
        async def gate(scope, receive, reply):
            with actors.acting(actor):
                await app(scope, receive, reply)

        client = TestClient(gate, client=("127.0.0.1", 1))
        return client.put(path, files={"file": (name, content)}, headers={"x-xsrftoken": "known"})

    return send


def test_a_large_file_is_on_disk_and_the_page_gets_a_ticket(upload):
    """What Streamlit holds is tiny; by it the page takes the file once, and adds it without another copy."""
    answer = upload(TABLE).json()
    assert (answer["name"], len(answer["data"])) == ("Müşteri 1.csv", 61)
    ticket = io.BytesIO(answer["data"].encode())
    with arrivals.taken(ticket) as content:
        assert content.size == len(TABLE)
        assert datasets.add(content, answer["name"]).rows == 500
    with pytest.raises(NotFoundError), arrivals.taken(ticket):
        raise AssertionError
    assert not unfinished()


def test_the_page_adds_what_a_ticket_stands_for(upload):
    """Dropped on New, a large file becomes a dataset like any other; a ticket of yesterday is told."""
    page = AppTest.from_file(APP, default_timeout=30).switch_page("new.py").run()
    ticket = upload(TABLE).json()["data"].encode()
    page.file_uploader[0].upload("büyük.csv", ticket)
    page.run()
    assert not page.exception and [(each.name, each.rows) for each in stored.find()] == [("büyük", 500)]
    page.file_uploader[0].upload("büyük.csv", ticket)
    page.run()
    assert not page.exception and "The file is not here any more" in page.error[0].value


def test_a_small_file_passes_as_it_is(upload):
    """Up to the size that Streamlit is set to hold, nothing changes."""
    assert upload(b"a,b\n1,2\n", "a.csv").json() == {"name": "a.csv", "data": "a,b\n1,2\n"}


def test_nothing_stays_of_a_file_that_reaches_no_page(upload, monkeypatch):
    """Refused by Streamlit, or not taken in time, a file is removed."""
    assert upload(TABLE, path=PATH.replace("a-session", "unknown")).status_code == 400
    assert not arrivals._arrivals
    upload(TABLE)
    assert len(arrivals._arrivals) == 1
    monkeypatch.setattr(arrivals, "KEPT_SECONDS", -1)
    arrivals._remove_old_ones()
    assert not arrivals._arrivals and not unfinished()


def test_who_may_not_add_data_sends_nothing(upload):
    """A viewer is refused before a byte is kept."""
    answer = upload(TABLE, actor=Actor("veli", Role.viewer, "page"))
    assert answer.status_code == 403 and not arrivals._arrivals
