"""What a flow can end with, told from its graph before any request."""

from __future__ import annotations

from collections.abc import Set

from opea_pulumi.flow import Contract, Flow, Step, contract_of

from ._contracts import STEP_CONTRACTS
from ._graph import runnable
from ._guard import Guard, PiiGuard

_STREAMING = frozenset({Contract.LLM, Contract.DOCSUM, Contract.FAQGEN})
_WORDS = _STREAMING | {Contract.LVM, Contract.AGENT, Contract.ARB_POST_HEARING}
_RAILS = frozenset(kind for kind, rail in STEP_CONTRACTS.items() if isinstance(rail, Guard | PiiGuard))


def can_chat(flow: Flow) -> bool:
    """Whether the answer can be a chat completion: a step that may be the last one answers with words."""
    return _ends_in(flow, "root", _WORDS)


def streams_unasked(flow: Flow) -> bool:
    """Whether the mega endpoint streams when a request does not say: as OPEA's gateways, not for an lvm."""
    return _ends_in(flow, "root", _STREAMING)


def _ends_in(flow: Flow, name: str, wanted: Set[Contract]) -> bool:
    for _, step in reversed(runnable(flow.nodes[name])):
        ends = _ends_in(flow, step.node_name, wanted) if step.node_name else contract_of(flow, step) in wanted
        if ends:
            return True
        if not step.condition and not _only_checks(flow, step):
            return False
    return False


def _only_checks(flow: Flow, step: Step) -> bool:
    """Whether a step hands the answer before it on."""
    if step.node_name:
        return all(_only_checks(flow, inner) for _, inner in runnable(flow.nodes[step.node_name]))
    return contract_of(flow, step) in _RAILS
