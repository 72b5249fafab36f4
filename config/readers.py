"""How the environment's texts become values."""

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
OptionalText = Annotated[str | None, BeforeValidator(_blank_is_none)]
Seconds = Annotated[float, Field(gt=0)]
OptionalSeconds = Annotated[Seconds | None, BeforeValidator(_blank_is_none)]
SecretList = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]
TextList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
SecondsList = Annotated[tuple[Seconds, ...], NoDecode, BeforeValidator(_split)]
PriceList = Annotated[tuple[Price, ...], NoDecode, BeforeValidator(_prices)]
Port = Annotated[int, Field(ge=1, le=65535)]


LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)
]
Url = Annotated[str, _url()]
OpenRouterUrl = Annotated[str, _url("/api/v1")]
OpenAIUrl = Annotated[str, _url("/v1")]
