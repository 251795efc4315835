"""KServe InferenceGraph and InferenceServices, for plain sequences of services."""

from ._convert import to_kserve

__all__ = ["to_kserve"]
