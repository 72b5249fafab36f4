"""How long a line may stay open on which nothing comes to its end.

Uvicorn bounds only the pause after an answer: whoever sends half a header, or one byte a second, or
never reads what it asked for, would hold the line and what is written to it for ever.
"""

import asyncio
import socket
from typing import ClassVar, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS: Final = 10.0
STALLED_SECONDS: Final = 30.0


class PatientProtocol(H11Protocol):
    """Hangs up when a request's headers are not there in time, or an answer is not taken.

    Bodies have their own limit. `stalled_seconds` is how long the peer's host may not acknowledge
    what was sent, and how long the system's own buffer may be full.
    """

    stalled_seconds: ClassVar[float] = STALLED_SECONDS

    _deadline: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        # Whatever the system does not take at once is a reader that does not read.
        transport.set_write_buffer_limits(high=0)
        _notice_silence(transport.get_extra_info("socket"), self.stalled_seconds)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)
        self._stop_stalling()

    def pause_writing(self) -> None:
        super().pause_writing()
        # Not close(), which would wait for the reader.
        self._stalled = self.loop.call_later(self.stalled_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_stalling()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        else:
            self._wait()

    def _wait(self) -> None:
        """Begin to wait; more bytes do not begin it anew."""
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEADER_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _stop_stalling(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None


def _notice_silence(line: socket.socket, seconds: float) -> None:
    """Give up a host that vanished without a word sooner than the system's quarter of an hour."""
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
