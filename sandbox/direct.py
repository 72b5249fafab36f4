"""What the direct vendors have in common: plain JSON replies, no padding, no streams here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox import credentials
from sandbox.catalogue import Model
from sandbox.completion import Ask, Completion, complete
from sandbox.draws import Draw
from sandbox.journal import Entry
from sandbox.outcomes import CHAT, Stage
from sandbox.scenario import Step
from sandbox.wire import HANG, Ending, Head, Script, encode, html, reset_after
from sandbox.world import World, drawn, perform

_TIMEOUTS = frozenset({"408", "504", "524"})
_EMPTY = frozenset({"null_choices", "empty_choices"})


@dataclass(frozen=True, slots=True)
class Question:
    """A request in neutral terms: the id asked for, the model behind it, what to answer."""

    model_id: str
    model: Model
    ask: Ask


@dataclass(frozen=True, slots=True)
class Dialect:
    """A vendor's own way to answer and to refuse.

    `read` gives a question, or the refusal's script when the request is not acceptable;
    `refuse` takes (step, seconds to wait); `answer` takes (question, completion, reply id);
    `nothing` is laid over an answer that has no choices or content blocks.
    """

    vendor: str
    path: str
    id_prefix: str
    nothing: Mapping[str, Any]
    key: Callable[[web.Request], str]
    read: Callable[[web.Request, bytes, World], Question | Script]
    refuse: Callable[[Step, float], Script]
    answer: Callable[[Question, Completion, str], dict[str, Any]]


class Vendor:
    """One POST endpoint spoken in a dialect."""

    def __init__(self, world: World, dialect: Dialect) -> None:
        self._world = world
        self._dialect = dialect

    def routes(self) -> list[web.RouteDef]:
        return [web.post(self._dialect.path, self.handle)]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        key = self._dialect.key(request)
        facts = {"vendor": self._dialect.vendor, "key": key}
        with self._world.recording("chat", request, body=raw, **facts) as entry:
            return await perform(request, entry, self._script(request, entry, raw, key))

    def _script(self, request: web.Request, entry: Entry, raw: bytes, key: str) -> Script:
        if credentials.is_refused(key):
            return _noted(entry, self._dialect.refuse(Step(name="401"), 0))
        question = self._dialect.read(request, raw, self._world)
        if isinstance(question, Script):
            return _noted(entry, question)
        entry.model = question.model_id
        draw = drawn(request, self._world.director.chat(question.model_id))
        entry.outcome = draw.step.name
        script, entry.generation_id = self._played(question, draw.unstreamed())
        return script

    def _played(self, question: Question, draw: Draw) -> tuple[Script, str | None]:
        name = draw.step.name
        if CHAT[name].stage is Stage.STATUS:
            slow = name in _TIMEOUTS
            return self._refused(draw.step, draw.latency_s if slow else draw.refusal_s), None
        if name.startswith(("error_in_200", "null_everything")) or name == "finish_error":
            # These shapes are OpenRouter's own; a direct vendor fails openly.
            return self._refused(Step(name="500"), draw.refusal_s), None
        done = complete(question.ask, question.model, draw.step)
        reply_id = f"{self._dialect.id_prefix}{self._world.ids.alnum(24)}"
        body = self._dialect.answer(question, done, reply_id)
        if name in _EMPTY:
            body |= self._dialect.nothing
        return _delivered(encode(body), name, draw.latency_s), reply_id

    def _refused(self, step: Step, after_s: float) -> Script:
        if step.name == "52x_html":
            return html(step.status, after_s)
        return self._dialect.refuse(step, after_s)


def _noted(entry: Entry, script: Script) -> Script:
    entry.outcome = f"refused_{script.status}"
    return script


def _delivered(body: bytes, name: str, latency_s: float) -> Script:
    if name == "hang":
        return HANG
    if name == "reset_before_headers":
        return reset_after(latency_s)
    if name == "html_200":
        return html(200, latency_s)
    cuts = {"cut_json": 2 / 3, "reset_mid_json": 1 / 2, "pads_only": 0, "reset_after_pads": 0}
    endings = {
        "hang_after_pads": Ending.SILENCE,
        "slow_pads": Ending.SILENCE,
        "reset_after_pads": Ending.RESET,
        "reset_mid_json": Ending.RESET,
    }
    if name in cuts or name in endings:
        cut = body[: int(len(body) * cuts.get(name, 0))]
        ending = endings.get(name, Ending.CLOSE)
        return Script(pieces=((latency_s, cut),), head=Head.EARLY, ending=ending)
    return Script(pieces=((latency_s, body),))
