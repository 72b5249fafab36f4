"""What we know about models: a table handed in, corrected by what OpenRouter lists."""

from collections.abc import Iterable, Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from domain.answer import Tier
from llm.listing import ListedModel
from llm.pricing import Price

_SAFE_MAX_TOKENS: Final = 12_000
_ROOM_FACTOR: Final = 2
_ROOM_LIMIT: Final = 32_000
_SHARE_OF_CAP: Final = 0.5


class ModelTraits(BaseModel):
    """One model of the table. The defaults suit any model that OpenRouter serves.

    `max_tokens` includes reasoning. `reasoning_budget` (tokens) or `reasoning_effort`, not both.
    Prices in USD per million tokens.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    max_tokens: int = Field(default=_SAFE_MAX_TOKENS, gt=0)
    output_cap: int | None = Field(default=None, gt=0)
    reasoning_budget: int | None = Field(default=None, gt=0)
    reasoning_effort: str | None = None
    temperature_allowed: bool = True
    json_schema_supported: bool = False
    price_in: float | None = Field(default=None, ge=0)
    price_out: float | None = Field(default=None, ge=0)


class ModelSpec(ModelTraits):
    """A model in its place in the chain, with everything a request needs to know."""

    slug: str
    tier: Tier

    @property
    def price(self) -> Price | None:
        if self.price_in is None or self.price_out is None:
            return None
        return Price(self.price_in, self.price_out)

    def with_more_room(self) -> "ModelSpec":
        """Return the same model with a larger token cap, for answers that were cut short."""
        limit = min(self.output_cap or _ROOM_LIMIT, _ROOM_LIMIT)
        larger = min(self.max_tokens * _ROOM_FACTOR, limit)
        return self.model_copy(update={"max_tokens": max(self.max_tokens, larger)})


class Catalogue:
    """Specs by slug. `learn` takes in a fresh listing; without one the table stands alone."""

    def __init__(self, known: Mapping[str, ModelTraits]) -> None:
        self._known = dict(known)
        self._listed: Mapping[str, ListedModel] = {}

    def learn(self, models: Iterable[ListedModel]) -> None:
        """Replace what was listed before; served names (`canonical_slug`) are found as well."""
        fresh = list(models)
        by_served = {model.canonical_slug: model for model in fresh if model.canonical_slug}
        self._listed = by_served | {model.id: model for model in fresh}

    def spec_for(self, slug: str, tier: Tier) -> ModelSpec:
        """Return the spec of any slug; an unknown one gets safe defaults."""
        listed = self._find(slug) if tier is not Tier.EMERGENCY else None
        traits = self._known.get(slug)
        if traits is None:
            traits = _guess(listed, tier)
        spec = ModelSpec(
            **traits.model_dump(exclude={"name"}),
            name=(traits.name or display_name(slug)).lower(),
            slug=slug,
            tier=tier,
        )
        return _within_caps(spec, listed) if listed else spec

    def price_of(self, served: str | None, spec: ModelSpec) -> Price | None:
        """Return the price of the model that served, which may not be the one asked."""
        listed = self._find(served) if served else None
        known = listed.price if listed else None
        return known or spec.price

    def _find(self, slug: str) -> ListedModel | None:
        return self._listed.get(slug) or self._listed.get(slug.partition(":")[0])


def display_name(slug: str) -> str:
    """Turn `google/gemini-2.5-pro` into `gemini 2.5 pro`."""
    model = slug.rpartition("/")[2].partition(":")[0]
    return model.lstrip("~").replace("-", " ").lower()


def _guess(listed: ListedModel | None, tier: Tier) -> ModelTraits:
    """Direct APIs answer 400 to a parameter they do not know; OpenRouter drops it."""
    if listed is None:
        return ModelTraits(temperature_allowed=tier is not Tier.EMERGENCY)
    price = listed.price
    return ModelTraits(
        temperature_allowed=listed.supports("temperature"),
        json_schema_supported=listed.supports("structured_outputs"),
        price_in=price.per_million_in if price else None,
        price_out=price.per_million_out if price else None,
    )


def _within_caps(spec: ModelSpec, listed: ListedModel) -> ModelSpec:
    """A cap above a provider's own removes that provider or yields a 400 upstream."""
    cap = listed.max_completion_tokens
    if cap is None:
        return spec
    caps = [cap] if spec.output_cap is None else [cap, spec.output_cap]
    update: dict[str, int] = {"output_cap": min(caps), "max_tokens": min(spec.max_tokens, cap)}
    if spec.reasoning_budget and spec.reasoning_budget >= update["max_tokens"]:
        update["reasoning_budget"] = max(int(update["max_tokens"] * _SHARE_OF_CAP), 1)
    return spec.model_copy(update=update)
