"""Whether the chain's models have a future. Slugs die; this says so weeks ahead."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from domain.answer import Tier
from llm.catalogue import ModelSpec
from llm.listing import ListedModel

EXPIRY_NOTICE: Final = timedelta(days=45)
ROOM_TO_THINK: Final = 6000


class Concern(StrEnum):
    UNKNOWN = "unknown_slug"
    EXPIRING = "expiring"
    CAP_TOO_LARGE = "cap_too_large"
    NO_ROOM_TO_THINK = "no_room_to_think"


@dataclass(frozen=True, slots=True)
class SlugWarning:
    """Something to change in the configuration before customers notice."""

    slug: str
    concern: Concern
    detail: str


def check_slugs(
    specs: Iterable[ModelSpec], models: Iterable[ListedModel], today: date
) -> list[SlugWarning]:
    """Compare the chain with the listing; direct models are not listed and not checked."""
    listed = {model.id: model for model in models}
    return [
        warning
        for spec in specs
        if spec.tier is not Tier.EMERGENCY
        for warning in _check(spec, listed.get(spec.slug) or _base(listed, spec.slug), today)
    ]


def _base(listed: dict[str, ListedModel], slug: str) -> ListedModel | None:
    """Find the model behind a routing suffix such as `:nitro`; `:free` is a listing of its own."""
    base, _, suffix = slug.partition(":")
    return None if suffix == "free" else listed.get(base)


def _check(spec: ModelSpec, model: ListedModel | None, today: date) -> Iterator[SlugWarning]:
    if model is None:
        yield SlugWarning(spec.slug, Concern.UNKNOWN, "not in OpenRouter's list of models")
        return
    if model.expires is not None and model.expires - today <= EXPIRY_NOTICE:
        days = (model.expires - today).days
        yield SlugWarning(
            spec.slug, Concern.EXPIRING, f"removed on {model.expires}, in {days} days"
        )
    cap = model.max_completion_tokens
    if cap is not None and spec.max_tokens > cap:
        yield SlugWarning(
            spec.slug, Concern.CAP_TOO_LARGE, f"max_tokens {spec.max_tokens}, the model gives {cap}"
        )
    if model.reasoning_mandatory and not spec.reasoning_budget and spec.max_tokens < ROOM_TO_THINK:
        yield SlugWarning(
            spec.slug,
            Concern.NO_ROOM_TO_THINK,
            f"it always reasons, and max_tokens is {spec.max_tokens}",
        )
