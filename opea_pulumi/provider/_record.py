"""``process.json``: what is known of a started process, to find it again after a crash or a reboot."""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from opea_pulumi.provider._supervisor import RECORD, write_record

_VERSION = 1


@dataclass(frozen=True)
class Pid:
    """One process: its pid and the token of its start (see ``_supervisor.start_token``)."""

    pid: int
    start: str | None


@dataclass(frozen=True)
class Record:
    """The file's content: no secret input and no value of the environment, only their salted digest."""

    urn: str
    marker: str
    salt: str
    digest: str
    inputs: Mapping[str, Any]
    environment_names: tuple[str, ...]
    boot: str
    supervisor: Pid
    process: Pid
    started_at: str

    @classmethod
    def load(cls, directory: Path) -> Self | None:
        """The record in ``directory``, or ``None`` when there is none or it is damaged."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            data = json.loads((directory / RECORD).read_text(encoding="utf-8"))
            if data["version"] == _VERSION:
                return cls._from_json(data)
        return None

    @classmethod
    def _from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            urn=data["urn"],
            marker=data["marker"],
            salt=data["salt"],
            digest=data["digest"],
            inputs=data["inputs"],
            environment_names=tuple(data["environmentNames"]),
            boot=data["boot"],
            supervisor=Pid(**data["supervisor"]),
            process=Pid(**data["process"]),
            started_at=data["startedAt"],
        )

    def with_inputs(self, inputs: Mapping[str, Any]) -> Self:
        """The record with other settings, of the same process."""
        return replace(self, inputs=inputs)

    def save(self, directory: Path) -> None:
        """Replace the file in ``directory``."""
        head = new_record(self.urn, self.marker, self.inputs, self.environment_names, self.salt, self.digest)
        rest = {
            "boot": self.boot,
            "supervisor": asdict(self.supervisor),
            "process": asdict(self.process),
            "startedAt": self.started_at,
        }
        write_record(str(directory), head | rest)


def new_record(
    urn: str, marker: str, inputs: Mapping[str, Any], names: tuple[str, ...], salt: str, digest: str
) -> dict[str, Any]:
    """The part of the file that is known before the process is started; the supervisor adds the rest."""
    return {
        "version": _VERSION,
        "urn": urn,
        "marker": marker,
        "salt": salt,
        "digest": digest,
        "inputs": dict(inputs),
        "environmentNames": list(names),
    }


def remove_record(directory: Path) -> None:
    """Remove the file; nothing happens when it is not there."""
    (directory / RECORD).unlink(missing_ok=True)


def new_salt() -> str:
    """Random text that makes a digest tell nothing about what was digested."""
    return secrets.token_hex(16)


def salted_digest(salt: str, value: object) -> str:
    """A digest of a JSON value; equal values have equal digests under one salt."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.scrypt(canonical.encode(), salt=salt.encode(), n=2**12, r=8, p=1, dklen=32).hex()
