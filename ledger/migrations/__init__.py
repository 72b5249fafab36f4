"""The schema, step by step: every index and validator comes from here and nowhere else."""

from ledger.migrations.runner import Step, migrate, roll_back, status

__all__ = ["Step", "migrate", "roll_back", "status"]
