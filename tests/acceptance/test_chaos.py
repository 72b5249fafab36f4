"""The chaos run in small: every kind of fault once, judged from outside."""

import json
import os
import sys
from pathlib import Path
from typing import Final

import pytest

from sandbox.chaos.plan import Step
from sandbox.processes import spawn, stop
from sandbox.stack import ROOT

SEED: Final = os.environ.get("CHAOS_SEED", "2")
MOST_S: Final = 280


@pytest.mark.timeout(MOST_S + 20)
def test_no_promise_breaks_while_everything_breaks(tmp_path: Path) -> None:
    """Another seed is another run: CHAOS_SEED=… The output names it, and where the logs are."""
    told, said = tmp_path / "told.json", tmp_path / "said.txt"
    command = [
        sys.executable,
        "-m",
        "sandbox.chaos",
        "--short",
        "--seed",
        SEED,
        "--json",
        str(told),
    ]
    with said.open("wb") as output:
        process = spawn(command, env=os.environ, cwd=ROOT, output=output)
        try:
            code = process.wait(timeout=MOST_S)
        finally:
            stop(process, grace_s=30)

    assert code == 0, said.read_text(encoding="utf-8")[-8000:]
    found = json.loads(told.read_text(encoding="utf-8"))
    assert found["jobs"]["lost"] == 0
    assert found["faults"]["worker kill -9"] == len(Step)
    assert found["blows_failed"] == []
