"""The kinds of values in the unified language: how names, paths, addresses and amounts are written."""

from __future__ import annotations

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


def _inside(path: str) -> str:
    if ".." in path.split("/"):
        raise ValueError("leaves the application's folder")
    return path


NAME = r"^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$"
# neither a user's name nor a query: both are places for keys, and endpoints are joined to the url
URL = r"^https?://[^\s/?#@\\]+(/[^\s?#]*)?$"
RELATIVE_PATH = r"^[^\s\\{}/][^\s\\{}]*$"

Port = Annotated[int, Field(ge=1, le=65535, strict=True)]
Endpoint = Annotated[str, Field(pattern=r"^/[^\s?#{}]*$")]
Url = Annotated[str, Field(pattern=URL), AfterValidator(_checked_url)]
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
