"""OpenRouter's GET endpoints: catalogue, key, credits, generation statistics."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from sandbox import credentials
from sandbox.catalogue import Model
from sandbox.openrouter.errors import Failure, failure
from sandbox.openrouter.generations import statistics
from sandbox.scenario import Step
from sandbox.wire import HANG, Script, html, reply, reset_after
from sandbox.world import World, drawn, perform

_Answer = Callable[[web.Request, str], Script]
_UNDRESSED = {"429": "429_retry_after", "404": "404_upstream", "403": "403_guardrail"}


def fault(step: Step, after_s: float) -> Script | None:
    """The script of a scripted fault; None when the request is to be answered properly."""
    if step.name == "ok":
        return None
    if step.name == "hang":
        return HANG
    if step.name == "reset":
        return reset_after(after_s)
    if step.name == "503_html":
        return html(503, after_s)
    return failure(_UNDRESSED.get(step.name, step.name), step=step).script(after_s)


class Reads:
    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        answers: dict[str, _Answer] = {
            "/api/v1/models": self._models,
            "/api/v1/model/{author}/{slug}": self._model,
            "/api/v1/models/{author}/{slug}/endpoints": self._endpoints,
            "/api/v1/key": self._key,
            "/api/v1/credits": self._credits,
            "/api/v1/generation": self._generation,
        }
        return [web.get(path, self._handler(answer)) for path, answer in answers.items()]

    def _handler(self, answer: _Answer) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.StreamResponse:
            key = credentials.bearer(request)
            with self._world.recording("reads", request, vendor="openrouter", key=key) as entry:
                draw = drawn(request, self._world.director.reads())
                entry.outcome = draw.step.name
                script = fault(draw.step, draw.refusal_s) or answer(request, key)
                return await perform(request, entry, script)

        return handle

    def _offered(self) -> list[Model]:
        retired = self._world.scenario.retired_models
        return [model for model in self._world.catalogue.models if model.slug not in retired]

    def _models(self, _request: web.Request, _key: str) -> Script:
        listed = [model.listed() for model in self._offered()]
        return reply({"data": listed, "total_count": len(listed), "links": {"next": None}})

    def _model(self, request: web.Request, _key: str) -> Script:
        found = self._find(request)
        return found.script() if isinstance(found, Failure) else reply({"data": found.listed()})

    def _endpoints(self, request: web.Request, _key: str) -> Script:
        found = self._find(request)
        if isinstance(found, Failure):
            return found.script()
        listed = found.listed()
        shared = {name: listed[name] for name in ("id", "name", "created", "description")}
        endpoints = [_endpoint(found, listed, provider) for provider in found.providers]
        data = {**shared, "architecture": listed["architecture"], "endpoints": endpoints}
        return reply({"data": data})

    def _find(self, request: web.Request) -> Model | Failure:
        slug = f"{request.match_info['author']}/{request.match_info['slug']}"
        model = self._world.catalogue.get(slug)
        if model is None or model not in self._offered():
            return failure("404_no_endpoints", model=slug)
        return model

    def _key(self, _request: web.Request, key: str) -> Script:
        if credentials.is_refused(key):
            return failure("401").script()
        limit = self._world.scenario.credit_usd
        return reply({"data": _key_data(key, limit)})

    def _credits(self, _request: web.Request, key: str) -> Script:
        if credentials.is_refused(key):
            return failure("401").script()
        message = "Only management keys can fetch credits for an account"
        return Failure(403, message, {"error_type": "permission_denied"}).script()

    def _generation(self, request: web.Request, key: str) -> Script:
        if credentials.is_refused(key):
            return failure("401").script()
        wanted = request.query.get("id", "")
        found = self._world.generations.find(wanted, self._world.scenario.generation_misses)
        if found is None:
            message = f"Generation {wanted} not found"
            return Failure(404, message, {"error_type": "not_found"}).script()
        created_at = datetime.fromtimestamp(found.created, UTC).isoformat()
        return reply({"data": statistics(found, created_at)})


def _endpoint(model: Model, listed: dict[str, Any], provider: str) -> dict[str, Any]:
    return {
        "name": f"{provider} | {model.slug}",
        "model_id": model.slug,
        "model_name": model.name,
        "context_length": model.context,
        "pricing": listed["pricing"],
        "provider_name": provider,
        "tag": provider.lower().replace(" ", "-"),
        "quantization": "unknown",
        "max_completion_tokens": model.max_output,
        "max_prompt_tokens": None,
        "supported_parameters": listed["supported_parameters"],
        "status": 0,
        "uptime_last_5m": None,
        "uptime_last_30m": 99.8,
        "uptime_last_1d": 99.6,
        "supports_implicit_caching": True,
        "latency_last_30m": None,
        "throughput_last_30m": None,
    }


def _key_data(key: str, limit: float | None) -> dict[str, Any]:
    usages = ("usage", "byok_usage")
    periods = ("", "_daily", "_weekly", "_monthly")
    spent = {f"{name}{period}": 0.0 for name in usages for period in periods}
    return {
        "label": f"sk-or-v1-...{credentials.suffix(key)}",
        "limit": limit,
        "limit_remaining": limit,
        "limit_reset": None,
        "include_byok_in_limit": False,
        **spent,
        "is_free_tier": False,
        "is_management_key": False,
        "is_provisioning_key": False,
        "expires_at": None,
        "creator_user_id": "user_2sandbox",
        "rate_limit": {"requests": -1, "interval": "10s", "note": "deprecated"},
    }
