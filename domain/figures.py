"""The shop in numbers, as those who look after it read them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from domain.answer import AttemptOutcome, Tier
from domain.job import Kind, MailState, MailTo, Reason, Stage, State
from domain.proof import Proof

LATENCY_BOUNDS_MS: Final = (
    1_000, 2_500, 5_000, 10_000, 15_000, 30_000, 45_000, 60_000, 90_000, 120_000, 180_000,
)  # fmt: skip
COST_BOUNDS_USD: Final = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class JobFigures(BaseModel):
    """Jobs of one state; `oldest` is the birth of the oldest of them."""

    model_config = ConfigDict(frozen=True)

    state: State
    count: int
    oldest: datetime


class MailFigures(BaseModel):
    model_config = ConfigDict(frozen=True)

    to: MailTo
    state: MailState
    count: int


class AttemptFigures(BaseModel):
    """Attempts that ended alike. The lists count those at or below each bound, cumulatively."""

    model_config = ConfigDict(frozen=True)

    model: str
    tier: Tier
    outcome: AttemptOutcome
    count: int
    latency_ms: float
    cost_usd: float
    latency_buckets: tuple[int, ...]
    cost_buckets: tuple[int, ...]


class WorkerFigures(BaseModel):
    model_config = ConfigDict(frozen=True)

    alive: int
    silent: int
    holding: int


class ChoreFigures(BaseModel):
    """A chore of the clock; `age_s` are the seconds since its last success, None before it."""

    model_config = ConfigDict(frozen=True)

    name: str
    period_s: float
    age_s: float | None


class Figures(BaseModel):
    """Everything that is counted in the ledger at one moment; no `proof` before the first one."""

    model_config = ConfigDict(frozen=True)

    jobs: Sequence[JobFigures]
    mails: Sequence[MailFigures]
    attempts: Sequence[AttemptFigures]
    workers: WorkerFigures
    chores: Sequence[ChoreFigures]
    proof: Proof | None = None


class JobLine(BaseModel):
    """One job as the shop's people see it: no answer, no customer."""

    model_config = ConfigDict(populate_by_name=True, extra="ignore")

    id: str = Field(validation_alias="_id")
    kind: Kind
    session_id: str
    order_id: str | None = None
    state: State
    stage: Stage | None = None
    reason: Reason | None = None
    attempts: int = 0
    rounds: int = 0
    owner: str | None = None
    not_before: datetime | None = None
    created_at: datetime
    updated_at: datetime
    delivered_at: datetime | None = None


class Performance(BaseModel):
    """One model on one day, as the daily aggregation left it."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())

    model_id: str
    date: date
    metrics: dict[str, Any]
    error_breakdown: dict[str, int] = Field(default_factory=dict)
    updated_at: datetime | None = None
