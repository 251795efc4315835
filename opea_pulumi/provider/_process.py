"""``opea:index:Process``: a detached local process as a resource.

*read* (refresh) looks at processes only: one whose supervisor or child is gone, or that ran before a reboot,
is reported as gone, so that the next update starts it again; what is left of it is ended on the spot, because
after that nothing would name it. One that runs but does not answer is left to ``status`` and to its user.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil
from pulumi.provider.experimental import provider as rpc

from opea_pulumi.errors import OperationError
from opea_pulumi.provider import _ports
from opea_pulumi.provider._fields import changed, check_fields
from opea_pulumi.provider._groups import is_alive, reload_settings, stop
from opea_pulumi.provider._health import wait_healthy
from opea_pulumi.provider._launch import end, start
from opea_pulumi.provider._process_inputs import DEFAULT_STOP_TIMEOUT, FIELDS, RESTARTS, ProcessInputs
from opea_pulumi.provider._process_ports import check_port
from opea_pulumi.provider._record import Record, remove_record, salted_digest
from opea_pulumi.provider._supervisor import LOG
from opea_pulumi.provider._values import Properties, is_unknown, lift, plain, plain_map, secret_texts, unknown

_SHORTEST_REDACTED = 4


class RestartError(OperationError):
    """An update ended the old process and could not start the new one: what is true of the resource now.

    The engine keeps this state and the failure, so that the next update tries again even without a change.
    """

    def __init__(
        self, error: OperationError, resource_id: str, inputs: Properties, state: Properties
    ) -> None:
        super().__init__(error.message, code=error.code, hint=error.hint)
        self.resource_id, self.inputs, self.state = resource_id, inputs, state


class ProcessResource:
    """The operations of the resource; requests and answers are those of ``pulumi.provider.experimental``."""

    def __init__(self, cancelled: asyncio.Event) -> None:
        self._cancelled = cancelled
        self._reservations = _ports.Reservations()

    def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        """Validate, apply defaults, and choose the port (see ``_process_ports``)."""
        inputs, failures = check_fields(FIELDS, request.new_inputs)
        if not failures:
            inputs, failures = check_port(self._reservations, request.urn, request.old_inputs, inputs)
        return rpc.CheckResponse(inputs=inputs, failures=failures)

    def diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        """Only real changes: ``directory`` replaces (old one first), the rest is an update in place."""
        changes = changed(FIELDS, request.old_state, request.new_inputs)
        replaces = ["directory"] if "directory" in changes else []
        stays = [] if replaces else ["logFile"] + ([] if "port" in changes else ["port", "url"])
        return rpc.DiffResponse(
            changes=bool(changes),
            replaces=replaces,
            stables=stays,
            delete_before_replace=bool(replaces),
            diffs=list(changes),
            detailed_diff={name: _property_diff(name, *there) for name, there in changes.items()},
        )

    async def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        """Start the process, or adopt the one that an interrupted update left."""
        if request.preview:
            return rpc.CreateResponse(properties=_outputs(request.properties, None))
        inputs = ProcessInputs.of(request.properties)
        with _redacted(request.properties):
            record = await start(request.urn, inputs, self._cancelled)
        return rpc.CreateResponse(str(inputs.directory), _outputs(request.properties, record))

    async def update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        """Restart when a change needs it or the process is gone; else note the new settings."""
        changes = changed(FIELDS, request.olds, request.news)
        restart = any(name in changes for name in RESTARTS)
        if request.preview:
            kept = {} if restart else _running(request.olds)
            return rpc.UpdateResponse(_outputs(request.news, None) | kept)
        record = Record.load(Path(request.resource_id))
        if restart or record is None or not is_alive(record):
            record = await self._restart(request, record)
        else:
            with _redacted(request.news):
                record = await self._apply_settings(record, ProcessInputs.of(request.news), changes)
        return rpc.UpdateResponse(_outputs(request.news, record))

    async def _restart(self, request: rpc.UpdateRequest, old: Record | None) -> Record:
        inputs = ProcessInputs.of(request.news)
        if old:
            await end(old, inputs.directory, _stop_timeout(request.olds), self._cancelled)
        try:
            with _redacted(request.news):
                return await start(request.urn, inputs, self._cancelled)
        except OperationError as error:
            state = _outputs(request.news, None) | {"pid": lift(0), "startedAt": lift("")}
            raise RestartError(error, request.resource_id, request.news, state) from error

    async def _apply_settings(
        self, record: Record, inputs: ProcessInputs, changes: dict[str, tuple[bool, bool]]
    ) -> Record:
        if "healthPath" in changes:
            await wait_healthy(record, inputs, inputs.start_timeout, self._cancelled)
        record = record.with_inputs(inputs.recorded)
        record.save(inputs.directory)
        reload_settings(record)
        return record

    async def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        """The state as it is now, without an id when the process is gone; also the import by directory."""
        directory = Path(request.resource_id)
        record = Record.load(directory)
        if record is None:
            return rpc.ReadResponse(resource_id="")
        if not is_alive(record):
            # The record stays: the next start prefers its port.
            await stop(record, DEFAULT_STOP_TIMEOUT, self._cancelled)
            return rpc.ReadResponse(resource_id="")
        inputs = request.inputs if _is_of(record, request.inputs) else _imported(record)
        return rpc.ReadResponse(request.resource_id, _outputs(inputs, record), inputs)

    async def delete(self, request: rpc.DeleteRequest) -> None:
        """Stop the process, and remove its record and logs; what is gone already is no error."""
        directory = Path(request.resource_id)
        if record := Record.load(directory):
            await end(record, directory, _stop_timeout(request.properties), self._cancelled)
        self._reservations.release(request.urn)
        _remove_files(directory)


def _is_of(record: Record, inputs: Properties) -> bool:
    """Whether the recorded process was started with these inputs; an update that was killed may have."""
    return bool(inputs) and record.digest == salted_digest(record.salt, ProcessInputs.of(inputs).identity())


def _property_diff(name: str, was: bool, there: bool) -> rpc.PropertyDiff:
    kind = "UPDATE" if was and there else "ADD" if there else "DELETE"
    return rpc.PropertyDiff(
        rpc.PropertyDiffKind[kind + ("_REPLACE" if name == "directory" else "")], input_diff=True
    )


def _outputs(inputs: Properties, record: Record | None) -> Properties:
    """The state: the inputs, and what is known of the process; unknown what only its start tells."""
    outputs = {name: value for name, value in inputs.items() if name in FIELDS}
    directory, port = inputs["directory"], inputs.get("port")
    outputs["logFile"] = unknown() if is_unknown(directory) else lift(str(Path(plain(directory)) / LOG))
    if port is not None:
        outputs["url"] = unknown() if is_unknown(port) else lift(f"http://127.0.0.1:{plain(port)}")
    outputs["pid"] = lift(record.process.pid) if record else unknown()
    outputs["startedAt"] = lift(record.started_at) if record else unknown()
    return outputs


def _running(state: Properties) -> Properties:
    return {name: state[name] for name in ("pid", "startedAt") if name in state}


def _imported(record: Record) -> Properties:
    """The inputs of a process as recorded; its environment is read from the process, as a secret."""
    inputs = {name: lift(value) for name, value in record.inputs.items()}
    if record.environment_names:
        with contextlib.suppress(psutil.Error):
            environment = psutil.Process(record.process.pid).environ()
            named = {name: environment[name] for name in record.environment_names if name in environment}
            inputs["environment"] = lift(named, secret=True)
    return inputs


def _stop_timeout(properties: Properties) -> float:
    return float(plain_map(properties).get("stopTimeout", DEFAULT_STOP_TIMEOUT))


def _remove_files(directory: Path) -> None:
    if not directory.is_dir():
        return
    remove_record(directory)
    for log in directory.glob(f"{LOG}*"):
        log.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not empty: something else is kept there
        directory.rmdir()


@contextlib.contextmanager
def _redacted(properties: Properties) -> Iterator[None]:
    """Errors raised inside show no secret input, not even where the process logged it."""
    try:
        yield
    except OperationError as error:
        message = error.message
        for value in properties.values():
            for secret in secret_texts(value):
                if len(secret) >= _SHORTEST_REDACTED:
                    message = message.replace(secret, "[secret]")
        raise OperationError(message, code=error.code, hint=error.hint) from None
