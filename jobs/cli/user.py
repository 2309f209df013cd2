"""Manage the people who can sign in. Once there is an account, everyone must sign in."""

import sys
from typing import Annotated

import typer

from jobs.cli.output import DONE, Json, answer, open_home, print_json
from store.errors import RequestError
from store.messages import Message

app = typer.Typer(no_args_is_help=True, help=__doc__)
tokens = typer.Typer(no_args_is_help=True, help="Tokens that let programs act as a person.")
app.add_typer(tokens, name="token")

Name = Annotated[str, typer.Argument(metavar="NAME", help="A name to sign in with: ayse, or an email address.")]
Role = Annotated[str, typer.Option(help="viewer: look and predict; analyst: work; admin: manage people too.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from the standard input.")]


@app.command()
def add(
    name: Name,
    role: Role = "analyst",
    from_stdin: FromStdin = False,
    without: Annotated[
        bool, typer.Option("--no-password", help="The person signs in through single sign-on, or uses tokens.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Add a person. Asks for a password; without a terminal, generates one and prints it once."""
    open_home()
    from jobs.verbs import passwords, people, schemas

    given = None if without else _password(from_stdin)
    made = None if given or without else passwords.made()
    person = people.add(name, role, given or made)
    text = f"{person.name} can sign in as {person.role}." + (f" Password: {made}" if made else "")
    return answer(text, schemas.person(person) | ({"password": made} if made else {}), as_json)


@app.command("list")
def list_(as_json: Json = False) -> int:
    """List the people who can sign in."""
    open_home()
    from jobs.cli import listings
    from jobs.verbs import people, schemas

    persons = people.everybody()
    if as_json:
        return print_json([schemas.person(each) for each in persons])
    listings.people(persons)
    return DONE


@app.command()
def role(
    name: Name,
    new: Annotated[str, typer.Argument(metavar="ROLE", help="viewer, analyst or admin.")],
    as_json: Json = False,
) -> int:
    """Change the role of a person; takes effect at their next click."""
    open_home()
    from jobs.verbs import people, schemas

    person = people.set_role(name, new)
    return answer(f"{person.name} is now {person.role}.", schemas.person(person), as_json)


@app.command()
def password(name: Name, from_stdin: FromStdin = False, as_json: Json = False) -> int:
    """Give a person a new password; all their sessions and tokens end."""
    open_home()
    from jobs.verbs import passwords, people, schemas

    given = _password(from_stdin)
    made = None if given else passwords.made()
    person = people.set_password(name, given or made or "")
    text = f"{person.name} has a new password." + (f" Password: {made}" if made else "")
    return answer(text, schemas.person(person) | ({"password": made} if made else {}), as_json)


@app.command()
def remove(name: Name, as_json: Json = False) -> int:
    """Remove a person at once; their workflows and datasets stay."""
    open_home()
    from jobs.verbs import people

    person = people.remove(name)
    return answer(f"{person.name} can no longer sign in.", {"removed": person.name}, as_json)


@app.command()
def signout(name: Name, as_json: Json = False) -> int:
    """End all sessions and tokens of a person, as when a laptop is lost."""
    open_home()
    from jobs.verbs import people

    ended = people.sign_out_everywhere(name)
    sentence = f"Sessions ended: {ended.sessions}. Tokens ended: {ended.tokens}."
    return answer(sentence, {"ended": ended.sessions, "tokens": ended.tokens}, as_json)


@app.command()
def deeds(
    who: Annotated[str, typer.Option(help="Only entries of this person.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 50,
    as_json: Json = False,
) -> int:
    """Show who did what, the newest first."""
    open_home()
    from jobs.cli import listings
    from jobs.verbs import people, schemas

    rows, _ = people.list_deeds(who, limit)
    if as_json:
        return print_json([schemas.deed(each) for each in rows])
    listings.deeds(rows)
    return DONE


@tokens.command("add")
def add_token(
    name: Name,
    label: Annotated[str, typer.Option(help="What it is for.")] = "",
    days: Annotated[int, typer.Option(min=1, max=3650, help="For how many days it is valid.")] = 365,
    as_json: Json = False,
) -> int:
    """Create a token for a program; it is shown only once. A token cannot create tokens or set passwords, and ends with
    a new password or signout."""
    open_home()
    from jobs.verbs import people, schemas

    made = people.make_token(name, label, days)
    return answer(f"Token {made.id}: {made.text}", schemas.token(made.token) | {"token": made.text}, as_json)


@tokens.command("list")
def list_tokens(name: Name, as_json: Json = False) -> int:
    """Show a person's tokens, without their text."""
    open_home()
    from jobs.cli import listings
    from jobs.verbs import people, schemas

    rows = people.tokens_of(name)
    if as_json:
        return print_json([schemas.token(each) for each in rows])
    listings.tokens(rows)
    return DONE


@tokens.command("remove")
def remove_token(
    token_id: Annotated[int, typer.Argument(metavar="ID", min=1, max=2**31 - 1)], as_json: Json = False
) -> int:
    """Revoke a token at once."""
    open_home()
    from jobs.verbs import people

    people.remove_token(token_id)
    return answer(f"Token {token_id} is revoked.", {"removed": token_id}, as_json)


def _password(from_stdin: bool) -> str | None:
    """Return the given password; None without a terminal, or when nothing is typed."""
    if from_stdin:
        given = sys.stdin.readline().rstrip("\r\n")
        if not given:
            raise RequestError(Message("password_not_on_input"), "password")
        return given
    if not sys.stdin.isatty():
        return None
    given = typer.prompt("Password (Enter makes one)", default="", hide_input=True, show_default=False)
    if given and given != typer.prompt("Repeat it", hide_input=True):
        raise RequestError(Message("passwords_differ"), "password")
    return given or None
