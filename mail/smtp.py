"""Sending through any SMTP server."""

import asyncio
import hashlib
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from typing import Final, Self
from urllib.parse import unquote, urlsplit

import aiosmtplib
from pydantic import SecretStr

from domain.errors import Unavailable
from domain.ports import Letter

TOTAL_SECONDS: Final = 30.0

_PORTS: Final = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class Server:
    """Where and how to hand in mails. `must_encrypt` refuses to go on without STARTTLS."""

    host: str
    port: int
    user: str | None
    password: SecretStr | None
    implicit_tls: bool
    must_encrypt: bool

    @classmethod
    def from_url(cls, url: SecretStr) -> Self:
        """Read `smtp://user:password@host:587` or `smtps://…:465`; raises ValueError.

        With credentials plain `smtp` insists on STARTTLS: a stripped offer must not leak them.
        """
        parts = urlsplit(url.get_secret_value())
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("SMTP_URL must be smtp://[user:password@]host[:port] or smtps://…")
        user = unquote(parts.username) if parts.username else None
        return cls(
            host=parts.hostname,
            port=parts.port or _PORTS[parts.scheme],
            user=user,
            password=SecretStr(unquote(parts.password)) if parts.password else None,
            implicit_tls=parts.scheme == "smtps",
            must_encrypt=parts.scheme == "smtp" and user is not None,
        )


class SmtpMailer:
    """Implements `domain.ports.Mailer`.

    SMTP knows no idempotency; the same key gives the same Message-ID, by which mail boxes fold
    duplicates.
    """

    def __init__(self, server: Server, *, sender: str, total_s: float = TOTAL_SECONDS) -> None:
        self._server = server
        self._sender = sender
        self._total_s = total_s

    async def send(self, letter: Letter) -> str:
        """Return the Message-ID. Raises Unavailable with the server's code, never its text."""
        message = self._message(letter)
        try:
            async with asyncio.timeout(self._total_s):
                await self._hand_in(message)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            code = getattr(error, "code", "")
            raise Unavailable(f"smtp: {type(error).__name__} {code}".rstrip()) from error
        return str(message["Message-ID"])

    async def _hand_in(self, message: EmailMessage) -> None:
        server = self._server
        await aiosmtplib.send(
            message,
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password.get_secret_value() if server.password else None,
            use_tls=server.implicit_tls,
            start_tls=True if server.must_encrypt else None,
            timeout=self._total_s,
        )

    def _message(self, letter: Letter) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = ", ".join(letter.to)
        message["Subject"] = letter.subject
        message["Date"] = formatdate(usegmt=True)
        message["Message-ID"] = message_id(letter.key, self._sender)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        message.add_alternative(letter.html, subtype="html")
        return message


def message_id(key: str, sender: str) -> str:
    """Name a mail after its key, under the sender's domain."""
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{domain}>"
