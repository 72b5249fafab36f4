"""The control API as a client, for the demo and for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx

from sandbox.scenario import Scenario

Json = dict[str, Any]


class SandboxError(Exception):
    """The sandbox refused an order; the message says what would have been right."""


class SandboxControl:
    """Raises SandboxError for refused orders and httpx.TransportError when nobody is there.

    A client that is handed in stays open; its own one is closed by `aclose`.
    """

    def __init__(self, base_url: str, client: httpx.AsyncClient | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self._owned = client is None
        self._client = client or httpx.AsyncClient(timeout=10, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        if self._owned:
            await self._client.aclose()

    async def health(self) -> Json:
        return await self._call("GET", "health")

    async def scenario(self) -> Json:
        return await self._call("GET", "scenario")

    async def set_scenario(self, scenario: Scenario | Mapping[str, Any]) -> Json:
        """Start another scenario from its beginning."""
        return await self._call("PUT", "scenario", json=_plain(scenario))

    async def amend_scenario(self, changes: Mapping[str, Any]) -> Json:
        """Merge changes in; the rules they name start again."""
        return await self._call("PATCH", "scenario", json=dict(changes))

    async def reset(self) -> None:
        """Back to the opening scenario, with everything that happened forgotten."""
        await self._call("POST", "reset")

    async def journal(
        self,
        kind: str | None = None,
        *,
        since: int = 0,
        limit: int = 1000,
        needles: Sequence[str] = (),
    ) -> list[Json]:
        """Entries after `since`, oldest first; chat entries say which needles occur."""
        query: Json = {"since": since, "limit": limit, "needle": list(needles)}
        if kind is not None:
            query["kind"] = kind
        answer = await self._call("GET", "journal", params=query)
        return list(answer["entries"])

    async def mails(self, *, since: int = 0, limit: int = 1000) -> list[Json]:
        answer = await self._call("GET", "mails", params={"since": since, "limit": limit})
        return list(answer["mails"])

    async def create_session(self, kind: str, order_id: str, **fields: Any) -> Json:
        """A checkout session; fields as in `stripe_scene.SessionOrder`."""
        order = {"kind": kind, "order_id": order_id, **fields}
        return await self._call("POST", "stripe/sessions", json=order)

    async def change_session(self, session_id: str, **fields: Any) -> Json:
        return await self._call("POST", f"stripe/sessions/{session_id}", json=fields)

    async def create_event(
        self, event_type: str, session_id: str | None = None, **fields: Any
    ) -> Json:
        """An event; fields as in `stripe_scene.EventOrder`."""
        order = {"type": event_type, "session_id": session_id, **fields}
        return await self._call("POST", "stripe/events", json=order)

    async def settle_event(self, event_id: str, *, delivered: bool = True) -> Json:
        """Say whether the event's webhook deliveries have succeeded."""
        return await self._call("POST", f"stripe/events/{event_id}", json={"delivered": delivered})

    async def _call(self, method: str, path: str, **options: Any) -> Json:
        response = await self._client.request(method, f"{self.base_url}/control/{path}", **options)
        if response.is_error:
            raise SandboxError(response.text)
        answer: Json = response.json()
        return answer


def _plain(scenario: Scenario | Mapping[str, Any]) -> Json:
    if isinstance(scenario, Scenario):
        return scenario.model_dump(mode="json")
    return dict(scenario)
