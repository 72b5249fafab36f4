"""Reading SMTP_URL."""

import pytest
from pydantic import SecretStr

from mail.smtp import Server, message_id


@pytest.mark.parametrize(
    ("url", "host", "port", "implicit", "must"),
    [
        ("smtp://mail.example.org", "mail.example.org", 587, False, False),
        ("smtp://u:p@mail.example.org", "mail.example.org", 587, False, True),
        ("smtp://u:p@mail.example.org:2525", "mail.example.org", 2525, False, True),
        ("smtps://u:p@mail.example.org", "mail.example.org", 465, True, False),
    ],
)
def test_urls(url: str, host: str, port: int, *, implicit: bool, must: bool) -> None:
    """Ports default by scheme; credentials never travel over an unencrypted line."""
    server = Server.from_url(SecretStr(url))

    assert (server.host, server.port) == (host, port)
    assert (server.implicit_tls, server.must_encrypt) == (implicit, must)


def test_escaped_credentials() -> None:
    """Percent signs in the URL stand for the characters of the password."""
    server = Server.from_url(SecretStr("smtp://a%40b.de:p%2Fw@host"))

    assert server.user == "a@b.de"
    assert server.password is not None
    assert server.password.get_secret_value() == "p/w"


@pytest.mark.parametrize("url", ["http://host", "smtp://", "host:587"])
def test_what_is_no_smtp_url(url: str) -> None:
    """Anything else is refused, without repeating it."""
    with pytest.raises(ValueError, match="SMTP_URL must be"):
        Server.from_url(SecretStr(url))


def test_message_id_is_the_keys() -> None:
    """The same key gives the same Message-ID under the sender's domain."""
    first = message_id("valuation:cs_1:customer", "PferdeWert <info@example.org>")

    assert first == message_id("valuation:cs_1:customer", "PferdeWert <info@example.org>")
    assert first != message_id("valuation:cs_1:admin", "PferdeWert <info@example.org>")
    assert first.endswith("@example.org>")
