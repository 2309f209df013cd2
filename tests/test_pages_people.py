"""People and Account: who may sign in, who did what, and what everybody does about themselves."""

import time
from datetime import timedelta

import pytest
from helpers.visitors import Visitor, checked, press, text

from jobs.verbs import datasets as dataset_verbs
from jobs.verbs import people, short_form
from pages.parts.press import PageState
from store import actors, audit
from store import people as stored
from store.actors import Actor, Role
from store.errors import RequestError

PASSWORD, OTHER = "Sarı-çizmeli-1", "Kırmızı-balık-2"


@pytest.fixture
def browser(home, monkeypatch):
    return Visitor(monkeypatch)


@pytest.fixture
def admin(browser):
    """A browser in which Ayşe, who is an admin, is signed in."""
    people.add("ayşe", "admin", None)
    browser.sign_in("ayşe")
    return browser


def ticked(page, name):
    """Tick a person in the list, as a click in front of their name does."""
    everybody = [person.name for person in stored.everybody()]
    page.session_state["people-chosen"] = [stored.get(name).id]
    page.session_state["people-drawing"] = page.session_state["people-drawing"] + 1
    assert name in everybody
    return checked(page.run())


def names():
    return [(person.name, person.role) for person in stored.everybody()]


# People


def test_first_admin_is_made_in_the_page(browser):
    """Where nobody has to sign in the page says so; whoever adds themselves is an admin, and has to sign in."""
    page = browser.opens("people.py")
    assert "Sign-in is off" in text(page) and not page.dataframe
    page.text_input(key="people-first-name").set_value("ayşe")
    page.text_input(key="people-first-password").set_value(PASSWORD)
    page.text_input(key="people-first-again").set_value(OTHER)
    submit(page, "Create my admin account")
    assert "The two passwords differ." in text(page) and not names()
    page.text_input(key="people-first-again").set_value(PASSWORD)
    submit(page, "Create my admin account")
    assert names() == [("ayşe", "admin")]
    assert "ayşe** is an admin now" in text(page)
    assert [button.label for button in page.button if button.key == "people-sign-in"] == ["Sign in"]


def submit(page, label):
    return checked(next(button for button in page.button if button.label == label).click().run())


def test_easy_password_is_refused_in_one_sentence(browser):
    """What is wrong with a password is said, and nobody is added."""
    page = browser.opens("people.py")
    page.text_input(key="people-first-name").set_value("ayşe")
    for key in ("people-first-password", "people-first-again"):
        page.text_input(key=key).set_value("aaaaaaaaaaaa")
    submit(page, "Create my admin account")
    assert [error.value for error in page.error] and "easy to guess" in text(page)
    assert not names()


def test_made_password_is_shown_once_and_works(admin):
    """Without a typed password one is made, shown until it is put away, and lets the person in."""
    page = press(admin.opens("people.py"), "people-add")
    page.text_input(key="people-add-name").set_value("mehmet")
    page.radio(key="people-add-role").set_value(Role.viewer)
    submit(page, "Add")
    shown = next(code.value for code in page.code if code.value.count("-") == 3 and " " not in code.value)
    assert people.visitor(people.sign_in("mehmet", shown, "")).role is Role.viewer
    page = press(page, "people-made-done")
    assert shown not in text(page) and not page.session_state["people-state"].secret
    assert shown not in text(admin.opens("people.py"))


def test_typed_password_is_not_shown(admin):
    """A password that the admin typed is known already, and appears nowhere."""
    page = press(admin.opens("people.py"), "people-add")
    page.text_input(key="people-add-name").set_value("mehmet")
    page.text_input(key="people-add-password").set_value(OTHER)
    submit(page, "Add")
    assert ("mehmet", "analyst") in names()
    assert OTHER not in text(page)


def test_name_that_is_taken_is_refused_in_the_dialog(admin):
    """The dialog stays open with the reason."""
    page = press(admin.opens("people.py"), "people-add")
    page.text_input(key="people-add-name").set_value("AYŞE")
    submit(page, "Add")
    assert "There is already a person called AYŞE." in text(page)
    assert names() == [("ayşe", "admin")]


def test_list_says_who_where_and_how(admin):
    """Name, role, last sign-in, browsers and tokens are in the list."""
    people.add("mehmet", "analyst", None)
    people.make_token("mehmet", "nightly")
    shown = admin.opens("people.py").dataframe[0].value.set_index("name")
    assert list(shown.loc["ayşe"][["role", "sessions", "tokens"]]) == ["Admin", 1, 0]
    assert list(shown.loc["mehmet"][["role", "last", "sessions", "tokens"]]) == ["Analyst", "Never", 0, 1]


def test_role_changes(admin):
    """Another role is chosen in a dialog; the only admin stays one."""
    people.add("mehmet", "analyst", None)
    page = press(ticked(admin.opens("people.py"), "mehmet"), "people-role")
    page.radio(key="people-role-mehmet").set_value(Role.viewer)
    press(page, "people-role-save")
    assert ("mehmet", "viewer") in names()
    page = press(ticked(admin.opens("people.py"), "ayşe"), "people-role")
    page.radio(key="people-role-ayşe").set_value(Role.viewer)
    assert "This is the only admin" in text(press(page, "people-role-save"))
    assert ("ayşe", "admin") in names()


def test_new_password_ends_the_old_one(admin):
    """A made password is shown; the one of before lets nobody in."""
    people.add("mehmet", "analyst", PASSWORD)
    page = press(ticked(admin.opens("people.py"), "mehmet"), "people-password")
    submit(page, "Set password")
    shown = next(code.value for code in page.code if code.value.count("-") == 3 and " " not in code.value)
    assert people.sign_in("mehmet", shown, "")
    with pytest.raises(RequestError):
        people.sign_in("mehmet", PASSWORD, "")


def test_signing_somebody_out_ends_their_sessions(admin):
    """The press says how many browsers it ended."""
    people.add("mehmet", "analyst", None)
    cookie = people.sign_in_as("mehmet", "", "a test")
    page = press(ticked(admin.opens("people.py"), "mehmet"), "people-sign out")
    assert "mehmet is signed out. Ended: 1 session, 0 tokens." in text(page)
    assert people.visitor(cookie).role is None


def test_removing_asks_and_says_what_goes(admin):
    """What goes and what stays is said first; Keep keeps."""
    people.add("mehmet", "analyst", None)
    page = press(ticked(admin.opens("people.py"), "mehmet"), "people-remove")
    assert "Their tokens stop working" in text(page) and "stay" in text(page)
    page = press(page, "people-keep")
    assert ("mehmet", "analyst") in names()
    press(press(page, "people-remove"), "people-remove-sure")
    assert names() == [("ayşe", "admin")]


def test_last_person_is_told_that_the_door_opens(admin):
    """Removing oneself as the only one says that nobody has to sign in afterwards."""
    page = press(ticked(admin.opens("people.py"), "ayşe"), "people-remove")
    assert "This is you" in text(page) and "sign-in will be off" in text(page)
    assert "Sign-in is off" in text(press(page, "people-remove-sure"))


def test_tokens_of_somebody_are_made_and_taken_back(admin):
    """An admin makes a token for somebody, sees its text once, and takes it back after being asked."""
    people.add("robot", "analyst", None)
    page = press(ticked(admin.opens("people.py"), "robot"), "people-tokens")
    page.text_input(key="token-label").set_value("nightly")
    submit(page, "Create token")
    secret = next(code.value for code in page.code if code.value.startswith("ty_"))
    assert people.program(secret).name == "robot"
    [token] = stored.tokens_of(stored.get("robot").id)
    press(page, f"revoke-{token.id}-sure")
    assert people.program(secret).role is None


def test_removed_meanwhile_is_said(admin):
    """A dialog about somebody whom another admin has just removed says so."""
    people.add("mehmet", "analyst", None)
    page = press(ticked(admin.opens("people.py"), "mehmet"), "people-role")
    people.remove("mehmet")
    assert "mehmet has been removed." in text(checked(page.run()))


def test_deeds_are_told_with_links_and_refusals(admin):
    """Who did what, in words, with a way to what was made, and failed sign-ins marked."""
    with actors.acting(Actor("mehmet", Role.analyst, "api", "10.0.0.7")):
        dataset = dataset_verbs.sample()
        started = short_form.start(dataset.id, "churned", "logistic_regression")
    with pytest.raises(RequestError):
        people.sign_in("Ayşe", "not the password", "10.0.0.8")
    shown = admin.opens("people.py").dataframe[1].value.set_index("what")
    assert shown.loc[f"Start workflow {started.id}", "who"] == "mehmet"
    assert shown.loc[f"Start workflow {started.id}", "open"].startswith(f"workflow?id={started.id}#")
    assert shown.loc[f"Start workflow {started.id}", "via"] == "Program"
    assert shown.loc["Refused: sign in as ayşe", "address"] == "10.0.0.8"
    assert len(shown.loc["Add person ayşe", "at"]) == len("21 Nov 2026 07:23:30")


def test_deeds_of_one_person_are_in_the_url(admin):
    """The filter comes from the address; tries with somebody's name belong to that person too."""
    with actors.acting(Actor("mehmet", Role.analyst, "api")):
        dataset_verbs.sample()
    with pytest.raises(RequestError):
        people.sign_in("MEHMET", "not the password", "10.0.0.8")
    shown = list(admin.opens("people.py", who="mehmet").dataframe[1].value["what"])
    assert shown == ["Refused: sign in as mehmet", "Add sample dataset 1"]
    assert "There are no entries for zeynep." in text(admin.opens("people.py", who="zeynep"))


def test_deeds_come_page_by_page(admin):
    """Fifty a page, from the database; the page is in the address, and rubbish there means the first."""
    for number in range(60):
        audit.add(Actor("mehmet", Role.analyst, "api"), "start", f"workflow {number}")
    newest = admin.opens("people.py", who="mehmet").dataframe[1].value
    assert len(newest) == 50 and newest["what"][0] == "Start workflow 59"
    oldest = admin.opens("people.py", who="mehmet", page="2").dataframe[1].value
    assert list(oldest["what"])[-1] == "Start workflow 0" and len(oldest) == 10
    assert len(admin.opens("people.py", who="mehmet", page="x").dataframe[1].value) == 50
    assert len(admin.opens("people.py", who="mehmet", page="99").dataframe[1].value) == 10


def test_another_filter_begins_at_its_first_page(admin):
    """Choosing whose deeds to see goes to the address, and leaves the page of the list before."""
    for number in range(60):
        audit.add(Actor("mehmet", Role.analyst, "api"), "start", f"workflow {number}")
    page = admin.opens("people.py", **{"page": "2"})
    checked(page.selectbox(key="people-who").set_value("ayşe").run())
    assert dict(page.query_params) == {"who": "ayşe"}
    assert list(page.dataframe[1].value["what"]) == ["Sign in through a test"]
    checked(page.selectbox(key="people-who").set_value(None).run())
    assert not dict(page.query_params)


@pytest.mark.parametrize("role", ["viewer", "analyst"])
def test_people_are_for_admins(admin, role):
    """Whoever is no admin sees no names and no deeds, and the menu does not lead there."""
    people.add("zeynep", role, None)
    admin.sign_in("zeynep")
    page = admin.opens("people.py")
    assert "Only admins manage people" in text(page)
    assert not page.dataframe and not page.button and "ayşe" not in text(page)


def test_admin_who_is_none_any_more_changes_nobody(admin):
    """A dialog that is open while its admin loses the role refuses with a sentence."""
    people.add("mehmet", "admin", None)
    page = press(ticked(admin.opens("people.py"), "mehmet"), "people-remove")
    people.set_role("ayşe", "viewer")
    page = press(page, "people-remove-sure")
    assert ("mehmet", "admin") in names()
    assert "Only admins manage people" in text(page)


# Account


def test_account_says_who_and_what_they_may(admin):
    """Name and role are there, and the side bar leads there."""
    page = admin.opens("account.py")
    assert "You are signed in as **ayşe**, admin." in text(page)
    assert "Signed in as ayşe" in text(admin.opens("workflows.py"))


def test_nobody_has_an_account_where_nobody_signs_in(browser):
    """The page says so, and the side bar says nothing."""
    assert "there are no accounts" in text(browser.opens("account.py"))
    assert "Signed in as" not in text(browser.opens("workflows.py"))


def test_own_password_needs_the_one_before(admin):
    """A wrong one, or two that differ, change nothing; the right one does, and signs out."""
    people.set_password("ayşe", PASSWORD)
    admin.sign_in("ayşe")
    page = admin.opens("account.py")
    change_password(page, "not the password", OTHER, OTHER)
    assert "The current password is wrong." in text(page)
    change_password(page, PASSWORD, OTHER, OTHER + "x")
    assert "The two new passwords differ." in text(page)
    change_password(page, PASSWORD, OTHER, OTHER)
    assert "If you just changed your password, use the new one." in text(page)
    assert people.sign_in("ayşe", OTHER, "")


def change_password(page, before, new, again):
    for key, value in (("before", before), ("new", new), ("again", again)):
        page.text_input(key=f"account-{key}").set_value(value)
    return submit(page, "Change password")


def test_own_token_is_shown_once_with_an_example(admin):
    """The text of a new token works, comes with a command to copy, and is gone with the dialog."""
    people.add("zeynep", "viewer", None)
    admin.sign_in("zeynep")
    page = press(admin.opens("account.py"), "account-token")
    page.text_input(key="token-label").set_value("laptop")
    page.number_input(key="token-days").set_value(30)
    checked([button for button in page.button if button.label == "Create token"][-1].click().run())
    secret = next(code.value for code in page.code if code.value.startswith("ty_"))
    assert people.program(secret).name == "zeynep"
    assert f"Authorization: Bearer {secret}" in text(page)
    [token] = stored.tokens_of(stored.get("zeynep").id)
    assert token.label == "laptop" and token.expires_at - token.created_at == timedelta(days=30)
    page = admin.opens("account.py")
    assert secret not in text(page) and "**laptop**" in text(page)
    press(page, f"revoke-{token.id}-sure")
    assert people.program(secret).role is None


def test_double_press_acts_once():
    """The same press within two seconds is the same wish; another wish, or a later one, is not."""
    state, made = PageState(), []

    def verb(what):
        made.append(what)
        return what

    assert state.press(verb, "a") == "a" and state.press(verb, "a") is None
    assert state.press(verb, "b") == "b"
    state.at = time.monotonic() - 3
    assert state.press(verb, "b") == "b" and made == ["a", "b", "b"]


def test_press_that_was_refused_can_be_tried_again_at_once():
    """Only what was done counts as done."""
    state, answers = PageState(), [RequestError("Not yet."), "done"]

    def verb():
        answer = answers.pop(0)
        if isinstance(answer, RequestError):
            raise answer
        return answer

    assert state.press(verb) is None and state.refused == "Not yet."
    assert state.press(verb) == "done" and state.refused == ""
