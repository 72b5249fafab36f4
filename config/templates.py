"""The prompts in force, read from their versioned files."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from domain.job import Kind
from domain.prompting import Template

IN_FORCE: Final = {Kind.VALUATION: "valuation-v1", Kind.CERTIFICATE: "certificate-v1"}

_FOLDER: Final = Path(__file__).parent / "prompts"


def load_templates(schemas: Mapping[Kind, dict[str, Any]]) -> dict[Kind, Template]:
    """Read the template of each product; `schemas` gives the shape of structured answers.

    Raises FileNotFoundError or KeyError when a prompt is missing: nothing falls back silently.
    """
    return {kind: _read(name, schemas.get(kind)) for kind, name in IN_FORCE.items()}


def _read(name: str, schema: dict[str, Any] | None) -> Template:
    data = tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    return Template(
        version=data["version"],
        temperature=data["temperature"],
        system=data["system"].strip(),
        user=data["user"].strip(),
        json_schema=schema,
    )
