"""Show the RQ dashboard, which api/rq_dashboard serves on the same port."""

import streamlit as st

WHERE = "/rq/"
HEIGHT = 820

with st.container(horizontal=True):  # as high as that of pages with a button beside it
    st.header("RQ dashboard", anchor=False)
about, alone = st.columns([5, 1], vertical_alignment="center")
about.caption(
    "The queue as RQ sees it: queues, jobs and workers, read-only. To stop, retry or pause, use the Queues page."
)
alone.link_button("New tab", WHERE, icon=":material/open_in_new:", type="tertiary")
theme = "dark" if st.context.theme.type == "dark" else "light"
st.iframe(f"{WHERE}?theme={theme}", height=HEIGHT, alt="RQ dashboard")
