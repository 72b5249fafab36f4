"""Which mails a job owes: what its parking adds, what its delivery adds and makes pointless."""

from collections.abc import Mapping
from typing import Final

from domain.job import MailDuty, MailState, MailTo, Reason, ReasonCode, State

Mails = Mapping[MailTo, MailDuty]

BROKEN_PROMISES: Final = frozenset(
    {ReasonCode.CHAIN_EXHAUSTED, ReasonCode.INTERNAL_ERROR, ReasonCode.ORDER_MISSING}
)
"""We took the money and could not deliver, through no fault of the customer's."""

_AFTER_DELIVERY: Final = (MailTo.CUSTOMER, MailTo.ADMIN)
# The customer first: the shop is told what the customer was told.
_WHILE_PARKED: Final = (MailTo.DELAY, MailTo.REFUND_PROPOSAL, MailTo.PARKED)


def owed_in(state: State) -> tuple[MailTo, ...]:
    """Return the mails that may be sent while a job is in this state, in their order."""
    match state:
        case State.DELIVERED:
            return _AFTER_DELIVERY
        case State.PARKED:
            return _WHILE_PARKED
        case State.RUNNING | State.ANSWERED:
            return (MailTo.DELAY,)
        case _:
            return ()


def is_broken_promise(reason: Reason | None) -> bool:
    return reason is not None and reason.code in BROKEN_PROMISES


def after_parking(known: Mails, reason: Reason) -> dict[MailTo, MailDuty]:
    """Return a job's mails once it is parked for `reason`.

    The customer reads of a delay once in a job's life, the shop of each parking. Who parks by
    hand knows of it.
    """
    mails = _without_pointless(known)
    if reason.code is ReasonCode.BY_HAND:
        return mails
    if is_broken_promise(reason):
        mails[MailTo.DELAY] = known.get(MailTo.DELAY, MailDuty())
        mails[MailTo.REFUND_PROPOSAL] = _once_more(known.get(MailTo.REFUND_PROPOSAL))
    else:
        mails[MailTo.PARKED] = _once_more(known.get(MailTo.PARKED))
    return mails


def after_delivery(known: Mails, owed: Mails) -> dict[MailTo, MailDuty]:
    """Return a job's mails once it is delivered: nothing is announced twice, nothing excused."""
    kept = {to: known[to] for to in owed if to in known and _stays(known[to])}
    return _without_pointless(known) | dict(owed) | kept


def _without_pointless(known: Mails) -> dict[MailTo, MailDuty]:
    return {
        to: duty
        for to, duty in known.items()
        if to not in _WHILE_PARKED or duty.state is not MailState.PENDING
    }


def _stays(duty: MailDuty) -> bool:
    """What went out is not announced again; what a newer build does with a mail is its own."""
    return duty.state is MailState.SENT or not duty.state.is_known


def _once_more(before: MailDuty | None) -> MailDuty:
    """Begin a duty anew; one that was settled is followed by a further edition."""
    if before is None:
        return MailDuty()
    if not before.state.is_known:
        return before
    settled = before.state is not MailState.PENDING
    return MailDuty(edition=before.edition + settled)
