"""The graph model shared by router, blueprint and converters: a GMConnector's ``spec.nodes``.

The JSON is the one OPEA's ``gmcrouter`` reads (GenAIInfra ``microservices-connector``,
``api/v1alpha3/gmconnector_types.go``); only ``spec.nodes`` is required here.
"""

from ._condition import Condition, parse_condition
from ._contracts import CONTRACTS, Contract, contract_at, contract_named, contract_of
from ._load import check_types, dump_flow, load_flow
from ._model import Dependency, Flow, InternalService, Mode, Node, NodeKind, Step

__all__ = [
    "CONTRACTS",
    "Condition",
    "Contract",
    "Dependency",
    "Flow",
    "InternalService",
    "Mode",
    "Node",
    "NodeKind",
    "Step",
    "check_types",
    "contract_at",
    "contract_named",
    "contract_of",
    "dump_flow",
    "load_flow",
    "parse_condition",
]
