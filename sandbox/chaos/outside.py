"""What reached the providers: model calls and mails, read from the sandbox's own records."""

import asyncio
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from sandbox import answers
from sandbox.chaos.deaths import Call
from sandbox.client import SandboxControl
from sandbox.horses import read_horse

Json = dict[str, Any]

_MARK: Final = re.compile(r"^Abstammung: (\w+) x Weltmeyer", re.MULTILINE)
_EVERY_S: Final = 0.5
_PAGE: Final = 2000
_MAIL_FIELDS: Final = ("idempotency_key", "to", "at")


def digest(result: object) -> str:
    """Return what tells two results apart: their SHA-256, the order of keys ignored."""
    text = result if isinstance(result, str) else json.dumps(result, sort_keys=True)
    return hashlib.sha256(text.strip().encode()).hexdigest()


@dataclass(slots=True)
class Providers:
    """The sandbox's journal, folded by the mark of the horse that each prompt describes.

    `good` holds the digests of the good answers to the prompts that were really sent, by mark.
    """

    control: SandboxControl
    good: dict[str, set[str]] = field(default_factory=dict)
    _seen: dict[int, str] = field(default_factory=dict)
    _asked: Counter[str] = field(default_factory=Counter)
    _since: int = 0

    async def follow(self) -> None:
        """Read prompts while the sandbox still has them; runs until it is cancelled."""
        while True:
            await asyncio.sleep(_EVERY_S)
            await self.look()

    async def look(self) -> None:
        try:
            entries = await self.control.journal("chat", since=self._since, limit=_PAGE)
        except httpx.HTTPError:
            return
        for entry in entries:
            # Somebody else may have looked meanwhile.
            if entry["seq"] > self._since:
                self._since = entry["seq"]
                self._take(entry)

    def asked(self, mark: str) -> int:
        """Return how many calls about one horse were seen up to the last look."""
        return self._asked[mark]

    async def calls(self) -> dict[str, list[Call]]:
        """Return all calls by mark, with how they ended."""
        await self.look()
        found: dict[str, list[Call]] = {}
        async for entry in self._all():
            mark = self._seen.get(entry["seq"])
            if mark is not None:
                found.setdefault(mark, []).append(_call(entry))
        return found

    async def mails(self) -> list[Json]:
        """Return every mail that was taken: its key, its recipients and when."""
        found: list[Json] = []
        since = 0
        while page := await self.control.mails(since=since, limit=_PAGE):
            found += [{name: mail[name] for name in _MAIL_FIELDS} for mail in page]
            since = page[-1]["seq"]
        return found

    async def _all(self) -> Any:
        since = 0
        while entries := await self.control.journal("chat", since=since, limit=_PAGE):
            for entry in entries:
                yield entry
            since = entries[-1]["seq"]

    def _take(self, entry: Json) -> None:
        for text in _user_texts(entry.get("request") or {}):
            found = _MARK.search(text)
            if found:
                self._seen[entry["seq"]] = found[1]
                self._asked[found[1]] += 1
                self._remember_good(found[1], text)

    def _remember_good(self, mark: str, prompt: str) -> None:
        horse = read_horse(prompt)
        if horse is not None and mark not in self.good:
            both = answers.valuation(horse), answers.certificate(horse)
            self.good[mark] = {digest(answer) for answer in both}


def _user_texts(request: Json) -> Iterator[str]:
    for message in request.get("messages") or request.get("input") or ():
        if isinstance(message, dict) and message.get("role") == "user":
            yield from _texts(message.get("content"))


def _texts(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part in content:
            yield from _texts(part.get("text") if isinstance(part, dict) else part)


def _call(entry: Json) -> Call:
    latency = entry.get("latency_s")
    return Call(
        at=entry["at"],
        ended=None if latency is None else entry["at"] + latency,
        answered=entry.get("ended") == "answered" and entry.get("status") == 200,
    )
