"""The gate: a stranger reads and changes nothing, a viewer changes nothing, on every route there is."""

import importlib
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from helpers.processes import started
from sqlalchemy import select
from starlette.routing import Mount, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from api.wall import plain_pages
from api.wall.redirects import way_back
from api.wall.roles import PAGE_UPLOADS
from jobs.verbs import datasets, passwords, people, short_form
from jobs.verbs.access import ACCESS
from store import actors, db, tables

ROOT = Path(__file__).parent.parent
PASSWORD = "Sarı-çizmeli-1"
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
METHODS = ("GET", "HEAD", "OPTIONS", *UNSAFE)
# What a stranger may have: the way in, and whether the process lives.
WAY_IN = {"/login", "/login/with", "/auth/login", "/auth/logout", "/oauth2callback", "/_stcore/health", "/api/health"}
WAY_IN |= {"/answer/1"}  # a link without a signature, which shows nothing
SECRET = "gizli-musteri-tablosu"


def whole():
    """The app as it is served: our routes, Streamlit's, and what stands before them."""
    return importlib.import_module("app").app._build_starlette_app()


def paths(routes, base="") -> Iterator[str]:
    """Every path of every route, wherever it is mounted, with numbers and names filled in."""
    for route in routes:
        path = base + getattr(route, "path", "")
        if isinstance(route, Mount):
            if hasattr(route.app, "openapi"):
                yield from (path + each for each in route.app.openapi()["paths"])
            yield from (path + each for each in ("/", "/no/such/thing"))
            yield from paths(route.routes or [], path)
        elif hasattr(route, "methods"):
            yield path


ALL = sorted({re.sub(r"{[^}]*}", "1", path).removesuffix("?") or "/" for path in paths(whole().routes)})


@pytest.fixture
def served(home, cheap):
    """An app with something in it, and three people."""
    made = datasets.add(iter([b"yas;" + SECRET.encode() + b"\n" + b"1;2\n3;4\n" * 20]), f"{SECRET}.csv")
    short_form.start(made.id, SECRET, "sgd_regressor", {"epochs": 1}, name=SECRET)
    for role in actors.Role:
        people.add(role, role, PASSWORD)
    return TestClient(whole(), base_url="http://localhost:8501", raise_server_exceptions=False, follow_redirects=False)


def kept():
    """Everything that is remembered, but for who tried what."""
    with db.reading() as connection:
        return {
            table.name: connection.execute(select(table)).all()
            for table in tables.metadata.sorted_tables
            if table.name not in ("deeds",)
        }


def sign_in(client, name):
    answer = client.post("/login", data={"name": name, "password": PASSWORD, "next": "/workflows?status=failed"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/workflows?status=failed")
    return client


def test_the_walk_sees_every_kind_of_route():
    """The list that the tests below walk holds our routes, the RQ dashboard's and Streamlit's."""
    assert {
        "/api/workflows",
        "/api/workflows/1/model",
        "/api/people/1",
        "/metrics",
        "/rq/1/json",
        "/login",
        "/_stcore/upload_file/1/1",
        "/media/1",
        "/_stcore/stream",
    } - set(ALL) <= {"/_stcore/stream"}
    assert any(isinstance(route, WebSocketRoute) for route in whole().routes)
    assert len(ALL) > 50


def test_a_stranger_reads_and_changes_nothing(served):
    """Whoever has the address and no account gets a refusal that tells nothing, from every route and method."""
    before = kept()
    for path, method, accept in product(ALL, METHODS, ("text/html", "application/json")):
        answer = served.request(method, path, headers={"accept": accept}, json={})
        if path in WAY_IN:
            assert SECRET not in answer.text
        elif method in ("GET", "HEAD") and accept == "text/html":
            assert answer.status_code == 303 and answer.headers["location"].startswith("/login?next=/")
            assert answer.text == ""
        else:
            assert answer.status_code == 401, (method, path)
            assert method == "HEAD" or answer.json()["detail"].startswith("Sign in first")
            assert answer.headers["www-authenticate"] == "Bearer"
    assert kept() == before


def test_a_stranger_gets_no_page(served):
    """The stream that carries the pages opens only for somebody who signed in."""
    with pytest.raises(WebSocketDisconnect), served.websocket_connect("/_stcore/stream", subprotocols=["streamlit"]):
        pass


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer ty_guess"},
        {"authorization": "Basic YWRtaW46YWRtaW4="},
        {"authorization": "Bearer"},
        {"cookie": "trainyard-00000000=x"},
        {"x-forwarded-user": "admin"},
        {"x-forwarded-for": "127.0.0.1"},
    ],
)
def test_a_guess_is_a_stranger(served, headers):
    """Made-up tokens, cookies and headers of proxies let nobody in."""
    headers = {name: value.replace("trainyard-00000000", people.cookie_name()) for name, value in headers.items()}
    assert served.get("/api/workflows", headers=headers).status_code == 401


def test_a_viewer_changes_nothing(served):
    """A viewer is refused by every route and method that changes something, and nothing changes. Predicting new rows
    and asking for a plan change nothing, so they are not refused."""
    sign_in(served, "viewer")
    before = kept()
    for path, method in product(ALL, UNSAFE):
        if path not in WAY_IN and not path.startswith("/api/me"):
            answer = served.request(method, path, json={})
            if path.endswith(("/predict", "/plan")) and method == "POST":
                assert answer.status_code == 422
                continue
            if path.startswith(PAGE_UPLOADS):  # Streamlit refuses what no open page sends
                assert answer.status_code >= 400 and "viewer" not in answer.text
                continue
            assert answer.status_code == 403 and "viewer" in answer.json()["detail"], (method, path)
    assert kept() == before


def test_a_viewer_sends_rows_to_a_page(served, monkeypatch):
    """A viewer may predict, so a file may be dropped on a page that is open, and taken away again."""
    streamlits = "streamlit.web.server.starlette.starlette_routes"
    monkeypatch.setattr(f"{streamlits}.is_xsrf_enabled", lambda: False)
    monkeypatch.setattr("streamlit.runtime.Runtime.is_active_session", lambda _self, _session: True)
    path = f"{PAGE_UPLOADS}a-session/a-file"
    assert served.put(path, files={"file": ("new.csv", b"a\n1\n")}).status_code == 401
    sign_in(served, "viewer")
    assert served.put(path, files={"file": ("new.csv", b"a\n1\n")}).status_code == 204
    assert served.delete(path).status_code == 204


def test_a_viewer_looks(served):
    """What a page shows, a viewer may see; the people and their deeds are for admins."""
    sign_in(served, "viewer")
    for path in (
        "/api/workflows",
        "/api/workflows/1",
        "/api/datasets/1",
        "/api/artifacts",
        "/api/queues",
        "/metrics",
        "/api/docs",
        "/",
    ):
        assert served.get(path).status_code == 200, path
    for path in ("/api/people", "/api/deeds"):
        assert served.get(path).status_code == 403, path
    assert served.get("/api/me").json() == {"name": "viewer", "role": "viewer", "sign_in": True}


def test_an_analyst_works_and_an_admin_looks_after_people(served):
    """Roles do what they say, and what was done bears a name."""
    sign_in(served, "analyst")
    made = served.post("/api/workflows/1/restart")
    assert made.status_code == 201 and made.json()["created_by"] == "analyst"
    assert served.post("/api/people", json={"name": "x"}).status_code == 403
    served.cookies.clear()
    sign_in(served, "admin")
    new = served.post("/api/people", json={"name": "deniz", "role": "viewer"}).json()
    assert new["role"] == "viewer" and len(new["password"]) > 15
    assert served.patch("/api/people/deniz", json={"role": "analyst"}).json()["role"] == "analyst"
    assert served.post("/api/people/deniz/sign-out").json() == {"ended": 0, "tokens": 0}
    assert served.delete("/api/people/deniz").status_code == 204
    told = [f"{each['who']} {each['what']} {each['about']}" for each in served.get("/api/deeds").json()]
    assert f"analyst restart as workflow {made.json()['id']}" in told and "admin remove person deniz" in told
    assert "analyst refused POST /api/people" in told


def test_a_token_is_for_programs_only(served):
    """With a token a program uses the API and the numbers, as the person it belongs to; pages need a browser."""
    sign_in(served, "analyst")
    made = served.post("/api/me/tokens", json={"label": "nightly", "days": 7}).json()
    served.cookies.clear()
    headers = {"authorization": f"Bearer {made['token']}"}
    assert served.get("/api/me", headers=headers).json()["name"] == "analyst"
    assert served.get("/metrics", headers=headers).status_code == 200
    assert served.post("/api/workflows/1/restart", headers=headers).status_code == 201
    assert served.get("/rq/queues", headers=headers).status_code == 401
    assert served.delete(f"/api/me/tokens/{made['id']}", headers=headers).status_code == 204
    assert served.get("/api/me", headers=headers).status_code == 401


def test_the_cookie_is_kept_from_scripts_and_other_sites(served):
    """HttpOnly and SameSite, and Secure where the page came over https; it ends by itself."""
    answer = served.post("/login", data={"name": "admin", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(people.cookie_name()) and "HttpOnly" in cookie and "SameSite=lax" in cookie
    assert "Max-Age=604800" in cookie and "Secure" not in cookie
    served.base_url = "https://localhost:8501"
    assert "Secure" in served.post("/login", data={"name": "admin", "password": PASSWORD}).headers["set-cookie"]


def test_signing_in_again_makes_another_session(served):
    """A session that somebody planted in the browser is not the one that is signed in."""
    first = served.post("/login", data={"name": "admin", "password": PASSWORD}).cookies[people.cookie_name()]
    second = served.post("/login", data={"name": "admin", "password": PASSWORD}).cookies[people.cookie_name()]
    assert first != second


def test_other_sites_can_neither_sign_in_nor_out(served):
    """A foreign page cannot have a browser signed in as somebody else, nor out."""
    foreign = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
    answer = served.post("/login", data={"name": "admin", "password": PASSWORD}, headers=foreign)
    assert answer.status_code == 403 and "set-cookie" not in answer.headers
    sign_in(served, "admin")
    served.get("/auth/logout", headers={"sec-fetch-site": "cross-site"})
    assert served.get("/api/me").status_code == 200
    served.get("/auth/logout", headers={"sec-fetch-site": "same-origin"})
    assert served.get("/api/me").status_code == 401


@pytest.mark.parametrize(
    "next_",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/a\r\nset-cookie: x=y",
        "evil",
    ],
)
def test_signing_in_leads_nowhere_else(served, next_):
    """The way back after signing in is a path of this app, whatever a link said."""
    answer = served.post("/login", data={"name": "admin", "password": PASSWORD, "next": next_})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert way_back(next_) == "/"


def test_what_was_typed_is_shown_as_text(served):
    """A name that is HTML is text on the page, and the page runs no script and sits in no frame."""
    answer = served.post("/login", data={"name": '"><script>x</script>', "password": "x", "next": '/"><b>'})
    assert answer.status_code == 403 and "<script" not in answer.text and "<b>" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("body", [b"", b"name=x", b"\xff\xfe=%ff&=&&;;", b"a=b&" * 2000, b"x" * 20_000, b"name=%00"])
def test_rubbish_signs_nobody_in(served, body):
    """Whatever is sent to the form, the answer is the form with a sentence."""
    answer = served.post("/login", content=body, headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code in (403, 413) and 'role="alert"' in answer.text


def test_guessing_is_slowed_down_over_http(served):
    """After a few wrong passwords the answer is to wait, and says for how long."""
    for _ in range(passwords.FREE_FROM_AN_ADDRESS_FOR_A_NAME):
        assert served.post("/login", data={"name": "admin", "password": "guess"}).status_code == 403
    answer = served.post("/login", data={"name": "admin", "password": PASSWORD})
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) >= 1 and "Wait" in answer.text


def test_without_people_all_is_open(home):
    """On a machine of one's own nobody signs in, and the page to sign in leads on."""
    client = TestClient(whole(), base_url="http://localhost:8501", follow_redirects=False)
    assert client.get("/api/workflows").status_code == 200
    assert client.get("/login?next=/queues").headers["location"] == "/queues"
    assert client.get("/api/me").json() == {"name": None, "role": "admin", "sign_in": False}


def test_an_app_that_requires_it_lets_nobody_in_without_people(home, monkeypatch):
    """Once an app was opened to others, removing the last person closes it rather than opens it."""
    monkeypatch.setattr(ACCESS, "sign_in_required", True)
    client = TestClient(whole(), base_url="http://localhost:8501", follow_redirects=False)
    assert client.get("/api/workflows").status_code == 401
    assert "jobs user add" in client.get("/login").text


def test_an_app_for_others_does_not_start_without_people(home):
    """Where other machines could reach it and nobody could sign in, it ends with a sentence that says what to do."""
    code, said = started(home)
    assert code != 0 and "jobs user add NAME --role admin" in said and "Traceback" not in said


@pytest.mark.slow
def test_an_app_for_others_starts_with_people_or_on_the_operators_word(home):
    """With somebody who can sign in it starts; with TRAINYARD_OPEN=1 it starts and says what that means."""
    assert "nobody has to sign in" in started(home, TRAINYARD_OPEN="1")[1]
    people.add("ayşe", "admin", PASSWORD)
    said = started(home)[1]
    assert "everything is stored in" in said and "nobody has to sign in" not in said


def test_the_form_is_sent_to_ourselves_only(served):
    """The style of the page is the one that its policy allows."""
    assert "form-action 'self'" in plain_pages.HEADERS["Content-Security-Policy"]
    for path in ("/login", "/answer/1"):
        answer = served.get(path)
        assert f"<style>{plain_pages.STYLE}</style>" in answer.text
        assert plain_pages.HEADERS["Content-Security-Policy"] in answer.headers["Content-Security-Policy"]


def test_a_probe_learns_whether_the_app_is_well_and_nothing_else(served):
    """Health answers everybody with one word, and with numbers only those who have signed in."""
    assert served.get("/api/health").json() == {"status": "degraded"}
    told = sign_in(served, "viewer").get("/api/health").json()
    assert told == {"status": "degraded", "queue": "down", "workers": 0, "waiting": 1, "running": 0}


def test_browsers_keep_no_page_of_someone_who_has_signed_in(served):
    """Back after the sign-out asks the server again; scripts and styles, which are the same for all, are kept."""
    sign_in(served, "viewer")
    for path in ("/", "/workflows", "/api/docs", "/rq/"):
        assert served.get(path, headers={"accept": "text/html"}).headers["cache-control"] == "no-store", path
    script = re.search(r"static/js/[^\"]+\.js", served.get("/").text)
    assert script and "immutable" in served.get(f"/{script[0]}").headers["cache-control"]


def test_the_address_of_the_api_leads_to_its_page(home):
    """/api alone leads to the description of the API, not to a page of the app."""
    client = TestClient(whole(), base_url="http://localhost:8501")
    for path in ("/api", "/api/"):
        answer = client.get(path)
        assert answer.url.path == "/api/docs" and answer.status_code == 200
