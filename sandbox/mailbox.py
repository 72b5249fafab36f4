"""Mails taken by the mail service, and the memory behind its idempotency keys."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Memory = Literal["new", "same", "different", "in_progress"]

_REMEMBERED_S = 24 * 3600


@dataclass(slots=True)
class Mail:
    """`replays` counts requests answered from the idempotency key without sending again."""

    seq: int
    id: str
    at: float
    idempotency_key: str | None
    payload: dict[str, Any]
    replays: int = 0

    def view(self) -> dict[str, Any]:
        own = {
            "seq": self.seq,
            "id": self.id,
            "at": self.at,
            "idempotency_key": self.idempotency_key,
            "replays": self.replays,
        }
        return {**self.payload, **own}


class Mailbox:
    """Source of the key rules: Resend docs, idempotency keys (24 h, payload must match)."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._mails: dict[str, Mail] = {}
        self._by_key: dict[str, tuple[float, str, str]] = {}
        self._in_progress: set[str] = set()
        self._seq = 0

    def consult(self, key: str, payload: dict[str, Any]) -> tuple[Memory, Mail | None]:
        """What is known about `key`; "same" comes with the mail already sent."""
        if key in self._in_progress:
            return "in_progress", None
        at, digest, mail_id = self._by_key.get(key, (0.0, "", ""))
        if not mail_id or self._clock() - at > _REMEMBERED_S:
            return "new", None
        if digest != _digest(payload):
            return "different", None
        return "same", self._mails[mail_id]

    def begin(self, key: str) -> None:
        self._in_progress.add(key)

    def finish(self, key: str) -> None:
        self._in_progress.discard(key)

    def take(self, mail_id: str, key: str | None, payload: dict[str, Any]) -> Mail:
        self._seq += 1
        mail = Mail(self._seq, mail_id, self._clock(), key, payload)
        self._mails[mail_id] = mail
        if key is not None:
            self._by_key[key] = (mail.at, _digest(payload), mail_id)
        return mail

    def get(self, mail_id: str) -> Mail | None:
        return self._mails.get(mail_id)

    def select(self, since: int = 0, limit: int = 1000) -> list[Mail]:
        """Oldest first, after sequence number `since`."""
        return [mail for mail in self._mails.values() if mail.seq > since][:limit]

    @property
    def count(self) -> int:
        return len(self._mails)

    def clear(self) -> None:
        """Forget everything; sequence numbers go on rising."""
        self._mails.clear()
        self._by_key.clear()
        self._in_progress.clear()


def _digest(payload: dict[str, Any]) -> str:
    return json.dumps(payload, sort_keys=True)
