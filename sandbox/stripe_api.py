"""Stripe's read API: checkout sessions and events.

Source: Stripe API reference (authentication, errors, pagination, expanding).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web
from multidict import MultiDict

from sandbox import credentials
from sandbox.scenario import Step
from sandbox.stripe_account import Page, Shelf, UnknownCursorError, Wanted
from sandbox.stripe_charges import payment_intent
from sandbox.stripe_world import API_VERSION, Json, line_items
from sandbox.wire import HANG, Script, html, reply, reset_after
from sandbox.world import World, drawn, perform

_KEY = re.compile(r"(?:sk|rk)_(test|live)_\w+")
_CURSORS = frozenset({"limit", "starting_after", "ending_before", "expand[]"})
_RANGE = re.compile(r"created(?:\[(gt|gte|lt|lte)\])?")
_EXPANDABLE = frozenset({"line_items", "payment_intent", "payment_intent.latest_charge"})
_INDEX = re.compile(r"\[\d+\]")
_PERMISSIONS = {
    "/v1/checkout/sessions": "checkout_session",
    "/v1/checkout/sessions/{id}": "checkout_session",
    "/v1/events": "event",
    "/v1/events/{id}": "event",
}
_Query = MultiDict[str]
_Answer = Callable[[web.Request, _Query, bool], Json]


class StripeRefusalError(Exception):
    """A request Stripe answers with an error; carries the script of that answer."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        kind = "api_error" if status >= 500 else "invalid_request_error"
        self.body = {"error": {"type": kind, "message": message, **more}}
        self.status = status

    def script(self, request_id: str) -> Script:
        return reply(self.body, status=self.status, headers=_headers(request_id))


def _headers(request_id: str) -> dict[str, str]:
    return {"Request-Id": request_id, "Stripe-Version": API_VERSION}


def _fault(step: Step, after_s: float) -> Script | None:
    if step.name == "ok":
        return None
    if step.name == "hang":
        return HANG
    if step.name == "reset":
        return reset_after(after_s)
    if step.name == "503_html":
        return html(503, after_s)
    headers = {"Retry-After": str(step.retry_after)} if step.name == "429" else {}
    kind = "api_error" if int(step.name) >= 500 else "invalid_request_error"
    error = {"type": kind, "message": "Scripted refusal"}
    if step.name == "429":
        error |= {"code": "rate_limit", "message": "Too many requests hit the API too quickly."}
    return reply({"error": error}, status=int(step.name), after_s=after_s, headers=headers)


class StripeApi:
    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        answers: dict[str, _Answer] = {
            "/v1/checkout/sessions": self._sessions,
            "/v1/checkout/sessions/{id}": self._session,
            "/v1/events": self._events,
            "/v1/events/{id}": self._event,
        }
        return [web.get(path, self._handler(path, answer)) for path, answer in answers.items()]

    def _handler(self, path: str, answer: _Answer) -> Callable[..., Any]:
        async def handle(request: web.Request) -> web.StreamResponse:
            key = credentials.bearer_or_basic(request)
            with self._world.recording("stripe", request, vendor="stripe", key=key) as entry:
                draw = drawn(request, self._world.director.stripe())
                entry.outcome = draw.step.name
                script = _fault(draw.step, draw.refusal_s)
                script = script or self._refusal(key, _PERMISSIONS[path])
                script = script or self._answered(request, key, answer, draw.latency_s)
                return await perform(request, entry, script)

        return handle

    def _refusal(self, key: str, resource: str) -> Script | None:
        if not credentials.lacks(key, resource):
            return None
        refusal = StripeRefusalError(
            403,
            f"The provided key 'rk_****{credentials.suffix(key)}' does not have the required "
            "permissions for this endpoint on account 'acct_sandbox'. Having the "
            f"'rak_{resource}_read' permission would allow this request to continue.",
        )
        return refusal.script(self._world.ids.stripe("req", 14))

    def _answered(self, request: web.Request, key: str, answer: _Answer, after_s: float) -> Script:
        request_id = self._world.ids.stripe("req", 14)
        try:
            found = answer(request, _query(request), _livemode(key))
        except StripeRefusalError as refusal:
            return refusal.script(request_id)
        return reply(found, after_s=after_s, headers=_headers(request_id))

    def _session(self, request: web.Request, query: _Query, livemode: bool) -> Json:  # noqa: FBT001  # one shape for all answers
        session_id = request.match_info["id"]
        found = self._world.stripe.sessions.get(session_id)
        if found is None or found["livemode"] is not livemode:
            raise _missing("checkout.session", session_id, "session", other_mode=found)
        return self._expanded(found, query.getall("expand[]", []))

    def _expanded(self, found: Json, wanted: Iterable[str]) -> Json:
        shown, paths = dict(found), set(wanted)
        if paths - _EXPANDABLE:
            raise StripeRefusalError(
                400, f"This property cannot be expanded ({min(paths - _EXPANDABLE)})."
            )
        if "line_items" in paths:
            shown["line_items"] = line_items(found, self._world.ids)
        intent_id = found["payment_intent"]
        if intent_id and any(path.startswith("payment_intent") for path in paths):
            charge = self._world.stripe.charges.get(intent_id)
            shown["payment_intent"] = payment_intent(found, charge)
            if charge and "payment_intent.latest_charge" in paths:
                shown["payment_intent"]["latest_charge"] = charge
        return shown

    def _sessions(self, request: web.Request, query: _Query, livemode: bool) -> Json:  # noqa: FBT001  # one shape for all answers
        plain = {"status", "payment_intent", "payment_link"}
        _refuse_unknown(query, {*plain, "customer_details[email]"})
        filters = [_in_mode(livemode), *_created(query)]
        filters += [_equals(name, query[name]) for name in plain & set(query)]
        if "customer_details[email]" in query:
            filters.append(_has_email(query["customer_details[email]"]))
        return _listed(request.path, query, self._world.stripe.sessions, filters)

    def _event(self, request: web.Request, query: _Query, livemode: bool) -> Json:  # noqa: FBT001  # one shape for all answers
        _refuse_unknown(query, ())
        event_id = request.match_info["id"]
        found = self._world.stripe.events.get(event_id)
        if found is None or found["livemode"] is not livemode or not self._world.stripe.kept(found):
            raise _missing("event", event_id, "id")
        return found

    def _events(self, request: web.Request, query: _Query, livemode: bool) -> Json:  # noqa: FBT001  # one shape for all answers
        _refuse_unknown(query, {"type", "types[]", "delivery_success"})
        filters = [_in_mode(livemode), self._world.stripe.kept, *_created(query)]
        types = set(query.getall("types[]", [])) | set(query.getall("type", []))
        if len(types) > 20:
            raise StripeRefusalError(400, "You may specify up to 20 types.", param="types")
        if types:
            filters.append(lambda event: event["type"] in types)
        if "delivery_success" in query:
            delivered = query["delivery_success"] == "true"
            filters.append(lambda event: (event["pending_webhooks"] == 0) is delivered)
        return _listed(request.path, query, self._world.stripe.events, filters)


def _livemode(key: str) -> bool:
    found = _KEY.fullmatch(key)
    if not key:
        raise StripeRefusalError(401, "You did not provide an API key.")
    if found is None or credentials.is_refused(key):
        raise StripeRefusalError(401, f"Invalid API Key provided: ****{credentials.suffix(key)}")
    return found[1] == "live"


def _missing(
    kind: str, item_id: str, param: str, other_mode: Json | None = None
) -> StripeRefusalError:
    message = f"No such {kind}: '{item_id}'"
    if other_mode is not None:
        theirs, ours = ("live", "test") if other_mode["livemode"] else ("test", "live")
        message += (
            f"; a similar object exists in {theirs} mode, but a {ours} mode key was used to "
            "make this request."
        )
    return StripeRefusalError(404, message, code="resource_missing", param=param)


def _query(request: web.Request) -> _Query:
    """Array parameters under one name: clients write both `types[]` and `types[0]`."""
    return MultiDict((_INDEX.sub("[]", name), value) for name, value in request.query.items())


def _refuse_unknown(query: _Query, known: Iterable[str]) -> None:
    for name in query:
        if name not in _CURSORS and name not in known and not _RANGE.fullmatch(name):
            message = f"Received unknown parameter: {name}"
            raise StripeRefusalError(400, message, code="parameter_unknown", param=name)


def _created(query: _Query) -> list[Wanted]:
    filters = []
    for name, value in query.items():
        found = _RANGE.fullmatch(name)
        if found is not None:
            filters.append(_bound(found[1], _integer(name, value)))
    return filters


def _bound(operator: str | None, value: int) -> Wanted:
    bounds: dict[str | None, Wanted] = {
        None: lambda item: item["created"] == value,
        "gt": lambda item: item["created"] > value,
        "gte": lambda item: item["created"] >= value,
        "lt": lambda item: item["created"] < value,
        "lte": lambda item: item["created"] <= value,
    }
    return bounds[operator]


def _integer(name: str, value: str) -> int:
    if not value.isdecimal():
        raise StripeRefusalError(400, f"Invalid integer: {value}", param=name)
    return int(value)


def _in_mode(livemode: bool) -> Wanted:  # noqa: FBT001  # a value to compare with, not a switch
    return lambda item: item["livemode"] is livemode


def _equals(name: str, value: str) -> Wanted:
    return lambda item: item[name] == value


def _has_email(value: str) -> Wanted:
    return lambda item: (item["customer_details"] or {}).get("email") == value


def _listed(path: str, query: _Query, shelf: Shelf, filters: list[Wanted]) -> Json:
    page = _page(query, shelf, lambda item: all(keep(item) for keep in filters))
    return {
        "object": "list",
        "url": path,
        "has_more": page.has_more,
        "data": page.data,
    }


def _page(query: _Query, shelf: Shelf, wanted: Wanted) -> Page:
    limit = _integer("limit", query.get("limit", "10"))
    if not 1 <= limit <= 100:
        raise StripeRefusalError(400, "Limit must be between 1 and 100.", param="limit")
    after, before = query.get("starting_after"), query.get("ending_before")
    if after is not None and before is not None:
        raise StripeRefusalError(400, "You may only specify one of starting_after, ending_before.")
    try:
        return shelf.page(wanted, limit=limit, starting_after=after, ending_before=before)
    except UnknownCursorError as error:
        cursor = "starting_after" if after is not None else "ending_before"
        raise _missing("object", str(error), cursor) from error
