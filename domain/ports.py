"""What the stories need from the outside, as protocols.

The real things live in `ledger`, `llm`, `payments`, `mail` and `doorbell`; tests hand in honest
fakes which pass the same suites.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.acceptance import Verdict
from domain.answer import Answer, Attempt, Prompt
from domain.job import Claim, Job, Kind, MailDuty, MailTo, RawOrder, Reason, Stage
from domain.order import Horse


class Clock(Protocol):
    """Time as the story sees it: aware UTC for documents, monotonic seconds for budgets."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class Jobs(Protocol):
    """The ledger's verbs for a worker. Each is one compare-and-set on owner and fence.

    Every verb that takes a claim raises LostClaim when the claim no longer holds, and
    Unavailable when MongoDB does not answer.
    """

    async def claim(self, job_id: str, *, owner: str) -> Claim | None:
        """Take a due job that nobody alive works on; None when there is nothing to take.

        A job that starts is shown as `preparing`, one that holds its order as `analyzing`.
        """
        ...

    async def link(self, claim: Claim, order_id: str) -> bool:
        """Bind the job to its order; the stage becomes `analyzing`.

        False: another paid session holds that order already.
        """
        ...

    async def reach(self, claim: Claim, stage: Stage) -> None: ...

    async def count_attempt(self, claim: Claim) -> None:
        """Count an attempt that failed; the one that is accepted is counted by `journal`."""
        ...

    async def journal(self, claim: Claim, answer: Answer) -> Claim:
        """Store the accepted answer and count its attempt; the state becomes `answered`."""
        ...

    async def deliver(self, claim: Claim, mails: dict[MailTo, MailDuty]) -> Claim:
        """Write the journaled answer to the order and mark the job delivered, both or neither.

        Raises AlreadyAnswered when the order holds a result that is not this job's.
        """
        ...

    async def wait(self, claim: Claim, until: datetime, reason: Reason) -> None: ...

    async def park(self, claim: Claim, reason: Reason) -> None:
        """Give the job to a human; the mails which a parking owes are due with it."""
        ...

    async def release(self, claim: Claim) -> None:
        """Hand the job back, due at once: `running` becomes `queued`, later states stay."""
        ...

    async def settle_mail(
        self, claim: Claim, to: MailTo, duty: MailDuty, *, rest: bool = False
    ) -> Claim:
        """Write down what became of a mail; with `rest` let go of the job in the same write."""
        ...

    async def rest(self, claim: Claim) -> None:
        """Let go of a delivered or parked job; it is due again when its next mail is.

        One that was retried by hand meanwhile is due at once.
        """
        ...


class Orders(Protocol):
    """The site's documents, read only; results are written by `Jobs.deliver` alone."""

    async def find(self, kind: Kind, *, order_id: str | None, session_id: str) -> RawOrder | None:
        """Look up by document id first, then by Stripe session."""
        ...


class Records(Protocol):
    """The owner's collections `ai_requests` and `error_logs`. Never raises: a record is no duty."""

    async def attempt(self, job: Job, horse: Horse, attempt: Attempt) -> None: ...

    async def error(
        self,
        *,
        job: Job | None,
        error_type: str,
        code: str,
        message: str,
        model: str | None = None,
        stack: str | None = None,
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to the chain. `judge` decides whether an answer text is a product."""

    kind: Kind
    prompt: Prompt
    judge: Callable[[str], Awaitable[Verdict]]
    request_id: str


@dataclass(frozen=True, slots=True)
class Watch:
    """How the chain tells the story what happens while it works."""

    on_attempt: Callable[[Attempt], Awaitable[None]]
    on_stage: Callable[[Stage], Awaitable[None]]


class Chain(Protocol):
    """The fallback chain: primary, secondary, tertiary, then the direct emergency stages."""

    async def answer(self, ask: Ask, watch: Watch) -> Answer:
        """Return the first accepted answer; raises ChainExhausted."""
        ...


class Ringer(Protocol):
    """The doorbell. Never blocks and never raises: the rescue loop rings again."""

    def ring(self, job_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Buyer:
    """Whom to write to, re-read from Stripe at send time and never stored.

    Amounts in minor units.
    """

    email: str | None
    first_name: str | None
    amount_total: int | None
    currency: str | None
    source: str | None


class Buyers(Protocol):
    async def of(self, session_id: str) -> Buyer:
        """Raises Unavailable when Stripe does not answer or does not know the session."""
        ...


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail, ready to send. `key` is its identity for the provider's deduplication."""

    key: str
    to: Sequence[str]
    subject: str
    text: str
    html: str


class Mailer(Protocol):
    async def send(self, letter: Letter) -> str:
        """Return the provider's id of the mail; raises Unavailable when it was not taken."""
        ...


class Presence(Protocol):
    """One heartbeat per worker process; who is silent for too long is taken for dead."""

    async def beat(self, owner: str, *, holding: Collection[str]) -> None: ...

    async def leave(self, owner: str) -> None: ...
