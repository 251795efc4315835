"""Words with a fixed set of values that several parts share."""

from __future__ import annotations

from enum import StrEnum

PROJECT = "opea"
"""The Pulumi project of every stack, as in Pulumi.yaml."""


class Profile(StrEnum):
    """Which implementation of the services is deployed: OPEA's images or the small embedded ones."""

    OPEA = "opea"
    EMBEDDED = "embedded"


class Hardware(StrEnum):
    """What model servers run on."""

    XEON = "xeon"
    GAUDI = "gaudi"
    NVIDIA = "nvidia"
    ROCM = "rocm"


class Orchestrator(StrEnum):
    """Who runs the mega flow.

    ``router``: this project's, any graph; ``megaservice``: OPEA's own image of a known application;
    ``gmc``: the GMC operator's router; ``none``: nobody, users reach the flow's only service itself.
    """

    ROUTER = "router"
    MEGASERVICE = "megaservice"
    GMC = "gmc"
    NONE = "none"
