"""How often open pages redraw themselves: less often the more there are, so that many cost no more than some."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

import streamlit as st

EVERY_SECONDS = 2
# About a quarter of a core.
DRAWN_A_SECOND = 10
# A page that has missed so many of its turns is closed, or paused.
MISSED = 3
# So many have to leave before the others are drawn more often; else one who comes and goes would change it for all.
LEAVE = 0.2


@dataclass
class Crowd:
    """The open pages of this process that redraw themselves, and when each did last."""

    clock: Callable[[], float] = time.monotonic
    seconds: int = EVERY_SECONDS
    _drawn: dict[str, float] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def pace(self, page: str) -> int:
        """Count this page among the others; returns after how many seconds it is to be drawn again."""
        with self._lock:
            self._drawn[page] = at = self.clock()
            gone = [each for each, last in self._drawn.items() if at - last > MISSED * self.seconds]
            for each in gone:
                del self._drawn[each]
            fair = max(EVERY_SECONDS, math.ceil(len(self._drawn) / DRAWN_A_SECOND))
            few = len(self._drawn) <= (1 - LEAVE) * (self.seconds - 1) * DRAWN_A_SECOND
            if fair > self.seconds or few:
                self.seconds = fair
            return self.seconds


@st.cache_resource
def here() -> Crowd:
    """Those who look at pages of this process."""
    return Crowd()
