"""Datasets: what was uploaded; one of them with its profile, versions and workflows."""

import math
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

import pandas as pd
import streamlit as st

from jobs.language import sentence
from jobs.pipelines import registry
from jobs.verbs import datasets
from jobs.verbs.workflows import repeat
from pages.parts import address, commands, links, press, tables, visitor, words
from pages.parts.press import PageState
from pages.parts.tabular import profile
from store import datasets as stored
from store import files, workflows
from store.datasets import Dataset, DatasetSummary
from store.errors import NotFoundError
from store.messages import Message
from store.program import COMMAND
from store.workflows import Filter

KEY = "datasets"
PER_PAGE = 50
LISTED = 8
WORKFLOWS = 20
EARLIER = 5


def page() -> None:
    state = press.page_state("datasets-state")
    state.follow()
    state.report()
    if "id" not in st.query_params:
        everything(state)
        return
    number = address.number_in("id")
    try:
        if number is None:
            raise NotFoundError(Message("link_without_dataset"))
        dataset = stored.get(number)
    except NotFoundError as refused:
        missing(refused)
        return
    one(state, dataset)


# The list


def everything(state: PageState) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.header("Datasets", anchor=False)
        text = (
            st.text_input(
                "Search",
                key="q",
                bind="query-params",
                placeholder="Search by name",
                width=260,
                label_visibility="collapsed",
                icon=":material/search:",
            )
            or ""
        )
        if st.button("Add data", icon=":material/upload:", type="primary", **visitor.changes()):
            st.switch_page("new.py")
    total = stored.count_names(text)
    if not total:
        nothing(text)
        return
    pages = math.ceil(total / PER_PAGE)
    place = min(max(address.number_in("page") or 1, 1), pages)
    listed = stored.listed(text, PER_PAGE, (place - 1) * PER_PAGE)
    bar = st.container(horizontal=True, vertical_alignment="center")
    ticked = table(listed)
    with bar:
        actions(state, ticked, total)
    if pages > 1:
        st.pagination(pages, key="page", bind="query-params")
    if state.question == "delete-ticked":
        state.dialog("Delete datasets?", "delete", partial(delete_ticked, state))


def actions(state: PageState, ticked: list[int], total: int) -> None:
    """What can be done with the ticked datasets."""
    said = f"**{len(ticked)} ticked**" if ticked else words.count(total, "dataset")
    hint = "" if ticked else " :gray[· click to open, tick to choose]"
    st.markdown(f"{said}{hint}", width="stretch", help=None if ticked else tables.BY_KEYBOARD)
    if ticked:
        st.button(
            "Clear", key="unchoose", type="tertiary", icon=":material/close:", on_click=tables.forget, args=(KEY,)
        )
    if len(ticked) == 1:
        st.button("Open", key="open", icon=":material/arrow_forward:", on_click=open_one, args=(ticked[0],))
    st.button(
        "Delete",
        key="delete-ticked",
        icon=":material/delete:",
        on_click=state.ask,
        args=("delete-ticked", tuple(ticked)),
        **visitor.changes("Delete the ticked datasets", bool(ticked)),
    )


def open_one(dataset_id: int) -> None:
    st.query_params.from_dict({"id": str(dataset_id)})


def delete_ticked(state: PageState) -> None:
    """Delete those that no workflow uses, with all their versions; say which stay, and why."""
    known = [stored.versions(name) for name in names_of(state.about)]
    free = [versions for versions in known if not any(version.used_by for version in versions)]
    used = [versions[0].name for versions in known if versions not in free]
    if used:
        names = words.plain(words.listed(used[:LISTED]))
        st.info(f"Workflows use {names}; delete those workflows first.", icon=":material/info:")
    if not free:
        return
    st.markdown("\n".join(f"- {titled(versions)}" for versions in free[:LISTED]))
    if len(free) > LISTED:
        st.caption(f"and {words.count(len(free) - LISTED)} more")
    st.markdown("This deletes their files and profiles, in all versions. You cannot undo this.")
    ids = [version.id for versions in free for version in versions]
    if state.confirm(f"Delete {words.count(len(free), 'dataset')}", "delete", "Keep", "delete", destroys=True):
        state.press(datasets.remove_all, ids)
        if not state.refused:
            state.close(f"{words.count(len(free), 'dataset')} deleted.")
            tables.forget(KEY)
            st.rerun()
    state.problem()
    commands.popover([commands.delete_datasets(ids)], key="command-delete")


def names_of(dataset_ids: Sequence[int]) -> list[str]:
    """What datasets are called; those that were deleted meanwhile are left out."""
    names = []
    for dataset_id in dataset_ids:
        with suppress(NotFoundError):
            names.append(stored.get(dataset_id).name)
    return names


def titled(versions: Sequence[Dataset]) -> str:
    """A dataset with how many versions it has, if several."""
    several = f" ({words.count(len(versions), 'version')})" if len(versions) > 1 else ""
    return f"{words.plain(versions[0].name)}{several}"


def nothing(text: str) -> None:
    with st.container(border=True, horizontal_alignment="center"):
        if text:
            st.markdown(f"No dataset name contains **{words.plain(text)}**.", width="content")
            return
        st.markdown("#### No datasets yet", width="content")
        st.markdown(
            "A dataset is an uploaded table with a profile of each column. Workflows keep the version that they "
            "were started with.",
            text_alignment="center",
        )
        if visitor.may_change():
            st.page_link("new.py", label="Add the first one", icon=":material/arrow_forward:", width="content")


def table(listed: list[DatasetSummary]) -> list[int]:
    """The rows of the list; returns the numbers of the ticked ones."""
    config = st.column_config
    rows = {
        "name": [row.name for row in listed],
        "versions": [row.versions for row in listed],
        "rows": [row.rows for row in listed],
        "columns": [row.columns for row in listed],
        "size": [words.size(row.size) for row in listed],
        "added": [row.created_at for row in listed],
        **({"by": [row.created_by or "" for row in listed]} if visitor.has_signed_in() else {}),
        "used": [row.used_by for row in listed],
    }
    return tables.choose(
        pd.DataFrame(rows),
        [row.id for row in listed],
        KEY,
        column_config={
            "name": tables.opening("Name", "dataset-opened", lambda place: open_one(listed[place].id), width="medium"),
            "versions": config.NumberColumn("Versions", width="small"),
            "rows": config.NumberColumn("Rows", format="localized", width="small"),
            "columns": config.NumberColumn("Columns", format="localized", width="small"),
            "size": config.TextColumn("Size", width="small"),
            "added": config.DatetimeColumn("Added", format="distance", width=120),
            "by": config.TextColumn("By", width="small", help="Who uploaded the newest version."),
            "used": config.NumberColumn("Workflows", width="small", help="How many workflows use it, in any version."),
        },
        height=35 * (len(listed) + 1) + 3,
        placeholder="",
        alt="Datasets",
    )


# One dataset


def one(state: PageState, dataset: Dataset) -> None:
    title(state, dataset)
    profile.notices(dataset.notices, key=f"notices-{dataset.id}")
    columns, rows = st.tabs(["Columns", "First rows"])
    with columns:
        profile.profile_table(profile.columns(dataset), dataset.rows, key=f"profile-{dataset.id}")
    with rows:
        profile.preview_table(profile.columns(dataset), dataset.preview, key=f"preview-{dataset.id}")
    left, right = st.columns([2, 3], gap="large")
    with left:
        versions(dataset)
    with right:
        users(dataset)
        earlier(state, dataset)


def title(state: PageState, dataset: Dataset) -> None:
    way_back("All datasets")
    st.header(words.plain(dataset.title), anchor=False)
    by = f" by {words.plain(dataset.created_by)}" if dataset.created_by and visitor.has_signed_in() else ""
    st.markdown(
        f"{profile.summary(dataset)} · {words.size(dataset.size)} · added {words.ago(dataset.created_at)}{by}",
        help=f"Added {visitor.exactly(dataset.created_at)}",
    )
    profile.first_part(dataset)
    with st.container(horizontal=True):
        if st.button(
            "Train on it", icon=":material/play_arrow:", type="primary", key="train-on-it", **visitor.changes()
        ):
            st.switch_page("new.py", query_params={"dataset": str(dataset.id)})
        if visitor.may_change():
            read_differently(dataset)
        st.download_button(
            "Download file",
            lambda: files.verified(dataset.file).read_bytes(),
            file_name=datasets.file_name(dataset),
            mime="application/octet-stream",
            key="download-file",
            icon=":material/download:",
            on_click="ignore",
            help=f"The file as it was uploaded, {words.size(dataset.size)}. {COMMAND} dataset file {dataset.id}",
        )
        if st.button("Rename", icon=":material/edit:", key="rename", **visitor.changes()):
            state.ask("rename", dataset.id)
        if st.button("Delete", icon=":material/delete:", key="delete", **visitor.changes()):
            state.ask("delete", dataset.id)
    if state.question == "rename" and state.about == dataset.id:
        state.dialog("Rename", "edit", partial(rename, state, dataset))
    if state.question == "delete" and state.about == dataset.id:
        question = "This dataset is in use" if dataset.used_by else "Delete this dataset?"
        state.dialog(question, "delete", partial(delete, state, dataset))


def read_differently(dataset: Dataset) -> None:
    with st.popover("Reading settings", icon=":material/tune:", key=f"reading-{dataset.id}"):
        again = profile.read_again(dataset, key=f"change-{dataset.id}")
    if again:
        st.query_params["id"] = str(again.id)
        st.rerun()


def rename(state: PageState, dataset: Dataset) -> None:
    with st.form(f"rename-{dataset.id}", border=False):
        name = st.text_input("Name, of all versions", dataset.name, key="rename-name", max_chars=datasets.LONGEST_NAME)
        pressed = st.form_submit_button("Save", type="primary")
    if pressed and state.press(datasets.describe, dataset.id, name):
        state.close("Saved.")
        st.rerun()
    state.problem()
    commands.popover([commands.rename_dataset(dataset.id)], key="command-rename")


def delete(state: PageState, dataset: Dataset) -> None:
    """Delete, and go back to the list; a dataset that a workflow began to use in between stays."""
    name = words.plain(dataset.title)
    if dataset.used_by:
        st.markdown(
            f"**{name}** cannot be deleted because {words.count(dataset.used_by, 'workflow')} "
            f"{'uses' if dataset.used_by == 1 else 'use'} it. Delete the workflows first; "
            "the end of this page lists them."
        )
        return
    st.markdown(
        f"This deletes **{name}** and its profile, and the file ({words.size(dataset.size)}) unless another version "
        "uses it. You cannot undo this."
    )
    if state.confirm("Delete", "delete", "Keep", "delete", destroys=True):
        state.press(datasets.remove, dataset.id)
        if not state.refused:
            state.close(f"{dataset.title} is deleted.")
            st.query_params.clear()
            st.rerun()
    state.problem()


def versions(dataset: Dataset) -> None:
    versions_here = stored.versions(dataset.name)
    st.markdown("#### Versions")
    for version in versions_here:
        label = f"Version {version.version}"
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if version.id == dataset.id:
                st.markdown(f"**{label}**, shown here", width="content")
            else:
                st.page_link("datasets.py", label=label, query_params={"id": str(version.id)})
            st.caption(f"{profile.summary(version)} · {words.ago(version.created_at)}", width="content")


def earlier(state: PageState, dataset: Dataset) -> None:
    """The latest workflows on other versions, each with a button that repeats it on this one."""
    others = [version.id for version in stored.versions(dataset.name) if version.id != dataset.id and version.used_by]
    latest = [each for other in others[:EARLIER] for each in workflows.find(Filter(dataset_id=other), limit=EARLIER)]
    offered = [each for each in latest if (known := registry.here(each.pipeline)) is None or known.offered][:EARLIER]
    if not offered:
        return
    st.markdown("#### On other versions")
    for workflow in offered:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            links.workflow(workflow.id, words.plain(f"#{workflow.id} {workflow.name}"))
            st.button(
                f"Same settings on version {dataset.version}",
                icon=":material/update:",
                key=f"repeat-{workflow.id}",
                on_click=state.go,
                args=(repeat, workflow.id, dataset.id),
                **visitor.changes("Starts a new workflow with its settings on this version."),
            )
    commands.popover([commands.repeat(offered[0].id, dataset.id)], key="command-repeat")


def users(dataset: Dataset) -> None:
    st.markdown("#### Workflows")
    if not dataset.used_by:
        st.caption("No workflow uses this version yet.")
        return
    for workflow in workflows.find(Filter(dataset_id=dataset.id), limit=WORKFLOWS):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(
                f":{words.COLOURS[workflow.status]}-badge[{words.ICONS[workflow.status]} "
                f"{words.status(workflow.status)}]",
                width="content",
            )
            links.workflow(workflow.id, words.plain(f"#{workflow.id} {workflow.name}"))
            st.caption(words.ago(workflow.created_at), width="content", help=visitor.exactly(workflow.created_at))
    if dataset.used_by > WORKFLOWS:
        st.page_link(
            "workflows.py",
            label=f"All {words.count(dataset.used_by)} workflows",
            query_params={"dataset": str(dataset.id)},
        )


def missing(refused: NotFoundError) -> None:
    """A link to a dataset that is not there."""
    st.header("Datasets", anchor=False)
    st.warning(
        f"{words.plain(sentence(refused.message))} It may have been deleted, or the link was cut off.",
        icon=":material/search_off:",
    )
    way_back("Show all datasets")


def way_back(label: str) -> None:
    # A link from a page to itself would keep the id in the address.
    st.button(label, icon=":material/arrow_back:", type="tertiary", key="all", on_click=st.query_params.clear)


page()
