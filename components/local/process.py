"""The custom resources of the local target, served by ``pulumi-resource-opea``.

``Process`` is a detached process of this machine; ``LocalVolume`` is a folder that holds data. The plugin's
schema is read from the annotations here, so they must not be postponed.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import pulumi

__all__ = ["LocalVolume", "LocalVolumeArgs", "Process", "ProcessArgs"]


_OUTPUTS = ("pid", "port", "url", "log_file", "started_at")


class ProcessArgs(TypedDict):
    """The inputs of a process."""

    command: pulumi.Input[Sequence[pulumi.Input[str]]]
    """The program and its arguments; `{port}` inside one is replaced by the port."""
    directory: pulumi.Input[str]
    """An absolute folder of its own, for `process.json` and the log `output.log`. A change replaces."""
    environment: NotRequired[pulumi.Input[Mapping[str, pulumi.Input[str]]]]
    """Variables beside the few that are inherited (PATH, HOME, locale, proxies). Values may be secret."""
    working_directory: NotRequired[pulumi.Input[str]]
    """Where the program starts; `directory` if not given."""
    port: NotRequired[pulumi.Input[int]]
    """The TCP port, exactly this one; taken by another process is an error that names it."""
    preferred_port: NotRequired[pulumi.Input[int]]
    """The TCP port to begin with; the next free one is taken if this one is not."""
    health_path: NotRequired[pulumi.Input[str]]
    """The path that answers GET with 2xx once the process serves; without it the port must connect."""
    start_timeout: NotRequired[pulumi.Input[float]]
    """Seconds to wait until it serves (60)."""
    stop_timeout: NotRequired[pulumi.Input[float]]
    """Seconds between SIGTERM and SIGKILL (10)."""
    log_max_bytes: NotRequired[pulumi.Input[int]]
    """Size in bytes at which the log is rotated (10 MiB)."""
    log_backups: NotRequired[pulumi.Input[int]]
    """How many rotated logs are kept (3)."""
    triggers: NotRequired[pulumi.Input[Mapping[str, pulumi.Input[str]]]]
    """Any texts; a change of one restarts the process."""


class LocalVolumeArgs(TypedDict):
    """The inputs of a volume."""

    path: pulumi.Input[str]
    """The absolute folder. It is made (mode 0700), or adopted when empty or made by an earlier volume."""


def wire_name(name: str) -> str:
    """The `camelCase` name on the wire of a `snake_case` one."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


class Process(pulumi.CustomResource):
    """A detached process of this machine: started and waited for, restarted on change, stopped on delete."""

    pid: pulumi.Output[int]
    """Its process id."""
    port: pulumi.Output[int]
    """Its TCP port on 127.0.0.1; absent if it has none."""
    url: pulumi.Output[str]
    """`http://127.0.0.1:PORT`; absent without a port."""
    log_file: pulumi.Output[str]
    """The file that gets what it prints; older parts are beside it as `.1`, `.2`..."""
    started_at: pulumi.Output[str]
    """When it was started, ISO 8601 in UTC."""

    def __init__(self, name: str, args: ProcessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        # Names are translated here: the SDK's translation would rename the environment's variables as well.
        inputs = {wire_name(key): value for key, value in args.items()}
        outputs: dict[str, Any] = dict.fromkeys(map(wire_name, _OUTPUTS))
        super().__init__("opea:index:Process", name, outputs | inputs, opts)
        for output in _OUTPUTS:
            setattr(self, output, self.__dict__[wire_name(output)])


class LocalVolume(pulumi.CustomResource):
    """A folder that holds data. It is removed with the resource, unless `OPEA_KEEP_DATA=1` is set."""

    path: pulumi.Output[str]
    """The absolute folder."""

    def __init__(self, name: str, args: LocalVolumeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("opea:index:LocalVolume", name, dict(args), opts)
