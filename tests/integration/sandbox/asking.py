"""How the sandbox's tests speak to a model."""

import json
from typing import Any

import httpx

OPENROUTER = "/api/v1/chat/completions"
KEY = {"Authorization": "Bearer sk-or-v1-rehearsal-abcd"}
SYSTEM = "Du bist Pferdesachverständiger. Schreibe auf Deutsch."
HORSE = (
    "Rasse: Hannoveraner\nAlter: 8 Jahre\nGeschlecht: Stute\nStockmaß: 168 cm\n"
    "Haupteignung: Springen\nAusbildungsstand: M"
)


def body(model: str = "google/gemini-2.5-pro", **more: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": HORSE}]
    return {"model": model, "messages": messages, "max_tokens": 9000, **more}


async def ask(http: httpx.AsyncClient, outcome: str | None = None, **more: Any) -> httpx.Response:
    headers = KEY if outcome is None else KEY | {"x-sandbox-outcome": outcome}
    return await http.post(OPENROUTER, json=body(**more), headers=headers)


def events(response: httpx.Response) -> list[Any]:
    """The data events of a stream, decoded; "[DONE]" stays a string."""
    lines = [line for line in response.text.splitlines() if line.startswith("data: ")]
    data = [line.removeprefix("data: ") for line in lines]
    return [item if item == "[DONE]" else json.loads(item) for item in data]


def streamed_text(found: list[Any]) -> str:
    choices = [choice for event in found if event != "[DONE]" for choice in event["choices"] or []]
    return "".join(choice["delta"].get("content") or "" for choice in choices)
