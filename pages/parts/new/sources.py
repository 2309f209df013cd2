"""The ways to data: a dropped file, pasted cells, the sample, what is here already."""

import io
from collections.abc import Mapping
from typing import NoReturn

import streamlit as st

from jobs.language import sentence
from jobs.verbs import arrivals, datasets
from jobs.verbs.chunks import Bytes
from pages.parts import address, commands, words
from pages.parts.tabular import reading
from store import datasets as stored
from store.datasets import Dataset
from store.errors import NotFoundError, RequestError
from store.files import Incoming
from store.program import COMMAND

LISTED = 200
PASTED = "Pasted table"
# The disk sets the limit: large files go there as they arrive, see api/page_uploads.py.
MOST_MEGABYTES = 1_000_000


def refusal() -> None:
    """Why the last file was rejected, until there is other data."""
    if refused := st.session_state.get("new-refused"):
        st.error(
            f"**{words.plain(refused['name'])}** was rejected. {words.plain(refused['sentence'])} Nothing was saved. "
            + ("Correct the cells." if refused["pasted"] else "Correct the file, or choose another one.")
            + (" The reading settings may help, too." if refused["readable"] else ""),
            icon=":material/error:",
        )


def choose() -> None:
    """Offer them side by side; what is chosen is shown at once."""
    dropping, choosing = st.columns([3, 2], gap="medium")
    with dropping:
        upload()
    with choosing:
        if st.button(
            "Try it with the sample",
            icon=":material/science:",
            key="new-sample",
            width="stretch",
        ):
            sample()
        st.caption("2,000 customers of a phone company: who left?")
        listed = stored.listed(limit=LISTED)
        if listed:
            names = {row.id: row.name for row in listed}
            st.selectbox(
                "Or use an existing dataset",
                list(names),
                index=None,
                key="new-pick",
                format_func=lambda number: names.get(number, ""),
                placeholder=f"{len(names)} to choose from",
                on_change=pick,
            )


def sample() -> None:
    try:
        with st.spinner("Reading the sample"):
            dataset = datasets.sample()
    except RequestError as refused:
        st.error(words.plain(sentence(refused.message)), icon=":material/error:")
        return
    show(dataset)


def upload() -> None:
    """Store a dropped file at once; its bytes do not stay in the session."""
    number = st.session_state.setdefault("new-upload", 0)
    file = st.file_uploader(
        "Drop a table: CSV, Excel, Parquet or JSON lines",
        type=reading.FILE_TYPES,
        max_upload_size=MOST_MEGABYTES,
        key=f"new-upload-{number}",
    )
    with st.container(horizontal=True, gap="small"):
        with st.popover("Reading settings", icon=":material/tune:", type="tertiary", key="new-reading"):
            st.caption("The format is detected. If a file was read wrongly, set it here and upload it again.")
            dialect = reading.dialect_widgets("new-dialect")
        with st.popover("Paste cells", icon=":material/content_paste:", type="tertiary", key="new-pasting"):
            pasted, called = paste(number)
        with st.popover("From a terminal", icon=":material/terminal:", type="tertiary", key="new-terminal"):
            from_a_terminal()
    if file is not None:
        try:
            with arrivals.taken(file) as content:
                take(content, file.name, dialect, content.size if isinstance(content, Incoming) else file.size)
        except NotFoundError as gone:
            reject(file.name, gone)
    elif text := (pasted or "").strip("\r\n"):
        take(io.BytesIO(text.encode("utf-8", "replace")), called.strip() or PASTED, dialect, pasted=True)


def paste(number: int) -> tuple[str | None, str]:
    """The text of a table that was pasted and sent, and what to call it; programs copy cells with tabs between them."""
    with st.form(f"new-paste-form-{number}", border=False):
        text = st.text_area(
            "Cells copied from Excel, or lines of a CSV file, the column names first",
            key=f"new-paste-{number}",
            height=200,
            width=420,
            placeholder="Name\tCity\tLeft\nAyşe\tİzmir\tno",
        )
        name = st.text_input(
            "Name",
            key=f"new-paste-name-{number}",
            max_chars=datasets.LONGEST_NAME,
            placeholder=PASTED,
            help="A table with the name of another becomes a new version of it.",
        )
        return (text if st.form_submit_button("Use this table", icon=":material/content_paste:") else None), name


def take(
    content: Bytes | Incoming, name: str, dialect: Mapping[str, object], size: int | None = None, pasted: bool = False
) -> None:
    """Store a table and continue with it, or say why it was rejected."""
    about = f"{words.plain(name)}, {words.size(size)}" if size is not None else "the pasted table"
    try:
        with st.spinner(f"Reading {about}", show_time=True):
            dataset = datasets.add(content, f"{name}.csv" if pasted else name, dialect, size)
    except (RequestError, OSError) as refused:
        reject(name, refused, pasted)
    st.session_state["new-upload"] += 1
    show(dataset)


def reject(name: str, refused: RequestError | OSError, pasted: bool = False) -> NoReturn:
    """Show why a table was rejected, with an empty place for the next file; pasted cells stay, to be corrected."""
    told = {"name": name, "sentence": _why(refused), "pasted": pasted, "readable": _is_read_otherwise(refused)}
    st.session_state["new-refused"] = told
    st.session_state["new-upload"] += not pasted
    st.rerun()


def _is_read_otherwise(refused: RequestError | OSError) -> bool:
    """Whether reading settings may help: not where a file is no table, or holds none."""
    code = refused.message.code if isinstance(refused, RequestError) else ""
    return bool(code) and not code.startswith(("file_is_", "file_empty", "workbook_", "no_rows", "no_cells"))


def _why(refused: RequestError | OSError) -> str:
    if isinstance(refused, RequestError):
        return sentence(refused.message)
    return f"The server could not store it ({(refused.strerror or 'unknown reason').lower()})."


def from_a_terminal() -> None:
    st.markdown("A file that is sent from a terminal appears among the datasets.")
    st.code(
        f'{commands.curl()} -X POST -T big.csv "{address.server()}/api/datasets?name=big.csv"',
        language="bash",
        wrap_lines=True,
    )
    st.markdown("Or, on the computer that runs Trainyard, train on it at once:")
    st.code(f"{COMMAND} submit big.csv --target COLUMN", language="bash", wrap_lines=True)


def pick() -> None:
    """Continue with a dataset from the list, which is then ready to be used again."""
    if st.session_state["new-pick"] is not None:
        remember("dataset", st.session_state["new-pick"])
        st.session_state["new-pick"] = None
        st.session_state.pop("new-refused", None)


def show(dataset: Dataset) -> None:
    """Continue with a dataset; the URL holds it from now on."""
    st.session_state.pop("new-refused", None)
    remember("dataset", dataset.id)
    st.rerun()


def remember(name: str, value: object) -> None:
    """A choice that belongs into a link to this page."""
    st.query_params[name] = str(value)
