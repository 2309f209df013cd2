// Refreshes the page in place and shows times by the viewer's clock. Without it the page reloads by itself, in UTC.
"use strict";

function showLocalTimes() {
  for (const time of document.querySelectorAll("time")) time.title = new Date(time.dateTime).toLocaleString();
}

async function refresh() {
  const selecting = !getSelection().isCollapsed;
  if (document.hidden || selecting) return;
  const lost = document.getElementById("lost");
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.redirected) return location.reload(); // signed out: show where to sign in
    const now = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    const focused = document.activeElement.getAttribute("href");
    document.querySelector("main").replaceWith(now);
    for (const link of now.querySelectorAll("a")) {
      if (focused !== null && link.getAttribute("href") === focused) link.focus({ preventScroll: true });
    }
    lost.hidden = true;
    showLocalTimes();
  } catch {
    lost.hidden = false;
  }
}

showLocalTimes();
if (document.body.dataset.refresh) setInterval(refresh, 1000 * document.body.dataset.refresh);
