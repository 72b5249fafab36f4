"""`GET /orders/{session_id}/events`: the order's view as server-sent events while it changes.

Event format and reconnection: HTML Living Standard, "Server-sent events".
"""

from collections.abc import AsyncGenerator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.types import Receive, Scope, Send

from domain.errors import Unavailable
from domain.ports import Clock
from producer.limiting import site_of
from producer.places import Places
from producer.status import PROBLEMS, NoSuchOrder, OrderStatus
from producer.views import FINAL, OrderView

LOOK_EVERY_S: Final = 1.0
HEARTBEAT_S: Final = 10.0
LONGEST_S: Final = 600.0
MAX_STREAMS: Final = 500
MAX_PER_ADDRESS: Final = 20
_RECONNECT_MS: Final = 3000
_EVENT: Final = {
    "type": "object",
    "required": ["data"],
    "properties": {
        "data": {"type": "string", "contentMediaType": "application/json"},
        "id": {"type": "string", "description": "For Last-Event-ID."},
        "retry": {"type": "integer", "description": "Milliseconds."},
    },
}
_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Events whose data is the same object as `GET /orders/{session_id}`.",
        "content": {"text/event-stream": {"itemSchema": _EVENT}},
    },
    204: {"description": "The final state was seen already; the browser stops reconnecting."},
}


class Progress:
    """Streams views. One ledger read per second and stream at most, and a cap on streams."""

    def __init__(
        self,
        status: OrderStatus,
        *,
        clock: Clock,
        max_streams: int = MAX_STREAMS,
        max_per_address: int = MAX_PER_ADDRESS,
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self._status = status
        self._clock = clock
        self._heartbeat_s = heartbeat_s
        self._places = Places(
            most=max_streams, most_per_address=max_per_address, retry_after=int(HEARTBEAT_S)
        )

    async def start(self, session_id: str, last_seen: str | None, address: str) -> Response:
        """Raises NoSuchOrder, TooManyReads and Unavailable, while a status can still say so.

        The stream may raise the last two once more when it takes its place, before it begins:
        many may have asked at once.
        """
        self._places.check(address)
        view = await self._status.find(session_id)
        if view.state in FINAL and view.version == last_seen:
            return Response(status_code=204)
        return _Stream(
            self.events(view, last_seen), self._places, address, heartbeat_s=self._heartbeat_s
        )

    async def events(
        self, view: OrderView, last_seen: str | None = None
    ) -> AsyncGenerator[ServerSentEvent, None]:
        """Yield each new version, until a final state or the longest time for one stream."""
        ends = self._clock.monotonic() + LONGEST_S
        while True:
            if view.version != last_seen:
                yield _event(view)
                last_seen = view.version
            if view.state in FINAL or self._clock.monotonic() >= ends:
                return
            await self._clock.sleep(LOOK_EVERY_S)
            view = await self._look_again(view)

    async def _look_again(self, view: OrderView) -> OrderView:
        """Keep the last view over an outage: the heartbeat holds the line, the next look helps."""
        try:
            return await self._status.find(view.session_id)
        except (Unavailable, NoSuchOrder):
            return view


class _Stream(EventSourceResponse):
    """Holds its place exactly as long as it is being sent, however that ends."""

    def __init__(
        self,
        events: AsyncGenerator[ServerSentEvent, None],
        places: Places,
        address: str,
        *,
        heartbeat_s: float,
    ) -> None:
        # Annotated as whole seconds; the setter takes any.
        super().__init__(events)
        self.ping_interval = heartbeat_s
        self._places = places
        self._address = address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._places.one(self._address):
            await super().__call__(scope, receive, send)


def progress_routes(progress: Progress, status: OrderStatus) -> APIRouter:
    router = APIRouter(tags=["orders"])

    @router.get(
        "/orders/{session_id}/events", response_class=Response, responses=PROBLEMS | _STREAM
    )
    async def follow(
        session_id: str, request: Request, last_event_id: Annotated[str | None, Header()] = None
    ) -> Response:
        """Follow an order; reconnecting with Last-Event-ID resumes behind what was seen."""
        await status.count_read(request)
        return await progress.start(session_id, last_event_id, site_of(request))

    return router


def _event(view: OrderView) -> ServerSentEvent:
    return ServerSentEvent(view.model_dump_json(), id=view.version, retry=_RECONNECT_MS)
