"""Datasets over HTTP."""

from typing import Annotated, Any

from fastapi import Body, Path, Query, Request
from starlette.responses import FileResponse, Response

from api.errors import Answer
from api.routes.uploads import announced_size, received
from api.wall import roles
from api.wall.roles import needs
from jobs.verbs import schemas
from jobs.verbs.documents import DatasetBriefOut, DatasetOut
from store import datasets, files
from store.actors import Role

MOST = 2**31 - 1
MEDIA_TYPES = {
    "csv": "text/csv",
    "excel": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
    "jsonl": "application/jsonl",
}
DatasetId = Annotated[int, Path(ge=1, le=MOST)]


router = roles.router("Datasets", "/datasets")


@router.post(
    "",
    response_model=DatasetOut,
    status_code=201,
    summary="Upload a table",
    openapi_extra={
        "requestBody": {
            "content": {
                **{kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES.values()},
                "multipart/form-data": {
                    "schema": {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
                },
            }
        }
    },
)
@needs(Role.analyst)
async def add(
    request: Request,
    name: Annotated[str | None, Query(max_length=1000)] = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    missing: Annotated[str | None, Query(description="The word for a missing value, such as NA, or none")] = None,
    header: bool | None = None,
    form: Annotated[str | None, Query(alias="format", description="csv, excel, parquet or jsonl")] = None,
    sheet: Annotated[str | None, Query(description="The name or place of an Excel sheet")] = None,
) -> Response:
    """CSV, Excel (.xlsx), Parquet or JSON lines: the file as the raw body with its name in `?name=`, or as a multipart
    form. It is streamed to disk, so it may be of any size. Its format, encoding and separators are detected from its
    bytes unless given; of an Excel workbook the first sheet is read. The same file again is the same dataset."""
    from jobs.verbs import datasets as verbs

    chosen = {
        "encoding": encoding,
        "delimiter": delimiter,
        "decimal": decimal,
        "thousands": thousands,
        "missing": missing,
        "header": header,
        "format": form,
        "sheet": sheet,
    }
    dialect = {key: value for key, value in chosen.items() if value is not None} or None
    announced = announced_size(request.headers)
    made = await received(request, name, lambda chunks, file_name: verbs.add(chunks, file_name, dialect, announced))
    return Answer(schemas.dataset(made), 201)


@router.post("/sample", response_model=DatasetOut, status_code=201, summary="Add the bundled sample")
@needs(Role.analyst)
def add_sample() -> Response:
    """The customer churn table that comes with Trainyard."""
    from jobs.verbs import datasets as verbs

    return Answer(schemas.dataset(verbs.sample()), 201)


@router.get("", response_model=list[DatasetBriefOut], summary="List datasets")
@needs(Role.viewer)
def find(
    text: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100, offset: Annotated[int, Query(ge=0, le=MOST)] = 0
) -> Response:
    """Newest first. The header X-Total-Count says how many there are in all."""
    briefs = [schemas.dataset_brief(each) for each in datasets.find(text, limit, offset)]
    return Answer(briefs, headers={"X-Total-Count": str(datasets.count(text))})


@router.get("/{dataset_id}", response_model=DatasetOut, summary="One dataset")
@needs(Role.viewer)
def get(dataset_id: DatasetId) -> Response:
    """With its columns, their profile, the first rows, and what was noticed."""
    return Answer(schemas.dataset(datasets.get(dataset_id)))


@router.get("/{dataset_id}/file", summary="Download the uploaded file", response_class=FileResponse)
@needs(Role.viewer)
def get_file(dataset_id: DatasetId) -> Response:
    """The bytes as they were uploaded, under the dataset's name."""
    from jobs.verbs import datasets as verbs

    dataset = datasets.get(dataset_id)
    return FileResponse(
        files.verified(dataset.file),
        media_type=MEDIA_TYPES[verbs.format_of(dataset.dialect)],
        filename=verbs.file_name(dataset),
        headers={"X-Content-SHA256": dataset.sha256},
    )


@router.post(
    "/{dataset_id}/redescribe", response_model=DatasetOut, status_code=201, summary="Read a dataset differently"
)
@needs(Role.analyst)
def redescribe(dataset_id: DatasetId, dialect: Annotated[dict[str, Any], Body()]) -> Response:
    """The same bytes with another format, sheet, encoding, delimiter, decimal, thousands, missing or header, as
    a new version."""
    from jobs.verbs import datasets as verbs

    return Answer(schemas.dataset(verbs.redescribe(dataset_id, dialect)), 201)


@router.patch("/{dataset_id}", response_model=DatasetOut, summary="Name a dataset")
@needs(Role.analyst)
def describe(dataset_id: DatasetId, name: Annotated[str, Body(embed=True)]) -> Response:
    """Change what it is called, in all of its versions. Refused where another dataset has the name."""
    from jobs.verbs import datasets as verbs

    return Answer(schemas.dataset(verbs.describe(dataset_id, name)))


@router.delete("/{dataset_id}", status_code=204, summary="Delete a dataset")
@needs(Role.analyst)
def remove(dataset_id: DatasetId) -> Response:
    """Refused while a workflow uses it."""
    from jobs.verbs import datasets as verbs

    verbs.remove(dataset_id)
    return Response(status_code=204)
