"""Deeds: whatever a caller can reach in jobs/verbs/ and writes rows needs a role, and leaves a trail."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def sources(folder):
    """The files of a folder, as paths in the project."""
    return [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / folder).rglob("*.py"))]


def tree_of(path):
    return ast.parse((ROOT / path).read_text())


# What writes rows without being a deed, and why.
NO_DEEDS = {
    "answer_links.answer": "a stranger with a signed link has no role; the answer is recorded",
    "answer_links.question": "a link that is wrong is recorded",
    "permission.deed": "it is what records",
    "passwords.check": "a wrong password is recorded as such",
    "people.program": "when a token was last used is noted",
    "people.sign_in": "a stranger has no role yet; it is recorded",
    "people.sign_in_as": "a stranger has no role yet; it is recorded",
    "people.sign_out": "everyone may, of their own session; it is recorded",
    "sweeps.go_on": "the tick goes on with what a deed has started",
    "workflows.mark_seen": "looking is no deed; a viewer's look is not noted",
}


def store_modules(path):
    """The modules of the store that a file imports, by the names that it gives them."""
    return {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom) and node.module == "store"
        for alias in node.names
    }


def functions_of(path):
    """The functions of a file, each with what it calls: names of its own, and functions of modules of the store."""
    known = store_modules(path)
    for function in tree_of(path).body:
        if isinstance(function, ast.FunctionDef):
            calls = {node.func for node in ast.walk(function) if isinstance(node, ast.Call)}
            own = {(path, each.id) for each in calls if isinstance(each, ast.Name)}
            others = {
                (known.get(each.value.id, ""), each.attr)
                for each in calls
                if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name)
            }
            yield function, own | others


def writers(paths):
    """What writes rows, directly or by what it calls: functions by their file, and those of the store by module."""
    calls = {(path, function.name): called for path in paths for function, called in functions_of(path)}
    found = {("db", "writing"), ("db", "updating")}
    while more := {function for function, called in calls.items() if called & found} - found:
        public = {(path, name) for path, name in more if path.startswith("store/")}
        found |= more | {(path.removeprefix("store/").removesuffix(".py").split("/")[0], name) for path, name in public}
    return found


def undeclared(paths):
    """The public functions of these files that write rows and are no deeds."""
    found = writers(sources("store") + paths)
    for path in paths:
        for function, _ in functions_of(path):
            is_deed = any(
                isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == "deed"
                for each in function.decorator_list
            )
            if (path, function.name) in found and not is_deed and not function.name.startswith("_"):
                yield f"{path.removeprefix('jobs/verbs/').removesuffix('.py')}.{function.name}"


def test_nothing_public_writes_without_a_role_and_a_trail():
    """Whatever a caller can reach in jobs/verbs/ and writes rows, however it does, is a deed, or is named above."""
    assert set(undeclared(sources("jobs/verbs"))) == set(NO_DEEDS)


@pytest.mark.parametrize(
    ("path", "decorator", "verb"),
    [
        ("jobs/verbs/controls.py", '@deed("stop early", "workflow")', "controls.stop_early"),
        ("jobs/verbs/workflows.py", '@deed("start", "workflow")', "workflows.start"),
        ("jobs/verbs/datasets.py", '@deed("add", "dataset")', "datasets.add"),
    ],
)
def test_a_verb_without_a_trail_is_found(monkeypatch, path, decorator, verb):
    """Whichever function of the store a verb writes by, and through whatever of its own."""
    text = (ROOT / path).read_text()
    assert decorator in text
    trees = {path: ast.parse(text.replace(decorator, ""))}
    monkeypatch.setattr(f"{__name__}.tree_of", lambda each: trees.get(each) or ast.parse((ROOT / each).read_text()))
    assert verb in set(undeclared([path]))
