"""The real story without any queue: what remains is ledger, model call, judgement and mails."""

from bench.contenders.floor_body import all_of, fill
from bench.contenders.story import measured_opener
from bench.peers.starting import main, run
from bench.probe import Orders
from worker.hands import Hands


def serve() -> None:
    run(_serve())


async def _serve() -> None:
    async with measured_opener()(Hands()) as desk:
        await all_of(Orders.read(), desk.work)


if __name__ == "__main__":
    main(fill, serve)
