"""One pipeline: its runs, its params, its graph, and the code with which it was started last."""

from functools import partial

import streamlit as st

from jobs.pipelines import Param, Pipeline, registry
from pages.parts import graph, links, press, results, tables, visitor, words
from pages.parts.pipelines import lately
from pages.parts.pipelines.lately import Lately
from store import codes, steps
from store.errors import NotFoundError
from store.text import sayable
from store.workflows import Workflow

KEY = "pipeline-state"
LONGEST = 100
LISTED = 200


def page() -> None:
    press.page_state(KEY).follow()
    _come_back()
    name = sayable(str(st.query_params.get("name", ""))).strip()
    pipeline, runs = _known(name), lately.of(name)
    if pipeline is None and not runs.runs:
        _nothing(name)
        return
    st.session_state[f"{KEY}-name"] = name
    shown = pipeline.shown if pipeline else words.titled(name)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.header(words.plain(shown), anchor=False, width="content")
        if pipeline and pipeline.offered and visitor.may_change():
            links.new(name)
    st.set_page_config(page_title=f"{shown} · Trainyard")
    if pipeline is None:
        st.caption("The code of this pipeline is not loaded; what it did is still here.")
    elif pipeline.description:
        st.markdown(words.plain(pipeline.description))
    if runs.runs:
        st.markdown(runs.marks)
    st.caption(runs.told)
    past, params, drawn, code = st.tabs(["Runs", "Params", "Graph", "Code"], key="pipeline-tabs")
    with past:
        _runs(name, runs)
    with params:
        _params(pipeline)
    with drawn:
        _graph(pipeline, runs)
    with code:
        _code(next((run for run in runs.runs if run.code_id is not None), None))


def _come_back() -> None:
    """Going to a workflow, Streamlit leaves its query here in the history; Back finds the pipeline that was shown."""
    if "id" in st.query_params and "name" not in st.query_params:
        st.query_params.from_dict({"name": st.session_state.get(f"{KEY}-name", "")})


def _known(name: str) -> Pipeline | None:
    try:
        return registry.get(name) if name else None
    except NotFoundError:
        return None


def _nothing(name: str) -> None:
    """What to do where the address names no pipeline."""
    if name:
        short = name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
        st.header("There is no such pipeline", anchor=False)
        st.markdown(f"No pipeline is called **{words.plain(short)}**, and none of that name was run.")
    else:
        st.header("Choose a pipeline", anchor=False)
        st.markdown("A pipeline's address ends in its name, such as pipeline?name=weather.")
    st.page_link("pipelines.py", label="All pipelines", icon=":material/account_tree:", width="content")


def _runs(name: str, runs: Lately) -> None:
    if not runs.runs:
        st.caption("No run yet.")
        return
    config = st.column_config
    st.dataframe(
        {
            "run": [f"#{run.id} {run.name}" for run in runs.runs],
            "status": [words.status(run.status) for run in runs.runs],
            "took": [words.duration(run.seconds) if run.seconds is not None else "" for run in runs.runs],
            "created": [run.created_at for run in runs.runs],
        },
        hide_index=True,
        key="pipeline-runs",
        column_config={
            "run": tables.opening("Run", "pipeline-opened", partial(_open, runs), width="medium"),
            "status": config.TextColumn("Status", width="small"),
            "took": config.TextColumn("Took", width="small"),
            "created": config.DatetimeColumn("Created", format="distance", width="small"),
        },
        height=35 * (len(runs.runs) + 1) + 3,
        placeholder="",
        alt="The last runs",
    )
    asked = {"pipeline": name}
    st.page_link("workflows.py", label="All its runs", icon=":material/list_alt:", width="content", query_params=asked)


def _open(runs: Lately, place: int) -> None:
    press.page_state(KEY).open(runs.runs[place].id)


def _params(pipeline: Pipeline | None) -> None:
    known = list(pipeline.params({}).values()) if pipeline else []
    if not known:
        st.caption("It has no params." if pipeline else "They are known when its code is loaded.")
        return
    rows = [[param.label, param.type or param.kind, _default(param), param.help] for param in known]
    results.draw_table({"columns": ["Param", "Type", "Default", "Help"], "rows": rows}, "pipeline-params")


def _default(param: Param) -> str:
    return "must be given" if param.required else words.value(param.default)


def _graph(pipeline: Pipeline | None, runs: Lately) -> None:
    """The steps as written; of a pipeline whose steps depend on its params, those of its last run."""
    if pipeline and pipeline.steps:
        drawn = graph.written(pipeline)
    elif runs.runs:
        last = runs.runs[0]
        rows = steps.brief([last.id])[last.id]
        drawn = graph.mermaid(rows, steps.needs_of(last.id), {row.key: row.label for row in rows if row.label})
        st.caption(f"As its last run had it, #{last.id}.".replace("#", "\\#"))
    else:
        st.caption("Its steps depend on its params. The graph is here after the first run.")
        return
    with st.container(horizontal_alignment="center"):
        st.mermaid_chart(drawn, width="content", alt="The steps and what each of them needs")


def _code(run: Workflow | None) -> None:
    """What was kept of the code when it was started last."""
    if run is None or run.code_id is None:
        st.caption("It was not started from a script or a command, so no copy of its code was kept.")
        return
    code = codes.get(run.code_id)
    by = f" by {words.plain(code.made_by)}" if code.made_by and visitor.has_signed_in() else ""
    st.markdown(
        f"**{words.count(code.files, 'file')}**, {words.size(code.size)} packed, kept{by} "
        f"{words.ago(code.made_at)} ({visitor.exactly(code.made_at)})."
    )
    facts = [
        ["Module", run.module or ""],
        ["Folder", code.root],
        ["On the path", ", ".join(code.paths)],
        ["Contents", code.contents],
    ]
    results.draw_table({"columns": ["", "Value"], "rows": facts}, "pipeline-code")
    links.workflow(run.id, f"started with it: #{run.id}")
    if code.left_out:
        with st.expander(f"Left out: {words.count(len(code.left_out), 'file')}", type="compact", key="left-out"):
            st.code("\n".join(map(str, code.left_out[:LISTED])), language=None)


page()
