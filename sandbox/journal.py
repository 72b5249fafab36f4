"""What was asked and how it ended, in order of arrival."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Literal

Kind = Literal["chat", "reads", "stripe", "mail"]
Ended = Literal["answered", "reset", "client_left", "failed"]

_LEFT = (asyncio.CancelledError, ConnectionError)


@dataclass(slots=True)
class Entry:
    """One request. `ended` stays None while it is in flight; `body` is the request's own."""

    seq: int
    kind: Kind
    at: float
    method: str
    path: str
    vendor: str
    key_suffix: str
    outcome: str | None = None
    model: str | None = None
    stream: bool = False
    status: int | None = None
    generation_id: str | None = None
    mail_id: str | None = None
    idempotency_key: str | None = None
    latency_s: float | None = None
    ended: Ended | None = None
    body: bytes | None = None

    def view(self, needles: Sequence[str] = ()) -> dict[str, Any]:
        """JSON-ready; chat entries carry messages, their SHA-256 and the needles found."""
        shown = {name: getattr(self, name) for name in self.__slots__ if name != "body"}
        sent = _parsed(self.body)
        shown["request"] = sent
        if self.kind == "chat":
            text = "\n".join(_texts(_prompt_of(sent)))
            shown["prompt_sha256"] = hashlib.sha256(text.encode()).hexdigest() if text else None
            shown["needles"] = {needle: needle in text for needle in needles}
        return shown


def _parsed(body: bytes | None) -> dict[str, Any] | None:
    try:
        value = json.loads(body or b"null")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _prompt_of(sent: dict[str, Any] | None) -> list[object]:
    sent = sent or {}
    return [sent.get("system"), sent.get("messages")]


def _texts(value: object) -> Iterator[str]:
    """Every string in a JSON value, depth first."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from chain.from_iterable(map(_texts, value))
    elif isinstance(value, dict):
        yield from chain.from_iterable(map(_texts, value.values()))


class Journal:
    """Bounded: the newest `capacity` entries, of which the newest `kept_bodies` keep theirs."""

    def __init__(
        self,
        *,
        capacity: int = 200_000,
        kept_bodies: int = 10_000,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.kept_bodies = kept_bodies
        self._entries: deque[Entry] = deque(maxlen=capacity)
        self._with_body: deque[Entry] = deque()
        self._clock = clock
        self._timer = timer
        self._seq = 0

    @property
    def last_seq(self) -> int:
        return self._seq

    @contextmanager
    def recording(self, kind: Kind, body: bytes = b"", **facts: Any) -> Iterator[Entry]:
        """Note a request on arrival and how it ended on leaving the block."""
        self._seq += 1
        entry = Entry(self._seq, kind, self._clock(), **facts)
        self._entries.append(entry)
        self._keep(entry, body)
        began = self._timer()
        try:
            yield entry
        except BaseException as error:
            entry.ended = "client_left" if isinstance(error, _LEFT) else "failed"
            raise
        else:
            entry.ended = entry.ended or "answered"
        finally:
            entry.latency_s = round(self._timer() - began, 4)

    def _keep(self, entry: Entry, body: bytes) -> None:
        entry.body = body
        self._with_body.append(entry)
        while len(self._with_body) > self.kept_bodies:
            self._with_body.popleft().body = None

    def select(
        self,
        *,
        kind: Kind | None = None,
        since: int = 0,
        limit: int = 1000,
        needles: Sequence[str] = (),
    ) -> list[dict[str, Any]]:
        """The first `limit` entries after sequence number `since`, oldest first."""
        later = self._after(since)
        wanted = (entry for entry in later if kind is None or entry.kind == kind)
        return [entry.view(needles) for entry in islice(wanted, limit)]

    def _after(self, since: int) -> Iterator[Entry]:
        first = self._entries[0].seq if self._entries else 0
        return islice(self._entries, max(0, since + 1 - first), None)

    def clear(self) -> None:
        """Forget everything; sequence numbers go on rising."""
        self._entries.clear()
        self._with_body.clear()
