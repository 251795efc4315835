"""Secrets do not belong into a file: names that promise one, and addresses with a user's password."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from opea_pulumi.errors import HIDDEN

from ._source import KEY_FORM, KeyPath, Source, quoted_key

_SECRET = re.compile(
    r"(.*_)?(TOKEN|KEY|APIKEY|PASS|CREDENTIALS?)|.*(API_?KEY|PASSWORD|PASSWD|PASSPHRASE|SECRET).*"
)
_HARMLESS = re.compile(
    r".*_(FILE|PATH|DIR|NAME|LENGTH|URL)|GOOGLE_APPLICATION_CREDENTIALS"  # where it is, not what it is
    r"|(.*_)?(MAX|MIN|NUM|BOS|EOS|PAD|UNK|SEP|CLS|MASK|STOP|IMAGE)(_NEW)?_TOKEN"  # of texts
    r"|(.*_)?(PUBLIC|PRIMARY|FOREIGN|SORT|PARTITION|INDEX|ROUTING|INPUT|OUTPUT)_KEY"
)
_SWITCH = re.compile(r"true|false|yes|no|on|off|none|0|1", re.IGNORECASE)
_REFERENCE = re.compile(r"\$(\w+|\(\w+\)|\{\w+\})")
_USERINFO = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#@]*@|://[^\s/?#@]*:[^\s?#@]*@")
_ARGUMENT = re.compile(
    r"--?(?:[\w-]*[-_])?(?:api[-_]?key|(?:auth|access|hf|hub|api)[-_]token|password|secret)(?P<value>=.+)?",
    re.IGNORECASE,
)
_IMAGES = ("image", "image_registry")
_ACCOUNT = re.compile(r"@(?!sha[0-9]+:[0-9a-f]+$)")
"""Of a registry, before its name; a digest stands behind the same sign."""

_OF_SERVICE = 4
"""The length of ``opea_micro_services.NAME.environment.VARIABLE``."""

_HINT = "give it as a secret: in your environment, or pulumi config set --secret"


def looks_secret(variable: str) -> bool:
    """Whether a variable's name promises a secret; MAX_TOKENS and the like do not."""
    name = variable.upper()
    return bool(_SECRET.fullmatch(name)) and not _HARMLESS.fullmatch(name)


def without_secrets(text: str) -> str:
    """Text of a message without what stands before the ``@`` of an address, and without providers' keys."""
    return KEY_FORM.sub(HIDDEN, _USERINFO.sub(f"{HIDDEN}@", text))


def check_secrets(source: Source) -> None:
    """See that no value of the document is a secret in plain text, as far as names and forms tell.

    Raises:
        ApplicationError: one is.
    """
    for path, value in source.values():
        text = value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""
        if text and not _SWITCH.fullmatch(text):
            _check(source, path, text)


def _check(source: Source, path: KeyPath, value: str) -> None:
    account = path[-1] in _IMAGES and _ACCOUNT.search(value)
    if account or _USERINFO.search(value):
        message = "an address with a user's name or password is a secret"
        source.fail("secret-in-file", message, path, hint=_HINT)
    if KEY_FORM.search(value) or any(KEY_FORM.search(str(part)) for part in path):
        source.fail("secret-in-file", "this looks like a provider's key", path, hint=_HINT)
    name = path[-1]
    if path[-2:-1] == ("environment",) and isinstance(name, str) and looks_secret(name):
        hint = _named_hint(name) if len(path) == _OF_SERVICE else _HINT
        source.fail("secret-in-file", f"{name} is a secret", path, key=True, hint=hint)
    if path[0] == "patches":
        _check_patch(source, path, value)
    if path[-2:-1] in (("args",), ("command",)):
        _check_argument(source, path, value)


def _named_hint(variable: str) -> str:
    words = variable.lower().strip("_").split("_")
    config = words[0] + "".join(word.title() for word in words[1:])
    instead = f"write secrets: {{{variable}: {'-'.join(filter(None, words))}}} of the service instead"
    return f"{instead}; its value comes from your environment or the stack's config opea:{config}"


def _check_patch(source: Source, path: KeyPath, value: str) -> None:
    """Compose has variables as keys or ``NAME=value``, Kubernetes as ``{name: ..., value: ...}``."""
    name = str(path[-1])
    if name == "value" and isinstance(beside := _at(source.data, path[:-1]), Mapping):
        name = str(beside.get("name") or str(beside.get("path")).rpartition("/")[2])
    if isinstance(path[-1], int):
        name = value.partition("=")[0] if value.partition("=")[2] else ""
    if name.isupper() and looks_secret(name) and not _REFERENCE.fullmatch(value):
        source.fail("secret-in-file", f"{quoted_key(name)} is a secret", path, hint=_HINT)


def _check_argument(source: Source, path: KeyPath, value: str) -> None:
    match = _ARGUMENT.fullmatch(value)
    if match is None:
        return
    following = _at(source.data, path[:-1])[int(path[-1]) + 1 :]
    secret = (match["value"] or "")[1:] or (str(following[0]) if following else "-")
    if not secret.startswith("-") and not _REFERENCE.fullmatch(secret):
        message = "an argument with a secret is shown to everyone who sees the process"
        source.fail("secret-in-file", message, path, hint=_HINT)


def _at(data: Any, path: KeyPath) -> Any:
    for part in path:
        data = data[part]
    return data
