"""The guard: what a foreign page or a foreign name may not do."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.wall.origin import Guard, is_loopback, names, written_down


def client(address="127.0.0.1", allowed=()):
    async def answer(request):
        return PlainTextResponse("done")

    async def talk(socket: WebSocket):
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    guard = Middleware(Guard, ours=names(address, allowed), trusted=written_down(allowed))
    routes = [Route("/", answer, methods=["GET", "POST", "DELETE"]), WebSocketRoute("/talk", talk)]
    return TestClient(Starlette(routes=routes, middleware=[guard]), base_url="http://localhost:8501")


@pytest.mark.parametrize("host", ["localhost", "localhost:8501", "127.0.0.1:8501", "[::1]:8501", "LOCALHOST."])
def test_own_names_are_let_in(host):
    """The names of this machine work, with any port."""
    assert client().get("/", headers={"host": host}).text == "done"


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "10.0.0.5", "", "localhost:x", "a@localhost", "localhost/x"]
)
def test_foreign_names_are_refused(host):
    """Another site cannot point its own name at this machine and read the answers."""
    answer = client().get("/", headers={"host": host})
    assert answer.status_code == 400 and "server.allowedHosts" in answer.json()["detail"]


def test_written_down_names_are_let_in():
    """Names in server.allowedHosts work, also with a star."""
    asks = client(allowed=["train.example", "*.yard.example"])
    assert asks.get("/", headers={"host": "train.example"}).status_code == 200
    assert asks.get("/", headers={"host": "a.yard.example:80"}).status_code == 200
    assert asks.get("/", headers={"host": "yard.evil.example"}).status_code == 400


def test_an_open_app_answers_to_addresses_in_numbers():
    """When other machines may ask, any address in numbers works, which no foreign site can have as its name."""
    asks = client(address="0.0.0.0")
    assert asks.get("/", headers={"host": "192.168.1.7:8501"}).status_code == 200
    assert asks.get("/", headers={"host": "evil.example"}).status_code == 400
    assert [is_loopback(each) for each in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "", "10.0.0.5")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:3000"},
        {"sec-fetch-site": "cross-site"},
        {"origin": "http://[broken"},
    ],
)
def test_a_foreign_page_changes_nothing(headers):
    """A page of another origin cannot have something done."""
    assert client().post("/", headers=headers).status_code == 403
    assert client().delete("/", headers=headers).status_code == 403
    assert client().get("/", headers=headers).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"origin": "http://localhost:8501"}, {"sec-fetch-site": "same-origin"}])
def test_own_pages_and_programs_may_change_things(headers):
    """Our own pages, and programs that send no Origin, are not in the way of the guard."""
    assert client().post("/", headers=headers).status_code == 200


def test_a_proxy_may_serve_the_pages():
    """A page under a written down name may act although the proxy asks under another."""
    origin = {"origin": "https://train.example"}
    assert client(allowed=["train.example"]).post("/", headers=origin).status_code == 200
    assert client().post("/", headers=origin).status_code == 403


def test_browsers_are_told_what_is_allowed():
    """Every answer, a refusal too, says that foreign pages may not frame it and types are not guessed."""
    for answer in (client().get("/"), client().get("/", headers={"host": "evil"})):
        assert answer.headers["content-security-policy"] == "frame-ancestors 'self'"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"


def test_websockets_are_guarded_too():
    """Our own pages get their websocket; foreign pages and names do not."""
    with client().websocket_connect("/talk", headers={"host": "localhost", "origin": "http://localhost"}) as socket:
        assert socket.receive_text() == "hello"
    for headers in ({"host": "evil.example"}, {"host": "localhost", "origin": "http://evil.example"}):
        with pytest.raises(WebSocketDisconnect), client().websocket_connect("/talk", headers=headers):
            pass
