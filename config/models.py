"""The model table, as data; `llm.catalogue.ModelTraits` gives it its meaning."""

import tomllib
from pathlib import Path
from typing import Any


def load_models() -> dict[str, dict[str, Any]]:
    """Return the traits of the known models by slug."""
    return tomllib.loads(Path(__file__).with_name("models.toml").read_text(encoding="utf-8"))
