"""The two ways a judgement ends."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Accepted:
    """A product. `text` is the answer without outer white space, otherwise unchanged.

    Prices are whole units of `currency`; `certificate` is the `zertifikat_data` of a certificate.
    """

    text: str
    price_low: int
    price_high: int
    currency: str = "EUR"
    certificate: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """Not a product. Every reason found, as stable codes such as `no_price`, never the text."""

    reasons: tuple[str, ...]


Verdict = Accepted | Rejected
