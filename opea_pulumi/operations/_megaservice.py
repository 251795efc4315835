"""OPEA's own image of a known application, which runs the flow and tells nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opea_pulumi.catalog import load_release
from opea_pulumi.errors import OperationError
from opea_pulumi.terms import Orchestrator


@dataclass(frozen=True)
class Megaservice:
    """Where it takes questions, and in which JSON (``form``); without a form it takes no plain text.

    ``beyond`` says what it does beside running the flow.
    """

    url: str
    form: Mapping[str, str | bool]
    beyond: str = ""

    def body(self, question: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The request for a question.

        Raises:
            OperationError: it takes none as plain text.
        """
        if not self.form:
            message = (
                f"this application takes no question as plain text: it {self.beyond or 'has another form'}"
            )
            hint = f"send it its own kind of request: POST {self.url}"
            raise OperationError(message, code="no-question", hint=hint)
        return {**{key: _filled(value, question) for key, value in self.form.items()}, **parameters}


def megaservice_of(outputs: Mapping[str, Any]) -> tuple[Megaservice, str, str]:
    """What a stack's output ``mega`` says: the service, its base URL, and the graph as JSON.

    Raises:
        OperationError: the operator's router runs the flow.
    """
    mega = outputs["mega"]
    if mega["orchestrator"] == Orchestrator.GMC:
        message = "the operator's router runs this application: what its steps take differs from step to step"
        hint = (
            f"send what the first step takes: POST {outputs['url']}; status and logs work as ever, and with"
            " orchestrator: router so do ask, ingest and test"
        )
        raise OperationError(message, code="no-router", hint=hint)
    base = str(outputs["endpoints"][Orchestrator.MEGASERVICE]).rstrip("/")
    row = load_release(mega["release"]).megaservices[mega["application"]]
    return Megaservice(base + mega["endpoint"], row.ask, row.beyond), base, str(mega["graph"])


def _filled(value: str | bool, question: str) -> str | bool:
    return question if value == "{question}" else value
