"""The promises, judged on what was seen from outside. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from sandbox.chaos.customers import COMPLETED, DISPUTED, REFUNDED, SUCCEEDED, Sale
from sandbox.chaos.deaths import Outside
from sandbox.chaos.history import JobHistory, OrderHistory
from sandbox.chaos.stories import Course

Json = Mapping[str, Any]

RESULT_FIELD: Final = MappingProxyType({"valuation": "bewertung", "certificate": "zertifikat_data"})
WITHDRAWING: Final = frozenset({REFUNDED, DISPUTED})
PAYING: Final = frozenset({COMPLETED, SUCCEEDED})

_ENDINGS: Final[Mapping[Course, tuple[frozenset[str], ...]]] = MappingProxyType(
    {
        Course.NEVER_PAID: (frozenset(),),
        Course.REFUNDED_FIRST: (frozenset({"cancelled"}),),
        Course.DISPUTED_FIRST: (frozenset({"cancelled"}),),
        Course.REFUNDED_AT_ONCE: (frozenset({"cancelled"}), frozenset({"delivered"})),
        Course.PAID_TWICE: (frozenset({"delivered", "parked"}),),
        Course.WRONG_AMOUNT: (frozenset({"parked"}),),
    }
)
_DELIVERED: Final = (frozenset({"delivered"}),)
_PARKED_FOR: Final = MappingProxyType(
    {Course.PAID_TWICE: "duplicate_payment", Course.WRONG_AMOUNT: "amount_mismatch"}
)


@dataclass(frozen=True, slots=True)
class Breach:
    """A broken promise: which one, whose, and how. No customer data."""

    promise: str
    subject: str
    detail: str


@dataclass(slots=True)
class Observed:
    """What was found when the dust had settled. Documents as MongoDB holds them.

    `orders` by order id, `jobs` by job id, `results` are digests of the orders' results, `good`
    the digests of good answers to the prompts sent for a mark, `mails` as the provider took them.
    """

    sales: Sequence[Sale] = ()
    jobs: Mapping[str, Json] = field(default_factory=dict)
    orders: Mapping[str, Json] = field(default_factory=dict)
    results: Mapping[str, str] = field(default_factory=dict)
    good: Mapping[str, set[str]] = field(default_factory=dict)
    mails: Sequence[Json] = ()
    outside: Outside = field(default_factory=Outside)
    job_histories: Mapping[str, JobHistory] = field(default_factory=dict)
    order_histories: Mapping[str, OrderHistory] = field(default_factory=dict)
    admin: str = "shop@example.org"


def judge(seen: Observed) -> list[Breach]:
    """Return every broken promise."""
    return [
        *_endings(seen),
        *_results(seen),
        *_single_writes(seen),
        *_numbers(seen.orders.values()),
        *_mails(seen),
        *_webhooks(seen.sales),
        *_payments_for_models(seen),
    ]


def _endings(seen: Observed) -> Iterator[Breach]:
    """Every paid session ends delivered, or with a human and a reason, or withdrawn."""
    promise = "every paid session ends as it should"
    known = {job_id for sale in seen.sales for job_id in sale.job_ids}
    for job_id in seen.jobs.keys() - known:
        yield Breach(promise, job_id, "a job nobody paid for")
    for sale in seen.sales:
        states = [str(seen.jobs[j]["state"]) for j in sale.job_ids if j in seen.jobs]
        allowed = _ENDINGS.get(sale.story.course, _DELIVERED)
        if frozenset(states) not in allowed or len(states) != sale.story.jobs:
            expected = " or ".join("+".join(sorted(ending)) or "no job" for ending in allowed)
            found = ", ".join(states) or "no job"
            detail = f"{sale.story.course}: expected {expected}, found {found}"
            yield Breach(promise, _subject(sale), detail)
        yield from _reasons(sale, seen.jobs)


def _reasons(sale: Sale, jobs: Mapping[str, Json]) -> Iterator[Breach]:
    for job_id in sale.job_ids:
        job = jobs.get(job_id, {})
        if job.get("state") == "parked":
            code = (job.get("reason") or {}).get("code")
            if code != _PARKED_FOR.get(sale.story.course):
                yield Breach("nothing is parked without cause", job_id, f"parked for {code}")


def _results(seen: Observed) -> Iterator[Breach]:
    """A delivered order has the good answer to its own prompt; any other order has none."""
    promise = "every order has its own acceptable result"
    for sale in seen.sales:
        states = {seen.jobs[j]["state"] for j in sale.job_ids if j in seen.jobs}
        order = seen.orders.get(sale.order_id)
        if order is None:
            yield Breach(promise, _subject(sale), "the order document is gone")
            continue
        has_result = bool(order.get(RESULT_FIELD[sale.story.kind]))
        if "delivered" not in states:
            if has_result:
                yield Breach(promise, _subject(sale), f"a result although {sorted(states)}")
        elif not has_result:
            yield Breach(promise, _subject(sale), "delivered without a result")
        elif seen.results.get(sale.order_id) not in seen.good.get(sale.story.mark, set()):
            yield Breach(promise, _subject(sale), "the result is no good answer to its own prompt")


def _single_writes(seen: Observed) -> Iterator[Breach]:
    """Each order document is written once, its result once; no document disappears."""
    promise = "every order is updated once"
    for order_id, order in seen.order_histories.items():
        if order.results > 1:
            yield Breach(promise, order_id, f"its result was written {order.results} times")
        elif order.updates > 1:
            yield Breach(promise, order_id, f"it was written {order.updates} times")
        if order.removed:
            yield Breach(promise, order_id, "it was removed")
    for job_id, history in seen.job_histories.items():
        if history.removed:
            yield Breach("jobs are never removed", job_id, "removed")


def _numbers(orders: Iterable[Json]) -> Iterator[Breach]:
    """Certificate numbers of a year are 1, 2, 3 … without gap and repetition."""
    promise = "certificate numbers are unique and without gaps"
    years: dict[str, list[int]] = {}
    for order in orders:
        if number := order.get("zertifikatNummer"):
            year, _, count = str(number).removeprefix("CERT-").partition("-")
            years.setdefault(year, []).append(int(count))
    for year, counts in years.items():
        if sorted(counts) != list(range(1, len(counts) + 1)):
            doubled = [count for count, times in Counter(counts).items() if times > 1]
            gaps = sorted(set(range(1, max(counts))) - set(counts))
            yield Breach(promise, year, f"doubled {doubled[:5]}, missing {gaps[:5]}")


def _mails(seen: Observed) -> Iterator[Breach]:
    """Each owed mail once, a parking told at most once, and nothing else to anybody."""
    promise = "one mail each, by key and by recipient"
    by_key = Counter(str(mail.get("idempotency_key")) for mail in seen.mails)
    by_address = Counter(address for mail in seen.mails for address in recipients(mail))
    owed = {key for sale in seen.sales for key in _owed(seen, sale)}
    for sale in seen.sales:
        count = sum(key.endswith(":customer") for key in _owed(seen, sale))
        if by_address[sale.story.email] != count:
            detail = f"{by_address[sale.story.email]} mails, {count} delivered"
            yield Breach(promise, _subject(sale), detail)
    # A job may have been parked for a while, whatever became of it.
    told = {f"{job_id}:parked" for sale in seen.sales for job_id in sale.job_ids}
    for key in owed | by_key.keys():
        if by_key[key] != (key in owed) and not (key in told - owed and by_key[key] == 1):
            yield Breach(promise, key, f"{by_key[key]} mails instead of {int(key in owed)}")
    to_shop = sum(not key.endswith(":customer") for key in by_key.elements())
    if by_address[seen.admin] != to_shop:
        yield Breach(promise, "shop", f"{by_address[seen.admin]} mails, {to_shop} addressed")


def _owed(seen: Observed, sale: Sale) -> Iterator[str]:
    """Yield the keys of the mails that the end of each job asks for."""
    purposes = {"delivered": ("customer", "admin"), "parked": ("parked",)}
    for job_id in sale.job_ids:
        state = seen.jobs.get(job_id, {}).get("state")
        yield from (f"{job_id}:{purpose}" for purpose in purposes.get(str(state), ()))


def recipients(mail: Json) -> list[str]:
    to = mail.get("to") or []
    return [to] if isinstance(to, str) else list(to)


def _webhooks(sales: Iterable[Sale]) -> Iterator[Breach]:
    """Every event is taken in the end, and none is ever refused as the sender's fault."""
    promise = "every webhook is taken"
    for sale in sales:
        if not sale.is_over:
            yield Breach(promise, _subject(sale), "the customer never got to the end")
        for letter in sale.letters:
            statuses = Counter(t.status for t in letter.tries)
            if letter.taken_at is None:
                yield Breach(promise, letter.event_id, f"never taken: {dict(statuses)}")
            refused = {s: n for s, n in statuses.items() if s is not None and 300 <= s < 500}
            if refused:
                yield Breach(promise, letter.event_id, f"refused: {refused}")


def _payments_for_models(seen: Observed) -> Iterator[Breach]:
    """Nobody asks a model for a job whose answer is journaled, or that is not owed any more."""
    for job_id, history in seen.job_histories.items():
        journaled = history.journaled_at
        calls = seen.outside.calls.get(job_id, ())
        late = [call.at - journaled for call in calls if journaled and call.at > journaled]
        if late:
            detail = f"{len(late)} model calls up to {max(late):.2f} s after journaling"
            yield Breach("a journaled answer is never paid twice", job_id, detail)
    for sale in seen.sales:
        if sale.story.course in {Course.REFUNDED_FIRST, Course.DISPUTED_FIRST, Course.WRONG_AMOUNT}:
            for job_id in sale.job_ids:
                if asked := len(seen.outside.calls.get(job_id, ())):
                    yield Breach("no model is paid for what is not owed", job_id, f"{asked} calls")


def _subject(sale: Sale) -> str:
    return ", ".join(sale.job_ids) or sale.order_id
