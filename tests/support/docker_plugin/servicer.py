# ruff: noqa: N802 - gRPC's names
"""The gRPC service: the engine's questions, answered as Pulumi's bridge answers them.

Secrets are not accepted (as the bridge does not), so the engine itself marks outputs of secret inputs.
"""

import functools
import secrets
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2
from pulumi.runtime.rpc import UNKNOWN

from . import wire
from .connection import Connection, ProviderError
from .container import Container, PartialError
from .fields import DEFAULTS, Change, Type, Values, canonical, changes, is_unknown, types, with_defaults
from .images import Image, RemoteImage
from .schema import schema
from .simple import Network, Tag, Volume

VERSION = "5.2.0"
IMAGE = "docker:index/image:Image"
_TIMEOUT = 1200.0  # the default of Terraform's resource timeouts, 20 minutes

RESOURCES: dict[str, Any] = {
    "docker:index/container:Container": Container(),
    "docker:index/network:Network": Network(),
    "docker:index/volume:Volume": Volume(),
    "docker:index/remoteImage:RemoteImage": RemoteImage(),
    "docker:index/tag:Tag": Tag(),
    IMAGE: Image(),
}


class _Limits:
    def __init__(self, timeout: float, context: grpc.ServicerContext) -> None:
        self.timeout = timeout or _TIMEOUT
        self._context = context

    def going(self) -> bool:
        return bool(self._context.is_active())


def _told(method: Callable[..., Any]) -> Callable[..., Any]:
    """Errors as the engine is to see them: one message, in the words of Terraform's diagnostics."""

    @functools.wraps(method)
    def wrapper(self: "Servicer", request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except PartialError as error:
            _abort_partial(request, context, error)
        except ProviderError as error:
            context.abort(grpc.StatusCode.UNKNOWN, _listed(str(error)))
        except Exception as error:  # noqa: BLE001 - a fault of this plugin: say where
            context.abort(
                grpc.StatusCode.INTERNAL, f"the test plugin failed: {type(error).__name__}: {error}"
            )

    return wrapper


def _listed(message: str) -> str:
    return f"1 error occurred:\n\t* {message}\n\n"


def _abort_partial(request: Any, context: grpc.ServicerContext, error: PartialError) -> None:
    message = f"creating {request.urn}: {_listed(error.reason)}"
    inputs = request.properties
    kept = provider_pb2.ErrorResourceInitFailed(
        id=error.identifier, properties=wire.struct(error.state), reasons=[message], inputs=inputs
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message)
    status.details.add().Pack(kept)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, message)


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """One connection: several providers of one program share it, their registry accounts add up."""

    def __init__(self) -> None:
        self._at = Connection()

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version=VERSION)

    @_told
    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.GetSchemaResponse(schema=schema(VERSION))

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()  # the vendor's does nothing either

    @_told
    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    @_told
    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        old, new = wire.plain(request.old_inputs or request.olds), wire.plain(request.news)
        differ = {name for name in {*old, *new} - {"version"} if old.get(name) != new.get(name)}
        return provider_pb2.DiffResponse(changes=_some(differ), diffs=sorted(differ))

    @_told
    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        settings = {name: wire.decoded(value) for name, value in wire.plain(request.args).items()}
        self._at.configure({"host": None, **settings} if settings else {})
        return provider_pb2.ConfigureResponse(supportsPreview=True, supports_autonaming_configuration=True)

    @_told
    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        token, inputs, olds = _token(request), wire.plain(request.news), wire.plain(request.olds)
        if token == IMAGE:
            return provider_pb2.CheckResponse(inputs=wire.struct(RESOURCES[token].check(inputs)))
        of = _type(token)
        failures = [
            provider_pb2.CheckFailure(reason=f"Missing required property '{name}'")
            for name, fact in of.properties.items()
            if "required" in fact.flags and name not in inputs
        ]
        failures += [
            provider_pb2.CheckFailure(property=name, reason="An argument of this name is not expected here.")
            for name in inputs
            if name not in of.properties or of.properties[name].output
        ]
        named = _named(of, request, inputs, olds)
        return provider_pb2.CheckResponse(inputs=wire.struct(with_defaults(of, named)), failures=failures)

    @_told
    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        token, state, news = _token(request), wire.plain(request.olds), wire.plain(request.news)
        if token == IMAGE:
            return _image_diff(wire.plain(request.old_inputs), news, set(request.ignoreChanges))
        of = _type(token)
        news = _ignoring(news, state, request.ignoreChanges)
        found = changes(of, state, news)
        replaces = sorted(name for name, change in found.items() if change.replaces)
        first = bool(replaces) and (of.delete_before_replace or _fixed_name(of, state, news))
        detailed = {name: _detail(change) for name, change in found.items()}
        return provider_pb2.DiffResponse(
            changes=_some(found),
            diffs=sorted(found),
            replaces=replaces,
            deleteBeforeReplace=first,
            detailedDiff=detailed,
            hasDetailedDiff=True,
        )

    @_told
    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        token, inputs = _token(request), wire.plain(request.properties)
        asked = {name: value for name, value in inputs.items() if name != DEFAULTS}
        if request.preview:
            return provider_pb2.CreateResponse(properties=wire.struct(_planned(token, {}, asked)))
        limits = _Limits(request.timeout, context)
        identifier, state = RESOURCES[token].create(self._at, asked, limits)
        return provider_pb2.CreateResponse(id=identifier, properties=wire.struct(state))

    @_told
    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        token, state = _token(request), wire.plain(request.properties)
        resource, inputs = RESOURCES[token], wire.plain(request.inputs)
        state.pop(DEFAULTS, None)
        read = resource.read(self._at, request.id, state)
        if read is None:
            return provider_pb2.ReadResponse()
        identifier = resource.identifier(read) if hasattr(resource, "identifier") else request.id
        kept = inputs if token == IMAGE else _read_inputs(_type(token), inputs, read)
        return provider_pb2.ReadResponse(
            id=identifier, properties=wire.struct(read), inputs=wire.struct(kept)
        )

    @_told
    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        token, state, news = _token(request), wire.plain(request.olds), wire.plain(request.news)
        news = _ignoring(news, state, request.ignoreChanges)
        asked = {name: value for name, value in news.items() if name != DEFAULTS}
        if request.preview:
            return provider_pb2.UpdateResponse(properties=wire.struct(_planned(token, state, asked)))
        updated = RESOURCES[token].update(self._at, request.id, state, asked)
        return provider_pb2.UpdateResponse(properties=wire.struct(updated))

    @_told
    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        RESOURCES[_token(request)].delete(self._at, request.id, wire.plain(request.properties))
        return empty_pb2.Empty()

    @_told
    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        raise ProviderError(f"the test plugin has no function {request.tok}")


def _token(request: Any) -> str:
    own = str(request.urn).split("::")[2].rpartition("$")[2]
    if own not in RESOURCES:
        raise ProviderError(f"the test plugin has no resource {own}")
    return own


def _type(token: str) -> Type:
    return types()[token]


def _some(found: Any) -> Any:
    return provider_pb2.DiffResponse.DIFF_SOME if found else provider_pb2.DiffResponse.DIFF_NONE


def _detail(change: Change) -> Any:
    kind = "UPDATE" if change.had and change.has else ("ADD" if change.has else "DELETE")
    name = f"{kind}_REPLACE" if change.replaces else kind
    return provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.Kind.Value(name))


def _image_diff(old: Values, new: Values, ignored: set[str]) -> Any:
    names = {name for name in {*old, *new} - ignored if old.get(name) != new.get(name)}
    if "registry" in names and _server(old) == _server(new):
        names.discard("registry")  # another account is no other image
    detailed = {name: _detail(Change(name in old, name in new, replaces=False)) for name in names}
    return provider_pb2.DiffResponse(changes=_some(names), detailedDiff=detailed, hasDetailedDiff=True)


def _server(inputs: Values) -> Any:
    return (inputs.get("registry") or {}).get("server")


def _named(of: Type, request: Any, inputs: Values, olds: Values) -> Values:
    """The inputs with a name: the one that was made before, or `NAME-` and seven hexadecimal digits."""
    if not of.autoname or inputs.get("name") is not None:
        return inputs
    own = str(request.urn).rpartition("::")[2]
    asked = request.autonaming if request.HasField("autonaming") else None
    options = provider_pb2.CheckRequest.AutonamingOptions
    if asked and asked.mode == options.DISABLE:
        raise ProviderError("automatic naming is disabled and no name is given")
    name = f"{own}-{secrets.token_hex(4)[:7]}"
    if asked and asked.proposed_name:
        name = asked.proposed_name
    if "name" in olds.get(DEFAULTS, []) and olds.get("name"):
        name = olds["name"]
    return {**inputs, "name": name, DEFAULTS: ["name"]}


def _fixed_name(of: Type, state: Values, news: Values) -> bool:
    """Whether the successor would have the name of what it replaces."""
    return of.autoname and "name" not in news.get(DEFAULTS, []) and state.get("name") == news.get("name")


def _ignoring(news: Values, state: Values, ignored: Any) -> Values:
    tops = {path.partition(".")[0].partition("[")[0] for path in ignored}
    return {**news, **{name: state[name] for name in tops if name in state}}


def _planned(token: str, state: Values, inputs: Values) -> Values:
    """What a preview says: the inputs, what is known already, and the rest unknown."""
    if token == IMAGE:
        return inputs
    unknown = {
        name: state.get(name, UNKNOWN)
        for name, fact in _type(token).properties.items()
        if (fact.output or fact.computed) and inputs.get(name) is None
    }
    return {**state, **inputs, **unknown}


def _read_inputs(of: Type, inputs: Values, read: Values) -> Values:
    """The inputs as they would have to be to give what was read, where it is something else."""
    kept = dict(inputs)
    for name, value in inputs.items():
        fact = of.properties.get(name)
        if fact and not is_unknown(value) and canonical(fact, read.get(name)) != canonical(fact, value):
            kept[name] = read.get(name)
    return kept
