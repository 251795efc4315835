"""Aligned mode: the steps' contracts are converted into each other."""

from __future__ import annotations

from dataclasses import replace

from opea_pulumi.flow import Contract, Flow, Step, contract_of

from ._call import Caller
from ._contracts import STEP_CONTRACTS
from ._conversation import Ask, Conversation
from ._errors import bad_answer
from ._json import dumps, loads

_MALFORMED = (ValueError, TypeError, KeyError, IndexError, AttributeError)


class AlignedTraffic:
    """Carries a Conversation from step to step."""

    def __init__(self, flow: Flow, caller: Caller) -> None:
        self._flow = flow
        self._caller = caller

    async def input(
        self, _step: Step, _index: int, node_input: Conversation, previous: Conversation | None, /
    ) -> Conversation:
        """What has been said so far."""
        return previous or node_input

    async def call(self, step: Step, value: Conversation, final: bool, /) -> Conversation:
        """Ask the step and read its answer. Raises RouterError naming the step."""
        kind = contract_of(self._flow, step) or Contract.LLM  # the plan has made sure there is one
        contract = STEP_CONTRACTS[kind]
        if contract.needs_documents and not value.documents:
            return value  # nothing found, nothing to put in order: as in OPEA's ChatQnA
        request = contract.request(Ask(value, step, final))
        reply = await self._caller.post(step, dumps(request))
        try:
            await reply.check()
            if request.get("stream"):
                return replace(value, stream=reply)
            return contract.read(value, loads(await reply.read()))
        except _MALFORMED:
            raise bad_answer(step.label, f"did not answer as a service of type {kind}") from None

    async def stops(self, _step: Step, _result: Conversation, /) -> bool:
        """Never: a failure has been raised."""
        return False


def is_chat(flow: Flow) -> bool:
    """Whether the flow's answer is a chat completion: its last step is an llm."""
    node = flow.nodes["root"]
    while True:
        step = [step for step in node.steps if not step.is_downstream][-1]
        if not step.node_name:
            return contract_of(flow, step) is Contract.LLM
        node = flow.nodes[step.node_name]
