"""Errors of our own trade.

DomainError
├── InvalidOrder      the order cannot be valued; names the site's field
├── ChainExhausted    no model gave an acceptable answer within the clock
├── LostClaim         somebody else works on the job now, or it was cancelled
├── AlreadyAnswered   the order holds a result that is not ours
└── Unavailable       a server we need did not answer; trying again is right
"""


class DomainError(Exception):
    """Base of everything the stories in this project raise on purpose."""


class InvalidOrder(DomainError):  # noqa: N818 - reads as the sentence it is
    """An order that no model should be paid for. `field` is the site's own field name."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail


class ChainExhausted(DomainError):  # noqa: N818 - reads as the sentence it is
    """Every stage was tried or skipped. `detail` lists model and failure, no customer text."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class LostClaim(DomainError):  # noqa: N818 - reads as the sentence it is
    """A guarded write matched nothing: the fence has moved on. The work is to be dropped."""


class AlreadyAnswered(DomainError):  # noqa: N818 - reads as the sentence it is
    """The order document carries a result already; it is never overwritten."""


class Unavailable(DomainError):  # noqa: N818 - reads as the sentence it is
    """MongoDB, Stripe or the mail provider did not answer or refused for now."""
