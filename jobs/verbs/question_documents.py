"""Questions of flows as JSON, for commands and the API."""

from jobs.language import sentence
from jobs.verbs import answer_links, questions
from jobs.verbs.questions import Question
from jobs.verbs.schemas import params_schema, plain
from jobs.verbs.step_documents import QuestionOut
from store import actors, workflows
from store.actors import Role


def documents(workflow_id: int, server: str = "") -> list[QuestionOut]:
    """What a workflow asks and has asked; `server` is what a link begins with."""
    workflows.get(workflow_id)
    return [document(each, server) for each in questions.questions(workflow_id)]


def document(asked: Question, server: str = "") -> QuestionOut:
    """One question; the link is left out for those who may not answer."""
    linked = asked.is_open and actors.current().may(Role.analyst)
    schema = params_schema({param.name: param for param in asked.fields})
    return {
        "workflow_id": asked.workflow_id,
        "step": asked.step,
        "question": asked.text,
        "value": schema["properties"][asked.fields[0].name] if asked.single else schema,
        "status": str(asked.status),
        "until": plain(asked.until),
        "refused": sentence(asked.refused) if asked.refused else None,
        "answer": plain(asked.answer),
        "answered_by": asked.answered_by,
        "answered_via": asked.answered_via,
        "answered_at": plain(asked.answered_at),
        "link": f"{server}{answer_links.path_of(asked)}" if linked else None,
    }
