"""How the environment's texts become values."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from domain.checkout import Price


def _split(value: object) -> object:
    """Read a comma list; blanks and the newline of a pasted secret are trimmed."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _networks(value: object) -> object:
    """Read a comma list; everybody is not one, since whoever is trusted may name any address."""
    parts = _split(value)
    if isinstance(parts, tuple) and any(_is_everybody(part) for part in parts):
        raise ValueError(
            "whoever is trusted may name any address: list your proxies' networks, not everybody"
        )
    return parts


def _is_everybody(part: object) -> bool:
    return isinstance(part, str) and (part == "*" or part.endswith("/0"))


def _prices(value: object) -> object:
    """Read `1490 EUR, 1990 CHF` into amounts in minor units with their currency."""
    parts = _split(value)
    if not isinstance(value, str) or not isinstance(parts, tuple):
        return value
    return tuple(_price(part) for part in parts)


def _price(text: str) -> Price:
    amount, _, currency = text.partition(" ")
    if not amount.isdecimal() or not currency.strip().isalpha():
        raise ValueError(f"{text!r} is not like '1490 EUR' (minor units, currency)")
    return Price(amount=int(amount), currency=currency.strip().upper())


def _blank_is_none(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _url(suffix: str = "") -> AfterValidator:
    """Check an http(s) address and drop its trailing slash, so that paths can be appended."""

    def check(url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ValueError("must be an http(s) URL")
        if not parts.path.rstrip("/").endswith(suffix):
            raise ValueError(f"must end in {suffix}")
        return url.rstrip("/")

    return AfterValidator(check)


Secret = Annotated[SecretStr | None, BeforeValidator(_blank_is_none), BeforeValidator(_stripped)]


def _server(*schemes: str) -> AfterValidator:
    """Check a server's address, which may hold a password: the fault never repeats it."""

    def check(secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and not _is_address(secret.get_secret_value(), schemes):
            raise ValueError(f"must be like {schemes[0]}://[user:password@]host[:port]")
        return secret

    return AfterValidator(check)


def _is_address(url: str, schemes: tuple[str, ...]) -> bool:
    """A password's own @, : and / must be percent-encoded."""
    try:
        parts = urlsplit(url)
        hosts = parts.netloc.rpartition("@")[2]
        # A replica set lists several hosts, which no port of its own can be read from.
        _ = parts.port if "," not in hosts else None
    except ValueError:
        return False
    return parts.scheme in schemes and bool(hosts) and parts.netloc.count("@") <= 1


def _redis_database(secret: SecretStr) -> SecretStr:
    number = urlsplit(secret.get_secret_value()).path.strip("/")
    if number and not number.isdecimal():
        raise ValueError("the path is the database's number, e.g. redis://127.0.0.1:6379/0")
    return secret


OptionalText = Annotated[str | None, BeforeValidator(_blank_is_none)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
OptionalSeconds = Annotated[Seconds | None, BeforeValidator(_blank_is_none)]
MongoUri = Annotated[SecretStr, _server("mongodb", "mongodb+srv")]
MongoDatabase = Annotated[
    str | None, Field(pattern=r"^[^/\\. \"$*<>:|?\x00]{1,63}$"), BeforeValidator(_blank_is_none)
]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_database), _server("redis", "rediss")]
SmtpUrl = Annotated[Secret, _server("smtp", "smtps")]
SecretList = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]
TextList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
SecondsList = Annotated[tuple[Seconds, ...], NoDecode, BeforeValidator(_split), Field(min_length=1)]
NetworkList = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")]
PriceList = Annotated[tuple[Price, ...], NoDecode, BeforeValidator(_prices)]
Port = Annotated[int, Field(ge=1, le=65535)]


LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)
]
Url = Annotated[str, _url()]
OpenRouterUrl = Annotated[str, _url("/api/v1")]
OpenAIUrl = Annotated[str, _url("/v1")]
