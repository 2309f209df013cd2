"""People over HTTP: oneself for everybody, the others for admins."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import Field
from starlette.responses import Response

from api.errors import Answer
from api.routes.datasets import MOST
from api.routes.workflows import Strict
from api.wall import limits, roles
from api.wall.roles import needs
from jobs.verbs import access, passwords, schemas
from jobs.verbs import people as verbs
from jobs.verbs.documents import DeedOut, EndedOut, MeOut, NewPersonOut, NewTokenOut, PersonOut, TokenOut
from store import actors
from store.actors import Role
from store.errors import InvalidError
from store.messages import Message

Name = Annotated[str, Path(min_length=1, max_length=200)]
Password = Annotated[str, Field(max_length=verbs.LONGEST_PASSWORD)]
TokenId = Annotated[int, Path(ge=1, le=MOST)]

router = roles.router("People")


class NewPerson(Strict):
    name: str = Field(description="To sign in with: letters, digits and . - _ @ +")
    role: str = Field("analyst", description="viewer, analyst or admin")
    password: Password | None = Field(None, description="Left out, one is made and answered once.")


class Change(Strict):
    role: str | None = None
    password: Password | None = None


class OwnPassword(Strict):
    before: Password
    password: Password


class NewToken(Strict):
    label: str = Field("", max_length=80, description="What it is for.")
    days: int = Field(verbs.TOKEN_DAYS, ge=1, le=3650, strict=True)


@router.get("/me", response_model=MeOut, summary="Who am I?")
@needs(Role.viewer)
def me() -> Response:
    """The name and role that this request has; without a name where sign-in is off."""
    actor = actors.current()
    return Answer({"name": actor.name or None, "role": actor.role, "sign_in": access.must_sign_in()})


@router.post("/me/password", status_code=204, summary="Change my password")
@needs(Role.viewer)
async def change_own_password(body: OwnPassword) -> Response:
    """Needs a browser session. All your sessions and tokens end."""
    await limits.checking(verbs.change_own_password, body.before, body.password)
    return Response(status_code=204)


@router.get("/me/tokens", response_model=list[TokenOut], summary="My tokens")
@needs(Role.viewer)
def own_tokens() -> Response:
    """Without their text, which is shown only once, when one is made."""
    return Answer([schemas.token(each) for each in verbs.own_tokens()])


@router.post("/me/tokens", response_model=NewTokenOut, status_code=201, summary="Create a token")
@needs(Role.viewer)
def make_own_token(body: NewToken) -> Response:
    """For a program that is to act as you, with `Authorization: Bearer ...`. Its text is shown only now."""
    made = verbs.make_own_token(body.label, body.days)
    return Answer(schemas.token(made.token) | {"token": made.text}, 201)


@router.delete("/me/tokens/{token_id}", status_code=204, summary="Take a token back")
@needs(Role.viewer)
def remove_own_token(token_id: TokenId) -> Response:
    """It is no longer valid at once."""
    verbs.remove_own_token(token_id)
    return Response(status_code=204)


@router.get("/people", response_model=list[PersonOut], summary="Who may sign in?")
@needs(Role.admin)
def everybody() -> Response:
    """For admins."""
    return Answer([schemas.person(each) for each in verbs.everybody()])


@router.post("/people", response_model=NewPersonOut, status_code=201, summary="Add a person")
@needs(Role.admin)
def add(body: NewPerson) -> Response:
    """For admins. Needs a browser session. Once there is an account, everyone must sign in."""
    made = None if body.password else passwords.made()
    person = verbs.add(body.name, body.role, body.password or made)
    return Answer(schemas.person(person) | ({"password": made} if made else {}), 201)


@router.patch("/people/{name}", response_model=PersonOut, summary="Change a role or a password")
@needs(Role.admin)
def change(name: Name, body: Change) -> Response:
    """For admins; both or nothing. A new password ends the person's sessions and tokens. It needs a browser session,
    and so does a higher role."""
    if body.role is None and body.password is None:
        raise InvalidError(Message("nothing_to_change"), "role")
    return Answer(schemas.person(verbs.change(name, body.role, body.password)))


@router.delete("/people/{name}", status_code=204, summary="Remove a person")
@needs(Role.admin)
def remove(name: Name) -> Response:
    """For admins. Needs a browser session. Their access ends at once; what they made stays."""
    verbs.remove(name)
    return Response(status_code=204)


@router.post("/people/{name}/sign-out", response_model=EndedOut, summary="End all sessions and tokens of a person")
@needs(Role.admin)
def sign_out_everywhere(name: Name) -> Response:
    """For admins."""
    ended = verbs.sign_out_everywhere(name)
    return Answer({"ended": ended.sessions, "tokens": ended.tokens})


@router.get("/deeds", response_model=list[DeedOut], summary="Who did what?")
@needs(Role.admin)
def deeds(
    who: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=MOST)] = 0,
) -> Response:
    """For admins, the newest first. The header X-Total-Count says how many there are in all."""
    rows, total = verbs.list_deeds(who, limit, offset)
    return Answer([schemas.deed(each) for each in rows], headers={"X-Total-Count": str(total)})
