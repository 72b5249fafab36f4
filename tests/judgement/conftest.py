"""Shows how the filter did on the corpus at the end of a run."""

from collections import Counter

import pytest

PREFIX = "corpus"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print accepted and rejected per product and label, counted from the tests' own properties."""
    counted = Counter(
        str(value)
        for outcome in ("passed", "failed")
        for test in terminalreporter.stats.get(outcome, [])
        for name, value in getattr(test, "user_properties", [])
        if name == PREFIX
    )
    if not counted:
        return
    terminalreporter.section("acceptance on the corpus")
    terminalreporter.write_line(f"{'':24}{'accepted':>10}{'rejected':>10}")
    for group in sorted({value.rsplit(" ", 1)[0] for value in counted}):
        accepted, rejected = counted[f"{group} Accepted"], counted[f"{group} Rejected"]
        terminalreporter.write_line(f"{group:24}{accepted:>10}{rejected:>10}")
