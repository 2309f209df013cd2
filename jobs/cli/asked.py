"""What a flow asks, in one line with the command that answers."""

import json
import shlex
from typing import TYPE_CHECKING, Any

from jobs.language import sentence
from store.program import COMMAND

if TYPE_CHECKING:
    from jobs.pipelines import Param
    from jobs.verbs.questions import Question

EXAMPLES: dict[str, Any] = {"int": 1, "float": 0.5, "bool": True, "text": "TEXT", "json": "JSON"}


def waits(asked: "Question") -> str:
    """One line: what is asked, and the command that answers."""
    text = " ".join(asked.text.split())
    until = f" (until {asked.until:%Y-%m-%d %H:%M} UTC)" if asked.until else ""
    refused = f" {sentence(asked.refused)}" if asked.refused else ""
    command = [*COMMAND.split(), "answer", str(asked.workflow_id), _example(asked), "--step", asked.step]
    return f"{asked.step} asks: {text}{until}{refused} Answer with: {shlex.join(command)}"


def _example(asked: "Question") -> str:
    """An answer of the right kind, to be changed."""
    if not asked.single:
        return json.dumps({param.name: _of_kind(param) for param in asked.fields}, ensure_ascii=False)
    (param,) = asked.fields
    if param.kind == "bool":
        return "yes"
    return "|".join(param.choices) or str(_of_kind(param))


def _of_kind(param: "Param") -> Any:
    if param.default is not None:
        return param.default
    return param.choices[0] if param.choices else EXAMPLES.get(param.kind, "VALUE")
