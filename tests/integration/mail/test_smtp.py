"""SMTP against a real server in this process."""

from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from pydantic import SecretStr

from domain.errors import Unavailable
from domain.ports import Letter
from mail.smtp import Server, SmtpMailer
from sandbox.processes import free_port

LETTER = Letter(
    key="certificate:cs_live_1:customer",
    to=("jörg@example.org".replace("ö", "oe"), "anna@example.org"),
    subject="Ihr Wertgutachten ist fertig – schön!",
    text="Grüße",
    html="<p>Grüße</p>",
)
SENDER = "PferdeWert <info@example.org>"


class Inbox:
    """Takes mails, or answers as `refusal` says."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refusal: str | None = None

    async def handle_DATA(  # noqa: N802 - aiosmtpd calls it so
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        if self.refusal:
            return self.refusal
        content = envelope.content
        assert isinstance(content, bytes)
        parsed = message_from_bytes(content, policy=default)
        assert isinstance(parsed, EmailMessage)
        self.mails.append(parsed)
        return "250 OK"


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, str]]:
    inbox, port = Inbox(), free_port()
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield inbox, f"127.0.0.1:{port}"
    controller.stop()


def mailer(url: str) -> SmtpMailer:
    return SmtpMailer(Server.from_url(SecretStr(url)), sender=SENDER, total_s=5)


async def test_both_bodies_and_a_stable_identity(inbox: tuple[Inbox, str]) -> None:
    """Text and HTML in one mail; the same key gives the same Message-ID every time."""
    box, address = inbox
    ids = [await mailer(f"smtp://{address}").send(LETTER) for _ in range(2)]

    first, second = box.mails
    assert first["Message-ID"] == second["Message-ID"] == ids[0] == ids[1]
    assert first["Subject"] == LETTER.subject
    assert first["To"] == ", ".join(LETTER.to)
    assert first["From"] == SENDER
    text, html = first.get_body(("plain",)), first.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().strip() == LETTER.text
    assert html.get_content().strip() == LETTER.html


async def test_refusal(inbox: tuple[Inbox, str]) -> None:
    """The error carries the server's code, not its words."""
    box, address = inbox
    box.refusal = "451 anna@example.org is greylisted"

    with pytest.raises(Unavailable) as caught:
        await mailer(f"smtp://{address}").send(LETTER)

    assert "451" in str(caught.value)
    assert "anna" not in str(caught.value)
    assert box.mails == []


async def test_credentials_are_not_sent_in_the_clear(inbox: tuple[Inbox, str]) -> None:
    """A server without STARTTLS gets neither the password nor the mail."""
    box, address = inbox

    with pytest.raises(Unavailable):
        await mailer(f"smtp://user:secret@{address}").send(LETTER)

    assert box.mails == []


async def test_nobody_listens() -> None:
    """A refused connection is an outage like any other."""
    with pytest.raises(Unavailable, match="smtp: "):
        await mailer(f"smtp://127.0.0.1:{free_port()}").send(LETTER)
