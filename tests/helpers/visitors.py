"""Somebody who looks at pages: a browser with the cookie that signing in really gives."""

from pathlib import Path

from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

from jobs.verbs import people
from pages.parts import visitor
from store import actors, db, tables

APP = str(Path(__file__).parents[2] / "pages" / "navigation.py")


class Visitor:
    """AppTest has no browser; this puts the cookie where Streamlit looks for it."""

    def __init__(self, monkeypatch):
        self.cookie = None
        monkeypatch.setattr(
            ContextProxy, "cookies", property(lambda _: {people.cookie_name(): self.cookie} if self.cookie else {})
        )
        monkeypatch.setattr(ContextProxy, "ip_address", "127.0.0.1")
        monkeypatch.setattr(actors, "_recognise", [visitor.recognised])

    def sign_in(self, name):
        """As after a single sign-on, which is quicker than a password."""
        self.cookie = people.sign_in_as(name, "127.0.0.1", "a test")

    def opens(self, file, **asked):
        seen = AppTest.from_file(APP, default_timeout=30).switch_page(file)
        for name, value in asked.items():
            seen.query_params[name] = str(value)
        return checked(seen.run())


def checked(seen):
    assert not seen.exception, [each.message for each in seen.exception]
    return seen


def press(seen, key):
    return checked(seen.button(key=key).click().run())


def text(seen):
    """Everything that can be read on the page."""
    kinds = (
        seen.header,
        seen.subheader,
        seen.markdown,
        seen.caption,
        seen.error,
        seen.info,
        seen.warning,
        seen.success,
        seen.code,
        seen.toast,
    )
    said = [str(each.value) for kind in kinds for each in kind]
    links = [link.proto.label for link in (*seen.get("page_link"), *seen.sidebar.get("page_link"))]
    return "\n".join(said + links).replace("\\", "")


def enabled(seen):
    """The keys of the buttons that can be pressed."""
    return [button.key for button in seen.button if not button.disabled]


def kept():
    """What is remembered, but for who did what."""
    with db.reading() as connection:
        return {
            table.name: connection.execute(table.select()).all()
            for table in tables.metadata.sorted_tables
            if table.name not in ("deeds", "sessions")
        }


def said(page):
    elements = [*page.markdown, *page.caption, *page.error, *page.warning, *page.info, *page.header]
    return "\n".join(str(element.value) for element in elements)


def address(page):
    """The query of the URL; the test browser sometimes gives a list."""
    return {name: value if isinstance(value, str) else value[0] for name, value in dict(page.query_params).items()}
