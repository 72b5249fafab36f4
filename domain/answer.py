"""What models return and what is kept of it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Tier(StrEnum):
    """The owner's names for the stages of the chain."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    TERTIARY = "tertiary"
    EMERGENCY = "emergency"


class Usage(BaseModel):
    """Tokens as the provider's own tokenizer counts them; `output` includes `reasoning`.

    `cost_usd` is what was charged; `cost_estimated` says it came from a price list instead.
    """

    model_config = ConfigDict(frozen=True)

    input_tokens: int = Field(default=0, ge=0)
    output_tokens: int = Field(default=0, ge=0)
    reasoning_tokens: int = Field(default=0, ge=0)
    cached_tokens: int = Field(default=0, ge=0)
    cost_usd: float = Field(default=0.0, ge=0)
    cost_estimated: bool = False

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


class PromptStamp(BaseModel):
    """Which prompt produced an answer: its version and the hash of the template's text."""

    model_config = ConfigDict(frozen=True)

    version: str
    sha256: str


class Prompt(BaseModel):
    """A rendered prompt, ready for any chat model. `json_schema` asks for structured output."""

    model_config = ConfigDict(frozen=True)

    system: str
    user: str
    stamp: PromptStamp
    temperature: float
    json_schema: dict[str, Any] | None = None


def _known_tier(value: object) -> object:
    is_unknown = isinstance(value, str) and value not in {*Tier}
    return Tier.EMERGENCY if is_unknown else value


class Answer(BaseModel):
    """An accepted answer, journaled in the job before anything else happens with it.

    `text` is unchanged apart from outer white space. `certificate` holds the parsed
    `zertifikat_data` of a certificate. `price_low` and `price_high` are whole units of `currency`.
    A tier of a newer build reads as the last one, so that no paid answer is lost for its label.
    """

    text: str
    certificate: dict[str, Any] | None = None
    price_low: int
    price_high: int
    currency: str = "EUR"
    tier: Annotated[Tier, BeforeValidator(_known_tier)]
    model_asked: str
    model_served: str
    model_name: str
    provider: str | None = None
    generation_id: str | None = None
    usage: Usage
    latency_ms: int = Field(ge=0)
    prompt: PromptStamp
    accepted_at: datetime


class AttemptOutcome(StrEnum):
    """How one call to one model ended; `error_breakdown` counts the failures by these."""

    ACCEPTED = "accepted"
    UNACCEPTED = "unaccepted"
    TIMEOUT = "timeout"
    RATE_LIMIT = "rate_limit"
    API_ERROR = "api_error"
    OTHER = "other"


class Attempt(BaseModel):
    """The record of one call to one model, failed or not.

    `verdict` lists the reasons of an unaccepted answer; `error_*` describe a failed call.
    `rejected_text` is kept only for unaccepted answers, so that a human can judge the filter.
    """

    model_config = ConfigDict(frozen=True)

    started_at: datetime
    tier: Tier
    model_asked: str
    model_served: str | None = None
    provider: str | None = None
    generation_id: str | None = None
    outcome: AttemptOutcome
    verdict: tuple[str, ...] = ()
    error_type: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    http_status: int | None = None
    retry_number: int = Field(default=0, ge=0)
    usage: Usage = Usage()
    latency_ms: int = Field(default=0, ge=0)
    prompt: PromptStamp
    rejected_text: str | None = None
