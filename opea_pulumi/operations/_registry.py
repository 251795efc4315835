"""Asking image registries which digest an image has (Docker Registry HTTP API v2, OCI distribution)."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import httpx

from opea_pulumi.blueprint import is_digest, split_image
from opea_pulumi.errors import OperationError

from ._credentials import Credentials

State = Literal["resolved", "not-found", "unauthorized", "no-answer"]

_TIMEOUT = 20.0
_AT_ONCE = 8
_TOKEN_BYTES = 64 * 1024
_MANIFEST_BYTES = 4 * 1024 * 1024
_HOSTS = {"docker.io": "registry-1.docker.io"}
_ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class ImageAnswer:
    """What a registry says of an image: its digest, or in ``detail`` why there is none."""

    image: str
    state: State
    digest: str = ""
    detail: str = ""


def ask_registries(
    images: Iterable[str],
    *,
    insecure: Collection[str] = (),
    credentials: Credentials | None = None,
    timeout: float | None = None,
) -> list[ImageAnswer]:
    """Ask for the digest of every image, some at once; what goes wrong with one is its answer.

    ``insecure`` are registries (``host:port``) that are asked by plain HTTP, ``timeout`` the seconds
    for one image with everything that it takes, such as a token (default: 20).

    Raises:
        BlueprintError: an image is no image reference.
        OperationError: the environment's proxy cannot be used.
    """
    client = _Client(frozenset(insecure), credentials or Credentials({}), timeout or _TIMEOUT)
    return asyncio.run(client.ask([(image, split_image(image)) for image in images]))


class _RefusedError(Exception):
    """Why there is no digest."""

    def __init__(self, state: State, detail: str) -> None:
        super().__init__(detail)
        self.state: State = state


@dataclass(frozen=True)
class _Reply:
    status: int
    headers: httpx.Headers
    body: bytes = b""


class _Client:
    def __init__(self, insecure: frozenset[str], credentials: Credentials, timeout: float) -> None:
        self._insecure = insecure
        self._credentials = credentials
        self._timeout = timeout

    async def ask(self, images: list[tuple[str, tuple[str, str, str, str]]]) -> list[ImageAnswer]:
        free = asyncio.Semaphore(_AT_ONCE)
        try:
            http = httpx.AsyncClient(timeout=self._timeout, follow_redirects=True)
        except (ValueError, ImportError, httpx.InvalidURL):  # their texts may name the proxy's password
            hint = "see HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"
            raise OperationError("the proxy cannot be used", code="bad-proxy", hint=hint) from None
        async with http:

            async def one(image: str, parts: tuple[str, str, str, str]) -> ImageAnswer:
                async with free:
                    return await self._one(http, image, parts)

            return list(await asyncio.gather(*(one(image, parts) for image, parts in images)))

    async def _one(
        self, http: httpx.AsyncClient, image: str, parts: tuple[str, str, str, str]
    ) -> ImageAnswer:
        try:
            async with asyncio.timeout(self._timeout):
                digest = await self._digest(http, *parts)
        except _RefusedError as refusal:
            return ImageAnswer(image, refusal.state, detail=str(refusal))
        except (TimeoutError, httpx.TimeoutException):
            return ImageAnswer(image, "no-answer", detail=f"no answer in {self._timeout:g} s")
        except httpx.ConnectError as error:
            return ImageAnswer(image, "no-answer", detail=str(error) or "no connection")
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError):
            return ImageAnswer(image, "no-answer", detail="its answer is not a registry's")
        return ImageAnswer(image, "resolved", digest)

    async def _digest(
        self, http: httpx.AsyncClient, registry: str, repository: str, tag: str, digest: str
    ) -> str:
        url = f"{self._base(registry)}/v2/{repository}/manifests/{digest or tag}"
        headers = {"Accept": _ACCEPT}
        reply = await _send(http, "HEAD", url, headers)
        if reply.status == httpx.codes.UNAUTHORIZED:
            authorization = await self._authorization(http, registry, repository, reply)
            if authorization:
                headers["Authorization"] = authorization
                reply = await _send(http, "HEAD", url, headers)
        if reply.status != httpx.codes.METHOD_NOT_ALLOWED:
            _check(reply)
            found = str(reply.headers.get("Docker-Content-Digest", ""))
            if is_digest(found):
                return found
        return _hashed(await _send(http, "GET", url, headers, _MANIFEST_BYTES))

    def _base(self, registry: str) -> str:
        scheme = "http" if registry in self._insecure else "https"
        return f"{scheme}://{_HOSTS.get(registry, registry)}"

    async def _authorization(
        self, http: httpx.AsyncClient, registry: str, repository: str, reply: _Reply
    ) -> str:
        """What to send after a 401, as its challenge says; empty when there is nothing to send."""
        basic = self._credentials.basic(registry)
        for challenge in reply.headers.get_list("WWW-Authenticate"):
            scheme, _, rest = challenge.partition(" ")
            if scheme.lower() == "bearer":
                parameters = dict(_PARAMETER.findall(rest))
                return await self._token(http, registry, repository, parameters, basic)
            if scheme.lower() == "basic" and basic:
                return basic
        return ""

    async def _token(
        self,
        http: httpx.AsyncClient,
        registry: str,
        repository: str,
        challenge: Mapping[str, str],
        basic: str,
    ) -> str:
        realm = challenge.get("realm", "")
        if not realm.startswith("https://") and registry not in self._insecure:
            raise _RefusedError("no-answer", "it wants a token from a place that is not https")
        query = {"scope": challenge.get("scope") or f"repository:{repository}:pull"}
        if challenge.get("service"):
            query["service"] = challenge["service"]
        url = httpx.URL(realm).copy_merge_params(query)
        reply = await _send(http, "GET", str(url), {"Authorization": basic} if basic else {}, _TOKEN_BYTES)
        _check(reply)
        data = json.loads(reply.body)
        token = (data.get("token") or data.get("access_token")) if isinstance(data, dict) else None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise _RefusedError("no-answer", "its answer to the question for a token holds none")
        return f"Bearer {token}"


async def _send(
    http: httpx.AsyncClient, method: str, url: str, headers: Mapping[str, str], limit: int = 0
) -> _Reply:
    """A reply with at most ``limit`` bytes of its body."""
    async with http.stream(method, url, headers=headers) as response:
        body = bytearray()
        if limit and response.is_success:
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > limit:
                    raise _RefusedError("no-answer", f"its answer has more than {limit} bytes")
        return _Reply(response.status_code, response.headers, bytes(body))


def _check(reply: _Reply) -> None:
    status = reply.status
    if status == httpx.codes.NOT_FOUND:
        raise _RefusedError("not-found", "the registry has no such image")
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        # Docker Hub and ghcr.io say so of what does not exist, too
        raise _RefusedError(
            "unauthorized", f"refused ({status}): it does not exist, or docker login is needed"
        )
    if status == httpx.codes.TOO_MANY_REQUESTS:
        raise _RefusedError(
            "no-answer", "too many requests (429): docker login raises the limit, or try later"
        )
    if not httpx.codes.is_success(status):
        raise _RefusedError("no-answer", f"it answered {status}")


def _hashed(reply: _Reply) -> str:
    """The digest of a manifest, from a registry that does not name it; what is hashed must be one."""
    _check(reply)
    if not isinstance(json.loads(reply.body), dict):
        raise _RefusedError("no-answer", "its answer is not a registry's")
    return f"sha256:{hashlib.sha256(reply.body).hexdigest()}"
