"""Somebody who looks at a page of the real app: as much of a browser as the server can tell, without the drawing."""

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect


@dataclass
class Look:
    """One run of a page's script or of a part of it, as it came over the wire."""

    seconds: float = 0.0
    at: float = 0.0
    size: int = 0
    messages: list[ForwardMsg] = field(default_factory=list)

    @property
    def charts(self) -> list[str]:
        """The Plotly charts of this run, as JSON."""
        elements = [each.delta.new_element for each in self.messages if each.WhichOneof("type") == "delta"]
        return [each.plotly_chart.spec for each in elements if each.HasField("plotly_chart")]


class Reader:
    """One open tab. It asks for a page, and like a browser asks again for its live parts when their time has come."""

    def __init__(self, connection: ClientConnection, page: str, asked: Mapping[str, object]) -> None:
        self._connection = connection
        self._page, self._query = page, urlencode(asked)
        self._hash = ""
        self._timers: dict[str, float] = {}

    async def open(self) -> Look:
        """The page, whole."""
        return await self._run("")

    async def refresh(self) -> Look:
        """The live part that is refreshed most often; of several the last, as the side bar comes before the page."""
        return await self._run(min(reversed(self._timers), key=self._timers.__getitem__))

    @property
    def every(self) -> float:
        """After how many seconds the live part that is refreshed most often is asked for again."""
        return min(self._timers.values())

    async def stay(self, seconds: float) -> list[Look]:
        """Look at the page for so long; returns every refresh of its parts."""
        end = time.monotonic() + seconds
        # Nobody opens a page at the same moment as everybody else.
        due = {part: time.monotonic() + every * random.random() for part, every in self._timers.items()}
        found: list[Look] = []
        while due and min(due.values()) < end:
            part = min(due, key=due.__getitem__)
            await asyncio.sleep(max(0.0, due[part] - time.monotonic()))
            found.append(await self._run(part))
            due = {one: due.get(one, 0.0) for one in self._timers} | {
                part: max(due[part] + self._timers.get(part, seconds), time.monotonic())
            }
        await asyncio.sleep(max(0.0, end - time.monotonic()))
        return found

    async def _run(self, fragment: str) -> Look:
        asked = BackMsg()
        state = asked.rerun_script
        state.query_string, state.page_script_hash, state.fragment_id = self._query, self._hash, fragment
        state.page_name = "" if self._hash else self._page
        state.is_auto_rerun = bool(fragment)
        state.context_info.url = f"http://127.0.0.1/{self._page}?{self._query}"
        begun = time.perf_counter()
        await self._connection.send(asked.SerializeToString())
        look = Look()
        async for raw in self._connection:
            message = ForwardMsg.FromString(raw)
            look.messages.append(message)
            look.size += len(raw)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self._hash = message.new_session.page_script_hash
                if not message.metadata.run.fragment_ids:
                    self._timers.clear()
            elif kind == "navigation":  # until then it is the hash of the script around all pages
                self._hash = message.navigation.page_script_hash
            elif kind == "auto_rerun":
                self._timers[message.auto_rerun.fragment_id] = message.auto_rerun.interval
            elif kind == "auth_redirect":
                raise PermissionError("nobody is signed in")
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                break
        look.at = time.perf_counter()
        look.seconds = look.at - begun
        return look


async def visit(port: int, page: str, cookie: str, **asked: object) -> Reader:
    """Open a tab on this page."""
    connection = await connect(
        f"ws://127.0.0.1:{port}/_stcore/stream",
        subprotocols=["streamlit"],  # type: ignore[list-item]
        additional_headers={"Cookie": cookie},
        max_size=None,
        compression=None,
    )
    return Reader(connection, page, asked)
