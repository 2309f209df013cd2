"""People: names, passwords, sessions, tokens, roles, and the record of who did what."""

import inspect
import time
from datetime import timedelta

import pytest
from helpers import cast
from helpers.refusals import refuses
from sqlalchemy import select, update

from jobs import chain
from jobs.language import sentence
from jobs.language.en import SENTENCES
from jobs.verbs import answering, controls, datasets, passwords, people, queues, short_form, thresholds, workflows
from jobs.verbs.access import ACCESS
from store import actors, audit, db, tables
from store import people as rows
from store.actors import Actor, Role
from store.errors import ForbiddenError, NotFoundError, RequestError

PASSWORD = "Sarı-çizmeli-1"


@pytest.fixture
def ayse(home, cheap):
    return people.add("Ayşe", "analyst", PASSWORD)


def as_role(role, name="somebody"):
    return actors.acting(Actor(name, role and Role(role), "api"))


def everything_kept():
    """Every row of every table and every small file of the home, as text."""
    with db.reading() as connection:
        kept = [str(connection.execute(select(table)).all()) for table in tables.metadata.sorted_tables]
    return "\n".join(kept)


def test_nobody_has_to_sign_in_until_somebody_is_known(home, cheap):
    """A home without people is open to whoever sits at the machine; the first person closes it."""
    assert people.visitor(None) == actors.ANYBODY and not people.must_sign_in()
    people.add("ayşe", "admin", PASSWORD)
    assert people.visitor(None).role is None and people.must_sign_in()
    assert not people.visitor(None).may(Role.viewer)


def test_in_an_app_open_to_all_nobody_makes_themselves_the_first_admin(home, monkeypatch):
    """Where the operator lets everybody in, only the operator decides who looks after people."""
    monkeypatch.setattr(ACCESS, "open_to_others", True)
    with refuses(ForbiddenError, match="machine that runs this app"):
        people.add("eve", "admin", PASSWORD)
    assert not people.must_sign_in()


@pytest.mark.parametrize("written", ["Ayşe", "ayşe", "AYŞE", "Ays\u0327e"])
def test_names_that_look_the_same_are_the_same(ayse, written):
    """Case and the way a letter is composed make no difference, neither for signing in nor for a second person."""
    assert people.visitor(people.sign_in(written, PASSWORD, "")).name == "Ayşe"
    with refuses(RequestError, match="already a person"):
        people.add(written, "viewer", PASSWORD)


def test_turkish_names_do_not_depend_on_the_dot(home, cheap):
    """İrem signs in as irem, IREM and ırem: keyboards differ."""
    people.add("İrem", "viewer", PASSWORD)
    for written in ("irem", "IREM", "ırem", "İREM"):
        assert people.visitor(people.sign_in(written, PASSWORD, "")).name == "İrem"


@pytest.mark.parametrize("name", ["", " ", "<b>", "x" * 81, "a/b", "\u202eabc", "[a](b)"])
def test_names_that_could_mislead_are_refused(home, name):
    """A name is made of letters, digits and a few signs, so that it can be shown anywhere."""
    with refuses(RequestError, match="letters, digits"):
        people.add(name, "viewer", PASSWORD)


@pytest.mark.parametrize("name", ["ayşe yılmaz", " ayşe yılmaz ", "ayşe\nyılmaz"])
def test_a_space_in_a_name_is_named_as_the_fault(home, name):
    """Who writes first and last name is told that it is the space, and how to write it."""
    with refuses(RequestError, match="has no spaces. Write ayşeyılmaz"):
        people.add(name, "viewer", PASSWORD)


@pytest.mark.parametrize("password", ["", "kısa", "x" * 1001, "aaaaaaaaaaaaaa", "ayse-is-the-best", "12121212121"])
def test_passwords_that_are_guessed_first_are_refused(home, password):
    """Short ones, ones with the name in them, and ones of a few signs only."""
    with pytest.raises(RequestError) as refused:
        people.add("ayse", "viewer", password)
    assert refused.value.field == "password" and rows.everybody() == []


def test_a_role_has_to_exist(home):
    """There are three roles; another word is refused with their names."""
    with refuses(RequestError, match="viewer, analyst, admin"):
        people.add("ayse", "king", PASSWORD)


def test_nothing_that_is_kept_lets_anybody_in(home):
    """Neither password, cookie nor token can be read from the database; the key that signs is the owner's only."""
    people.add("ayşe", "analyst", PASSWORD)
    cookie, made = people.sign_in("ayşe", PASSWORD, ""), people.make_token("ayşe", "ci")
    kept = everything_kept()
    assert PASSWORD not in kept and made.text not in kept and cookie.split(".")[0] not in kept
    assert "$argon2id$" in kept
    assert (home / "cookie.key").stat().st_mode & 0o077 == 0


def test_a_changed_cookie_counts_for_nothing(ayse, home):
    """A cookie is signed: any other sign in it, or another home's, is nobody's."""
    cookie = people.sign_in("ayşe", PASSWORD, "")
    for place in range(0, len(cookie), 7):
        other = "A" if cookie[place] != "A" else "B"
        changed = cookie[:place] + other + cookie[place + 1 :]
        assert people.visitor(changed).role is None or changed[:-1] == cookie[:-1]
    for rubbish in ("", ".", "a.b.c", "ş" * 50, "\udcff", cookie + "x", "x" * 5000):
        assert people.visitor(rubbish).role is None
    (home / "cookie.key").write_text("0" * 64)
    people._signer.cache_clear()
    assert people.visitor(cookie).role is None


def test_a_session_ends_by_itself(ayse, monkeypatch):
    """After its time a cookie counts for nothing, by the row and by the time that is signed in it."""
    cookie = people.sign_in("ayşe", PASSWORD, "")
    monkeypatch.setattr(people, "SESSION", timedelta(seconds=-1))
    assert people.visitor(cookie).role is None
    monkeypatch.undo()
    assert people.visitor(cookie).role is Role.analyst
    with db.writing() as connection:
        connection.execute(update(tables.sessions).values(expires_at=tables.now() - timedelta(seconds=1)))
    assert people.visitor(cookie).role is None


@pytest.mark.parametrize(
    "end",
    [
        lambda cookie: people.sign_out(cookie),
        lambda cookie: people.sign_out_everywhere("ayşe"),
        lambda cookie: people.set_password("ayşe", "another-one-1"),
        lambda cookie: people.remove("ayşe"),
    ],
)
def test_a_session_can_be_ended_at_once(ayse, end):
    """By signing out, by an admin, by a new password, by removal: the cookie counts for nothing from then on."""
    people.add("admin", "admin", PASSWORD)
    cookie = people.sign_in("ayşe", PASSWORD, "")
    end(cookie)
    assert people.visitor(cookie).role is None


def test_a_new_role_holds_at_once(ayse):
    """Who is signed in need not sign in again."""
    cookie = people.sign_in("ayşe", PASSWORD, "")
    people.set_role("ayşe", "viewer")
    assert people.visitor(cookie).role is Role.viewer


def test_wrong_names_and_wrong_passwords_are_told_alike(home):
    """Nobody learns from the answer, or from the time it takes, which names exist."""
    told, took = [], []
    people.add("ayşe", "viewer", PASSWORD)
    people.add("tokens.only", "viewer", None)
    passwords._nobodys_password()
    for name in ("ayşe", "nobody", "tokens.only"):
        tries = []
        for _ in range(3):
            begin = time.perf_counter()
            with pytest.raises(RequestError) as refused:
                people.sign_in(name, "not-the-password", "")
            tries.append(time.perf_counter() - begin)
            told.append(sentence(refused.value.message))
        took.append(min(tries))
    assert len(set(told)) == 1
    assert max(took) < 8 * min(took)


def test_guessing_becomes_slow(ayse, monkeypatch):
    """After a few failures each try has to wait, the right password too; after the wait it works."""
    monkeypatch.setattr(passwords, "FREE_FROM_AN_ADDRESS_FOR_A_NAME", 2)
    for _ in range(2):
        with refuses(RequestError, match="name or the password is wrong"):
            people.sign_in("ayşe", "not-the-password", "10.0.0.1")
    with refuses(passwords.TooManyTriesError, match="Wait 1 s"):
        people.sign_in("ayşe", PASSWORD, "10.0.0.1")
    time.sleep(1.05)
    assert people.visitor(people.sign_in("ayşe", PASSWORD, "10.0.0.1")).name == "Ayşe"
    with refuses(RequestError, match="name or the password is wrong"):
        people.sign_in("ayşe", "not-the-password", "10.0.0.1")


def test_guessing_many_names_from_one_address_becomes_slow(ayse, monkeypatch):
    """Who tries one password with many names is slowed down as well; others are not."""
    monkeypatch.setattr(passwords, "FREE_FOR_AN_ADDRESS", 3)
    for number in range(3):
        with refuses(RequestError, match="name or the password is wrong"):
            people.sign_in(f"name{number}", PASSWORD, "10.0.0.1")
    with pytest.raises(passwords.TooManyTriesError):
        people.sign_in("name9", PASSWORD, "10.0.0.1")
    assert people.sign_in("ayşe", PASSWORD, "10.0.0.2")


def test_waits_grow_to_a_minute():
    """Each failure doubles the wait, up to a minute."""
    at = tables.now()
    waits = [round(passwords.pause_after(audit.Failures(count, at), 4)) for count in (0, 3, 4, 5, 6, 9, 10, 100)]
    assert waits == [0, 0, 1, 2, 4, 32, 60, 60]


def test_a_token_acts_as_its_person_until_it_is_taken_back(ayse):
    """A program with a token has the person's role; a removed or old token has none."""
    made = people.make_token("ayşe", "nightly", 30)
    assert people.program(made.text) == Actor("Ayşe", Role.analyst, "api", "", ayse.id, by_token=True)
    assert people.tokens_of("ayşe")[0].used_at is not None
    for rubbish in ("", "ty_", made.text + "x", made.text[3:], "ş", "\udcff"):
        assert people.program(rubbish).role is None
    with db.writing() as connection:
        connection.execute(update(tables.tokens).values(expires_at=tables.now() - timedelta(seconds=1)))
    assert people.program(made.text).role is None
    again = people.make_token("ayşe", "nightly", 30)
    people.remove_token(again.id)
    assert people.program(again.text).role is None


def test_people_look_after_their_own_tokens_and_passwords_only(ayse):
    """A viewer can change their own password and tokens, and nobody else's."""
    veli = people.add("veli", "viewer", PASSWORD)
    others = people.make_token("ayşe")
    with actors.acting(Actor("veli", Role.viewer, "page", "", veli.id)):
        own = people.make_own_token("mine")
        assert [each.label for each in people.own_tokens()] == ["mine"]
        people.remove_own_token(own.id)
        with pytest.raises(NotFoundError):
            people.remove_own_token(others.id)
        with refuses(RequestError, match="current password is wrong"):
            people.change_own_password("guess", "another-one-1")
        people.change_own_password(PASSWORD, "another-one-1")
        for look in (people.everybody, people.list_deeds, lambda: people.tokens_of("ayşe")):
            with pytest.raises(ForbiddenError):
                look()
    assert people.sign_in("veli", "another-one-1", "")


def test_the_last_admin_stays_while_there_are_others(home, cheap):
    """People whom nobody could look after are not left behind; the very last person may go."""
    people.add("ayşe", "admin", PASSWORD)
    people.add("veli", "viewer", PASSWORD)
    for leave in (lambda: people.remove("ayşe"), lambda: people.set_role("ayşe", "viewer")):
        with refuses(RequestError, match="only admin"):
            leave()
    people.remove("veli")
    people.remove("ayşe")
    assert not people.must_sign_in()


def verbs():
    """Every function that is a verb, found rather than listed."""
    for module in (workflows, controls, answering, thresholds, datasets, queues, chain, people):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and hasattr(function, "needs"):
                yield pytest.param(function, id=f"{module.__name__}.{name}")


def test_what_changes_something_is_a_verb():
    """These functions change what is kept; each asks first who does it, and is recorded."""
    names = {each.id for each in verbs()}
    assert names >= {
        *(f"jobs.verbs.workflows.{name}" for name in ("start", "restart", "compose", "rerun_from")),
        *(f"jobs.verbs.controls.{name}" for name in ("retry", "cancel", "remove", "describe")),
        "jobs.verbs.answering.answer",
        *(f"jobs.verbs.datasets.{name}" for name in ("add", "describe", "redescribe", "remove", "sample")),
        *(f"jobs.verbs.queues.{name}" for name in ("pause", "resume", "stop_workflow_of", "retry_workflow_of")),
        *(
            f"jobs.verbs.people.{name}"
            for name in (
                "add",
                "set_role",
                "set_password",
                "remove",
                "make_token",
                "remove_token",
                "sign_out_everywhere",
            )
        ),
        "jobs.chain.run",
    }


@pytest.mark.parametrize("verb", list(verbs()))
def test_no_verb_works_for_somebody_without_the_role(home, verb):
    """Whoever lacks the role is refused before anything happens, whatever they ask for; and it is recorded."""
    lacking = [None, *(role for role in Role if not role.covers(verb.needs))]
    before = everything_kept()
    for role in lacking:
        with as_role(role), pytest.raises(ForbiddenError):
            verb()
    refused = audit.find()
    assert [(each.who, each.count) for each in refused] == [("somebody", len(lacking))]  # counted in one row
    assert sentence(refused[0].message).startswith("Refused: ")
    assert all(each.what.endswith(": refused") for each in refused)
    with db.writing() as connection:
        connection.execute(tables.deeds.delete())
    assert everything_kept() == before


def test_who_did_what_is_recorded_once(home):
    """A verb leaves one row with the person, the way and the thing, and what they made bears their name."""
    with actors.acting(Actor("ayşe", Role.analyst, "api", "10.0.0.1")):
        made = datasets.sample()
        started = short_form.start(made.id, "churned", "logistic_regression", {"epochs": 1})
        again = workflows.cancel(started.id)
    told = [(each.who, each.via, each.address, f"{each.what} {each.about}") for each in reversed(audit.find())]
    assert told == [
        ("ayşe", "api", "10.0.0.1", each)
        for each in (f"add sample dataset {made.id}", f"start workflow {started.id}", f"cancel workflow {started.id}")
    ]
    assert (made.created_by, again.created_by) == ("ayşe", "ayşe")
    newest = audit.find()[0]
    assert (newest.code, newest.values) == ("deed_cancel_workflow", {"workflow": [started.id]})
    assert audit.count("ayşe") == 3 and audit.count("veli") == 0


@pytest.mark.parametrize("verb", list(verbs()))
def test_every_deed_has_its_sentences(verb):
    """One for what was done, and one for what was refused."""
    assert {verb.code, f"{verb.code}_refused"} <= set(SENTENCES)


def test_secrets_are_not_recorded(ayse):
    """Deeds about passwords and tokens say whose, and nothing else."""
    people.set_password(name="ayşe", password="another-one-1")
    with actors.acting(Actor("Ayşe", Role.analyst, "page", "", ayse.id)):
        people.change_own_password(current="another-one-1", password="yet-another-1")
    told = str(audit.find())
    assert "another-one-1" not in told and "set password of" in told


def test_a_viewer_leaves_no_mark(home):
    """Looking at a failure does not count as seen when a viewer looks."""
    from store import workflows as workflow_rows

    workflow_id = cast.play()
    with as_role("viewer"):
        workflows.mark_seen(workflow_id)
    assert workflow_rows.get(workflow_id).seen_at is None
    workflows.mark_seen(workflow_id)
    assert workflow_rows.get(workflow_id).seen_at is not None
