"""Pass-through mode: bodies travel as they are, as in OPEA's gmcrouter (gmc.md 3.3, 3.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opea_pulumi.flow import Dependency, Step

from ._call import Caller, StepReply
from ._errors import RouterError, bad_answer
from ._json import dumps, loads


@dataclass(frozen=True)
class Payload:
    """A body on its way: ``sent`` (the client's, an Ensemble's), or a step's answer, perhaps still unread."""

    sent: bytes = b""
    reply: StepReply | None = None

    async def read(self) -> bytes:
        """The bytes. Raises RouterError when a step's answer breaks off."""
        return self.sent if self.reply is None else await self.reply.read()


class PassThroughTraffic:
    """Carries bodies; ``client`` is the client's JSON, None when it is none."""

    def __init__(self, caller: Caller, client: Any) -> None:
        self.client = client
        self._caller = caller

    async def whole(self, value: Payload, /) -> None:
        """Read the body."""
        await value.read()

    async def answer(self, value: Payload, /) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return loads(await value.read())
        except ValueError:
            return None

    async def input(
        self, step: Step, index: int, node_input: Payload, previous: Payload | None, /
    ) -> Payload:
        """The node's own input, or the answer before when the step asks for ``$response``."""
        if step.data == "$response" and index > 0 and previous is not None:
            parameters = self.client.get("parameters") if isinstance(self.client, dict) else None
            return Payload(merge_parameters(await previous.read(), parameters))
        if previous is not None and previous.reply is not None:
            previous.reply.close()  # nobody will read it
        return node_input

    async def call(self, step: Step, value: Payload, _final: bool, /) -> Payload:
        """Post the body; any status is an answer here."""
        reply = await self._caller.post(step, await value.read())
        return Payload(reply=reply)

    def recover(self, _step: Step, _value: Payload, error: RouterError, _final: bool, /) -> Payload:
        """Nothing: without an answer there is no body to go on with."""
        raise error

    def stops(self, step: Step, result: Payload, /) -> bool:
        """A Hard step that fails ends its node; after a Soft one the next step gets the error's body."""
        return step.dependency is Dependency.HARD and result.reply is not None and not result.reply.ok

    async def merge(self, _value: Payload, branches: list[tuple[int, Step, Payload]], /) -> Payload:
        """One object with each branch's answer under its step's name."""
        parts: dict[str, bytes] = {}
        for index, step, result in branches:
            name = free = step.name or str(index)
            number = 1
            while free in parts:
                number += 1
                free = f"{name}-{number}"
            parts[free] = json_of(step, await result.read())
        return Payload(b"{" + b",".join(dumps(name) + b":" + part for name, part in parts.items()) + b"}")


def merge_parameters(body: bytes, parameters: object) -> bytes:
    """Lay the client's ``parameters`` over a step's answer; bytes are kept when that makes no sense."""
    if not isinstance(parameters, dict):
        return body
    try:
        document = loads(body)
        return dumps({**document, **parameters}) if isinstance(document, dict) else body
    except ValueError:
        return body


def json_of(step: Step, body: bytes) -> bytes:
    """A branch's body as a part of a JSON document: as it is, or as a text when it is no JSON."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise bad_answer(step.label, "answered with bytes, which an Ensemble can't hold") from None
    try:
        loads(text)
    except ValueError:
        return dumps(text)
    return body
