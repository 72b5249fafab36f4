"""From a stream of server-sent events to a completion. Pure, and bounded in memory."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from llm import lenient
from llm.completion import Completion, Receipt
from llm.failures import FailureKind, Unintelligible
from llm.lenient import row, table
from llm.wire import Turn, conclude, raise_error, read_finish, read_object, read_receipt, read_text

MAX_KEPT: Final = 4 * 1024 * 1024
MAX_STREAM: Final = 16 * 1024 * 1024
DONE: Final = "[DONE]"
_DATA: Final = b"data:"


class EventLines:
    """Cuts bytes into the data of server-sent events; comments and other fields vanish.

    Lines are cut before they are decoded, so a character split over two chunks stays whole.
    `limit` bounds one event, `total` the whole stream, in bytes: every token travels in an
    envelope of several hundred bytes.
    """

    def __init__(self, limit: int = MAX_KEPT, total: int = MAX_STREAM) -> None:
        self._pending = bytearray()
        self._data: list[bytes] = []
        self._waiting = 0
        self._seen = 0
        self._limit = limit
        self._total = total

    def feed(self, chunk: bytes) -> Iterator[str]:
        """Yield the data of every event completed by this chunk; raises Unintelligible."""
        self._pending += chunk
        self._seen += len(chunk)
        if len(self._pending) + self._waiting > self._limit or self._seen > self._total:
            raise Unintelligible(FailureKind.TOO_LARGE, f"{self._seen} B and no end")
        if b"\n" not in chunk and b"\r" not in chunk:
            return
        lines = bytes(self._pending).splitlines(keepends=True)
        # A lone CR may be the first half of CR LF.
        self._pending = bytearray(b"" if lines[-1].endswith(b"\n") else lines.pop())
        for line in lines:
            yield from self._line(line.rstrip(b"\r\n"))

    def finish(self) -> Iterator[str]:
        """Yield what a stream without a last blank line still owes."""
        for line in [*bytes(self._pending).splitlines(), b""]:
            yield from self._line(line)

    def _line(self, line: bytes) -> Iterator[str]:
        if line.startswith(_DATA):
            self._data.append(line.removeprefix(_DATA).removeprefix(b" "))
            self._waiting += len(line)
        elif not line and self._data:
            event, self._data, self._waiting = b"\n".join(self._data), [], 0
            yield event.decode("utf-8", "replace")


class Assembly:
    """Puts the chunks of one answer together.

    Raises Refused when a chunk carries an error, Unintelligible when chunks make no answer.
    """

    def __init__(self, *, headers: Mapping[str, str], limit: int = MAX_KEPT) -> None:
        self._headers = headers
        self._limit = limit
        self._parts: list[str] = []
        self._refusal: list[str] = []
        self._size = 0
        self._finish: str | None = None
        self.receipt = Receipt()
        self.done = False

    @property
    def has_text(self) -> bool:
        return bool(self._parts)

    def add(self, data: str, *, now: float) -> None:
        """Take in the data of one event. `now` is epoch seconds."""
        self.done = self.done or data.strip() == DONE
        if self.done:
            return
        payload = read_object(data.encode("utf-8", "replace"))
        self.receipt = self.receipt.updated(read_receipt(payload))
        choice = _first_choice(payload)
        raise_error(payload, choice, self.receipt, headers=self._headers, now=now)
        delta = table(choice.get("delta")) or table(choice.get("message"))
        self._keep(self._parts, read_text(delta.get("content")))
        self._keep(self._refusal, lenient.text(delta.get("refusal")))
        # The usage chunk repeats the finish reason; the first one counts.
        self._finish = self._finish or read_finish(choice)

    def conclude(self) -> Completion:
        """Return the answer after the last event; a stream that just ends is a cut one."""
        if not self.done and self._finish is None:
            raise Unintelligible(
                FailureKind.CUT, "the stream ended without a finish", receipt=self.receipt
            )
        return conclude(
            Turn("".join(self._parts), self._finish, "".join(self._refusal), self.receipt)
        )

    def _keep(self, parts: list[str], text: str) -> None:
        self._size += len(text)
        if self._size > self._limit:
            raise Unintelligible(FailureKind.TOO_LARGE, f"more than {self._limit} characters")
        if text:
            parts.append(text)


def _first_choice(payload: Mapping[str, Any]) -> dict[str, Any]:
    choices = (table(choice) for choice in row(payload.get("choices")))
    return next((choice for choice in choices if not choice.get("index")), {})
