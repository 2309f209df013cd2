"""Attacks: what a stranger, a viewer or an analyst tried against the wall, performed again; nothing gives way."""

import ast
import importlib
import threading
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount
from starlette.testclient import TestClient

from api.app import create
from api.wall import roles
from jobs.verbs import people
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
