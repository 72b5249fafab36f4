"""What a worker's story meets besides the ledger: honest stand-ins without any I/O."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from domain.acceptance import Accepted, Rejected, Verdict
from domain.answer import Answer, Attempt, AttemptOutcome, Prompt, PromptStamp, Tier, Usage
from domain.job import Job, Kind, Opening, PaymentFacts, Stage
from domain.order import Horse
from domain.ports import Ask, Buyer, Letter, Watch
from tests.builders import NOW, ORDER_ID, SESSION_ID, order
from tests.fakes.clock import FakeClock
from tests.fakes.ledger import MemoryLedger
from worker.decisions import Patience
from worker.endings import Endings
from worker.mails import OwedMails
from worker.story import Story

STAMP = PromptStamp(version="v1", sha256="0" * 64)
REPORT = "### Zusammenfassung\n\n**Geschätzter Marktwert: 18.000 - 24.000 €**"
JOB_ID = f"valuation:{SESSION_ID}"
OWNER = "host:1:aaaa"
PATIENCE = Patience(
    job_s=30.0, give_up=timedelta(hours=24), chain_waits=(60, 120, 300, 900, 1800, 3600)
)


def answer(text: str = REPORT) -> Answer:
    return Answer(
        text=text,
        price_low=18000,
        price_high=24000,
        tier=Tier.PRIMARY,
        model_asked="google/gemini-2.5-pro",
        model_served="google/gemini-2.5-pro",
        model_name="gemini 2.5 pro",
        usage=Usage(input_tokens=1000, output_tokens=3000, cost_usd=0.04),
        latency_ms=40_000,
        prompt=STAMP,
        accepted_at=NOW,
    )


def prompts(kind: Kind, horse: Horse, job_id: str) -> Prompt:
    user = f"{kind.value} {horse.breed} {job_id}"
    return Prompt(system="Du bewertest Pferde.", user=user, stamp=STAMP, temperature=0.3)


async def judge(_kind: Kind, _horse: Horse, text: str) -> Verdict:
    """Accept what names a market value, as the real one does among much else."""
    if "Marktwert" in text:
        return Accepted(text=text, price_low=18000, price_high=24000)
    return Rejected(reasons=("no_price",))


class ScriptedChain:
    """Gives the scripted answers in turn, then the good one; exceptions are raised."""

    def __init__(self, script: Iterable[Answer | Exception] = ()) -> None:
        self._script = iter(script)
        self.asked: list[Ask] = []
        self.before: Callable[[], None] = lambda: None

    async def answer(self, ask: Ask, watch: Watch) -> Answer:
        self.asked.append(ask)
        await watch.on_stage(Stage.ANALYZING)
        self.before()
        result = next(self._script, answer())
        won = isinstance(result, Answer)
        await watch.on_attempt(
            Attempt(
                started_at=NOW,
                tier=Tier.PRIMARY,
                model_asked="google/gemini-2.5-pro",
                outcome=AttemptOutcome.ACCEPTED if won else AttemptOutcome.API_ERROR,
                prompt=STAMP,
            )
        )
        if isinstance(result, Exception):
            raise result
        return result


class HangingChain:
    """Never answers; `asked` is set when somebody waits for it."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def answer(self, ask: Ask, watch: Watch) -> Answer:  # noqa: ARG002 - the port's signature
        self.asked.set()
        never: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        return await never


@dataclass
class MemoryBuyers:
    """Stripe's view of the buyer; `failures` are raised first, one per look."""

    buyer: Buyer = field(
        default_factory=lambda: Buyer(
            email="anna@example.org",
            first_name="Anna",
            amount_total=1490,
            currency="eur",
            source="google_search",
        )
    )
    failures: list[Exception] = field(default_factory=list)

    async def of(self, session_id: str) -> Buyer:  # noqa: ARG002 - the port's signature
        if self.failures:
            raise self.failures.pop(0)
        return self.buyer


@dataclass
class MemoryMailer:
    """A provider that honours keys: a repeated one sends nothing. `failures` come first."""

    sent: dict[str, Letter] = field(default_factory=dict)
    failures: list[Exception] = field(default_factory=list)

    async def send(self, letter: Letter) -> str:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.setdefault(letter.key, letter)
        return f"mail-{letter.key}"


@dataclass
class RecordingRinger:
    rung: list[str] = field(default_factory=list)
    waiting: int | None = 0

    def ring(self, job_id: str) -> None:
        self.rung.append(job_id)

    async def depth(self) -> int | None:
        return self.waiting


@dataclass
class World:
    """One paid order and everything a worker needs to fulfil it."""

    clock: FakeClock = field(default_factory=FakeClock)
    chain: ScriptedChain = field(default_factory=ScriptedChain)
    buyers: MemoryBuyers = field(default_factory=MemoryBuyers)
    mailer: MemoryMailer = field(default_factory=MemoryMailer)
    ringer: RecordingRinger = field(default_factory=RecordingRinger)
    patience: Patience = PATIENCE

    def __post_init__(self) -> None:
        self.ledger = MemoryLedger(self.clock)

    async def pay(self, **changes: object) -> Job:
        """Store the order with `changes` and open its job."""
        self.ledger.store.put_order(Kind.VALUATION, order(**changes))
        return await self.open()

    async def open(self, session_id: str = SESSION_ID) -> Job:
        """Open the session's job; another session than the usual names no order."""
        payment = PaymentFacts(amount_total=1490, currency="eur", source="google_search")
        job, _ = await self.ledger.paid.open(
            Opening(
                kind=Kind.VALUATION,
                session_id=session_id,
                order_id=ORDER_ID if session_id == SESSION_ID else None,
                payment=payment,
            )
        )
        return job

    @property
    def mails(self) -> OwedMails:
        return OwedMails(
            jobs=self.ledger.jobs,
            orders=self.ledger.orders,
            buyers=self.buyers,
            records=self.ledger.records,
            clock=self.clock,
            mailer=self.mailer,
            admins=("shop@example.org",),
            site_url="https://pferdewert.de",
        )

    @property
    def story(self) -> Story:
        return Story(
            jobs=self.ledger.jobs,
            orders=self.ledger.orders,
            records=self.ledger.records,
            chain=self.chain,
            prompts=prompts,
            judge=judge,
            mails=self.mails,
            endings=Endings(
                jobs=self.ledger.jobs,
                records=self.ledger.records,
                ringer=self.ringer,
                clock=self.clock,
                patience=self.patience,
            ),
            clock=self.clock,
            patience=self.patience,
        )

    async def work(self, *, owner: str = OWNER, story: Story | None = None) -> str:
        await self.ledger.presence.beat(owner, holding=())
        return await (story or self.story).work(JOB_ID, owner=owner)

    async def job(self) -> Job:
        job = await self.ledger.jobs.get(JOB_ID)
        assert job is not None
        return job

    async def result(self) -> str | None:
        raw = await self.ledger.orders.find(
            Kind.VALUATION, order_id=ORDER_ID, session_id=SESSION_ID
        )
        return raw.get("bewertung") if raw else None
