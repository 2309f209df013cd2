"""Questions of flows over HTTP."""

from typing import Any

from fastapi import Request
from pydantic import Field
from starlette.responses import Response

from api.errors import Answer
from api.routes.workflows import Strict, WorkflowId
from api.wall import roles
from api.wall.roles import needs
from jobs.verbs import answering, question_documents
from jobs.verbs.step_documents import QuestionOut
from store.actors import Role

router = roles.router("Workflows", "/workflows")


class Given(Strict):
    value: Any = Field(description="The answer: a value, or an object where several fields are asked.")
    step: str | None = Field(None, description="Which question, where several are open: its step.")


@router.get("/{workflow_id}/questions", response_model=list[QuestionOut], summary="What a workflow asks people")
@needs(Role.viewer)
def get(workflow_id: WorkflowId, request: Request) -> Response:
    """Open questions and answered ones, in order; `value` is the JSON schema of an answer. For those who may answer, an
    open one has a `link`, under which anybody to whom you send it can answer, without an account."""
    return Answer(question_documents.documents(workflow_id, _server(request)))


@router.post("/{workflow_id}/answer", response_model=QuestionOut, summary="Answer a question of a workflow")
@needs(Role.analyst)
def answer(workflow_id: WorkflowId, body: Given, request: Request) -> Response:
    """The flow goes on with it. An answer of the wrong kind is refused, and so is a second one."""
    return Answer(question_documents.document(answering.answer(workflow_id, body.value, body.step), _server(request)))


def _server(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"
