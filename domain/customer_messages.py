"""What the result page tells the customer: friendly, in German, without internals."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.job import Job, Kind, Reason, ReasonCode, Stage, State


class PublicCode(StrEnum):
    """The error codes the front end knows. They name what to say, not what broke."""

    RATE_LIMIT_EXCEEDED = "rate_limit_exceeded"
    MODEL_NOT_AVAILABLE = "model_not_available"
    INSUFFICIENT_CREDITS = "insufficient_credits"
    INVALID_MODEL = "invalid_model"
    CONTEXT_LENGTH_EXCEEDED = "context_length_exceeded"
    GENERAL = "general"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a customer waits longer than usual, or in vain."""

    code: PublicCode
    message: str


ERROR_MESSAGES: Final = {
    PublicCode.RATE_LIMIT_EXCEEDED: (
        "Unsere KI ist gerade stark ausgelastet. Wir versuchen es in wenigen Minuten von selbst "
        "erneut; du musst nichts tun und bekommst eine E-Mail, sobald {product} fertig ist."
    ),
    PublicCode.MODEL_NOT_AVAILABLE: (
        "Unsere KI ist gerade nicht erreichbar. Wir setzen automatisch einen Ersatz ein; "
        "{product} dauert nur etwas länger."
    ),
    PublicCode.INSUFFICIENT_CREDITS: (
        "Gerade gibt es eine vorübergehende Störung. Unser Team ist informiert und kümmert sich "
        "darum; du musst nichts tun."
    ),
    PublicCode.INVALID_MODEL: (
        "Bei uns ist etwas falsch eingestellt. Unser Team ist informiert; bei Fragen hilft dir "
        "unser Support gern weiter."
    ),
    PublicCode.CONTEXT_LENGTH_EXCEEDED: (
        "Die Angaben zu deinem Pferd sind zu lang, um sie auf einmal auszuwerten. Unser Team "
        "meldet sich bei dir."
    ),
    PublicCode.GENERAL: (
        "Bei der Erstellung gab es eine Störung. Unser Team ist informiert und kümmert sich "
        "darum; du musst nichts tun."
    ),
}

_UNPAID: Final = (
    "Für diese Bestellung liegt uns noch keine Zahlungsbestätigung vor. Sobald deine Zahlung "
    "bestätigt ist, geht es hier von selbst weiter."
)
_PRODUCT: Final = {Kind.VALUATION: "deine Bewertung", Kind.CERTIFICATE: "dein Wertgutachten"}
_PROGRESS: Final = {
    State.QUEUED: "Deine Zahlung ist eingegangen; {product} wird gleich erstellt.",
    State.ANSWERED: "Gleich ist es so weit: {product} wird gespeichert.",
    State.DELIVERED: "Geschafft: {product} ist fertig.",
}
_STAGES: Final = {
    Stage.PREPARING: "Wir bereiten die Angaben zu deinem Pferd vor.",
    Stage.ANALYZING: "Die Angaben zu deinem Pferd werden ausgewertet.",
    Stage.GENERATING: "Gerade wird {product} geschrieben.",
    Stage.FINALIZING: "Gleich ist es so weit: {product} wird geprüft.",
}
_ASSIGNING: Final = (
    "Deine Zahlung ist angekommen; wir müssen sie deiner Bestellung aber noch zuordnen. Unser "
    "Team kümmert sich darum und meldet sich bei dir."
)
_CHECKING: Final = (
    "Deine Zahlung ist angekommen, passt aber noch nicht zu deiner Bestellung. Unser Team prüft "
    "das und meldet sich bei dir."
)
_ERASED: Final = "Die Angaben zu dieser Bestellung wurden gelöscht."
_REASONS: Final = {
    ReasonCode.INVALID_ORDER: (
        "Mit den Angaben zu deinem Pferd können wir {product} noch nicht erstellen. Unser Team "
        "meldet sich bei dir."
    ),
    ReasonCode.ORDER_MISSING: _ASSIGNING,
    ReasonCode.MALFORMED_REFERENCE: _ASSIGNING,
    ReasonCode.MALFORMED_SESSION: _ASSIGNING,
    ReasonCode.MISSING_REFERENCE: _ASSIGNING,
    ReasonCode.AMOUNT_MISMATCH: _CHECKING,
    ReasonCode.CURRENCY_MISMATCH: _CHECKING,
    ReasonCode.LIVEMODE_MISMATCH: _CHECKING,
    ReasonCode.UNSUPPORTED_MODE: _CHECKING,
    ReasonCode.DUPLICATE_PAYMENT: (
        "Für diese Bestellung ist mehr als eine Zahlung eingegangen. Unser Team prüft das und "
        "meldet sich bei dir."
    ),
    ReasonCode.REFUNDED: "Deine Zahlung wurde erstattet; darum wird {product} nicht erstellt.",
    ReasonCode.DISPUTED: (
        "Zu deiner Zahlung läuft eine Klärung mit deiner Bank oder deinem Zahlungsdienst. Solange "
        "sie läuft, ruht {product}."
    ),
    ReasonCode.ERASED: _ERASED,
}


def unpaid_message() -> str:
    """Return what to say while an order exists and no payment is known."""
    return _UNPAID


def progress_message(job: Job) -> str:
    """Return what to say about a job's state, trouble included."""
    found = trouble_of(job)
    if found:
        return found.message
    if job.erased_at:
        return _ERASED
    text = _PROGRESS.get(job.state) or _STAGES[job.stage or Stage.PREPARING]
    return text.format(product=_PRODUCT[job.kind])


def trouble_of(job: Job) -> Trouble | None:
    """Return what keeps a waiting, parked or cancelled job, or None when all is well."""
    if job.state not in {State.WAITING, State.PARKED, State.CANCELLED}:
        return None
    code = _public_code(job.state, job.reason)
    text = _REASONS.get(job.reason.code) if job.reason else None
    message = (text or ERROR_MESSAGES[code]).format(product=_PRODUCT[job.kind])
    return Trouble(code=code, message=message)


def _public_code(state: State, reason: Reason | None) -> PublicCode:
    exhausted = reason is None or reason.code is ReasonCode.CHAIN_EXHAUSTED
    if state is State.WAITING and exhausted:
        return PublicCode.RATE_LIMIT_EXCEEDED
    return PublicCode.GENERAL
