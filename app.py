"""Trainyard: `streamlit run app.py` starts everything on one port."""

import streamlit as st

from api.server import lifespan, middleware, routes


def warm_up() -> None:
    """Load what the pages need before the first visitor asks for them."""
    from jobs.verbs import datasets  # noqa: F401
    from pages.parts import charts

    charts.warm_up()


served = routes()
app = st.App("pages/navigation.py", lifespan=lifespan(warm_up), routes=served, middleware=middleware(served))
