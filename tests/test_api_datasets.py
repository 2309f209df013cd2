"""Datasets over HTTP: files go in whole or not at all, and in little memory."""

import contextvars
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
from helpers import cast
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from api.app import create
from api.routes.uploads import BATCH
from jobs.verbs import datasets as verbs
from store import datasets, files
from store.settings import settings

TABLE = b"age,city,churned\n" + b"".join(
    b"%d,%s,%s\n" % (20 + n, (b"Izmir", b"Van")[n % 2], (b"yes", b"no")[n % 2]) for n in range(40)
)


def run_apart(*arguments):
    """In a thread of its own: browser tests leave a loop running in this one."""
    with ThreadPoolExecutor(1) as apart:
        apart.submit(contextvars.copy_context().run, anyio.run, *arguments).result()


@pytest.fixture
def served(home):
    return Starlette(routes=[Mount("/api", create())])


@pytest.fixture
def client(served):
    return TestClient(served, base_url="http://localhost", raise_server_exceptions=False)


def left_behind():
    return [path.name for path in settings().files.glob("incoming-*")]


def test_a_raw_body_becomes_a_dataset(client):
    """The file is the body, its name is in the query, and the answer describes it."""
    answer = client.post("/api/datasets?name=customers.csv", content=TABLE)
    made = answer.json()
    assert answer.status_code == 201
    assert (made["name"], made["version"], made["rows"], made["size"]) == ("customers", 1, 40, len(TABLE))
    assert [column["name"] for column in made["columns"]] == ["age", "city", "churned"]
    assert made["proposal"]["target"] == "churned" and made["created_at"].endswith("Z")
    assert client.get(f"/api/datasets/{made['id']}").json() == made
    assert files.verified(datasets.get(made["id"]).file).read_bytes() == TABLE


def test_a_form_becomes_the_same_dataset(client):
    """A multipart form with other fields around the file gives what the raw body gives."""
    raw = client.post("/api/datasets?name=customers.csv", content=TABLE).json()
    form = client.post("/api/datasets", data={"note": "x"}, files={"file": ("customers.csv", TABLE, "text/csv")})
    assert form.status_code == 201 and form.json()["id"] == raw["id"]


def test_how_to_read_may_be_said(client):
    """A chosen delimiter is obeyed; a wrong choice is told."""
    made = client.post("/api/datasets?name=a.csv&delimiter=%3B", content=TABLE.replace(b",", b";"))
    assert made.status_code == 201 and len(made.json()["columns"]) == 3
    wrong = client.post("/api/datasets?name=a.csv&encoding=klingon", content=TABLE)
    assert wrong.status_code == 422 and "klingon" in wrong.json()["detail"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"a,b\n1,2\n1,2,3\n", "Line 3"),
        (b"\x89PNG\r\n\x1a\n\0\0", ""),
        (b"PK\x03\x04" + b"x" * 99, ""),
        (b"\x1f\x8b\x08" + b"x" * 99, ""),
        (b"<html><body>sign in</body></html>", ""),
        (b'a,b\n"1,2\n', ""),
    ],
)
def test_what_is_no_table_is_refused(client, content, words):
    """Other kinds of files and broken tables are refused in one sentence, and nothing is kept."""
    answer = client.post("/api/datasets?name=x.csv", content=content)
    assert answer.status_code == 422 and words in answer.json()["detail"]
    assert client.get("/api/datasets").json() == [] and left_behind() == []


def test_a_file_needs_a_name(client):
    """Without a name the caller is told how to give one."""
    answer = client.post("/api/datasets", content=TABLE)
    assert answer.status_code == 422 and "?name=" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["../../etc/owned.csv", "C:\\owned.csv", "a/b/owned.csv", "\0owned.csv", "owned" * 99])
def test_names_are_not_paths(client, name):
    """Whatever a file is called, it is stored under what is in it and shown under a plain name."""
    made = client.post("/api/datasets", params={"name": name}, content=TABLE).json()
    assert made["name"].startswith("owned") and not set(made["name"]) & set("/\\\0") and len(made["name"]) <= 100


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"x", "multipart/form-data"),
        (b"x", "multipart/form-data; boundary=b"),
        (b"x", "multipart/form-data; boundary=" + "b" * 300),
        (
            b'--b\r\nContent-Disposition: form-data; name="note"\r\n\r\nx\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
        ),
        (
            b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.csv"\r\n\r\n' + TABLE,
            "multipart/form-data; boundary=b",
        ),
    ],
)
def test_broken_forms_are_refused(client, body, kind):
    """A form without boundary, file or end is told, and nothing is kept."""
    answer = client.post("/api/datasets", content=body, headers={"content-type": kind})
    assert answer.status_code == 422 and answer.json()["detail"].endswith(".")
    assert client.get("/api/datasets").json() == [] and left_behind() == []


def test_a_file_that_stops_arriving_leaves_nothing(served):
    """When the caller goes away half-way, the half is removed."""
    messages = [{"type": "http.request", "body": TABLE, "more_body": True}, {"type": "http.disconnect"}]

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    sent = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/datasets",
        "raw_path": b"",
        "query_string": b"name=a.csv",
        "headers": [(b"host", b"localhost")],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("localhost", 80),
    }
    run_apart(served, scope, receive, send)
    assert sent[0]["status"] == 422
    assert datasets.count() == 0 and left_behind() == []


def test_a_file_is_never_in_memory_whole(served, monkeypatch):
    """The next piece is only read when the one before has been written."""
    ahead, most = 0, 0

    def take(chunks, *_):
        nonlocal ahead
        for chunk in chunks:
            ahead -= len(chunk)
        return cast.dataset()

    async def receive():
        nonlocal ahead, most, left
        ahead, left = ahead + 65536, left - 1
        most = max(most, ahead)
        return {"type": "http.request", "body": b"x" * 65536, "more_body": left > 0}

    async def send(message):
        sent.append(message)

    sent, left = [], 200
    monkeypatch.setattr(verbs, "add", take)
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/datasets",
        "raw_path": b"",
        "query_string": b"name=a.csv",
        "headers": [],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("localhost", 80),
    }
    run_apart(served, scope, receive, send)
    assert sent[0]["status"] == 201 and most <= 2 * BATCH and ahead == 0


def test_a_full_disk_is_told(client, monkeypatch):
    """When there is no room, the answer says so."""

    def no_room(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(verbs, "add", no_room)
    answer = client.post("/api/datasets?name=a.csv", content=TABLE)
    assert answer.status_code == 507 and "disk" in answer.json()["detail"]


def test_datasets_are_listed_newest_first(client):
    """The list is brief, can be searched, and says how many there are."""
    for name in ("first", "second"):
        client.post(f"/api/datasets?name={name}.csv", content=TABLE)
    answer = client.get("/api/datasets?limit=1")
    assert [each["name"] for each in answer.json()] == ["second"] and answer.headers["x-total-count"] == "2"
    assert [each["name"] for each in client.get("/api/datasets?text=FIRST").json()] == ["first"]
    assert "preview" not in answer.json()[0]


def test_a_dataset_can_be_read_differently(client):
    """The same bytes with another delimiter are a new version; an unknown setting is told."""
    first = client.post("/api/datasets?name=a.csv", content=TABLE).json()
    second = client.post(f"/api/datasets/{first['id']}/redescribe", json={"header": False})
    assert second.status_code == 201 and second.json()["version"] == 2
    assert client.post(f"/api/datasets/{first['id']}/redescribe", json={"colour": 1}).status_code == 422


def test_a_dataset_in_use_stays(client):
    """A dataset goes only when no workflow uses it."""
    cast.play()
    used = datasets.find()[0].id
    free = client.post("/api/datasets?name=a.csv", content=TABLE).json()["id"]
    assert client.delete(f"/api/datasets/{used}").status_code == 409
    assert client.delete(f"/api/datasets/{free}").status_code == 204
    assert client.get(f"/api/datasets/{free}").status_code == 404


def test_the_sample_is_one_request_away(client):
    """The bundled table can be added without a file."""
    assert client.post("/api/datasets/sample").json()["name"] == "customer_churn"


def test_a_file_that_would_fill_the_disk_is_refused_before_it_is_sent(client):
    """With what is made of it a file takes three times its size; one that is announced too big is not taken in."""
    answer = client.post("/api/datasets?name=a.csv", content=b"a,b\n1,2\n", headers={"content-length": str(10**16)})
    assert answer.status_code == 422 and "Make room" in answer.json()["detail"]
    assert client.get("/api/datasets").json() == []
