"""What runs behind a stack's router, as the router itself or the stack tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx

from opea_pulumi.errors import OpeaError, OperationError
from opea_pulumi.flow import Contract, Flow, Node, NodeKind, Step, contract_of, load_flow

from ._access import ANYBODY, KEY_VARIABLE, Access
from ._megaservice import Megaservice, megaservice_of

_UNKNOWN = Flow(nodes={"root": Node(kind=NodeKind.SEQUENCE)})
TIMEOUT = httpx.Timeout(10, read=600)
"""Seconds; reading is long because models answer and documents are embedded slowly."""


@dataclass(frozen=True)
class Application:
    """A running application: the router's base URL, its graph, and how they are reached."""

    router: str
    flow: Flow
    transport: httpx.BaseTransport | None = None
    access: Access = ANYBODY
    mega: Megaservice | None = None
    """What runs the flow where that is no router of ours; ``router`` is then its base URL."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the root node, those beside the flow included."""
        return self.flow.nodes["root"].steps

    def step(self, contract: Contract) -> Step | None:
        """The first step of a contract; ``None`` when the application has none."""
        return next((step for step in self.steps if contract_of(self.flow, step) == contract), None)

    def send(self, hop: str, method: str, url: str, **options: Any) -> httpx.Response:
        """One request; the key goes to the router, never to a step. ``hop`` is named in errors.

        Raises:
            OperationError: no connection, no answer in time, or a status that is not 2xx.
        """
        if url.startswith(f"{self.router}/"):
            options["headers"] = {**self.access.headers, **options.get("headers", {})}
        try:
            with self.client() as client:
                answer = client.request(method, url, **options)
        except httpx.HTTPError as error:
            raise unreachable(hop, url, error) from None
        return checked(hop, answer)

    def client(self) -> httpx.Client:
        """A client that reaches the application from here."""
        return httpx.Client(
            transport=self.transport, timeout=TIMEOUT, trust_env=False, verify=self.access.verify
        )


def connect(
    outputs: Mapping[str, Any],
    transport: httpx.BaseTransport | None = None,
    access: Access = ANYBODY,
    *,
    need_graph: bool = True,
) -> Application:
    """Ask a deployed stack's router for its graph; without ``need_graph`` the key need not be good for that.

    The key is shown to a router that asks for one, and to nobody else. Where OPEA's own image runs the
    flow, the stack tells it.

    Raises:
        OperationError: nothing runs the flow that could be asked, it does not answer, or lets us not in.
    """
    if outputs.get("mega"):
        mega, base, graph = megaservice_of(outputs)
        return Application(base, load_flow(graph), transport, access.without_key, mega)
    router = str((outputs.get("endpoints") or {}).get("router", "")).rstrip("/")
    if not router:
        raise OperationError("the stack has no router", code="no-router", hint="opea-pulumi up deploys one")
    application = Application(router, _UNKNOWN, transport, access.without_key)
    try:
        application, text = _graph(application, access)
    except OperationError as error:
        if error.code == WRONG_SCOPE and not need_graph:
            return replace(application, access=access)
        raise
    try:
        return replace(application, flow=load_flow(text))
    except OpeaError as error:
        message = f"what answers at {router} is no router of opea-pulumi: {error.message}"
        raise OperationError(message, code="no-router") from None


def _graph(application: Application, access: Access) -> tuple[Application, str]:
    """The router's graph, asked without the key and then, if it wants one, with it."""
    url = f"{application.router}/graph"
    try:
        return application, application.send("router", "GET", url).text
    except OperationError as error:
        if error.code != NO_KEY or not access.key:
            raise
    known = replace(application, access=access)
    return known, known.send("router", "GET", url).text


def readable(text: str) -> str:
    """Text that can be sent: a file's name or an argument may hold bytes that are no UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def parsed(hop: str, answer: httpx.Response) -> Any:
    """The JSON of an answer.

    Raises:
        OperationError: it is none.
    """
    try:
        return answer.json()
    except ValueError:
        raise OperationError(f"{hop}: the answer is no JSON", code="bad-answer") from None


def checked(hop: str, answer: httpx.Response) -> httpx.Response:
    """The answer itself when its status is 2xx.

    Raises:
        OperationError: any other status; the message holds what the service said of it.
    """
    if answer.is_success:
        return answer
    code, message = _reason(answer)
    hint = _KEY_HINTS.get(code) or _HINTS.get(answer.status_code, "")
    raise OperationError(f"{hop}: {answer.status_code}: {message}", code=code, hint=hint)


NO_KEY, WRONG_SCOPE = "no-key", "wrong-scope"
_KEY_HINTS = {
    NO_KEY: f"set {KEY_VARIABLE} in your environment to a key of the application (its secret router-keys)",
    WRONG_SCOPE: f"set {KEY_VARIABLE} to a key with that scope: ask for questions, ingest for documents",
}
"""By the codes of the router's 401 and 403."""


_HINTS = {
    502: "opea-pulumi status shows what runs; opea-pulumi logs NAME shows why",
    503: "opea-pulumi status shows what runs; opea-pulumi up starts it again",
    507: "make room on the disk, then ingest again",
}


def unreachable(hop: str, url: str, error: httpx.HTTPError) -> OperationError:
    """The error for a request that got no answer."""
    reason = (
        "no answer in time"
        if isinstance(error, httpx.TimeoutException)
        else str(error) or type(error).__name__
    )
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        message = f"the certificate of {hop} at {url} is not trusted: {_why_untrusted(reason)}"
        hint = "--ca FILE (or SSL_CERT_FILE) names its authority's certificate"
        return OperationError(message, code="untrusted-certificate", hint=hint)
    hint = "opea-pulumi status shows what runs; opea-pulumi up starts it again"
    return OperationError(f"{hop} at {url} does not answer: {reason}", code="unreachable", hint=hint)


def _why_untrusted(reason: str) -> str:
    """OpenSSL's words, without where in its source they come from."""
    return reason.partition("verify failed: ")[2].partition(" (_ssl")[0] or reason


def _reason(answer: httpx.Response) -> tuple[str, str]:
    """The code and message of an error body: the router's form, FastAPI's, or the text."""
    try:
        body = answer.json()
    except ValueError:
        return "failed", answer.text[:500] or answer.reason_phrase
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict):
        step = f" (step {error['step']})" if error.get("step") else ""
        return str(error.get("code") or "failed"), f"{error.get('message', '')}{step}"
    detail = body.get("detail", body) if isinstance(body, dict) else body
    if isinstance(detail, dict) and "message" in detail:
        return str(detail.get("code") or "failed"), str(detail["message"])
    return "failed", str(detail)[:500]
