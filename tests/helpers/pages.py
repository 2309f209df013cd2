"""Pages of the app, opened in the process of a test."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

from helpers.visitors import checked

APP = str(Path(__file__).parents[2] / "pages" / "navigation.py")


def opened(page, **query):
    """A page with what the URL says."""
    test = AppTest.from_file(APP, default_timeout=30).switch_page(page)
    test.query_params.update({name: str(value) for name, value in query.items()})
    return checked(test.run())
