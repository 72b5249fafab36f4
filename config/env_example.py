"""`.env.example`, written from the settings so that the two cannot drift apart."""

import textwrap
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from config.settings import GROUPS, Settings


def render() -> str:
    """Return the text of `.env.example`: every variable, grouped, with meaning and default."""
    lines = ["# Every variable the processes read. Unknown ones are ignored, empty ones are unset."]
    for name, field in Settings.model_fields.items():
        if name in GROUPS:
            lines += ["", f"# {GROUPS[name]}"]
        lines += [
            "",
            *_comment(field),
            f"{'' if field.is_required() else '#'}{name.upper()}={default_text(field)}",
        ]
    return "\n".join(lines) + "\n"


def _comment(field: FieldInfo) -> list[str]:
    return textwrap.wrap(
        field.description or "", width=96, initial_indent="# ", subsequent_indent="# "
    )


def default_text(field: FieldInfo) -> str:
    """Write a default as the environment would say it; "" for none and for secrets."""
    value: Any = field.default
    if value is None or value is PydanticUndefined or isinstance(value, SecretStr):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(f"{part:g}" if isinstance(part, float) else str(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    print(render(), end="")  # noqa: T201 - this module's whole purpose
