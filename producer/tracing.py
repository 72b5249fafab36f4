"""Where something broke, without what was in it."""

from pathlib import PurePath
from traceback import extract_tb
from typing import Final

_FRAMES: Final = 3


def where(error: BaseException) -> str:
    """Return the innermost frames as `file:line function`; messages may quote customer data."""
    frames = extract_tb(error.__traceback__)[-_FRAMES:]
    return " < ".join(f"{PurePath(f.filename).name}:{f.lineno} {f.name}" for f in reversed(frames))
