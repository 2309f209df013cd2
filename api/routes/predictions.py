"""Predictions over HTTP: rows as JSON, or a file of any size."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError
from starlette.responses import FileResponse, Response, StreamingResponse

from api.errors import Answer
from api.routes.uploads import announced_size, is_json, received
from api.routes.workflows import Strict, WorkflowId
from api.wall import limits, roles
from api.wall.roles import needs
from jobs.verbs import predictions as verbs
from jobs.verbs import schemas
from jobs.verbs.documents import PredictionsOut
from jobs.verbs.predictions import PredictedFile
from store import files
from store.actors import Role
from store.files import CHUNK
from store.messages import Message
from store.workflows import Workflow

# Servers in between refuse longer headers.
LONGEST_HEADER = 4_000
# A larger file takes minutes, in which it holds one of few places: as a job it waits in the queue.
MOST_DIRECT = 250_000_000

router = roles.router("Workflows", "/workflows")


class Rows(Strict):
    rows: list[dict[str, Any]] = Field(description="Each a value by the name of its column; null where it is missing.")
    explain: bool = Field(False, description="Also give the reasons of each prediction, for at most 100 rows.")


@router.post(
    "/{workflow_id}/predict",
    response_model=PredictionsOut,
    summary="Predict new rows",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": Rows.model_json_schema()},
                "text/csv": {"schema": {"type": "string", "format": "binary"}},
            },
        }
    },
    responses={200: {"content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}}}},
)
@needs(Role.viewer)
async def predict(
    workflow_id: WorkflowId,
    request: Request,
    name: Annotated[str | None, Query(max_length=1000)] = None,
    written: Annotated[Literal["xlsx"] | None, Query(alias="as")] = None,
    job: bool = False,
) -> Response:
    """Rows as JSON give their predictions, and the probability of each class where the model knows it. A file as the
    raw body with its name in `?name=` gives the same file with the column `prediction` and, for classes,
    `probability`; with `as=xlsx` as an Excel file. The header X-Notices then holds what is worth knowing, as JSON. A
    column that the model needs and no row has is refused; an empty cell is filled as in training. With `job=true`, a
    file of any size becomes a workflow of its own, which is answered; its file is under `/predictions`. A file above
    250 MB is predicted so only."""
    if is_json(request.headers):
        sent = _rows(await request.body())
        predict = partial(verbs.predict_rows, workflow_id, sent.rows, explain=sent.explain)
        answer = await limits.predicting(predict)
        return Answer(schemas.predictions(answer))
    announced = announced_size(request.headers)
    as_excel = written is not None
    if not job:
        _check_direct(announced or 0)

    def take(chunks: Iterator[bytes], file_name: str) -> PredictedFile | Workflow:
        if job:
            return verbs.predict_later(workflow_id, chunks, file_name, announced, as_excel=as_excel)
        return verbs.predict_file(workflow_id, _direct(chunks), file_name, announced, as_excel=as_excel)

    made = await received(request, name, take)
    if isinstance(made, PredictedFile):
        return _sent(made)
    return Answer(schemas.workflow(made.id), 202, headers={"Location": f"/api/workflows/{made.id}"})


@router.get("/{workflow_id}/predictions", summary="Download predictions", response_class=FileResponse)
@needs(Role.viewer)
def get_predictions(workflow_id: WorkflowId) -> Response:
    """The file that a workflow left which predicts the rows of a file."""
    left = verbs.job_file(workflow_id)
    return FileResponse(
        files.verified(left.file),
        media_type=left.media_type,
        filename=left.name,
        headers={"X-Total-Count": str(left.rows), "X-Content-SHA256": left.file.sha256},
    )


def _direct(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks of a file that is predicted at once, whatever size was announced."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        _check_direct(size)
        yield chunk


def _check_direct(size: int) -> None:
    if size > MOST_DIRECT:
        raise limits.BodyError(413, Message("predict_file_too_big", {"most": MOST_DIRECT}))


def _rows(body: bytes) -> Rows:
    """The rows in a body; what is wrong with it is answered as for any other request."""
    try:
        return Rows.model_validate(_read(body))
    except ValidationError as error:
        faults = [{**each, "loc": ("body", *each["loc"])} for each in error.errors()]
        raise RequestValidationError(faults) from None


def _read(body: bytes) -> object:
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        raise _not_json(error.msg, error.pos, error.doc) from None
    except UnicodeDecodeError as error:
        raise _not_json("not UTF-8", error.start) from None
    except RecursionError:
        raise _not_json("nested too deeply") from None
    except ValueError:  # Python reads no number of thousands of digits
        raise _not_json("a number with too many digits") from None


def _not_json(reason: str, position: int = 0, text: str = "") -> RequestValidationError:
    fault = {"type": "json_invalid", "loc": ("body", position), "msg": reason, "input": {}, "ctx": {"error": reason}}
    return RequestValidationError([fault], body=text)


def _sent(file: PredictedFile) -> Response:
    """The file, chunk by chunk."""

    def chunks() -> Iterator[bytes]:
        yield from iter(lambda: file.stream.read(CHUNK), b"")

    headers = {
        "Content-Type": file.about.media_type,
        "Content-Length": str(file.size),
        "Content-Disposition": f"attachment; filename*=utf-8''{quote(file.name)}",
        "X-Total-Count": str(file.about.rows),
        "X-Notices": _header(schemas.notices(file.about.notices)),
    }
    return StreamingResponse(chunks(), headers=headers)


def _header(notices: list[Any]) -> str:
    """As many notices as a header may hold."""
    while len(text := json.dumps(notices)) > LONGEST_HEADER:
        notices = notices[:-1]
    return text
