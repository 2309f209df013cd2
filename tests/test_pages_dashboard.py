"""The RQ dashboard's page: it opens, and shows the dashboard from the same address."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

PAGE = str(Path(__file__).parent.parent / "pages" / "dashboard.py")


def test_the_page_opens_without_a_queue(home):
    """The page says what it shows, also while the queue is away; the dashboard itself is asked by the browser."""
    page = AppTest.from_file(PAGE, default_timeout=30).run()
    assert not page.exception
    assert page.header[0].value == "RQ dashboard"
    assert "Queues page" in " ".join(each.value for each in page.caption)
