"""What one service of a compose file says beyond the catalogue: model, cards, arguments, environment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field

from opea_pulumi.application import looks_secret
from opea_pulumi.catalog import Reference, Release
from opea_pulumi.convert._model import Loss

from ._known import Known, repository
from ._project import ComposeService, Project
from ._refs import Hosts, environments
from ._variables import Text

_SECRET = re.compile(
    r"TOKEN$|PASSW|SECRET|CREDENTIAL|PRIVATE|(API|ACCESS|AUTH)_?KEY|_KEY$|_PAT$", re.IGNORECASE
)
_USERINFO = re.compile(r"://[^/\s]*@")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ELSEWHERE = (
    *("http_proxy", "https_proxy", "no_proxy", "host_ip", "HOST_IP"),
    *("HABANA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"),
)
"""Variables that the deployment's settings and the share of cards decide."""


def field(use: Known, service: ComposeService, name: str, release: Release) -> Text:
    """What stands where the catalogue has ``{name}``: among the arguments, else in the environment."""
    wanted = f"{{{name}}}"
    values = dict(_options(service))
    args = use.row.args
    for index, arg in enumerate(args):
        if arg == wanted and index and args[index - 1] in values:
            return values[args[index - 1]]
    for environment in environments(use, release):
        for variable, value in environment.items():
            if value == wanted and variable in service.environment:
                return service.environment[variable]
    return Text()


def extra_args(use: Known, service: ComposeService) -> tuple[list[str], list[str]]:
    """Options that the catalogue has not, or has otherwise; and the variables without values among them."""
    ours = dict(_pairs(use.row.args))
    extra: list[str] = []
    missing: list[str] = []
    for option, value in _options(service):
        known = ours.get(option)
        if known is not None and ("{" in known or known == value.value):
            continue
        if option in ("--host", "--port", "-p"):
            continue
        if value.missing:
            missing += value.missing
        elif not secret_like(option, value.value):
            extra += [option, value.value] if value.value else [option]
    return extra, missing


@dataclass(frozen=True)
class OwnEnvironment:
    """Variables beyond the catalogue's: literals, addresses of other services of the file, and losses."""

    literals: dict[str, str] = dataclass_field(default_factory=dict)
    addresses: dict[str, str] = dataclass_field(default_factory=dict)
    losses: list[Loss] = dataclass_field(default_factory=list)


def own_environment(
    use: Known, service: ComposeService, release: Release, project: Project
) -> OwnEnvironment:
    """What a service's environment says beyond the catalogue."""
    elsewhere = {*_ELSEWHERE, *(name for row in release.secrets.values() for name in row.environment)}
    if use.role == "server":
        elsewhere |= set(release.servers[use.name].cache)
    own, lost, hosts = OwnEnvironment(), dict[str, list[str]](), Hosts(project)
    for variable, value in service.environment.items():
        rows = [row[variable] for row in environments(use, release) if variable in row]
        if variable in elsewhere or any(_as_in_the_catalogue(known, value) for known in rows):
            continue
        why, called = _why_not(variable, value), hosts.called(value)
        if why:
            lost.setdefault(why, []).append(variable)
        elif called:
            own.addresses[variable] = called
        else:
            own.literals[variable] = value.value
    for why, names in lost.items():
        own.losses.append(Loss(service.name, f"variables {', '.join(names)}", why))
    return own


def _as_in_the_catalogue(known: str | Reference, value: Text) -> bool:
    """A reference or a field is filled in by the blueprint."""
    return isinstance(known, Reference) or "{" in known or known == value.value


def _why_not(variable: str, value: Text) -> str:
    if value.missing:
        return "the file gives them no value"
    if secret_like(variable, value.value):
        return "they look like secrets"
    return "" if _VARIABLE.fullmatch(variable) else "no names of variables"


def own_image(use: Known, service: ComposeService) -> str:
    """The image, when the file names another one than the catalogue by itself (no variable)."""
    written = service.raw.get("image")
    if not isinstance(written, str) or "$" in written or written == use.row.image:
        return ""
    tag = use.row.image.replace("{version}", "").rpartition(":")[2]
    same = repository(written) == repository(use.row.image) and (not tag or written.endswith(f":{tag}"))
    return "" if same or _USERINFO.search(written) else written


def registry_of(use: Known, service: ComposeService) -> str:
    """What stands before the catalogue's image."""
    image = use.row.image.partition("{")[0]
    before, found, _ = service.image.value.rpartition(f"/{image}")
    return before if found and not _USERINFO.search(before) and "@" not in before else ""


def secret_like(name: str, value: str) -> bool:
    """Whether a value had better not be shown or kept."""
    plain = name.lstrip("-").replace("-", "_")
    return looks_secret(plain) or bool(_SECRET.search(plain) or _USERINFO.search(value))


def _options(service: ComposeService) -> Iterator[tuple[str, Text]]:
    """The options that a service starts with, each with its value (empty for a flag)."""
    option = ""
    for word in service.start:
        if word.value.startswith("-") and not word.missing:
            if option:
                yield option, Text()
            option, equals, value = word.value.partition("=")
            if equals:
                yield option, Text(value)
                option = ""
        elif option:
            yield option, word
            option = ""
    if option:
        yield option, Text()


def _pairs(args: Sequence[str]) -> Iterator[tuple[str, str]]:
    for index, arg in enumerate(args):
        if arg.startswith("-"):
            following = args[index + 1] if index + 1 < len(args) else ""
            yield arg, "" if following.startswith("-") else following
