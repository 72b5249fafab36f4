"""The `pferdewert` command, put together."""

from typing import Final

import typer

from config.logging import configure_logging
from ops import migrate, models, orders, repair, webhook
from ops.aggregate import EPILOG as AGGREGATE_EPILOG
from ops.aggregate import aggregate
from ops.doctor import EPILOG as DOCTOR_EPILOG
from ops.doctor import doctor
from ops.erase import EPILOG as ERASE_EPILOG
from ops.erase import erase
from ops.reconcile import EPILOG as RECONCILE_EPILOG
from ops.reconcile import reconcile
from ops.rollback import EPILOG as ROLLBACK_EPILOG
from ops.rollback import rollback
from ops.status import EPILOG as STATUS_EPILOG
from ops.status import status
from ops.trace import EPILOG as TRACE_EPILOG
from ops.trace import trace

NAME: Final = "pferdewert"

app = typer.Typer(
    name=NAME,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command(epilog=DOCTOR_EPILOG)(doctor)
app.command(epilog=STATUS_EPILOG)(status)
orders.app.command(epilog=repair.CHECK_EPILOG)(repair.check)
orders.app.command(epilog=repair.REPAIR_EPILOG)(repair.repair)
app.add_typer(orders.app, name="orders")
app.command(epilog=TRACE_EPILOG)(trace)
app.command(epilog=ERASE_EPILOG)(erase)
app.add_typer(models.app, name="models")
app.command(epilog=ROLLBACK_EPILOG)(rollback)
app.command(epilog=AGGREGATE_EPILOG)(aggregate)
app.command(epilog=RECONCILE_EPILOG)(reconcile)
app.add_typer(migrate.app, name="migrate")
app.add_typer(webhook.app, name="webhook")


@app.callback()
def pferdewert() -> None:
    """Look after the PferdeWert worker: see how it stands, mend orders, switch providers.

    Everything is read from the environment, like the processes' own settings. Every command is
    safe to repeat. Reports go to standard output, everything else to standard error.
    """


def main() -> None:
    """Run the command line; only warnings are logged, to standard error."""
    configure_logging("WARNING", json_lines=False)
    app(prog_name=NAME)
