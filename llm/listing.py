"""OpenRouter's list of models, read leniently (OpenRouter docs, list of models)."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from llm import lenient
from llm.pricing import Price

_PER_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class ListedModel:
    """One entry of `GET /models`, as far as the chain cares. Unknown means None or empty."""

    id: str
    canonical_slug: str | None = None
    expires: date | None = None
    max_completion_tokens: int | None = None
    supported_parameters: frozenset[str] = frozenset()
    reasoning_mandatory: bool = False
    price: Price | None = None

    def supports(self, parameter: str) -> bool:
        return parameter in self.supported_parameters


def read_models(payload: object) -> list[ListedModel]:
    """Read the body of `GET /models`; entries that cannot be read are left out."""
    entries = lenient.row(lenient.table(payload).get("data"))
    models = (_read_model(lenient.table(entry)) for entry in entries)
    return [model for model in models if model is not None]


def _read_model(entry: dict[str, Any]) -> ListedModel | None:
    slug = lenient.name(entry.get("id"))
    if slug is None:
        return None
    parameters = lenient.row(entry.get("supported_parameters"))
    cap = lenient.count(lenient.table(entry.get("top_provider")).get("max_completion_tokens"))
    return ListedModel(
        id=slug,
        canonical_slug=lenient.name(entry.get("canonical_slug")),
        expires=_read_date(entry.get("expiration_date")),
        max_completion_tokens=cap or None,
        supported_parameters=frozenset(p for p in parameters if isinstance(p, str)),
        reasoning_mandatory=lenient.table(entry.get("reasoning")).get("mandatory") is True,
        price=_read_price(lenient.table(entry.get("pricing"))),
    )


def _read_date(value: object) -> date | None:
    try:
        return date.fromisoformat(lenient.text(value)[:10])
    except ValueError:
        return None


def _read_price(pricing: dict[str, Any]) -> Price | None:
    """Prices are strings in USD per token; routers list -1 for "depends"."""
    prompt, completion = (lenient.money(pricing.get(key)) for key in ("prompt", "completion"))
    if prompt is None or completion is None:
        return None
    return Price(float(prompt * _PER_MILLION), float(completion * _PER_MILLION))
