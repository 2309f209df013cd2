"""Notices of the browser: a button that asks for them, and the notice when a workflow ends or asks something.

Only the browser can show a notice while its tab is in the background, so this is the one part of the pages with
a script of our own. What was chosen is remembered by the browser; where notices are not possible, the tab's title tells
the end.
"""

from typing import Any

import streamlit as st

from pages.parts import words
from store.tables import Status
from store.workflows import Workflow

KEY = "notify"
HTML = '<button type="button"></button>'
CSS = """
button { font: inherit; font-size: 0.875rem; color: var(--st-text-color); background: none; cursor: pointer;
  border: none; border-radius: var(--st-button-radius); padding: 0.25rem 0.5rem; min-height: 1.75rem; text-align: left }
button:hover:enabled { color: var(--st-primary-color); background: var(--st-secondary-background-color) }
button:focus-visible { outline: 2px solid var(--st-primary-color) }
button:disabled { color: var(--st-gray-text-color); cursor: default }
button[hidden] { display: none }
"""
JS = """
export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button");
  const store = {
    get on() { try { return localStorage.getItem("trainyard-notify") === "on"; } catch { return false; } },
    set on(value) { try { localStorage.setItem("trainyard-notify", value ? "on" : "off"); } catch { /* private */ } },
  };
  const able = "Notification" in window && window.isSecureContext;
  const allowed = () => able && Notification.permission === "granted";

  const draw = () => {
    button.hidden = Boolean(data.ended);
    if (!able || Notification.permission === "denied") {
      button.textContent = data.words.blocked;
      button.disabled = true;
    } else {
      button.textContent = allowed() && store.on ? data.words.on : data.words.off;
      button.setAttribute("aria-pressed", String(allowed() && store.on));
      button.title = data.words.help;
      button.disabled = false;
    }
  };
  button.onclick = async () => {
    if (allowed()) {
      store.on = !store.on;
    } else {
      store.on = (await Notification.requestPermission()) === "granted";
    }
    draw();
  };

  const show = (body) => {
    if (!allowed() || !store.on) return;
    try {
      const notice = new Notification(data.title, { body, tag: `trainyard-${data.id}` });
      notice.onclick = () => { window.focus(); notice.close(); };
    } catch { /* a browser that lets only service workers show notices: the title tells it */ }
  };
  const asked = (window.trainyardAsked ??= {});
  if (data.asks && asked[data.id] !== data.asks && document.hidden) {
    show(data.asks);  // who looks at the page sees the question there
  }
  if (data.id) asked[data.id] = data.asks;

  const seen = (window.trainyardSeen ??= {});
  if (data.id && !data.ended) {
    seen[data.id] = true;
  } else if (data.id && seen[data.id]) {
    delete seen[data.id];
    show(data.ended);
  }
  draw();
}
"""
WORDS = {
    "off": "Notify me when it ends",
    "on": "✓ Notifies you when it ends",
    "blocked": "Notices are blocked here; the tab's title says when it is done",
    "help": "A notice of this browser when it ends or needs an answer, also while its tab is in the background",
}

# Registered once for all visitors.
_component = st.components.v2.component("trainyard_notify", html=HTML, css=CSS, js=JS)


def button() -> None:
    """Let a visitor turn notices on before a workflow is started."""
    _draw({"words": WORDS}, KEY)


def watch(workflow: Workflow, standing: Status, asks: str = "") -> None:
    """The same button while a workflow runs; when it has ended under the visitor's eyes, or `asks` something while they
    look elsewhere, the notice."""
    key = _watched(workflow.id)
    if not workflow.status.over:
        st.session_state[key] = True
    elif not st.session_state.get(key):
        return
    ended = _ended(workflow, standing) if workflow.status.over else ""
    data = {"words": WORDS, "id": workflow.id, "title": f"#{workflow.id} {workflow.name}", "ended": ended, "asks": asks}
    _draw(data, f"{KEY}-{workflow.id}")


def ended_here(workflow: Workflow) -> bool:
    """Whether a workflow has ended while this visitor looked at it."""
    return workflow.status.over and bool(st.session_state.get(_watched(workflow.id)))


def _ended(workflow: Workflow, standing: Status) -> str:
    took = f" after {words.duration(workflow.seconds)}" if workflow.seconds else ""
    return f"{words.status(standing)}{took}"


def _draw(data: dict[str, Any], key: str) -> None:
    _component(key=key, data=data, width="content", height="content")


def _watched(workflow_id: int) -> str:
    return f"{KEY}-watched-{workflow_id}"
