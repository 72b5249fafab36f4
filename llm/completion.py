"""One call to one model: what is asked, what comes back, and who can ask."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from domain.answer import Prompt
from llm.catalogue import ModelSpec
from llm.pricing import Tokens


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is known about who served a call, also when the call failed halfway."""

    model_served: str | None = None
    provider: str | None = None
    generation_id: str | None = None
    tokens: Tokens | None = None

    def updated(self, news: "Receipt") -> "Receipt":
        """Return this receipt with everything the news know better."""
        return Receipt(
            model_served=news.model_served or self.model_served,
            provider=news.provider or self.provider,
            generation_id=news.generation_id or self.generation_id,
            tokens=news.tokens or self.tokens,
        )


@dataclass(frozen=True, slots=True)
class Completion:
    """A complete answer text. `finish_reason` is None where the provider gave none."""

    text: str
    finish_reason: str | None
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Call:
    """One question to one model, to be over within `deadline_s` seconds, whatever happens.

    `on_first_token` is awaited once, when the first visible text arrives.
    """

    spec: ModelSpec
    prompt: Prompt
    request_id: str
    deadline_s: float
    on_first_token: Callable[[], Awaitable[None]]


class Caller(Protocol):
    """A provider's API. Callers with one `account` share a key, its limits and its troubles."""

    @property
    def account(self) -> str: ...

    async def complete(self, call: Call) -> Completion:
        """Raises ModelFailure, and nothing else that is the provider's fault."""
        ...
