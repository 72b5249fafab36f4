"""One exchange with a vendor's own API: the same for every vendor but for what is sent and read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from domain.ports import Clock
from llm import lenient
from llm.completion import Call, Completion, Receipt
from llm.failures import Refused
from llm.http import OK, bounded, exchange, read_bounded

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Vendor:
    """How one vendor is spoken to. Both readers get body, headers and the time of reading.

    `id_header` names the request when there is no answer to name it.
    """

    name: str
    id_header: str
    request_body: Callable[[Call], dict[str, Any]]
    read: Callable[[bytes, Headers, float], Completion]
    read_error: Callable[[bytes, int, Headers, float], Refused]


class DirectProvider:
    """A vendor at its address. The client is shared and closed by its owner."""

    def __init__(
        self, vendor: Vendor, client: httpx.AsyncClient, url: str, headers: Headers, clock: Clock
    ) -> None:
        self.account: Final = vendor.name.lower()
        self._vendor = vendor
        self._client = client
        self._url = url
        self._headers = headers
        self._clock = clock

    async def complete(self, call: Call) -> Completion:
        """Return one complete answer; raises ModelFailure within `call.deadline_s`."""
        vendor = self._vendor
        async with bounded(call.deadline_s, call.prompt) as trail:
            trail.note(Receipt(provider=vendor.name))
            async with exchange(
                self._client,
                "POST",
                self._url,
                headers=self._headers,
                payload=vendor.request_body(call),
            ) as response:
                request_id = lenient.name(response.headers.get(vendor.id_header))
                trail.note(Receipt(generation_id=request_id))
                body = await read_bounded(response)
            now = self._clock.now().timestamp()
            if response.status_code != OK:
                raise vendor.read_error(body, response.status_code, response.headers, now)
            completion = vendor.read(body, response.headers, now)
            await call.on_first_token()
            receipt = trail.receipt.updated(completion.receipt)
            return Completion(completion.text, completion.finish_reason, receipt)
