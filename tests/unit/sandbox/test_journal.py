"""The journal keeps order, counts on and forgets in time."""

import asyncio
from itertools import count

import pytest

from sandbox.journal import Journal
from sandbox.mailbox import Mailbox

FACTS = {"vendor": "openrouter", "method": "POST", "path": "/", "key_suffix": "abcd"}
BODY = b'{"messages":[{"role":"user","content":"Rasse: \\"Fuchs\\"\\nAlter: 3"}]}'


def journal(**limits: int) -> Journal:
    ticks = count()
    return Journal(**limits, clock=lambda: 1.0, timer=lambda: next(ticks) * 0.5)


def write(into: Journal, times: int) -> None:
    for _ in range(times):
        with into.recording("chat", BODY, **FACTS):
            pass


def test_an_entry_is_there_while_the_request_is_in_flight() -> None:
    """Tests can wait for a call to have started."""
    kept = journal()
    with kept.recording("chat", BODY, **FACTS):
        (during,) = kept.select()
    (after,) = kept.select()

    assert (during["ended"], during["latency_s"]) == (None, None)
    assert (after["ended"], after["latency_s"]) == ("answered", 0.5)


def test_a_caller_who_leaves_is_noted() -> None:
    """The handler's cancellation is the caller's departure."""
    kept = journal()
    with pytest.raises(asyncio.CancelledError), kept.recording("chat", BODY, **FACTS):
        raise asyncio.CancelledError

    assert kept.select()[0]["ended"] == "client_left"


def test_needles_are_looked_for_in_plain_text() -> None:
    """Quotes and line ends need no escaping."""
    kept = journal()
    write(kept, 1)
    (entry,) = kept.select(needles=['"Fuchs"\nAlter', "Schimmel"])

    assert entry["needles"] == {'"Fuchs"\nAlter': True, "Schimmel": False}


def test_the_oldest_go_first_and_numbers_rise() -> None:
    """Capacity bounds the entries; `since` and `limit` page through the rest."""
    kept = journal(capacity=3, kept_bodies=2)
    write(kept, 5)

    assert [entry["seq"] for entry in kept.select()] == [3, 4, 5]
    assert [entry["seq"] for entry in kept.select(since=3, limit=1)] == [4]
    assert [entry["request"] is None for entry in kept.select()] == [True, False, False]


def test_clearing_does_not_restart_the_numbers() -> None:
    """A `since` taken before a reset stays valid."""
    kept = journal()
    write(kept, 2)
    kept.clear()
    write(kept, 1)

    assert [entry["seq"] for entry in kept.select(since=2)] == [3]


def test_a_key_is_forgotten_after_a_day() -> None:
    """Within 24 h the key answers, afterwards it is new."""
    now = [0.0]
    mailbox = Mailbox(clock=lambda: now[0])
    payload = {"to": "a@example.test"}
    mailbox.take("id-1", "job:customer", payload)
    within = mailbox.consult("job:customer", payload)[0]
    now[0] = 24 * 3600 + 1

    assert (within, mailbox.consult("job:customer", payload)[0]) == ("same", "new")
