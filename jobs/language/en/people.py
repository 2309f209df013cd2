"""What is wrong with a request about people: names, passwords, roles and tokens."""

from jobs.language.template import Plural, Template

SENTENCES: dict[str, Template] = {
    # Signing in.
    "wrong_name_or_password": "The name or the password is wrong.",
    "wrong_password": "The current password is wrong.",
    "too_many_tries": "Too many tries. Wait {seconds} s, then try again.",
    "no_account_here": "{email} has no account here. Ask an admin to add this address, then sign in again.",
    "nobody_signed_in": "Nobody is signed in here.",
    "browser_needed": "A token cannot add or remove people, raise a role, set a password or make a token. "
    "Sign in with a browser to do so.",
    # Accounts.
    "first_person_by_operator": (
        "Create the first account on the machine that runs this app: {command} user add NAME --role admin"
    ),
    "no_such_person": "There is no person called {name}.",
    "person_exists": "There is already a person called {name}.",
    "last_admin": "This is the only admin. Make another person an admin first.",
    "no_such_role": "There is no role {role!r}; choose from {roles}.",
    "name_malformed": "A name has 1 to {most} letters, digits, dots, dashes, underscores, @ or +.",
    "name_with_space": "A name to sign in with has no spaces. Write {better}, or put a dot or dash between.",
    "name_begins_wrong": "A name begins with a letter or a digit.",
    "name_mixed_scripts": "A name has letters of one script; some of these only look alike.",
    # Passwords.
    "password_length": "A password has {shortest} to {longest} characters.",
    "password_easy": "This password is easy to guess; choose one without the name and with varied characters.",
    "passwords_differ": "The two passwords differ.",
    "password_not_on_input": "No password arrived on standard input.",
    # Tokens.
    "token_days": "A token is valid for 1 to {most} days.",
    "no_such_token": "There is no token {token!r}.",
    "too_many_tokens": Plural(
        "This person has 1 token, the most for one; revoke it first.",
        "This person has {count} tokens; first revoke one that is not needed.",
    ),
}
