"""The smoke test: one made-up fact through every hop, and the name of the hop that loses it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from opea_pulumi.errors import OperationError
from opea_pulumi.flow import Contract, Step, contract_at

from ._ask import ask
from ._graph import Application, parsed

MAX_DISTANCE = 0.5
"""Cosine distance within which two vectors of one text are of one model.

Vectors of unrelated models stand nearly at right angles (1.0); those of one model differ by what
a dataprep adds to a passage before it embeds it, such as the document's title.
"""


@dataclass(frozen=True)
class HopResult:
    """What a hop did with the fact: ``error`` is empty when it kept it; ``seconds`` is how long it took."""

    hop: str
    seconds: float
    error: str = ""


def smoke_test(application: Application) -> Iterator[HopResult]:
    """Send a made-up fact through every hop of the flow; the first failing hop ends the test.

    The fact's document is deleted in the end, whatever happened.
    """
    probe = _Probe(application)
    try:
        for hop, check in probe.hops():
            started = time.monotonic()
            error = _error_of(check)
            yield HopResult(hop, time.monotonic() - started, error)
            if error:
                return
    finally:
        probe.clean()


def _error_of(check: Callable[[], None]) -> str:
    try:
        check()
    except OperationError as error:
        return error.message
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        return f"an answer of another form: {type(error).__name__}: {error}"
    return ""


class _Probe:
    def __init__(self, application: Application) -> None:
        self.application = application
        nonce = secrets.token_hex(4)
        self.code = secrets.token_hex(4)
        self.file = f"smoke-test-{nonce}.txt"
        self.passage = (
            f"The access code of vault {nonce} is {self.code}. The vault stands in the cellar of the"
            " town hall, behind the archive of old maps, and its door opens only in daylight."
        )
        self.question = f"What is the access code of vault {nonce}?"
        self.embedding: list[float] = []
        self.ingested = False
        # an external step is called through the router only: its key is the router's
        found = {contract: application.step(contract) for contract in Contract}
        self.steps = {
            contract: step
            for contract, step in found.items()
            if step and not step.external_service and self._speaks(contract, step)
        }

    def hops(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """The checks of the contracts that the flow has, in the order in which data passes them."""
        checks = {
            Contract.DATAPREP: self._dataprep,
            Contract.EMBEDDING: self._embed,
            Contract.RETRIEVAL: self._retrieve,
            Contract.RERANKING: self._rerank,
            Contract.LLM: self._generate,
        }
        for contract, check in checks.items():
            if contract in self.steps and (contract is not Contract.RETRIEVAL or self._is_stored()):
                yield self.steps[contract].name, partial(check, self.steps[contract])
        mega = self.application.mega
        if mega is not None and mega.form:
            yield "megaservice", self._ask
        elif mega is None and self.application.step(Contract.LLM) is not None:
            yield "router", self._ask

    def clean(self) -> None:
        """Take the fact out again, where it was put in: the router may be what fails."""
        if self.ingested:
            step = self.steps[Contract.DATAPREP]
            url = step.url.rpartition("/")[0] + "/delete"
            with suppress(OperationError):
                self.application.send(step.name, "POST", url, json={"file_path": self.file})

    def _speaks(self, contract: Contract, step: Step) -> bool:
        """Whether a step takes its contract's requests: OPEA's image calls some model servers itself."""
        return self.application.mega is None or contract_at(step.url) is contract

    def _is_stored(self) -> bool:
        return {Contract.DATAPREP, Contract.EMBEDDING} <= self.steps.keys()

    def _dataprep(self, step: Step) -> None:
        self.ingested = True
        self.application.send(
            step.name, "POST", step.url, files={"files": (self.file, self.passage.encode())}
        )

    def _embed(self, step: Step) -> None:
        answer = self._post(step, {"input": self.passage})
        self.embedding = answer["data"][0]["embedding"]
        if not any(self.embedding):
            raise _failed(step, "the vector is empty or all zeros")

    def _retrieve(self, step: Step) -> None:
        request = {
            "text": self.passage,
            "embedding": self.embedding,
            "search_type": "similarity_distance_threshold",
            "distance_threshold": MAX_DISTANCE,
            "k": 4,
        }
        found = self._post(step, request)["retrieved_docs"]
        if not any(self.code in row["text"] for row in found):
            message = (
                "does not find what dataprep has just stored: dataprep and retrieval differ"
                " in the index name or in the embedding model"
            )
            raise _failed(step, message)

    def _rerank(self, step: Step) -> None:
        decoy = "Bread is baked from flour, water, salt and yeast."
        texts = [{"text": decoy}, {"text": self.passage}]
        request = {"initial_query": self.question, "retrieved_docs": texts, "top_n": 1}
        answer = self._post(step, request)
        if self.code not in str(answer.get("documents") or answer.get("reranked_docs")):
            raise _failed(step, "puts a passage on baking bread before the one that answers")

    def _generate(self, step: Step) -> None:
        prompt = f"### Search results: {self.passage}\n### Question: {self.question}\n### Answer:"
        request: dict[str, Any] = {"messages": [{"role": "user", "content": prompt}], "stream": False}
        answer = self._post(step, request)
        if not answer["choices"][0]["message"]["content"].strip():
            raise _failed(step, "the answer is empty")

    def _post(self, step: Step, request: object) -> Any:
        return parsed(step.name, self.application.send(step.name, "POST", step.url, json=request))

    def _ask(self) -> None:
        answer = ask(self.application, self.question)
        text = answer.read()
        grounded = any(self.code in source.text for source in answer.sources)
        named = self.application.mega is None  # what runs the flow names its sources
        if named and Contract.RETRIEVAL in self.steps and self._is_stored() and not grounded:
            raise OperationError("router: the answer does not rest on what was stored", code="not-grounded")
        if not text.strip():
            who = "megaservice" if self.application.mega else "router"
            raise OperationError(f"{who}: the answer is empty", code="empty-answer")


def _failed(step: Step, message: str) -> OperationError:
    return OperationError(f"{step.name}: {message}", code="smoke-test")
