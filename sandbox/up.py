"""`make up`: the whole system in the foreground until Ctrl-C."""

import argparse
import signal
import sys
import time
from types import FrameType

from rich.console import Console

from sandbox.servers import ServerError
from sandbox.stack import Stack, StackError


def main() -> int:
    options = _options()
    console = Console(stderr=True)
    signal.signal(signal.SIGTERM, _as_interrupt)
    stack = Stack(
        workers=options.workers,
        live=options.live,
        output=sys.stdout.buffer,
        announce=lambda line: console.print(f"[dim]· {line}[/dim]"),
    )
    try:
        with stack.running():
            _print_addresses(console, stack)
            while True:
                stack.restart_the_dead()
                time.sleep(0.5)
    except KeyboardInterrupt:
        console.print("stopped")
        return 0
    except (StackError, ServerError) as error:
        console.print(str(error), style="red", markup=False)
        return 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.up",
        description="Run servers, sandbox, web, worker, beat and Flower until Ctrl-C. "
        "MONGODB_URI, REDIS_URL and the providers' base URLs replace the embedded parts.",
    )
    parser.add_argument("--workers", type=int, default=1, help="worker processes (default 1)")
    parser.add_argument("--live", action="store_true", help="use the real OpenRouter")
    return parser.parse_args()


def _as_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _print_addresses(console: Console, stack: Stack) -> None:
    console.print(f"web       {stack.web_url}/health   webhook {stack.web_url}/webhooks/stripe")
    console.print(f"flower    {stack.flower_url}   login {stack.env['FLOWER_BASIC_AUTH']}")
    console.print(f"sandbox   {stack.sandbox_url}/control/journal")
    console.print(f"mongodb   {stack.mongodb_uri}   database {stack.database}", soft_wrap=True)
    console.print(f"redis     {stack.env['REDIS_URL']}")
    console.print("Ctrl-C stops everything.")


if __name__ == "__main__":
    sys.exit(main())
