"""The RQ dashboard: what the queue itself says, for those who know RQ."""

import streamlit as st

WHERE = "/rq/"
HEIGHT = 820

st.header("RQ dashboard", anchor=False)
about, alone = st.columns([5, 1], vertical_alignment="center")
about.caption(
    "The queue as RQ itself sees it: jobs, registries and workers, to look at. What became of your steps is "
    "on the Queues page, which can also stop, retry and pause."
)
alone.link_button("Open alone", WHERE, icon=":material/open_in_new:", type="tertiary")
theme = "dark" if st.context.theme.type == "dark" else "light"
st.iframe(f"{WHERE}?theme={theme}", height=HEIGHT, alt="RQ dashboard")
