"""Which headers travel, and to whom."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping

from opea_pulumi.flow import Step

# RFC 9110 7.6.1, and what belongs to one connection or is computed anew for each
HOP_BY_HOP = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_FORWARDED = ("traceparent", "tracestate", "Accept-Language")
# set by the router itself, or meant for nobody behind it
_OWN = frozenset({"date", "server", "x-request-id", "set-cookie"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:@/+=-]{1,128}")


def request_id(headers: Mapping[str, str]) -> str:
    """The caller's ``x-request-id`` when it is a harmless word, else a new one."""
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def step_headers(incoming: Mapping[str, str], step: Step, own_id: str, key: str) -> dict[str, str]:
    """Headers of a request to a step.

    The caller's Authorization goes to services of the application only; a step with a key of its
    own gets that one instead.
    """
    headers = {name: incoming[name] for name in _FORWARDED if name in incoming}
    headers["x-request-id"] = own_id
    if key:
        headers["Authorization"] = f"Bearer {key}"
    elif step.is_internal and "Authorization" in incoming:
        headers["Authorization"] = incoming["Authorization"]
    return headers


def answer_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """What the client gets of the headers of a step's answer."""
    return {name: value for name, value in end_to_end(headers).items() if name.lower() not in _OWN}


def end_to_end(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers without those of one hop (also those that ``Connection`` names)."""
    named = {name.strip().lower() for name in headers.get("Connection", "").split(",")}
    return {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP | named}
