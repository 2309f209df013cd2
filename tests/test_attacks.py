"""Attacks: what a stranger, a viewer or an analyst tried against the wall, performed again; nothing gives way."""

import ast
import contextlib
import contextvars
import importlib
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import anyio
import httpx2 as httpx
import pytest
import uvicorn
from conftest import free_port
from fastapi.routing import APIRoute
from helpers.refusals import refuses
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.testclient import TestClient
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from api.app import create
from api.routes import uploads
from api.wall import connections, limits, roles
from api.wall.origin import Guard, names
from jobs import chain
from jobs.verbs import datasets, passwords, people, shares
from store import actors, audit, db, tables, workflows
from store.actors import NOBODY, Actor, Role
from store.errors import ForbiddenError

ROOT = Path(__file__).parent.parent
PASSWORD = "Sarı-çizmeli-1"


def whole():
    """The app as it is served: our routes, Streamlit's, and the wall before them."""
    return importlib.import_module("app").app._build_starlette_app()


@pytest.fixture
def house(home, cheap):
    """An app with one person for each role."""
    for role in Role:
        people.add(role, role, PASSWORD)
    return whole()


def client_of(house, address="203.0.113.1", **headers):
    """A browser or program at this address."""
    return TestClient(
        house,
        base_url="http://localhost:8501",
        raise_server_exceptions=False,
        follow_redirects=False,
        client=(address, 50000),
        headers=headers,
    )


def browser_of(house, name, address="203.0.113.1"):
    """A browser in which this person has signed in."""
    client = client_of(house, address)
    assert client.post("/login", data={"name": name, "password": PASSWORD}).status_code == 303
    return client


def visitor_of(house, address="203.0.113.1"):
    """A client that asks in the loop of the server, so that many can at once."""
    carrier = httpx.ASGITransport(house, client=(address, 50000))
    return httpx.AsyncClient(transport=carrier, base_url="http://localhost:8501", timeout=60)


def in_one_loop(function):
    """Run an async function as a server does; the browser tests leave a loop running in the thread of the tests."""
    with ThreadPoolExecutor(1) as apart:
        apart.submit(contextvars.copy_context().run, anyio.run, function).result(60)


# Who acts


def test_a_thread_that_nobody_started_for_anybody_acts_as_nobody(home):
    """Who acts is nobody unless somebody said so: a thread begun inside a viewer's request is no admin."""
    seen = []
    with actors.acting(Actor("vic", Role.viewer, "api")):
        thread = threading.Thread(target=lambda: seen.append(actors.current()))
        thread.start()
        thread.join()
    assert seen == [NOBODY]


def test_a_verb_that_nobody_calls_is_refused(home):
    """A verb without an actor changes nothing and says to sign in."""
    with actors.acting(NOBODY), refuses(ForbiddenError, match="Sign in first"):
        people.add("eve", "admin", PASSWORD)
    assert not people.anybody_known()


def test_a_script_acts_as_its_account_and_a_server_never_does(home, monkeypatch):
    """`from jobs.chain import run_workflow` works in a script; where others are served, nobody acts by default."""
    with actors.acting(NOBODY):
        monkeypatch.setattr(actors, "_recognise", [])
        monkeypatch.setattr(actors, "_serves", False)
        assert actors.caller() == actors.operator()
        actors.serve_others()
        assert actors.caller() == NOBODY
        with pytest.raises(ForbiddenError):
            chain.run_workflow(1)
    with actors.acting(Actor("vic", Role.viewer, "api")), pytest.raises(ForbiddenError):
        chain.run_workflow(1)


# Roles at the routes


def routes_of(served):
    """Every route of ours, also those that are mounted."""
    for route in served:
        if isinstance(route, Mount):
            yield from routes_of(route.routes or [])
        else:
            yield route


def test_every_route_of_the_api_states_its_role():
    """No route of the API, of the sign-in pages or of the numbers is there without a declared role."""
    served = importlib.import_module("app").served
    ours = [each for each in served if not (isinstance(each, Mount) and each.path == "/rq")]
    found = list(routes_of(ours))
    assert len(found) > 35
    for route in found:
        if route.path != "/openapi.json":  # FastAPI's own; a viewer may read it, as every page
            assert hasattr(route.endpoint, "needs"), route.path


def test_a_route_without_a_role_cannot_be_made():
    """Who forgets the role of a new route is told so when the app starts, not after an incident."""
    router = roles.router("Things")
    with pytest.raises(TypeError, match="states no role"):
        router.get("/things")(lambda: None)


QUESTIONS = {"/workflows/{workflow_id}/predict", "/workflows/{workflow_id}/plan"}


def test_routes_that_change_something_are_for_analysts_at_least():
    """Only one's own password and tokens can be changed by a viewer; to predict rows is a question with a body."""
    for route in create().routes:
        if isinstance(route, APIRoute) and not route.methods <= {"GET", "HEAD"}:
            assert (
                route.endpoint.needs.covers(Role.analyst) or route.path in QUESTIONS or route.path.startswith("/me/")
            ), route.path


def test_a_role_holds_also_where_the_wall_is_missing(home):
    """The route refuses by itself, so that an app without the wall before it opens nothing."""
    client = TestClient(create(), base_url="http://localhost")
    with actors.acting(Actor("vic", Role.viewer, "api")):
        assert client.post("/workflows/1/cancel").status_code == 403
        assert client.get("/workflows").status_code == 200
        assert client.get("/people").status_code == 403


def test_names_that_begin_like_an_open_route_are_not_open(house):
    """The wall compares whole routes: /api/mexyz is not /api/me."""
    viewer = browser_of(house, "viewer")
    for path in ("/api/mexyz", "/api/metrics", "/api/me-and-more", "/api/me/../workflows", "/loginx", "/login/x"):
        assert viewer.post(path, json={}).status_code == 403, path


def test_a_refusal_is_recorded_once_a_minute(house):
    """A viewer who asks a thousand times leaves one row, not a thousand."""
    viewer = browser_of(house, "viewer")
    before = audit.count()
    for number in range(40):
        assert viewer.delete(f"/api/workflows/{number + 1}").status_code == 403
    assert audit.count() == before + 1


# Passwords


def wrong(client, name, **headers):
    """The status that one wrong password gets."""
    return client.post("/login", data={"name": name, "password": "guess"}, headers=headers).status_code


def test_the_own_password_cannot_be_guessed(house):
    """Who has a session of somebody guesses their current password a few times, then waits, longer and longer."""
    viewer = browser_of(house, "viewer")
    tries = [
        viewer.post("/api/me/password", json={"before": f"guess-{number}", "password": "Another-one-9"})
        for number in range(12)
    ]
    assert [each.status_code for each in tries[:4]] == [422] * 4
    assert {each.status_code for each in tries[4:]} == {429} and int(tries[-1].headers["retry-after"]) >= 1
    right = viewer.post("/api/me/password", json={"before": PASSWORD, "password": "Another-one-9"})
    assert right.status_code == 429


def test_many_passwords_at_once_are_few_checks_at_once(house, monkeypatch):
    """However many guess in parallel, two checks run at a time, and who does not fit is refused at once."""
    running, most, lock = [], [], threading.Lock()

    def slow(person, password):
        with lock:
            running.append(1)
            most.append(len(running))
        time.sleep(0.3)
        with lock:
            running.pop()
        return False

    monkeypatch.setattr(passwords, "_matches", slow)
    token = people.make_token("viewer").text
    answers, waits = [], []

    async def guess(number):
        async with visitor_of(house, f"198.51.100.{number}") as client:
            answer = await client.post("/login", data={"name": f"name{number}", "password": "guess"})
            answers.append(answer.status_code)

    async def flood():
        async with anyio.create_task_group() as crowd:
            for number in range(60):
                crowd.start_soon(guess, number)
            await anyio.sleep(0.3)
            async with visitor_of(house) as client:
                begun = time.monotonic()
                answer = await client.get("/api/me", headers={"authorization": f"Bearer {token}"})
                waits.append(time.monotonic() - begun)
                assert answer.status_code == 200

    in_one_loop(flood)
    assert max(most) == 2 and waits[0] < 1.5
    assert answers.count(429) >= 30 and answers.count(403) >= 4


def test_tries_for_one_name_see_how_the_one_before_ended(house):
    """Guessing in parallel gives no more guesses than guessing in turn."""
    answers = []

    async def guess():
        async with visitor_of(house) as client:
            answers.append((await client.post("/login", data={"name": "admin", "password": "guess"})).status_code)

    async def all_at_once():
        async with anyio.create_task_group() as crowd:
            for _ in range(12):
                crowd.start_soon(guess)

    in_one_loop(all_at_once)
    assert answers.count(403) <= passwords.FREE_FROM_AN_ADDRESS_FOR_A_NAME and len(answers) == 12


def test_a_made_up_address_is_no_other_address(house):
    """X-Forwarded-For says nothing while no proxy is configured: the brake counts, no deed names such an address."""
    stranger = client_of(house, "127.0.0.1")
    answers = [wrong(stranger, "ada", **{"x-forwarded-for": f"10.1.0.{number}"}) for number in range(8)]
    assert answers == [403] * 4 + [429] * 4
    assert not [deed for deed in audit.find() if deed.address.startswith("10.1")]


def test_behind_a_proxy_the_forwarded_address_counts(house):
    """Where a proxy is configured, people behind it are told apart by the addresses that it names."""
    seen = []

    async def answer(scope, receive, send):
        seen.append(scope["client"][0])
        await PlainTextResponse("")(scope, receive, send)

    for proxied in (True, False):
        app = Guard(answer, names("127.0.0.1"), names("127.0.0.1"), proxied)
        client = TestClient(ProxyHeadersMiddleware(app), base_url="http://localhost", client=("127.0.0.1", 1))
        client.get("/", headers={"x-forwarded-for": "192.0.2.7"})
    assert seen == ["192.0.2.7", "forwarded"]


def test_nobody_keeps_a_known_person_out(house):
    """Wrong passwords for ann from other addresses do not stop ann, who signs in from where she has before."""
    browser_of(house, "analyst", "192.0.2.1")
    for number in range(30):
        wrong(client_of(house, f"198.51.100.{number}"), "analyst")
    assert wrong(client_of(house, "198.51.100.99"), "analyst") == 429
    assert browser_of(house, "analyst", "192.0.2.1").get("/api/me").json()["name"] == "analyst"


def test_six_wrong_passwords_keep_nobody_out(house):
    """A few wrong passwords from six addresses stop a person from no seventh."""
    for number in range(6):
        wrong(client_of(house, f"198.51.100.{number}"), "analyst")
    assert browser_of(house, "analyst", "192.0.2.7")


def test_one_address_does_not_shut_out_who_signed_in_from_it(house):
    """Twenty wrong names from a shared address slow down strangers there, not those who have signed in from it."""
    browser_of(house, "analyst", "192.0.2.1")
    stranger = client_of(house, "192.0.2.1")
    assert [wrong(stranger, f"name{number}") for number in range(22)][-1] == 429
    assert browser_of(house, "analyst", "192.0.2.1")


# Tokens


def program_of(house, name):
    """A program with a token of this person."""
    return client_of(house, authorization=f"Bearer {people.make_token(name).text}")


# What gives or takes access, and so needs a person in a browser, by route.
IN_PERSON = {
    ("POST", "/me/tokens"): [{"label": "more", "days": 3650}],
    ("POST", "/me/password"): [{"before": PASSWORD, "password": "Another-one-9"}],
    ("POST", "/people"): [
        {"name": "eve", "role": "admin", "password": "Another-one-9"},
        {"name": "eve", "role": "viewer"},
    ],
    ("PATCH", "/people/{name}"): [
        {"password": "Another-one-9"},
        {"role": "analyst"},
        {"role": "admin"},
        {"role": "admin", "password": "Another-one-9"},
    ],
    ("DELETE", "/people/{name}"): [None],
}
# What takes only access that the person can have again.
BY_TOKEN_TOO = {("DELETE", "/me/tokens/{token_id}"), ("POST", "/people/{name}/sign-out")}


def test_a_token_gives_no_access_that_outlives_it(house):
    """A stolen token of an admin adds and removes nobody, raises no role, sets no password and makes no token."""
    program = program_of(house, "admin")
    before = people.everybody()
    for (method, path), bodies in IN_PERSON.items():
        for body in bodies:
            answer = program.request(method, "/api" + path.format(name="viewer"), json=body)
            assert answer.status_code == 403 and "token cannot" in answer.json()["detail"], (path, body)
    assert len(people.tokens_of("admin")) == 1 and people.everybody() == before
    assert browser_of(house, "viewer") and browser_of(house, "admin")
    assert program.patch("/api/people/analyst", json={"role": "viewer"}).status_code == 200


def test_every_route_about_people_says_whether_a_token_may():
    """A new route that changes people is either refused to tokens or listed as harmless."""
    changing = {
        (method, route.path.removeprefix("/api"))
        for route in create().routes
        if isinstance(route, APIRoute) and route.path.removeprefix("/api").startswith(("/me", "/people"))
        for method in route.methods - {"GET", "HEAD"}
    }
    assert changing == set(IN_PERSON) | BY_TOKEN_TOO


@pytest.mark.parametrize(
    "end",
    [
        lambda: people.set_password("viewer", "Another-one-9"),
        lambda: people.sign_out_everywhere("viewer"),
        lambda: people.remove("viewer"),
    ],
)
def test_a_new_password_and_sign_out_end_tokens_too(house, end):
    """What a thief has made with a person's access ends when that is ended."""
    program, browser = program_of(house, "viewer"), browser_of(house, "viewer")
    assert program.get("/api/me").status_code == browser.get("/api/me").status_code == 200
    end()
    assert program.get("/api/me").status_code == browser.get("/api/me").status_code == 401


def test_changing_the_own_password_ends_the_own_tokens(house):
    """Whoever changes their password because of a doubt is rid of every other access."""
    program, browser = program_of(house, "viewer"), browser_of(house, "viewer")
    assert browser.post("/api/me/password", json={"before": PASSWORD, "password": "Another-one-9"}).status_code == 204
    assert program.get("/api/me").status_code == browser.get("/api/me").status_code == 401


def test_tokens_of_a_person_are_limited(house):
    """Nobody fills the database with tokens."""
    viewer = browser_of(house, "viewer")
    answers = [viewer.post("/api/me/tokens", json={}).status_code for _ in range(people.MOST_TOKENS + 3)]
    assert answers == [201] * people.MOST_TOKENS + [409] * 3


def test_a_change_of_a_person_is_whole_or_not_at_all(house):
    """A role with a password that is refused changes neither."""
    admin = browser_of(house, "admin")
    answer = admin.patch("/api/people/viewer", json={"role": "admin", "password": "short"})
    assert answer.status_code == 422 and people.everybody()[-1].role == "viewer"
    answer = admin.patch("/api/people/viewer", json={"role": "emperor", "password": "Another-one-9"})
    assert answer.status_code == 422 and browser_of(house, "viewer")
    both = admin.patch("/api/people/viewer", json={"role": "analyst", "password": "Another-one-9"})
    assert both.status_code == 200 and both.json()["role"] == "analyst"


# Uploads that hold a place, bodies that do not end


def ask(path, receive, actor):
    """A request of this actor to the API, whose body comes as `receive` gives it; and the answers it gets."""
    answers = []

    async def keep(message):
        answers.append(message)

    async def run():
        with actors.acting(actor):
            await create()(scope, receive, keep)

    scope = POST | {"path": path, "query_string": b"name=a.csv", "headers": [(b"host", b"localhost")]}
    return run, answers


POST = {
    "type": "http",
    "method": "POST",
    "raw_path": b"",
    "query_string": b"",
    "headers": [(b"host", b"localhost")],
    "http_version": "1.1",
    "scheme": "http",
    "server": ("127.0.0.1", 8501),
    "client": ("203.0.113.1", 1),
}


def begins(*chunks):
    """A body that begins so, and then says nothing more."""
    left = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]

    async def receive():
        return left.pop(0) if left else await anyio.sleep_forever()

    return receive


def test_slow_uploads_of_one_person_leave_room_for_others(home):
    """Two uploads of a person at a time; the third is refused at once, and another person's arrives."""
    ann, ben = Actor("ann", Role.analyst, "api"), Actor("ben", Role.analyst, "api")
    table = b"a,b\n" + b"1,2\n3,4\n" * 20
    statuses = {}

    async def whole_table():
        return {"type": "http.request", "body": table, "more_body": False}

    async def upload(name, actor, receive):
        run, answers = ask("/datasets", receive, actor)
        await run()
        statuses[name] = answers[0]["status"]

    async def crowd():
        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(upload, f"slow {number}", ann, begins(b"a,b\n"))
            await anyio.sleep(0.3)
            assert list(statuses.values()) == [503] * 6
            with anyio.fail_after(20):
                await upload("quick", ben, whole_table)
            group.cancel_scope.cancel()

    in_one_loop(crowd)
    assert statuses["quick"] == 201 and not uploads._arriving


def test_an_upload_that_trickles_ends(home, monkeypatch):
    """A line now and then does not hold a place for as long as one likes."""
    monkeypatch.setattr(uploads, "SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(uploads, "LEAST_BYTES_A_SECOND", 1000.0)

    async def receive():
        await anyio.sleep(0.1)
        return {"type": "http.request", "body": b"1,2\n", "more_body": True}

    run, answers = ask("/datasets", receive, Actor("ann", Role.analyst, "api"))
    begun = time.monotonic()
    in_one_loop(run)
    assert answers[0]["status"] == 422 and time.monotonic() - begun < 5
    assert not uploads._arriving and uploads.AT_ONCE.borrowed_tokens == 0


@pytest.mark.parametrize("path", ["/me/tokens", "/workflows"])
def test_a_short_body_has_to_arrive_in_time(home, monkeypatch, path):
    """A request whose body stops is answered, and its connection closed."""
    monkeypatch.setattr(limits, "SHORT_BODY_SECONDS", 0.1)
    run, answers = ask(path, begins(b"{"), Actor("vic", Role.analyst, "api"))
    in_one_loop(run)
    assert answers[0]["status"] == 408 and (b"connection", b"close") in answers[0]["headers"]


def test_a_sign_in_form_that_breaks_off_is_no_fault_of_ours(house):
    """A connection that closes within the form leaves no traceback in the log."""
    body, answers = [{"type": "http.request", "body": b"name=", "more_body": True}, {"type": "http.disconnect"}], []

    async def receive():
        return body.pop(0)

    async def keep(message):
        answers.append(message)

    in_one_loop(lambda: house(POST | {"path": "/login"}, receive, keep))
    assert answers[0]["status"] == 400


def test_without_a_provider_there_is_no_single_sign_on(house):
    """The two addresses that lead to a provider are not there, and write nothing into the log."""
    for path in ("/auth/login", "/oauth2callback"):
        answer = client_of(house).get(path)
        assert answer.status_code == 404 and answer.json()["detail"] == "There is no single sign-on here."


@pytest.mark.rare
def test_requests_that_never_end_are_closed(app):
    """Headers, sign-in forms and bodies that stop are not waited for longer than some seconds."""
    beginnings = [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        b"",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\r\nname=",
        b"POST /api/workflows HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 9000\r\n\r\n{",
        b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\nX-Slow: ",
    ]
    open_ones = []
    for beginning in beginnings * 5:
        connection = socket.create_connection(("127.0.0.1", app.port))
        connection.sendall(beginning)
        connection.settimeout(40)
        open_ones.append(connection)
    begun = time.monotonic()
    assert httpx.get(f"{app.url}/_stcore/health").status_code == 200
    for connection in open_ones:
        with contextlib.suppress(ConnectionResetError):
            while connection.recv(65536):
                pass
        connection.close()
    assert 5 < time.monotonic() - begun < 30
    assert "Traceback" not in app.said()


def test_what_we_rely_on_of_uvicorn():
    """Its connections say which request they carry, and whether it was answered; Ctrl-C leads to the server."""
    server = uvicorn.Server(uvicorn.Config(PlainTextResponse("yes"), port=free_port(), log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    with socket.create_connection(("127.0.0.1", server.config.port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
        while not server.server_state.connections:
            time.sleep(0.01)
        (found,) = server.server_state.connections
        assert found.cycle is None and not found.transport.is_closing()
        connection.sendall(b"\r\n")
        answer = b""
        while b"yes" not in answer:
            answer += connection.recv(4096)
        while not found.cycle.response_complete:
            time.sleep(0.01)
        unfinished = connections.Unfinished()
        unfinished.close_late([found], 0.0)
        assert not found.transport.is_closing()
        found.loop.call_soon_threadsafe(unfinished.close_late, [found], 16.0)
        connection.settimeout(10)
        while connection.recv(4096):
            pass
    server.should_exit = True
    thread.join(10)
    handler = signal.signal(signal.SIGINT, server.handle_exit)
    try:
        assert connections._server() is server
    finally:
        signal.signal(signal.SIGINT, handler)


# The queue


@pytest.fixture
def table(house):
    """A dataset that workflows can be started on."""
    return datasets.add([b"a,b,label\n" + b"1,2,yes\n3,4,no\n" * 30], "table.csv")


def test_one_person_cannot_fill_the_queue(house, table, monkeypatch):
    """Who has their share of workflows waiting starts no more until some have begun; others start theirs."""
    monkeypatch.setattr(shares, "MOST_WAITING", 3)
    people.add("ann", "analyst", PASSWORD)
    wanted = {"dataset_id": table.id, "target": "label", "algorithm": "logistic_regression", "params": {"epochs": 1}}
    analyst, ann = browser_of(house, "analyst"), browser_of(house, "ann")
    answers = [analyst.post("/api/workflows", json=wanted) for _ in range(5)]
    assert [each.status_code for each in answers] == [201] * 3 + [429] * 2
    assert "3 workflows waiting" in answers[-1].json()["detail"] and int(answers[-1].headers["retry-after"]) > 1
    assert analyst.post(f"/api/workflows/{answers[0].json()['id']}/restart").status_code == 429
    assert ann.post("/api/workflows", json=wanted).status_code == 201
    assert analyst.post(f"/api/workflows/{answers[0].json()['id']}/cancel").status_code == 200
    assert analyst.post("/api/workflows", json=wanted).status_code == 201


def test_no_priority_leads_past_the_share(house, table, monkeypatch):
    """Workflows of every priority count, as whoever starts one chooses it."""
    monkeypatch.setattr(shares, "MOST_WAITING", 3)
    analyst = browser_of(house, "analyst")
    wanted = {"dataset_id": table.id, "target": "label", "algorithm": "logistic_regression", "params": {"epochs": 1}}
    priorities = ["sweep", "schedule", "person", "sweep", "schedule", "person"]
    answers = [analyst.post("/api/workflows", json=wanted | {"priority": each}) for each in priorities]
    assert [each.status_code for each in answers] == [201] * 3 + [429] * 3


def test_a_key_of_one_person_is_nobody_elses(house, table):
    """The same Idempotency-Key of two people starts two workflows; another body under the same key is refused."""
    wanted = {"dataset_id": table.id, "target": "label", "algorithm": "perceptron", "params": {"epochs": 1}}
    key = {"Idempotency-Key": "k1"}
    analyst, admin = browser_of(house, "analyst"), browser_of(house, "admin")
    first = analyst.post("/api/workflows", json=wanted, headers=key).json()
    other = admin.post("/api/workflows", json=wanted | {"algorithm": "linear_svm", "name": "mine"}, headers=key).json()
    assert first["id"] != other["id"] and other["created_by"] == "admin" and other["name"] == "mine"
    assert analyst.post("/api/workflows", json=wanted, headers=key).json()["id"] == first["id"]
    for changed in ({"algorithm": "linear_svm"}, {"name": "another"}, {"params": {"epochs": 2}}):
        refused = analyst.post("/api/workflows", json=wanted | changed, headers=key)
        assert refused.status_code == 422 and "another request" in refused.json()["detail"]
    assert workflows.count(workflows.Filter()) == 2


# Pages of other sites, and what browsers are told


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://localhost:8501"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site"},
        {"origin": "http://localhost:8502"},
    ],
)
def test_a_page_of_another_origin_changes_nothing(house, headers):
    """Another scheme, port or site: refused, whatever the cookie."""
    analyst = browser_of(house, "analyst")
    assert analyst.post("/api/workflows/1/cancel", headers=headers).status_code == 403
    assert analyst.post("/api/workflows/1/cancel", headers={"origin": "http://localhost:8501"}).status_code == 404


def test_answers_of_the_api_are_kept_by_no_cache(house):
    """What the API answers is for the one who asked, runs nothing and sits in no other site's frame."""
    viewer = browser_of(house, "viewer")
    for path in ("/api/me", "/api/workflows", "/api/openapi.json", "/api/nothing"):
        headers = viewer.get(path).headers
        assert headers["cache-control"] == "no-store" and "default-src 'none'" in headers["content-security-policy"]
    assert viewer.get("/metrics").headers["x-frame-options"] == "SAMEORIGIN"
    assert client_of(house).get("/login").headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("name", ["..", ".", "-x", "@ada", "\u0430da", "ad\u03b1"])
def test_a_person_is_called_as_nobody_else_seems_to_be(house, name):
    """No name that a path cannot hold, and none whose letters only look like those of another script."""
    admin = browser_of(house, "admin")
    assert admin.post("/api/people", json={"name": name}).status_code == 422
    assert admin.post("/api/people", json={"name": "\u0410\u0434\u0430"}).status_code == 201


def test_deeds_are_kept_for_a_year(house):
    """The audit trail does not grow for ever."""
    audit.add(NOBODY, "refused", "long ago")
    with db.writing() as connection:
        connection.execute(tables.deeds.update().values(at=tables.now() - timedelta(days=366)))
    browser_of(house, "viewer")
    assert [deed.what for deed in audit.find()] == ["sign in"]


# Errors


def test_each_error_has_the_status_of_its_class():
    """No status is guessed from which fields an error has."""
    from store import errors

    tree = ast.parse((ROOT / "api" / "errors.py").read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "status_of"]
    found = {
        each.__name__: each.status
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.RequestError)
    }
    assert found == {
        "RequestError": 422,
        "InvalidError": 422,
        "ConflictError": 409,
        "NotFoundError": 404,
        "ForbiddenError": 403,
        "TooManyError": 429,
        "UnavailableError": 503,
    }
