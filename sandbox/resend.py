"""The Resend mail API. Source: Resend API reference (send email, errors), idempotency keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from aiohttp import web

from sandbox import credentials
from sandbox.draws import Draw
from sandbox.journal import Entry
from sandbox.mailbox import Mail
from sandbox.wire import HANG, Script, html, play, reply, reset_after
from sandbox.world import World, drawn, perform

_MAX_KEY = 256
_MAX_RECIPIENTS = 50

# name, message
_ERRORS: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        401: ("missing_api_key", "Missing API key in the authorization header."),
        403: ("invalid_api_key", "API key is invalid."),
        404: ("not_found", "The requested endpoint does not exist."),
        422: ("validation_error", "We found an error with one or more fields in the request."),
        429: ("rate_limit_exceeded", "Too many requests. Please limit the number of requests."),
        500: ("internal_server_error", "An unexpected error occurred."),
        502: ("application_error", "An unexpected error occurred."),
        503: ("application_error", "The service is temporarily unavailable."),
    }
)
_QUOTA = ("daily_quota_exceeded", "You have reached your daily email sending quota.")
_OTHER_PAYLOAD = (
    "invalid_idempotent_request",
    "Same idempotency key used with a different request payload.",
)
_CONCURRENT = (
    "concurrent_idempotent_requests",
    "Same idempotency key used while original request is still in progress.",
)


def _error(
    status: int,
    error: tuple[str, str],
    after_s: float = 0,
    headers: Mapping[str, str] | None = None,
) -> Script:
    name, message = error
    body = {"statusCode": status, "message": message, "name": name}
    return reply(body, status=status, after_s=after_s, headers=headers)


def _fault(draw: Draw) -> Script | None:
    """The script of a fault that keeps the mail from being taken; None to take it."""
    name, after_s = draw.step.name, draw.refusal_s
    if name == "ok" or name.startswith("accepted_then_"):
        return None
    if name == "hang":
        return HANG
    if name == "reset":
        return reset_after(after_s)
    if name == "503_html":
        return html(503, after_s)
    if name.startswith("429"):
        error = _QUOTA if name == "429_quota" else _ERRORS[429]
        return _error(429, error, after_s, {"retry-after": str(draw.step.retry_after)})
    return _error(int(name), _ERRORS[int(name)], after_s)


def unacceptable(payload: object) -> Script | None:
    """What Resend refuses before it looks at the idempotency key."""
    if not isinstance(payload, dict):
        return _error(422, ("validation_error", "The request body must be a JSON object."))
    missing = [name for name in ("from", "to", "subject") if not payload.get(name)]
    if not missing and not (payload.get("html") or payload.get("text")):
        missing = ["html"]
    if missing:
        return _error(422, ("missing_required_field", f"Missing `{missing[0]}` field."))
    to = payload["to"]
    if isinstance(to, list) and len(to) > _MAX_RECIPIENTS:
        return _error(422, ("validation_error", "The `to` field must not exceed 50 recipients."))
    return None


class Resend:
    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/emails", self.send), web.get("/emails/{id}", self.read)]

    async def send(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        key = credentials.bearer(request)
        with self._world.recording("mail", request, vendor="resend", key=key, body=raw) as entry:
            entry.idempotency_key = request.headers.get("Idempotency-Key")
            draw = drawn(request, self._world.director.mail())
            entry.outcome = draw.step.name
            script = _fault(draw) or _unauthorised(request)
            if script is None:
                return await self._accept(request, entry, draw, raw)
            return await perform(request, entry, script)

    async def _accept(
        self, request: web.Request, entry: Entry, draw: Draw, raw: bytes
    ) -> web.StreamResponse:
        payload = _parsed(raw)
        refusal = unacceptable(payload) or self._key_refusal(entry, payload)
        if refusal is not None:
            return await perform(request, entry, refusal)
        key = entry.idempotency_key
        if key is not None:
            self._world.mailbox.begin(key)
        try:
            return await perform(request, entry, self._taken(entry, draw, payload))
        finally:
            if key is not None:
                self._world.mailbox.finish(key)

    def _key_refusal(self, entry: Entry, payload: dict[str, Any]) -> Script | None:
        """The answer the idempotency key alone decides, None for a mail to be sent."""
        key = entry.idempotency_key
        if key is None:
            return None
        if not 1 <= len(key) <= _MAX_KEY:
            error = ("invalid_idempotency_key", "The key must be between 1-256 chars.")
            return _error(400, error)
        memory, mail = self._world.mailbox.consult(key, payload)
        if mail is not None:
            mail.replays += 1
            entry.mail_id = mail.id
            return reply({"id": mail.id})
        refusals = {"different": _OTHER_PAYLOAD, "in_progress": _CONCURRENT}
        return _error(409, refusals[memory]) if memory in refusals else None

    def _taken(self, entry: Entry, draw: Draw, payload: dict[str, Any]) -> Script:
        mail_id = self._world.ids.uuid()
        self._world.mailbox.take(mail_id, entry.idempotency_key, payload)
        entry.mail_id = mail_id
        after = {
            "accepted_then_500": _error(500, _ERRORS[500], draw.refusal_s),
            "accepted_then_reset": reset_after(draw.refusal_s),
            "accepted_then_hang": HANG,
        }
        return after.get(draw.step.name) or reply({"id": mail_id}, after_s=draw.latency_s)

    async def read(self, request: web.Request) -> web.StreamResponse:
        return await play(request, _unauthorised(request) or self._found(request))

    def _found(self, request: web.Request) -> Script:
        mail = self._world.mailbox.get(request.match_info["id"])
        if mail is None:
            return _error(404, ("not_found", "Email not found"))
        return reply(_shown(mail))


def _unauthorised(request: web.Request) -> Script | None:
    key = credentials.bearer(request)
    if not key:
        return _error(401, _ERRORS[401])
    return _error(403, _ERRORS[403]) if credentials.is_refused(key) else None


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _shown(mail: Mail) -> dict[str, Any]:
    to = mail.payload["to"]
    return {
        "object": "email",
        "id": mail.id,
        "to": to if isinstance(to, list) else [to],
        "from": mail.payload["from"],
        "created_at": mail.at,
        "subject": mail.payload["subject"],
        "html": mail.payload.get("html"),
        "text": mail.payload.get("text"),
        "last_event": "delivered",
    }
