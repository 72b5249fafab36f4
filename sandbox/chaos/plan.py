"""What will be broken, and when: a list of blows that follows from the seed alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import cycle, islice
from random import Random
from typing import Final


class Step(StrEnum):
    """How far a worker was with a job when it died."""

    CLAIMED = "claimed"
    PREPARED = "prepared"
    ASKED = "model asked"
    RECEIVED = "answer received"
    JOURNALED = "journaled"
    DELIVERED = "delivered"
    MAILED = "mail sent"


class Fault(StrEnum):
    """One way to break something; the first word says what is broken."""

    WORKER_KILL = "worker kill -9"
    WORKER_DEPLOY = "worker rolling restart"
    WEB_KILL = "web kill -9"
    BEAT_KILL = "beat kill -9"
    REDIS_RESTART = "redis kill -9, data kept"
    REDIS_LOSS = "redis kill -9, data lost"
    REDIS_FLUSH = "redis FLUSHALL"
    REDIS_FREEZE = "redis frozen"
    REDIS_FULL = "redis out of memory"
    MONGO_RESTART = "mongodb kill -9"
    MONGO_STEP_DOWN = "mongodb step-down"
    MONGO_FREEZE = "mongodb frozen"
    MONGO_DROPS = "mongodb drops connections"
    MODELS_429 = "models 429 storm"
    MODELS_401 = "models 401 storm"
    MODELS_HANG = "models hang"
    MODELS_EMPTY = "models empty answers"
    MODELS_5XX = "models 5xx"
    MODELS_UNFIT = "models unfit answers"
    MAIL_DOWN = "mail provider 503"
    MAIL_TAKES_AND_DROPS = "mail taken, connection reset"
    STRIPE_DOWN = "stripe API 503"
    CUSTOMERS_RUSH = "customers rush"

    @property
    def target(self) -> str:
        """Return what is broken; no two blows hit one target at a time."""
        return self.value.split()[0]


INSTANT: Final = frozenset(
    {Fault.WORKER_KILL, Fault.WORKER_DEPLOY, Fault.WEB_KILL, Fault.BEAT_KILL, Fault.REDIS_FLUSH}
)
OTHERS: Final = tuple(fault for fault in Fault if fault is not Fault.WORKER_KILL)
SHORT: Final = (
    Fault.WORKER_DEPLOY,
    Fault.WEB_KILL,
    Fault.BEAT_KILL,
    Fault.REDIS_LOSS,
    Fault.REDIS_FREEZE,
    Fault.REDIS_FULL,
    Fault.MONGO_RESTART,
    Fault.MONGO_STEP_DOWN,
    Fault.MONGO_DROPS,
    Fault.MODELS_401,
    Fault.MODELS_5XX,
    Fault.MAIL_TAKES_AND_DROPS,
)
"""What fits into a test run: each kind of target, the nastier ways."""

_SECONDS: Final = (2.0, 6.0)
_LEFT_AT_THE_END: Final = 300


@dataclass(frozen=True, slots=True)
class Blow:
    """One fault. It falls when `mark` jobs have ended, or later if its target is still down.

    `victim` numbers the copy that is hit, from 1; a kill with a `step` waits until the victim has
    a job there. `seconds` is how long an outage lasts.
    """

    number: int
    fault: Fault
    mark: int
    victim: int | None = None
    step: Step | None = None
    seconds: float = 0.0

    def __str__(self) -> str:
        who = f" {self.victim}" if self.victim else ""
        where = f" at '{self.step}'" if self.step else ""
        span = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.number:3}  after {self.mark:5} jobs  {self.fault}{who}{where}{span}"


def make_plan(
    seed: int,
    *,
    jobs: int,
    kills: int,
    workers: int,
    beats: int = 2,
    rounds: int = 1,
    others: Sequence[Fault] = OTHERS,
) -> tuple[Blow, ...]:
    """Return the blows in order. Every second kill aims at a named step, all steps in turn.

    Each of `others` falls once per round. The marks leave enough jobs for the last blow to meet.
    """
    rng = Random(f"plan|{seed}")
    faults: list[tuple[Fault, Step | None]] = list(_kills(rng, kills))
    faults += [(fault, None) for _ in range(rounds) for fault in others]
    rng.shuffle(faults)
    last = jobs - min(jobs / 4, _LEFT_AT_THE_END)
    marks = [round(last * (i + 0.5) / len(faults)) for i in range(len(faults))]
    copies = {Fault.WORKER_KILL: workers, Fault.BEAT_KILL: beats}
    return tuple(
        Blow(
            number=number,
            fault=fault,
            mark=mark,
            victim=rng.randint(1, copies[fault]) if fault in copies else None,
            step=step,
            seconds=0.0 if fault in INSTANT else round(rng.uniform(*_SECONDS), 1),
        )
        for number, ((fault, step), mark) in enumerate(zip(faults, marks, strict=True), start=1)
    )


def _kills(rng: Random, count: int) -> Iterator[tuple[Fault, Step | None]]:
    steps = list(Step)
    rng.shuffle(steps)
    aimed = min(count, max(len(steps), count // 2))
    for step in islice(cycle(steps), aimed):
        yield Fault.WORKER_KILL, step
    for _ in range(count - aimed):
        yield Fault.WORKER_KILL, None
