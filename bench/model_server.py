"""OpenRouter, Stripe's session and the mail API as cheap as can be, in a process of its own.

`PUT /bench` with {"latency": seconds, "spread": share, "stream": bool} says how models answer: a
spread of 0.5 means evenly between half and one and a half of the latency. `GET /bench` tells
how many calls there were and how many were in flight at once.
"""

import asyncio
import itertools
import json
import sys
from random import Random
from typing import Any, Final

import uvloop
from aiohttp import web

from sandbox import answers
from sandbox.horses import read_horse

BURSTS: Final = 10
CHARACTERS: Final = 16
"""Of a chunk's text: three or four tokens, as providers that batch little send them."""

_HORSE: Final = (
    "Rasse: Hannoveraner\nAlter: 9\nGeschlecht: Wallach\nStockmaß: 168\n"
    "Haupteignung: Dressur\nAusbildung: L\nLand: DE"
)
_USAGE: Final = {
    "prompt_tokens": 900,
    "completion_tokens": 1500,
    "total_tokens": 2400,
    "cost": 0.0123,
}
_ID: Final = "gen-BENCH-000000000000"


class Model:
    """Answers every question with one accepted valuation."""

    def __init__(self) -> None:
        horse = read_horse(_HORSE)
        if horse is None:
            raise RuntimeError("the sandbox cannot read the bench's horse")
        text = answers.valuation(horse)
        self._whole = json.dumps(_completion(text)).encode()
        self._bursts = _bursts(text)
        self._numbers = itertools.count()
        self.latency, self.spread, self.stream = 1.0, 0.0, False
        self._rng = Random(1)  # noqa: S311 - the same waits in every run
        self.calls = self.flying = self.most_flying = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.calls += 1
        self.flying += 1
        self.most_flying = max(self.flying, self.most_flying)
        try:
            return await (self._listen(request) if self.stream else self._wait())
        finally:
            self.flying -= 1

    async def _wait(self) -> web.Response:
        await asyncio.sleep(self._seconds())
        name = self._name()
        return web.Response(
            body=self._whole.replace(_ID.encode(), name.encode()),
            content_type="application/json",
            headers={"X-Generation-Id": name},
        )

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        name = self._name()
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "X-Generation-Id": name}
        )
        await response.prepare(request)
        seconds = self._seconds()
        begun, clock = asyncio.get_running_loop().time(), asyncio.get_running_loop().time
        for number, burst in enumerate(self._bursts, start=1):
            due = begun + seconds * number / len(self._bursts)
            await asyncio.sleep(max(due - clock(), 0))
            await response.write(burst.replace(_ID.encode(), name.encode()))
        await response.write_eof()
        return response

    def _seconds(self) -> float:
        return self.latency * self._rng.uniform(1 - self.spread, 1 + self.spread)

    def _name(self) -> str:
        return f"gen-BENCH-{next(self._numbers):012d}"

    async def change(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        self.latency, self.spread = float(wanted["latency"]), float(wanted["spread"])
        self.stream = bool(wanted["stream"])
        self.calls = self.most_flying = 0
        return web.json_response({})

    async def tell(self, _request: web.Request) -> web.Response:
        return web.json_response({"calls": self.calls, "most_in_flight": self.most_flying})


def make_app() -> web.Application:
    model, app = Model(), web.Application()
    app.router.add_post("/api/v1/chat/completions", model.answer)
    app.router.add_get("/api/v1/models", _models)
    app.router.add_get("/v1/checkout/sessions/{id}", _session)
    app.router.add_post("/emails", _mail)
    app.router.add_put("/bench", model.change)
    app.router.add_get("/bench", model.tell)
    return app


async def _models(_request: web.Request) -> web.Response:
    return web.json_response({"data": []})


async def _session(request: web.Request) -> web.Response:
    details = {"email": "anna@example.org", "name": "Anna Beispiel"}
    return web.json_response(
        {
            "id": request.match_info["id"],
            "object": "checkout.session",
            "amount_total": 1490,
            "currency": "eur",
            "customer_details": details,
            "metadata": {},
        }
    )


async def _mail(_request: web.Request) -> web.Response:
    return web.json_response({"id": "mail-1"})


def _completion(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return _envelope("chat.completion", [choice]) | {"usage": _USAGE}


def _envelope(kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": _ID,
        "provider": "Google",
        "model": "google/gemini-2.5-pro",
        "object": kind,
        "created": 1_763_000_000,
        "choices": choices,
    }


def _bursts(text: str) -> list[bytes]:
    """Return the events of a whole stream, in as many writes as there are bursts."""
    events = [
        _event(text[start : start + CHARACTERS], None) for start in range(0, len(text), CHARACTERS)
    ]
    size = -(-len(events) // BURSTS)
    bursts = [b"".join(events[start : start + size]) for start in range(0, len(events), size)]
    return [*bursts[:-1], bursts[-1] + _event("", "stop") + b"data: [DONE]\n\n"]


def _event(content: str, finish: str | None) -> bytes:
    delta = {"role": "assistant", "content": content}
    chunk = _envelope(
        "chat.completion.chunk", [{"index": 0, "delta": delta, "finish_reason": finish}]
    )
    if finish:
        chunk["usage"] = _USAGE
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


async def _serve(port: int) -> None:
    runner = web.AppRunner(make_app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(_serve(int(sys.argv[1])))
