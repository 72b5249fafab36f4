"""`POST /api/v1/chat/completions`: from a request to a script."""

from __future__ import annotations

import time

from aiohttp import web

from sandbox import credentials
from sandbox.catalogue import Model
from sandbox.completion import complete
from sandbox.draws import Draw
from sandbox.journal import Entry
from sandbox.openrouter import reply, stream
from sandbox.openrouter.errors import Failure, failure, refused
from sandbox.openrouter.reply import Generation
from sandbox.openrouter.request import ChatBody, locate, preflight, read
from sandbox.outcomes import CHAT, Stage
from sandbox.wire import Script
from sandbox.world import World, drawn, perform

_STAND_IN = "openai/gpt-4o"


class Chat:
    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/api/v1/chat/completions", self.completions)]

    async def completions(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        key = credentials.bearer(request)
        facts = {"vendor": "openrouter", "key": key}
        with self._world.recording("chat", request, body=raw, **facts) as entry:
            return await perform(request, entry, self._script(request, entry, raw, key))

    def _script(self, request: web.Request, entry: Entry, raw: bytes, key: str) -> Script:
        if credentials.is_refused(key):
            return _noted(entry, failure("401"))
        body = read(raw)
        if isinstance(body, Failure):
            return _noted(entry, body)
        entry.stream = body.stream
        entry.model = body.candidates[0] if body.candidates else None
        wrong = preflight(body, self._world.scenario)
        return _noted(entry, wrong) if wrong else self._first_served(request, entry, body)

    def _first_served(self, request: web.Request, entry: Entry, body: ChatBody) -> Script:
        """The first candidate that does not refuse; the last refusal when all do."""
        *earlier, last = body.candidates
        for slug in earlier:
            script, served = self._attempt(request, entry, body, slug)
            if served:
                return script
        return self._attempt(request, entry, body, last)[0]

    def _attempt(
        self, request: web.Request, entry: Entry, body: ChatBody, slug: str
    ) -> tuple[Script, bool]:
        model = locate(slug, body, self._world.catalogue, self._world.scenario)
        if isinstance(model, Failure):
            return _noted(entry, model), False
        draw = drawn(request, self._world.director.chat(slug))
        entry.outcome = draw.step.name
        draw = draw if body.stream else draw.unstreamed()
        if CHAT[draw.step.name].stage is Stage.STATUS:
            times = {"latency_s": draw.latency_s, "refusal_s": draw.refusal_s}
            return refused(draw.step, slug, model.providers[0], **times), False
        return self._serve(entry, body, model, draw), True

    def _serve(self, entry: Entry, body: ChatBody, model: Model, draw: Draw) -> Script:
        generation = self._generate(body, model, draw)
        self._world.generations.remember(generation)
        entry.generation_id = generation.id
        if body.stream:
            return stream.script(generation, draw)
        return reply.script(generation, draw)

    def _generate(self, body: ChatBody, model: Model, draw: Draw) -> Generation:
        created = int(time.time())
        generation_id = self._world.ids.generation(created)
        provider = model.providers[ord(generation_id[-1]) % len(model.providers)]
        return Generation(
            id=generation_id,
            created=created,
            served=_served_name(model, draw),
            provider=draw.step.provider or provider,
            model=model,
            done=complete(body.ask(model), model, draw.step),
            streamed=body.stream,
        )


def _served_name(model: Model, draw: Draw) -> str:
    if draw.step.name != "ok_fallback_model":
        return model.permaslug
    return draw.step.model or _STAND_IN


def _noted(entry: Entry, refusal: Failure) -> Script:
    """A refusal nobody scripted; the journal names it by its status."""
    entry.outcome = f"refused_{refusal.status}"
    return refusal.script()
