"""The script that st.App runs: page settings, the menu, and one line of health."""

import streamlit as st

from pages.parts import health

st.set_page_config(page_title="Trainyard", page_icon=":material/train:", layout="wide")

PAGES = {
    "Work": [
        st.Page("new.py", title="New", icon=":material/add_circle:", url_path="new", default=True),
        st.Page("workflows.py", title="Workflows", icon=":material/list_alt:", url_path="workflows"),
        st.Page("datasets.py", title="Datasets", icon=":material/table_chart:", url_path="datasets"),
    ],
    "Run": [
        st.Page("queues.py", title="Queues", icon=":material/stacks:", url_path="queues"),
        st.Page("rq.py", title="RQ dashboard", icon=":material/monitoring:", url_path="rq-dashboard"),
    ],
    "": [
        st.Page("workflow.py", title="Workflow", url_path="workflow", visibility="hidden"),
        st.Page("compare.py", title="Compare", url_path="compare", visibility="hidden"),
    ],
}

page = st.navigation(PAGES)
health.line()
page.run()
