"""What is known of a model: limits, prices, reasoning habits, and its entry in the list.

Shape of the list: OpenRouter API reference (models); prices there are strings in US dollars
per token.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

_MILLION = Decimal(1_000_000)
_EFFORTS = ("high", "medium", "low", "minimal")


def per_token(usd_per_million: str) -> str:
    """'1.25' -> '0.00000125', never in exponent form."""
    return f"{Decimal(usd_per_million) / _MILLION:f}"


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens."""

    prompt: str
    completion: str
    cache_read: str | None = None
    cache_write: str | None = None

    def listed(self) -> dict[str, str]:
        named = {
            "prompt": self.prompt,
            "completion": self.completion,
            "input_cache_read": self.cache_read,
            "input_cache_write": self.cache_write,
        }
        return {name: per_token(usd) for name, usd in named.items() if usd is not None}


@dataclass(frozen=True, slots=True)
class Tier:
    """Prices for prompts of at least `min_prompt_tokens`."""

    min_prompt_tokens: int
    price: Price


@dataclass(frozen=True, slots=True)
class Model:
    """`thinks` is the usual number of reasoning tokens for a valuation, 0 for none."""

    slug: str
    name: str
    context: int
    max_output: int
    price: Price
    providers: tuple[str, ...]
    canonical: str = ""
    tier: Tier | None = None
    thinks: int = 0
    reasoning_mandatory: bool = False
    samples: bool = True
    chars_per_token: float = 3.9
    expires: str | None = None
    native_stop: str = "STOP"

    def cost(self, prompt_tokens: int, completion_tokens: int) -> Decimal:
        """USD for one request, at the tier its prompt length falls into."""
        tier = self.tier
        long = tier is not None and prompt_tokens >= tier.min_prompt_tokens
        price = tier.price if tier is not None and long else self.price
        prompt = prompt_tokens * Decimal(price.prompt)
        return (prompt + completion_tokens * Decimal(price.completion)) / _MILLION

    @property
    def permaslug(self) -> str:
        return self.canonical or self.slug

    @property
    def direct_id(self) -> str:
        """The vendor's own id for the same model: no author, dashes instead of dots."""
        author, _, bare = self.slug.partition("/")
        return bare.replace(".", "-") if author == "anthropic" else bare

    def listed(self) -> dict[str, Any]:
        """The entry of `GET /models`."""
        return {
            "id": self.slug,
            "canonical_slug": self.permaslug,
            "hugging_face_id": "",
            "name": self.name,
            "created": 1_750_000_000,
            "description": f"{self.name}, as rehearsed.",
            "context_length": self.context,
            "architecture": _ARCHITECTURE,
            "pricing": self._pricing(),
            "top_provider": {
                "context_length": self.context,
                "max_completion_tokens": self.max_output,
                "is_moderated": False,
            },
            "per_request_limits": None,
            "supported_parameters": self._parameters(),
            "default_parameters": {},
            "expiration_date": self.expires,
            "reasoning": self._reasoning(),
        }

    def _pricing(self) -> dict[str, Any]:
        price: dict[str, Any] = {**self.price.listed(), "request": "0", "image": "0"}
        if self.tier is not None:
            override = {"min_prompt_tokens": self.tier.min_prompt_tokens}
            price["overrides"] = [override | self.tier.price.listed()]
        return price

    def _parameters(self) -> list[str]:
        common = ["max_tokens", "response_format", "stop", "structured_outputs", "tools"]
        sampling = ["temperature", "top_p", "seed"] if self.samples else []
        return sorted([*common, *sampling, *(["reasoning"] if self.thinks else [])])

    def _reasoning(self) -> dict[str, Any] | None:
        if not self.thinks:
            return None
        return {
            "supported_efforts": list(_EFFORTS),
            "default_effort": "medium",
            "default_enabled": True,
            "supports_max_tokens": self.samples,
            "mandatory": self.reasoning_mandatory,
        }


_ARCHITECTURE = {
    "modality": "text+image->text",
    "input_modalities": ["text", "image"],
    "output_modalities": ["text"],
    "tokenizer": "Other",
    "instruct_type": None,
}

ALIASES: Mapping[str, str] = {
    "~google/gemini-pro-latest": "google/gemini-3.1-pro-preview",
    "~anthropic/claude-sonnet-latest": "anthropic/claude-sonnet-5.5",
    "~openai/gpt-latest": "openai/gpt-6.1-sol",
}

# Once served, now "No endpoints found"; everything else unknown is an invalid id.
LONG_GONE = frozenset(
    {
        "anthropic/claude-3.5-sonnet",
        "anthropic/claude-3.7-sonnet",
        "anthropic/claude-sonnet-4",
    }
)

_ROUTING_SUFFIXES = (":nitro", ":floor", ":exacto")


class Catalogue:
    """Look-ups over the models that are on offer."""

    def __init__(self, models: Iterable[Model]) -> None:
        self.models = tuple(models)
        self._by_slug = {model.slug: model for model in self.models}
        self._by_direct_id = {model.direct_id: model for model in self.models}

    def get(self, slug: str) -> Model | None:
        """Resolves aliases and routing suffixes."""
        for suffix in _ROUTING_SUFFIXES:
            slug = slug.removesuffix(suffix)
        return self._by_slug.get(ALIASES.get(slug, slug))

    def direct(self, author: str, model_id: str) -> Model | None:
        """By the vendor's own id, dated snapshots included."""
        for known, model in self._by_direct_id.items():
            exact = model_id == known or _is_dated(model_id, known)
            if exact and model.slug.startswith(f"{author}/"):
                return model
        return None


def _is_dated(model_id: str, known: str) -> bool:
    rest = model_id.removeprefix(f"{known}-")
    return rest != model_id and rest.replace("-", "").isdigit() and len(rest) >= 8
