"""Commands on what flows ask people."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.cli.asked import waits
from jobs.cli.follow import show_workflow as _show
from jobs.cli.output import DONE, Json
from jobs.cli.output import open_home as _open
from jobs.cli.output import print_json as _print_json
from jobs.cli.workflows import Id

if TYPE_CHECKING:
    from jobs.verbs.questions import Question


def questions(workflow_id: Id, as_json: Json = False) -> int:
    """Show what a flow asks, how to answer, and the link by which anybody can."""
    _open()
    from jobs.cli.terminal import say
    from jobs.verbs import answer_links, question_documents
    from jobs.verbs import questions as verbs
    from store import workflows

    if as_json:
        return _print_json(question_documents.documents(workflow_id))
    workflows.get(workflow_id)
    asked = verbs.questions(workflow_id)
    for each in asked:
        say(waits(each) if each.is_open else _ended(each))
        if each.is_open:
            say(f"  By link, after the address of the app: {answer_links.path_of(each)}")
    if not asked:
        say(f"Workflow {workflow_id} has asked nothing.")
    return DONE


def answer(
    workflow_id: Id,
    value: Annotated[str, typer.Argument(help="The answer; where several fields are asked, as JSON.")],
    step: Annotated[str | None, typer.Option(help="Which question, where there are several: its step.")] = None,
    as_json: Json = False,
) -> int:
    """Answer what a flow asks, so that it goes on."""
    _open()
    from jobs.verbs import answering

    answering.answer(workflow_id, _as_answer(value), step)
    return _show(workflow_id, as_json, f"Workflow {workflow_id} goes on.")


def _ended(asked: "Question") -> str:
    text = " ".join(asked.text.split())
    if asked.answered_at is None:
        return f"{asked.step} asked: {text} {asked.status}"
    by = asked.answered_by or ("link" if asked.answered_via == "link" else "")
    who = f", answered by {by}" if by else ", answered" if asked.answered_via else ", the default"
    said = asked.answer if isinstance(asked.answer, str) else json.dumps(asked.answer, ensure_ascii=False)
    return f"{asked.step} asked: {text} {said}{who}"


def _as_answer(text: str) -> Any:
    """JSON where it is a whole answer of several fields; else the text, which is read as its kind."""
    try:
        read = json.loads(text)
    except ValueError:
        return text
    return read if isinstance(read, dict | list) else text
