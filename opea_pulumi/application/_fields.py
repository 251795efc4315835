"""The kinds of values in the unified language: how names, paths, addresses and amounts are written."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.hostname and parts.port != 0
    except ValueError:  # no IPv6 address, or a port beyond 65535
        good = False
    if not good:
        raise ValueError("names no host, or no port that there is")
    return url


def split_address(text: str) -> tuple[IPv4Address | IPv6Address, int | None]:
    """``ADDRESS[:PORT]``: an address that a host may listen on, and the port if one is named.

    IPv6 stands in brackets where a port follows; ``localhost`` is 127.0.0.1.

    Raises:
        ValueError: it is neither, or a server cannot listen there (groups of hosts, other hosts' scopes).
    """
    match = re.fullmatch(ADDRESS, text)
    if match is None:
        raise ValueError("is no ADDRESS or ADDRESS:PORT")
    _, plain, bracketed, _, number, bare = match.groups()
    host = plain or bracketed or bare
    try:
        address = ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise ValueError("names no IP address") from None
    if address.is_multicast or host == "255.255.255.255":
        raise ValueError("is an address of many hosts, on which none can listen")
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        raise ValueError("is an IPv4 address in IPv6: write it as IPv4")
    port = int(number[:6]) if number else None
    if port is not None and not 1 <= port <= 65535:
        raise ValueError("names a port that there is not: ports are 1 to 65535")
    return address, port


def _checked_address(text: str) -> str:
    split_address(text)
    return text


def _inside(path: str) -> str:
    if ".." in path.split("/"):
        raise ValueError("leaves the application's folder")
    return path


NAME = r"^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$"
# neither a user's name nor a query: both are places for keys, and endpoints are joined to the url
URL = r"^https?://[^\s/?#@\\]+(/[^\s?#]*)?$"
# a host with or without a port; IPv6 without one may do without its brackets
ADDRESS = (
    r"^((localhost|[0-9.]+)|\[([0-9A-Fa-f:.]+)\])(:([0-9]+))?$|^([0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)$"
)
RELATIVE_PATH = r"^[^\s\\{}/][^\s\\{}]*$"

Port = Annotated[int, Field(ge=1, le=65535, strict=True)]
Endpoint = Annotated[str, Field(pattern=r"^/[^\s?#{}]*$")]
Url = Annotated[str, Field(pattern=URL), AfterValidator(_checked_url)]
Address = Annotated[str, Field(pattern=ADDRESS), AfterValidator(_checked_address)]
Name = Annotated[str, Field(pattern=NAME)]
SecretName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Text = Annotated[str, Field(min_length=1)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Label = Annotated[str, Field(pattern=r"^([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$")]
Count = Annotated[int, Field(ge=1, le=1000, strict=True)]
Cores = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?m?$")]
Memory = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(k|M|G|T|Ki|Mi|Gi|Ti)?$")]
MountPath = Annotated[str, Field(pattern=r"^/[^\s:{}]*$")]
RelativePath = Annotated[str, Field(pattern=RELATIVE_PATH), AfterValidator(_inside)]
Flag = Annotated[bool, Field(strict=True)]


class Part(BaseModel):
    """A part of the language: frozen, and without keys that are not its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")
