"""Pass-through mode: bodies travel as they are, as in OPEA's gmcrouter (gmc.md 3.3, 3.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opea_pulumi.flow import Dependency, Step

from ._call import Caller, StepReply
from ._json import dumps, loads


@dataclass(frozen=True)
class Payload:
    """A body on its way: the client's (``sent``), or a step's answer that may not have been read yet."""

    sent: bytes = b""
    reply: StepReply | None = None

    async def read(self) -> bytes:
        """The bytes. Raises RouterError when a step's answer breaks off."""
        return self.sent if self.reply is None else await self.reply.read()


class PassThroughTraffic:
    """Carries bodies; ``client`` is the client's JSON object."""

    def __init__(self, caller: Caller, client: dict[str, Any]) -> None:
        self._caller = caller
        self._client = client

    async def input(
        self, step: Step, index: int, node_input: Payload, previous: Payload | None, /
    ) -> Payload:
        """The node's own input, or the answer before when the step asks for ``$response``."""
        if step.data == "$response" and index > 0 and previous is not None:
            return Payload(merge_parameters(await previous.read(), self._client.get("parameters")))
        if previous is not None and previous.reply is not None:
            previous.reply.close()  # nobody will read it
        return node_input

    async def call(self, step: Step, value: Payload, _final: bool, /) -> Payload:
        """Post the body; any status is an answer here."""
        reply = await self._caller.post(step, await value.read())
        return Payload(reply=reply)

    async def stops(self, step: Step, result: Payload, /) -> bool:
        """A Hard step that fails ends its node; after a Soft one the next step gets the error's body."""
        if step.dependency is Dependency.HARD and result.reply is not None:
            await result.reply.check()
        return False


def merge_parameters(body: bytes, parameters: object) -> bytes:
    """Lay the client's ``parameters`` over a step's answer; bytes are kept when that makes no sense."""
    if not isinstance(parameters, dict):
        return body
    try:
        document = loads(body)
    except ValueError:
        return body
    return dumps({**document, **parameters}) if isinstance(document, dict) else body
