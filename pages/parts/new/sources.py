"""The three ways to data: a dropped file, the sample, what is here already."""

import streamlit as st

from jobs.language import sentence
from jobs.verbs import datasets
from pages.parts import address, commands, words
from pages.parts.tabular import reading
from store import datasets as stored
from store.datasets import Dataset
from store.errors import RequestError
from store.program import COMMAND

LISTED = 200


def refusal() -> None:
    """Why the last file was rejected, until there is other data."""
    if refused := st.session_state.get("new-refused"):
        st.error(
            f"**{words.plain(refused['name'])}** was rejected. {words.plain(refused['sentence'])} "
            "Nothing was saved. Correct the file or the reading settings, then drop it again.",
            icon=":material/error:",
        )


def choose() -> None:
    """Offer them side by side; what is chosen is shown at once."""
    first_visit = "dataset" not in st.query_params and "new-refused" not in st.session_state
    dropping, choosing = st.columns([3, 2], gap="medium")
    with dropping:
        upload()
    with choosing:
        if st.button(
            "Try it with the sample",
            icon=":material/science:",
            key="new-sample",
            width="stretch",
            type="primary" if first_visit else "secondary",
            help="2,000 customers of a phone company, and which of them left.",
        ):
            sample()
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
        "Drop a table: CSV, Excel, Parquet or JSON lines", type=reading.FILE_TYPES, key=f"new-upload-{number}"
    )
    with st.container(horizontal=True, gap="small"):
        with st.popover("Reading settings", icon=":material/tune:", type="tertiary", key="new-reading"):
            st.caption("The format is detected. If a file was read wrongly, set it here and upload it again.")
            dialect = reading.dialect_widgets("new-dialect")
        with st.popover(
            f"Larger than {st.get_option('server.maxUploadSize')} MB?",
            icon=":material/help:",
            type="tertiary",
            key="new-large",
        ):
            large_files()
    if file is None:
        return
    try:
        with st.spinner(f"Reading {words.plain(file.name)}, {words.size(file.size)}", show_time=True):
            dataset = datasets.add(file, file.name, dialect, file.size)
    except (RequestError, OSError) as refused:
        st.session_state["new-refused"] = {"name": file.name, "sentence": _why(refused)}
        st.session_state["new-upload"] = number + 1
        st.rerun()
    st.session_state["new-upload"] = number + 1
    show(dataset)


def _why(refused: RequestError | OSError) -> str:
    if isinstance(refused, RequestError):
        return sentence(refused.message)
    return f"The server could not store it ({(refused.strerror or 'unknown reason').lower()})."


def large_files() -> None:
    st.markdown(
        "Send it from a terminal. It goes straight to disk, whatever its size, then appears among the datasets."
    )
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
