"""``opea:index:LocalVolume``: a folder of data, removed with the resource unless ``OPEA_KEEP_DATA=1``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pulumi.provider.experimental import provider as rpc

from opea_pulumi.errors import OperationError
from opea_pulumi.provider._fields import Field, absolute_path, changed, check_fields, text
from opea_pulumi.provider._values import Properties, lift, plain

VOLUME_MARKER = ".opea-volume"
"""The file that tells that a folder was made by this resource; nothing without it is ever removed."""

KEEP_DATA = "OPEA_KEEP_DATA"

VOLUME_FIELDS = {"path": Field(text(absolute_path), required=True)}


class VolumeResource:
    """The operations of the resource; its id is its path."""

    def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        """Validate the path."""
        inputs, failures = check_fields(VOLUME_FIELDS, request.new_inputs)
        return rpc.CheckResponse(inputs=inputs, failures=failures)

    def diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        """Another path is another volume."""
        if "path" not in changed(VOLUME_FIELDS, request.old_state, request.new_inputs):
            return rpc.DiffResponse(changes=False, stables=["path"])
        difference = rpc.PropertyDiff(rpc.PropertyDiffKind.UPDATE_REPLACE, input_diff=True)
        return rpc.DiffResponse(
            changes=True, replaces=["path"], diffs=["path"], detailed_diff={"path": difference}
        )

    async def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        """Make the folder, or adopt an empty one or one that this resource made."""
        state = _state(request.properties)
        if request.preview:
            return rpc.CreateResponse(properties=state)
        path = Path(plain(state["path"]))
        try:
            _make(path, request.urn)
        except OSError as error:
            raise OperationError(f"can't make the volume {path}: {error.strerror}", code="volume") from error
        return rpc.CreateResponse(str(path), state)

    async def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        """The state as it is; without an id when the folder or its marker is gone. Also the import by id."""
        path = Path(request.resource_id)
        if not (path / VOLUME_MARKER).is_file():
            return rpc.ReadResponse(resource_id="")
        state = {"path": lift(str(path))}
        return rpc.ReadResponse(str(path), request.properties or state, request.inputs or state)

    async def update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        """Nothing can change in place."""
        return rpc.UpdateResponse(_state(request.news))

    async def delete(self, request: rpc.DeleteRequest) -> None:
        """Remove the folder and its content, unless the plugin's environment has ``OPEA_KEEP_DATA=1``."""
        if os.environ.get(KEEP_DATA) != "1":
            _delete(Path(request.resource_id))


def _delete(path: Path) -> None:
    if not os.path.lexists(path):
        return
    if path.is_symlink() or not (path / VOLUME_MARKER).is_file():
        raise OperationError(
            f"{path} was not made by this resource (it has no file {VOLUME_MARKER}): it is not removed",
            code="foreign-volume",
            hint="remove it by hand if nothing in it is needed",
        )
    try:
        _remove(path, path / VOLUME_MARKER)
    except OSError as error:
        raise OperationError(f"can't remove the volume {path}: {error}", code="volume") from error


def _state(properties: Properties) -> Properties:
    return {"path": properties["path"]}


def _make(path: Path, urn: str) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    marker = path / VOLUME_MARKER
    if marker.is_file() and not path.is_symlink():
        return
    if path.is_symlink() or any(path.iterdir()):
        raise OperationError(
            f"{path} holds data, or is a link, and was not made by this resource",
            code="foreign-volume",
            hint="choose another path, or move what is in it away",
        )
    path.chmod(0o700)
    marker.write_text(f"{urn}\n", encoding="utf-8")


def _remove(path: Path, marker: Path) -> None:
    """The marker goes last, so that a removal that was interrupted can go on."""
    for entry in path.iterdir():
        if entry == marker:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    marker.unlink()
    path.rmdir()
