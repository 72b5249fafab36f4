"""Reading a chat request, and the refusals that need no model.

Source: OpenRouter OpenAPI document (ChatRequest, ProviderPreferences) and API reference.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from sandbox.catalogue import LONG_GONE, Catalogue, Model
from sandbox.completion import Ask, wants_certificate
from sandbox.messages import Message, conversation, instructions
from sandbox.openrouter.errors import Failure, failure
from sandbox.scenario import Scenario

_PROVIDER_KEYS = frozenset(
    {
        "order",
        "only",
        "ignore",
        "allow_fallbacks",
        "require_parameters",
        "data_collection",
        "zdr",
        "enforce_distillable_text",
        "quantizations",
        "sort",
        "preferred_min_throughput",
        "preferred_max_latency",
        "max_price",
    }
)


class Reasoning(BaseModel):
    effort: str | None = None
    max_tokens: int | None = None
    enabled: bool | None = None
    exclude: bool = False


class ChatBody(BaseModel):
    """Unknown fields are accepted and ignored, as OpenRouter does outside `provider`."""

    messages: list[Message] = Field(min_length=1)
    model: str | None = None
    models: list[str] = Field(default_factory=list)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    stream: bool = False
    response_format: dict[str, Any] | None = None
    provider: dict[str, Any] | None = None
    reasoning: Reasoning | None = None
    reasoning_effort: str | None = None

    @property
    def candidates(self) -> list[str]:
        """Models in the order they are tried."""
        first = [self.model] if self.model else []
        return [*first, *(slug for slug in self.models if slug != self.model)]

    @property
    def token_limit(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    @property
    def effort(self) -> str | None:
        return (self.reasoning and self.reasoning.effort) or self.reasoning_effort

    def ask(self, model: Model) -> Ask:
        system, user = instructions(self.messages), conversation(self.messages)
        return Ask(
            system=system,
            user=user,
            max_tokens=min(self.token_limit or model.max_output, model.max_output),
            wants_json=wants_certificate(system, user, self.response_format),
            effort="none" if self._reasoning_off else self.effort or "medium",
            # Models without sampling knobs also ignore a thinking budget.
            thinking_budget=self.reasoning.max_tokens if self.reasoning and model.samples else None,
        )

    @property
    def _reasoning_off(self) -> bool:
        switched_off = self.reasoning is not None and self.reasoning.enabled is False
        return switched_off or self.effort == "none"

    def refuses_reasoning(self, model: Model) -> bool:
        return model.reasoning_mandatory and self._reasoning_off


def read(raw: bytes) -> ChatBody | Failure:
    try:
        return ChatBody.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"])) or "body"
        return failure("400_bad_param", message=f"{where}: {first['msg']}")


def preflight(body: ChatBody, scenario: Scenario) -> Failure | None:
    """What is refused whichever model is asked."""
    unknown = sorted(set(body.provider or {}) - _PROVIDER_KEYS)
    if unknown and scenario.strict_provider:
        return failure("400_bad_param", message=f"provider: Unrecognized key(s): {unknown}")
    if body.reasoning and body.reasoning.effort and body.reasoning.max_tokens:
        return failure("400_bad_param", message="reasoning: use either effort or max_tokens")
    if not body.candidates:
        return failure("400_bad_param", message="model: Required")
    return None


def locate(slug: str, body: ChatBody, catalogue: Catalogue, scenario: Scenario) -> Model | Failure:
    """The model behind `slug`, if it may serve this request."""
    if slug in LONG_GONE or slug in scenario.retired_models:
        return failure("404_no_endpoints", model=slug)
    model = catalogue.get(slug)
    if model is None:
        return failure("400_unknown_model", model=slug)
    if body.refuses_reasoning(model):
        return failure("400_reasoning_mandatory", model=slug)
    if body.ask(model).prompt_tokens > model.context:
        return failure("400_context", model=slug)
    return _affordable(body, model, scenario) or model


def _affordable(body: ChatBody, model: Model, scenario: Scenario) -> Failure | None:
    """The estimate assumes the model's longest output when no limit was sent."""
    if scenario.credit_usd is None:
        return None
    wanted = body.token_limit or model.max_output
    credit = Decimal(str(scenario.credit_usd))
    prompt_cost = model.cost(body.ask(model).prompt_tokens, 0)
    if prompt_cost + model.cost(0, wanted) <= credit:
        return None
    left = max(Decimal(0), credit - prompt_cost)
    afford = int(left / (Decimal(model.price.completion) / 1_000_000))
    message = (
        "This request requires more credits, or fewer max_tokens. You requested up to "
        f"{wanted} tokens, but can only afford {afford}."
    )
    return failure("402", model=model.slug, message=message)
