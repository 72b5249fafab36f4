"""The rehearsal's own API: set the scene, read the journal, create payments and events."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Self, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sandbox import stripe_scene
from sandbox.journal import Kind
from sandbox.outcomes import UnknownOutcomeError
from sandbox.scenario import Scenario
from sandbox.stripe_scene import EventOrder, SceneError, SessionOrder
from sandbox.world import World

_Model = TypeVar("_Model", bound=BaseModel)
_MAX_PAGE = 200_000


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class JournalQuery(_Strict):
    kind: Kind | None = None
    since: int = Field(0, ge=0)
    limit: int = Field(1000, ge=1, le=_MAX_PAGE)


class MailQuery(_Strict):
    since: int = Field(0, ge=0)
    limit: int = Field(1000, ge=1, le=_MAX_PAGE)


class EventChange(_Strict):
    """`delivered` settles the webhook deliveries of an event."""

    delivered: bool


class SessionChange(BaseModel):
    """Any of a session's own fields."""

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="after")
    def _known_fields(self) -> Self:
        stripe_scene.require_session_fields(self.model_extra or {})
        return self


def _json(value: object, status: int = 200) -> web.Response:
    body = json.dumps(value, ensure_ascii=False).encode()
    return web.Response(status=status, body=body, content_type="application/json")


def _refused(message: str, status: int = 400, details: object = None) -> web.Response:
    return _json({"error": {"message": message, "details": details}}, status)


def refusal_of(error: ValidationError) -> web.Response:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    message = "; ".join(
        f"{'.'.join(map(str, detail['loc'])) or 'body'}: {detail['msg']}" for detail in details
    )
    return _refused(message, details=details)


@web.middleware
async def explain(
    request: web.Request, handler: Callable[[web.Request], Any]
) -> web.StreamResponse:
    """Answer faults of the person rehearsing with what would have been right."""
    try:
        response: web.StreamResponse = await handler(request)
    except ValidationError as error:
        return refusal_of(error)
    except SceneError as error:
        return _refused(str(error), status=404)
    except (UnknownOutcomeError, json.JSONDecodeError) as error:
        return _refused(str(error))
    return response


async def _body(request: web.Request, model: type[_Model]) -> _Model:
    return model.model_validate_json(await request.read() or b"{}")


def _query(request: web.Request, model: type[_Model]) -> _Model:
    return model.model_validate({k: v for k, v in request.query.items() if k != "needle"})


class Control:
    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/control/health", self.health),
            web.get("/control/scenario", self.read_scenario),
            web.put("/control/scenario", self.replace_scenario),
            web.patch("/control/scenario", self.amend_scenario),
            web.post("/control/reset", self.reset),
            web.get("/control/journal", self.journal),
            web.get("/control/mails", self.mails),
            web.post("/control/stripe/sessions", self.create_session),
            web.post("/control/stripe/sessions/{id}", self.change_session),
            web.post("/control/stripe/events", self.create_event),
            web.post("/control/stripe/events/{id}", self.change_event),
        ]

    async def health(self, _request: web.Request) -> web.Response:
        counts = {"last_seq": self._world.journal.last_seq, "mails": self._world.mailbox.count}
        return _json({"status": "ok", **counts})

    async def read_scenario(self, _request: web.Request) -> web.Response:
        return _json(self._world.scenario.model_dump(mode="json"))

    async def replace_scenario(self, request: web.Request) -> web.Response:
        self._world.follow(await _body(request, Scenario))
        return await self.read_scenario(request)

    async def amend_scenario(self, request: web.Request) -> web.Response:
        changes = json.loads(await request.read())
        if not isinstance(changes, dict):
            return _refused("the changes must be a JSON object")
        self._world.amend(changes)
        return await self.read_scenario(request)

    async def reset(self, _request: web.Request) -> web.Response:
        self._world.reset()
        return _json({"last_seq": self._world.journal.last_seq})

    async def journal(self, request: web.Request) -> web.Response:
        query = _query(request, JournalQuery)
        needles = request.query.getall("needle", [])
        entries = self._world.journal.select(
            kind=query.kind, since=query.since, limit=query.limit, needles=needles
        )
        return _json({"entries": entries, "last_seq": self._world.journal.last_seq})

    async def mails(self, request: web.Request) -> web.Response:
        query = _query(request, MailQuery)
        mails = self._world.mailbox.select(query.since, query.limit)
        return _json({"mails": [mail.view() for mail in mails]})

    async def create_session(self, request: web.Request) -> web.Response:
        order = await _body(request, SessionOrder)
        return _json(stripe_scene.create_session(self._world.stripe, self._world.ids, order), 201)

    async def change_session(self, request: web.Request) -> web.Response:
        change = await _body(request, SessionChange)
        session_id = request.match_info["id"]
        fields = change.model_extra or {}
        changed = stripe_scene.change_session(
            self._world.stripe, self._world.ids, session_id, fields
        )
        return _json(changed)

    async def create_event(self, request: web.Request) -> web.Response:
        order = await _body(request, EventOrder)
        return _json(stripe_scene.create_event(self._world.stripe, self._world.ids, order), 201)

    async def change_event(self, request: web.Request) -> web.Response:
        change = await _body(request, EventChange)
        event_id = request.match_info["id"]
        return _json(
            stripe_scene.settle_event(self._world.stripe, event_id, delivered=change.delivered)
        )
