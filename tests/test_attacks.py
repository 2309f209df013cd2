"""Attacks: what a stranger, a viewer or an analyst tried against the wall, performed again; nothing gives way."""

import ast
import contextvars
import importlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import httpx2 as httpx
import pytest
from fastapi.routing import APIRoute
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.testclient import TestClient
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from api.app import create
from api.wall import roles
from api.wall.origin import Guard, names
from jobs.verbs import passwords, people
from store import actors, audit
from store.actors import NOBODY, Actor, Role
from store.errors import NotAllowed

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
    with actors.acting(NOBODY), pytest.raises(NotAllowed, match="Sign in first"):
        people.add("eve", "admin", PASSWORD)
    assert not people.anybody_known()


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


def test_routes_that_change_something_are_for_analysts_at_least():
    """Only one's own password and tokens can be changed by a viewer."""
    for route in create().routes:
        if isinstance(route, APIRoute) and not route.methods <= {"GET", "HEAD"}:
            assert route.endpoint.needs.covers(Role.analyst) or route.path.startswith("/me/"), route.path


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


def test_a_token_makes_no_token_and_no_password(house):
    """A stolen token cannot outlive itself: neither its person's nor, of an admin, anybody's password or token."""
    program = program_of(house, "admin")
    for method, path, body in [
        ("POST", "/api/me/tokens", {"label": "more", "days": 3650}),
        ("POST", "/api/me/password", {"before": PASSWORD, "password": "Another-one-9"}),
        ("PATCH", "/api/people/viewer", {"password": "Another-one-9"}),
        ("PATCH", "/api/people/viewer", {"role": "admin", "password": "Another-one-9"}),
    ]:
        answer = program.request(method, path, json=body)
        assert answer.status_code == 403 and "token cannot" in answer.json()["detail"], path
    assert len(people.tokens_of("admin")) == 1 and people.everybody()[-1].role == "viewer"
    assert browser_of(house, "viewer") and browser_of(house, "admin")
    assert program.patch("/api/people/viewer", json={"role": "analyst"}).status_code == 200


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


# Errors


def test_each_error_has_the_status_of_its_class():
    """No status is guessed from which fields an error has."""
    from store import errors

    tree = ast.parse((ROOT / "api" / "errors.py").read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "status_of"]
    found = {
        each.__name__: each.status
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.Refused)
    }
    assert found == {
        "Refused": 422,
        "InvalidError": 422,
        "ConflictError": 409,
        "NotFound": 404,
        "NotAllowed": 403,
        "TooManyError": 429,
        "UnavailableError": 503,
    }
