"""How a call to a model fails.

ModelFailure
├── Unreachable      no reply in time: refused, reset, stalled, too slow
├── Refused          a reply that says no, whatever the HTTP status in front of it
└── Unintelligible   a reply that is no answer: cut, empty, truncated, filtered, not JSON
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.answer import AttemptOutcome, Prompt
from domain.retry import Persistence
from llm.completion import Receipt

MESSAGE_LIMIT: Final = 300
_ECHO_WORDS: Final = 4
_SECRET: Final = re.compile(
    r"\bbearer\s+\S+|\b(?:sk|rk|pk|gsk|whsec)[-_][\w*.-]{6,}|\bre_\w{8,}|\bAIza[\w-]{10,}"
    r"|[\w.+-]+@[\w-]+\.[\w.-]+",
    re.IGNORECASE,
)


class Scope(StrEnum):
    """How far a failure reaches: what else is not worth asking after it."""

    ATTEMPT = "attempt"
    MODEL = "model"
    PLATFORM = "platform"
    ACCOUNT = "account"


class FailureKind(StrEnum):
    """Our closed vocabulary; providers' own words are kept in `code`."""

    TIMEOUT = "timeout"
    STALLED = "stalled"
    CONNECTION = "connection"
    CUT = "cut"
    RATE_LIMITED = "rate_limited"
    UPSTREAM_RATE_LIMITED = "upstream_rate_limited"
    GATEWAY_TIMEOUT = "gateway_timeout"
    SERVER = "server"
    OVERLOADED = "overloaded"
    BAD_REQUEST = "bad_request"
    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    UNAUTHORIZED = "unauthorized"
    PAYMENT_REQUIRED = "payment_required"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    FILTERED = "filtered"
    REFUSAL = "refusal"
    UNACCEPTED = "unaccepted"


@dataclass(frozen=True, slots=True)
class Nature:
    """What follows from a kind. `trips`: it speaks against the model's health."""

    persistence: Persistence
    outcome: AttemptOutcome
    scope: Scope = Scope.ATTEMPT
    trips: bool = False


_FULL, _FEW, _ONCE, _NEVER = (
    Persistence.FULL,
    Persistence.FEW,
    Persistence.ONCE,
    Persistence.NEVER,
)
_API, _SLOW, _LIMIT, _OTHER = (
    AttemptOutcome.API_ERROR,
    AttemptOutcome.TIMEOUT,
    AttemptOutcome.RATE_LIMIT,
    AttemptOutcome.OTHER,
)

NATURE: Final = {
    FailureKind.TIMEOUT: Nature(_FULL, _SLOW, trips=True),
    FailureKind.STALLED: Nature(_FULL, _SLOW, trips=True),
    FailureKind.CONNECTION: Nature(_FULL, _API, trips=True),
    FailureKind.CUT: Nature(_FULL, _API, trips=True),
    FailureKind.RATE_LIMITED: Nature(_FULL, _LIMIT, Scope.PLATFORM),
    FailureKind.UPSTREAM_RATE_LIMITED: Nature(_FEW, _LIMIT, Scope.MODEL, trips=True),
    FailureKind.GATEWAY_TIMEOUT: Nature(_FULL, _SLOW, trips=True),
    FailureKind.SERVER: Nature(_FULL, _API, trips=True),
    FailureKind.OVERLOADED: Nature(_FULL, _API, Scope.MODEL, trips=True),
    FailureKind.BAD_REQUEST: Nature(_NEVER, _API, Scope.MODEL),
    FailureKind.NOT_FOUND: Nature(_NEVER, _API, Scope.MODEL),
    FailureKind.FORBIDDEN: Nature(_NEVER, _API, Scope.MODEL),
    FailureKind.UNAUTHORIZED: Nature(_NEVER, _API, Scope.ACCOUNT),
    FailureKind.PAYMENT_REQUIRED: Nature(_NEVER, _API, Scope.ACCOUNT),
    FailureKind.MALFORMED: Nature(_ONCE, _OTHER),
    FailureKind.TOO_LARGE: Nature(_NEVER, _OTHER, Scope.MODEL),
    FailureKind.EMPTY: Nature(_ONCE, _OTHER),
    FailureKind.TRUNCATED: Nature(_ONCE, _OTHER),
    FailureKind.FILTERED: Nature(_ONCE, _OTHER),
    FailureKind.REFUSAL: Nature(_ONCE, _OTHER),
    FailureKind.UNACCEPTED: Nature(_ONCE, AttemptOutcome.UNACCEPTED),
}


class ModelFailure(Exception):  # noqa: N818 - the family's names read as sentences
    """Base of all three families.

    `message` is the provider's text, shortened and scrubbed; it is kept out of `str()`.
    `retryable` is the provider's own word on asking again, None when it gave none.
    """

    def __init__(
        self,
        kind: FailureKind,
        message: str = "",
        *,
        http_status: int | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
        retryable: bool | None = None,
        receipt: Receipt | None = None,
    ) -> None:
        super().__init__(kind.value)
        self.kind = kind
        self.message = scrub(message)
        self.http_status = http_status
        self.code = code
        self.retry_after_s = retry_after_s
        self.retryable = retryable
        self.receipt = receipt or Receipt()

    @property
    def persistence(self) -> Persistence:
        usual = NATURE[self.kind].persistence
        if self.retryable is False:
            return Persistence.NEVER
        return Persistence.ONCE if self.retryable and usual is Persistence.NEVER else usual

    @property
    def outcome(self) -> AttemptOutcome:
        return NATURE[self.kind].outcome

    @property
    def scope(self) -> Scope:
        return NATURE[self.kind].scope

    @property
    def trips(self) -> bool:
        return NATURE[self.kind].trips

    @property
    def wants_room(self) -> bool:
        """Say whether thinking probably ate the token cap, so that a larger one may help."""
        tokens = self.receipt.tokens
        starved = self.kind is FailureKind.EMPTY and tokens is not None and tokens.reasoning > 0
        return starved or self.kind is FailureKind.TRUNCATED


class Unreachable(ModelFailure):
    """Nobody answered, or not in time. The call may be billed all the same."""


class Refused(ModelFailure):
    """An error reply, with a status of its own or inside a 200."""


class Unintelligible(ModelFailure):
    """A reply without a usable answer in it."""


def scrub(text: str) -> str:
    """Shorten provider text and remove what looks like a key, a token or a mail address."""
    cleaned = _SECRET.sub("[removed]", " ".join(text[: MESSAGE_LIMIT * 4].split()))
    return cleaned[:MESSAGE_LIMIT]


def without_echo(message: str, prompt: Prompt) -> str:
    """Replace every run of four or more words that stands in the prompt like this."""
    asked = " ".join(f"{prompt.system} {prompt.user}".split())
    words, kept, start = message.split(), list[str](), 0
    while start < len(words):
        end = start + _ECHO_WORDS
        if end > len(words) or " ".join(words[start:end]).strip("\"'") not in asked:
            kept.append(words[start])
            start += 1
            continue
        while end < len(words) and " ".join(words[start : end + 1]).strip("\"'") in asked:
            end += 1
        kept.append("[prompt]")
        start = end
    return " ".join(kept)
