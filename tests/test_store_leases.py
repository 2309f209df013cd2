"""Leases: one holder at a time, and another one soon after it has gone, whatever the clocks say."""

from datetime import timedelta

import pytest

from store import leases
from store.leases import Lease
from store.tables import now


@pytest.fixture
def clock(monkeypatch):
    """The clock that leases are watched by, moved by the test."""
    at = [1000.0]
    monkeypatch.setattr(leases.time, "monotonic", lambda: at[0])
    return at


def look(lease, clock, seconds, every=2.0):
    """Ask again and again for so long; whether the lease was given at the end."""
    held = False
    for _ in range(int(seconds / every)):
        clock[0] += every
        held = lease.hold()
    return held


def test_a_lease_has_one_holder(home, clock):
    """While the holder renews, nobody else gets the lease, however long it takes."""
    first, second = Lease("tick", "a"), Lease("tick", "b")
    for _ in range(20):
        assert first.hold() and not second.hold()
        clock[0] += 2.0


def test_a_lease_that_nobody_renews_is_taken_over(home, clock):
    """Six seconds after another process saw the last change it takes over, and the former holder finds out."""
    first, second = Lease("tick", "a"), Lease("tick", "b")
    assert first.hold() and not second.hold()
    assert not look(second, clock, 4.0)
    assert look(second, clock, 2.0)
    assert not first.hold() and second.hold()


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_wrong_clock_changes_nothing(home, clock, monkeypatch, hours):
    """A holder whose clock is hours behind or ahead keeps its lease while it renews it, and loses it in time."""
    first, second = Lease("tick", "a"), Lease("tick", "b")

    def renew():
        with monkeypatch.context() as patch:
            patch.setattr(leases, "now", lambda: now() + timedelta(hours=hours))
            return first.hold()

    for _ in range(5):
        assert renew() and not second.hold()
        clock[0] += 2.0
    assert look(second, clock, 6.0) and not renew()


def test_a_process_that_was_suspended_takes_nothing(home, clock):
    """An hour in which a process could not look does not count as an hour of silence."""
    first, second = Lease("tick", "a"), Lease("tick", "b")
    assert first.hold() and not second.hold()
    clock[0] += 3600.0
    assert not second.hold()
    assert first.hold() and not second.hold()


def test_a_successor_goes_on_at_once(home, clock):
    """A supervisor that starts again in the same home does not wait for the lease of the one before."""
    assert Lease("tick", "a").hold()
    assert Lease("tick", "a").hold()


def test_two_processes_of_one_name_are_not_both_holders(home, clock):
    """Containers with equal host names and folders: only the one that took the lease last has it."""
    first, second = Lease("tick", "same"), Lease("tick", "same")
    assert first.hold() and second.hold()
    for _ in range(10):
        assert second.hold() and not first.hold()
        clock[0] += 2.0
    assert look(first, clock, 6.0)
