"""Aligned mode: the steps' contracts are converted into each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from opea_pulumi.flow import Contract, Dependency, Flow, Step, contract_of

from ._call import Caller
from ._contracts import STEP_CONTRACTS
from ._conversation import Ask, Conversation, merge
from ._errors import RouterError, bad_answer
from ._sent import JSON, Received, StreamForm

READS_ONLY = frozenset({Contract.EMBEDDING, Contract.RETRIEVAL, Contract.RERANKING})
"""Kinds of services that change nothing and cost little, so that a lost call may be made again."""

_MALFORMED = (ValueError, TypeError, KeyError, IndexError, AttributeError)


class AlignedTraffic:
    """Carries a Conversation from step to step; ``client`` is the client's JSON."""

    def __init__(self, flow: Flow, caller: Caller, client: Any) -> None:
        self.client = client
        self._flow = flow
        self._caller = caller
        self._forgiven: list[RouterError] = []

    async def whole(self, _value: Conversation, /) -> None:
        """Nothing to wait for: only the final step's answer may still be on its way."""

    async def answer(self, value: Conversation, /) -> Any:
        """The last step's JSON."""
        return None if value.answer is None else value.answer.json

    async def input(
        self, _step: Step, _index: int, node_input: Conversation, previous: Conversation | None, /
    ) -> Conversation:
        """What has been said so far."""
        return previous or node_input

    async def call(self, step: Step, value: Conversation, final: bool, /) -> Conversation:
        """Ask the step and read its answer. Raises RouterError naming the step."""
        kind = contract_of(self._flow, step) or Contract.LLM  # the plan has made sure there is one
        contract = STEP_CONTRACTS[kind]
        if contract.idle(value):
            return value
        sent = contract.request(Ask(value, step, final))
        reads_only = kind in READS_ONLY
        reply = await self._caller.post(step, sent.body, sent.content_type, reads_only=reads_only)
        try:
            await reply.check()
            # a whole answer to who asked for a stream is read as such; an llm's as its stream would be
            if sent.streams and (sent.streams is StreamForm.CHAT or reply.content_type != JSON):
                return replace(value, stream=reply, form=sent.streams)
            return contract.read(value, Received(await reply.read(), reply.content_type))
        except _MALFORMED:
            raise bad_answer(step.label, f"did not answer as a service of type {kind}") from None

    def recover(self, step: Step, value: Conversation, error: RouterError, final: bool, /) -> Conversation:
        """A step that is Soft in so many words may fail: the conversation goes on as it was before.

        Not so the final step, and not when the fault is the client's own.
        """
        if final or step.dependency is not Dependency.SOFT or error.step is None:
            raise error
        self._forgiven.append(error)
        self._caller.metrics.step_errors.labels(error.step, error.code).inc()
        return value

    def stops(self, _step: Step, result: Conversation, /) -> bool:
        """When a guardrail has said no; a failure has been raised."""
        return result.answer is not None and result.answer.blocked

    async def merge(
        self, value: Conversation, branches: list[tuple[int, Step, Conversation]], /
    ) -> Conversation:
        """One conversation again; an Ensemble of which nothing is left but failures has failed."""
        results = [result for _, _, result in branches]
        if self._forgiven and all(result is value for result in results):
            raise self._forgiven[0]
        return merge(value, results)
