"""Is this body from Stripe? The signature is the only authentication of the webhook."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

import stripe
from pydantic import SecretStr

from domain.errors import DomainError

MAX_HEADER: Final = 2048
TOLERANCE_S: Final = 300


class SignatureFault(StrEnum):
    """Why a signature was refused. For our logs; callers outside all read the same answer."""

    HEADER_MISSING = "header_missing"
    HEADER_TOO_LARGE = "header_too_large"
    HEADER_NOT_ASCII = "header_not_ascii"
    HEADER_MALFORMED = "header_malformed"
    BODY_NOT_UTF8 = "body_not_utf8"
    NO_MATCH = "no_match"
    STALE = "stale"
    AHEAD = "ahead"


class BadSignature(DomainError):  # noqa: N818 - reads as the sentence it is
    """Not from Stripe, or misconfigured. Carries no part of the header or the body."""

    def __init__(self, fault: SignatureFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class NotConfigured(DomainError):  # noqa: N818 - reads as the sentence it is
    """No signing secret is set: the endpoint is closed, never open."""


def verify(body: bytes, header: str | None, secrets: Sequence[SecretStr], now: datetime) -> None:
    """Check `Stripe-Signature` over the exact bytes received; any one of `secrets` may match.

    Raises NotConfigured and BadSignature. Timestamps more than 300 s in the future are refused
    too, although Stripe's library lets them pass: Stripe stamps every attempt when it sends it, so
    such a stamp means a clock that is wrong, and a signed request must not stay valid for years.
    """
    keys = usable_secrets(secrets)
    stamp = _timestamp(check_header(header))
    if not _is_utf8(body):
        raise BadSignature(SignatureFault.BODY_NOT_UTF8)
    if not any(_matches(body, header, key) for key in keys):
        raise BadSignature(SignatureFault.NO_MATCH)
    age = now.timestamp() - stamp
    if age > TOLERANCE_S:
        raise BadSignature(SignatureFault.STALE)
    if age < -TOLERANCE_S:
        raise BadSignature(SignatureFault.AHEAD)


def usable_secrets(secrets: Sequence[SecretStr]) -> list[str]:
    """Return the secrets, trimmed, since a pasted newline makes every check fail.

    Raises NotConfigured when none is left: an empty key would let anyone sign.
    """
    keys = [key for secret in secrets if (key := secret.get_secret_value().strip())]
    if not keys:
        raise NotConfigured("no webhook signing secret is set")
    return keys


def check_header(header: str | None) -> str:
    """Refuse cheaply, before a body is read. Raises BadSignature."""
    if not header:
        raise BadSignature(SignatureFault.HEADER_MISSING)
    if len(header) > MAX_HEADER:
        raise BadSignature(SignatureFault.HEADER_TOO_LARGE)
    if not header.isascii():
        raise BadSignature(SignatureFault.HEADER_NOT_ASCII)
    return header


def _timestamp(header: str) -> int:
    """Return the first `t=`, the one the signature covers."""
    stamps = [part[2:] for part in header.split(",") if part.startswith("t=")]
    if not stamps or not stamps[0].isdecimal() or len(stamps[0]) > len(str(2**63)):
        raise BadSignature(SignatureFault.HEADER_MALFORMED)
    return int(stamps[0])


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _matches(body: bytes, header: str | None, key: str) -> bool:
    """Ask the library about the MAC alone; its tolerance reads a clock we cannot hand in.

    Its exception holds header and body, so it ends here and is not even chained.
    """
    try:
        stripe.WebhookSignature.verify_header(body, header, key, tolerance=None)
    except stripe.SignatureVerificationError:
        return False
    return True
