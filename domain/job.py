"""The job: our duty to one paid session, and the words for its life."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from domain.answer import Answer
from domain.tolerance import OpenStrEnum

# Stripe's ids may grow and change their alphabet, and newer builds may sell further kinds; only
# what could never be an id is refused.
_JOB_ID: Final = re.compile(r"[a-z][a-z_-]{0,31}:[!-~]{1,255}")


class Kind(StrEnum):
    """What was bought; also the first half of every job id."""

    VALUATION = "valuation"
    CERTIFICATE = "certificate"


class State(StrEnum):
    """`queued -> running -> answered -> delivered`, and three side states."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    ANSWERED = "answered"
    DELIVERED = "delivered"
    PARKED = "parked"
    CANCELLED = "cancelled"


UNDELIVERED = (State.QUEUED, State.RUNNING, State.WAITING, State.ANSWERED, State.PARKED)


class Stage(StrEnum):
    """How far a running job has come, in the words the result page shows."""

    PREPARING = "preparing"
    ANALYZING = "analyzing"
    GENERATING = "generating"
    FINALIZING = "finalizing"


class ReasonCode(StrEnum):
    """Why a job waits, is parked or was cancelled. Each parking reason has a runbook page.

    `newer_build` is never written: it is how a code reads that this build does not know.
    """

    INVALID_ORDER = "invalid_order"
    ORDER_MISSING = "order_missing"
    MALFORMED_REFERENCE = "malformed_reference"
    MISSING_REFERENCE = "missing_reference"
    AMOUNT_MISMATCH = "amount_mismatch"
    CURRENCY_MISMATCH = "currency_mismatch"
    LIVEMODE_MISMATCH = "livemode_mismatch"
    UNSUPPORTED_MODE = "unsupported_mode"
    DUPLICATE_PAYMENT = "duplicate_payment"
    FOREIGN_RESULT = "foreign_result"
    CHAIN_EXHAUSTED = "chain_exhausted"
    INTERNAL_ERROR = "internal_error"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    BY_HAND = "by_hand"
    MALFORMED_SESSION = "malformed_session"
    ERASED = "erased"
    NEWER_BUILD = "newer_build"


def _known_stage(value: object) -> object:
    """A stage of a newer build reads as none: it is only shown."""
    return None if isinstance(value, str) and value not in {*Stage} else value


def _known_code(value: object) -> object:
    is_unknown = isinstance(value, str) and value not in {*ReasonCode}
    return ReasonCode.NEWER_BUILD if is_unknown else value


class Reason(BaseModel):
    """A state's cause. `field` is the site's own field name; `detail` never holds customer text."""

    model_config = ConfigDict(frozen=True)

    code: ReasonCode
    field: str | None = None
    detail: str = ""

    @model_validator(mode="before")
    @classmethod
    def _keep_the_word(cls, stored: Any) -> Any:
        """Keep a newer build's code in `detail`, where a human sees it."""
        if not isinstance(stored, dict) or _known_code(code := stored.get("code")) == code:
            return stored
        detail = ": ".join(str(part) for part in (code, stored.get("detail")) if part)
        return stored | {"code": ReasonCode.NEWER_BUILD, "detail": detail}


class MailState(OpenStrEnum):
    """The life of one mail. `off` means that the shop sends no mails at all."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    OFF = "off"


class MailDuty(BaseModel):
    """One mail owed for a job, kept in the job under `mails.<what>`.

    `edition` counts the mails that followed a settled one of the same sort; each has a key of its
    own for the provider. The time granted begins with `asked_at`, or with the delivery without it.
    What a newer build keeps here besides is kept.
    """

    model_config = ConfigDict(extra="allow")

    state: MailState = MailState.PENDING
    tries: int = 0
    not_before: datetime | None = None
    sent_at: datetime | None = None
    provider_id: str | None = None
    error: str | None = None
    edition: int = 0
    asked_at: datetime | None = None


class MailTo(OpenStrEnum):
    """What a mail is for: `customer` and `delay` go to the customer, the others to the shop.

    `customer` and `admin` follow a delivery. `delay` is the one honest word to a customer who
    waits, `refund-proposal` says that we could not deliver, `parked` tells of other parkings.
    Any other is a newer build's, to be sent by it.
    """

    CUSTOMER = "customer"
    ADMIN = "admin"
    DELAY = "delay"
    REFUND_PROPOSAL = "refund-proposal"
    PARKED = "parked"


class PaymentFacts(BaseModel):
    """What Stripe said about the money, without personal data. Amounts in minor units."""

    amount_total: int | None = None
    amount_subtotal: int | None = None
    amount_discount: int | None = None
    currency: str | None = None
    payment_status: str | None = None
    payment_intent: str | None = None
    livemode: bool | None = None
    source: str | None = None


class Money(BaseModel):
    """How refunds and disputes leave a job's payment. Amounts in minor units.

    `refunded` is what has gone back and stayed there. `heard` counts the notices this adds up: as
    long as the inbox keeps them, of two views the one that heard more is the later one.
    """

    heard: int = 0
    refunded: int = 0
    fully_refunded: bool = False
    disputes: dict[str, str] = Field(default_factory=dict)


class Job(BaseModel):
    """One document of the collection `jobs`; unknown fields of later versions are kept out.

    `rounds` counts the waits for the reason `rounds_for`; `deaths` counts the workers that died
    with the job in hand. The time granted begins with `reopened_at`, or `created_at` without it.
    From `slimmed_at` on the answer's text stands in the order alone; from `erased_at` on nothing
    here tells about the customer any more.
    `holds_order`: at most one job per order may be worked, and this is the one.
    `parked_at` is the newest parking, `told_at` when an alert told of it.
    """

    model_config = ConfigDict(populate_by_name=True, extra="ignore")

    id: str = Field(alias="_id")
    kind: Kind
    session_id: str
    order_id: str | None = None
    holds_order: bool = False
    state: State
    stage: Annotated[Stage | None, BeforeValidator(_known_stage)] = None
    reason: Reason | None = None
    not_before: datetime | None = None
    attempts: int = 0
    rounds: int = 0
    rounds_for: Annotated[ReasonCode | None, BeforeValidator(_known_code)] = None
    deaths: int = 0
    owner: str | None = None
    fence: int = 0
    answer: Answer | None = None
    payment: PaymentFacts = Field(default_factory=PaymentFacts)
    money: Money = Field(default_factory=Money)
    mails: dict[MailTo, MailDuty] = Field(default_factory=dict)
    certificate_number: str | None = None
    created_at: datetime
    updated_at: datetime
    reopened_at: datetime | None = None
    started_at: datetime | None = None
    delivered_at: datetime | None = None
    slimmed_at: datetime | None = None
    erased_at: datetime | None = None
    parked_at: datetime | None = None
    told_at: datetime | None = None


class Claim(BaseModel):
    """The right to write to a job: every write must carry the owner and the fence."""

    model_config = ConfigDict(frozen=True)

    job: Job
    owner: str
    fence: int

    @property
    def job_id(self) -> str:
        return self.job.id


@dataclass(frozen=True, slots=True)
class Opening:
    """A paid session as it reaches us. With a `reason` the job is born parked.

    `money` is what has gone back of the payment by now; a withdrawn one is born cancelled.
    """

    kind: Kind
    session_id: str
    order_id: str | None
    payment: PaymentFacts
    reason: Reason | None = None
    money: Money = field(default_factory=Money)


def job_id_for(kind: Kind, session_id: str) -> str:
    """Name a job after its intent, so that two events about one session meet in one job."""
    return f"{kind.value}:{session_id}"


def is_job_id(text: str) -> bool:
    """Say whether a worker takes this for a job's id; Stripe's own ids are printable ASCII."""
    return _JOB_ID.fullmatch(text) is not None


RawOrder = dict[str, Any]
"""An order document as the site stores it, with `_id` as a hex string."""
