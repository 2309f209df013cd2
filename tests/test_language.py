"""The language: each message that the program can send has its sentence, and no English is written anywhere else."""

import ast
import string
from pathlib import Path

import pytest

from api import errors as api_errors
from jobs.engine.queue import QueueDownError
from jobs.language import sentence
from jobs.language.en import PARTS, SENTENCES
from jobs.language.template import Plural
from jobs.pipelines import params
from jobs.tabular.csv import sniff
from store.errors import NotFoundError, RequestError, TooManyError
from store.messages import Message

ROOT = Path(__file__).parent.parent
ERRORS = {
    "ArtifactError",
    "ConflictError",
    "DamagedError",
    "ForbiddenError",
    "InterruptedUploadError",
    "InvalidError",
    "LossyError",
    "NotFoundError",
    "PipelineError",
    "RequestError",
    "StepError",
    "TooManyError",
    "UnavailableError",
}
# Codes that stand in tables of a module.
TABLES = {
    "api/errors.py": [
        *api_errors.KINDS.values(),
        *api_errors.LIMITS.values(),
        *(code for code, _ in api_errors.PATHS.values()),
    ],
    "jobs/pipelines/params.py": list(params._KIND_CODES.values()),
    "jobs/tabular/csv/sniff.py": [code for _, code in sniff._MAGIC],
}
MAKERS = {"Message": 0, "fact": 0, "failure": 0, "_refusal": 0}


def sources():
    return [path for folder in ("store", "jobs", "api", "pages") for path in sorted((ROOT / folder).rglob("*.py"))]


def calls(path):
    """Each call in a file, with the innermost function that it stands in."""
    todo = [(tree := ast.parse(path.read_text()), tree)]
    while todo:
        scope, node = todo.pop()
        if isinstance(node, ast.Call):
            yield scope, node, getattr(node.func, "id", getattr(node.func, "attr", ""))
        inner = node if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else scope
        todo += [(inner, child) for child in ast.iter_child_nodes(node)]


def texts(node, scope):
    """The texts that an expression can be: itself, either way of a condition, or what a name is bound to."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body, scope)
        yield from texts(node.orelse, scope)
    elif isinstance(node, ast.Name):
        for value in bound(node.id, scope):
            yield from () if isinstance(value, ast.Name) else texts(value, scope)


def bound(name, scope):
    for node in ast.walk(scope):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if isinstance(node, ast.Assign | ast.AnnAssign) and any(getattr(each, "id", "") == name for each in targets):
            yield node.value


def names(node, scope):
    """The names of the values in a dict as written; None where they cannot be read from the source."""
    if node is None:
        return set()
    if isinstance(node, ast.Name):
        found = [names(value, scope) for value in bound(node.id, scope) if isinstance(value, ast.Dict)]
        return set.intersection(*found) if found and None not in found else None
    if not isinstance(node, ast.Dict):
        return None
    given = set()
    for key, value in zip(node.keys, node.values, strict=True):
        more = names(value, scope) if key is None else {getattr(key, "value", None)}
        if more is None:
            return None
        given |= more
    return given


def messages():
    """Where a message is made, its code, and the names of its values."""
    for path in sources():
        where = path.relative_to(ROOT).as_posix()
        for scope, call, name in calls(path):
            if name not in MAKERS or not call.args:
                continue
            if name == "Message":
                values = names(call.args[1] if len(call.args) > 1 else None, scope)
            else:
                values = {each.arg for each in call.keywords}
            for code in texts(call.args[0], scope):
                yield f"{where}:{call.lineno}", name, code, values
        for code in TABLES.get(where, []):
            yield where, "table", code, None


def places(template):
    """The places that a template has, by name."""
    forms = [template.one, template.other] if isinstance(template, Plural) else [template]
    return {name for form in forms for _, name, _, _ in string.Formatter().parse(form) if name}


def test_every_message_has_its_sentence():
    """No code is made anywhere that people would read as a code."""
    assert [f"{where} {code}" for where, _, code, _ in messages() if code not in SENTENCES] == []


def test_every_sentence_is_given_its_values():
    """Whoever makes a message gives all the values that its sentence names, and the number that its plural goes by."""
    lacking = []
    for where, made_by, code, values in messages():
        template = SENTENCES.get(code, "")
        needed = places(template) | ({template.by} if isinstance(template, Plural) else set())
        if made_by == "_refusal":
            needed -= {"param"}  # added by itself
        if values is not None and not needed <= values:
            lacking.append(f"{where} {code} lacks {sorted(needed - values)}")
    assert lacking == []


def test_no_error_is_raised_with_words():
    """What goes wrong is said by a code with values, so that it can be said in any language."""
    found = []
    for path in sources():
        for _, call, name in calls(path):
            if name in ERRORS and call.args and isinstance(call.args[0], ast.JoinedStr | ast.Constant | ast.BinOp):
                found.append(f"{path.relative_to(ROOT)}:{call.lineno}")
    assert found == []


def test_a_code_has_one_sentence():
    """No module of the language takes the code of another."""
    codes = [code for part in PARTS for code in part.SENTENCES]
    assert sorted(codes) == sorted(set(codes))


@pytest.mark.parametrize("code", SENTENCES)
def test_sentences_are_whole(code):
    """Each form of a sentence names known places only, and those that say what is wrong end with a full stop."""
    template = SENTENCES[code]
    forms = [template.one, template.other] if isinstance(template, Plural) else [template]
    assert all(form.strip() == form and form for form in forms)
    assert not isinstance(template, Plural) or "{" + template.by not in template.one


def test_errors_show_code_and_values_to_whoever_reads_a_log():
    """The text of an error is for logs; free words stay as they are."""
    assert str(NotFoundError(Message("no_such_workflow", {"workflow": 7}))) == "no_such_workflow (workflow: 7)"
    assert str(RequestError("The date lies in the future.", "day")) == "The date lies in the future."
    assert str(QueueDownError()) == "queue_down"


def test_a_check_of_ones_own_speaks_in_its_words():
    """A sentence given to an error is shown as it is, whatever signs are in it."""
    error = RequestError("Choose a day before {today}.", "day")
    assert (error.message.code, error.field) == ("refused", "day")
    assert sentence(error.message) == "Choose a day before {today}."
    assert TooManyError("Wait.", 7.4).seconds == 7


def test_a_message_can_hold_messages():
    """What went wrong with the parts of something is told after what went wrong with the whole."""
    faults = [Message("pipelines_module_missing", {"module": name}).as_json() for name in ("a", "b")]
    whole = Message("no_such_pipeline_and_faults", {"given": "'x'", "known": ["t", "u"], "faults": faults})
    assert sentence(whole) == (
        "There is no pipeline 'x'; there are t, u. TRAINYARD_PIPELINES names 'a', and there is no such module. "
        "TRAINYARD_PIPELINES names 'b', and there is no such module."
    )


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (512, "512 B"),
        (32_000, "32 kB"),
        (1_048_576, "1 MB"),
        (536_870_912, "536.9 MB"),
        (2_400_000_000, "2.4 GB"),
    ],
)
def test_sizes_are_in_powers_of_ten(size, words):
    """A number of bytes is a value; its unit is part of the sentence."""
    assert sentence(Message("body_too_long", {"most": size})).startswith(f"The body is too long; {words} is the most")
