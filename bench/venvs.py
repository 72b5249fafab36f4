"""The peers' own environments, made when they are first needed."""

import shutil
import subprocess
import venv
from pathlib import Path
from typing import Final

from bench.house import FOLDER, ROOT

INSTALL_SECONDS: Final = 240.0


def peer_python(name: str) -> Path | None:
    """Return the interpreter that has the peer, or None when it cannot be installed here."""
    folder = FOLDER / "venvs" / name
    python, stamp = folder / "bin" / "python", folder / ".installed"
    locked = ROOT / "bench" / "peers" / f"requirements-{name}.txt"
    wanted = locked.read_text("utf-8")
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    if not _install(python, locked):
        return None
    stamp.write_text(wanted, "utf-8")
    return python


def _install(python: Path, locked: Path) -> bool:
    command = [
        str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--require-hashes", "--no-deps", "-r", str(locked),
    ]  # fmt: skip
    try:
        done = subprocess.run(  # noqa: S603 - the command is our own
            command, check=False, timeout=INSTALL_SECONDS, capture_output=True
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
