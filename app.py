"""Trainyard: `streamlit run app.py` starts everything on one port."""

import streamlit as st

from api.frame import lifespan, middleware, routes

app = st.App("pages/navigation.py", lifespan=lifespan, routes=routes(), middleware=middleware())
