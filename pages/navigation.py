"""The script that st.App runs: page settings, the menu, one line of health and one on who is signed in."""

from pathlib import Path
from typing import Literal

import streamlit as st

from jobs.language import numbers
from pages.parts import health, visitor
from store import actors
from store.program import LOGO

NAME = "Trainyard"
PICTURES = Path(__file__).parent / "parts"

actors.recognise_by(visitor.recognised)
numbers.listen_to(visitor.language)

# Files of our own: Streamlit would fetch an icon by name from the internet.
st.set_page_config(page_icon=str(PICTURES / "icon.png"), layout="wide")
st.logo(str(LOGO), size="large")


def home() -> None:
    """The bare address leads to New: a default page would lose the address /new of its own."""
    st.switch_page("new.py")


PEOPLE_VISIBILITY: Literal["visible", "hidden"] = "visible" if visitor.may_look_after_people() else "hidden"
PAGES = {
    "Work": [
        st.Page("new.py", title="New", icon=":material/add_circle:", url_path="new"),
        st.Page("workflows.py", title="Workflows", icon=":material/list_alt:", url_path="workflows"),
        st.Page("pipelines.py", title="Pipelines", icon=":material/account_tree:", url_path="pipelines"),
        st.Page("datasets.py", title="Datasets", icon=":material/table_chart:", url_path="datasets"),
        st.Page("sweep.py", title="Sweeps", icon=":material/leaderboard:", url_path="sweep"),
        st.Page("compare.py", title="Compare", icon=":material/compare_arrows:", url_path="compare"),
    ],
    "Run": [
        st.Page("queues.py", title="Queues", icon=":material/stacks:", url_path="queues"),
        st.Page("dashboard.py", title="RQ dashboard", icon=":material/monitoring:", url_path="rq-dashboard"),
    ],
    "Admin": [
        st.Page("people.py", title="People", icon=":material/group:", url_path="people", visibility=PEOPLE_VISIBILITY),
    ],
    "": [
        st.Page(home, title=NAME, url_path="home", default=True, visibility="hidden"),
        st.Page("workflow.py", title="Workflow", url_path="workflow", visibility="hidden"),
        st.Page("pipeline.py", title="Pipeline", url_path="pipeline", visibility="hidden"),
        st.Page("account.py", title="Account", url_path="account", visibility="hidden"),
    ],
}

page = st.navigation(PAGES)
with actors.acting(actors.current()):  # the visitor is looked up once for each run
    health.line()
    visitor.line()
    health.for_programs()
    st.set_page_config(page_title=f"{page.title} · {NAME}")
    page.run()
