"""Every release's data holds together: what one row names, another one describes."""

import re
import string
from datetime import date
from importlib.util import find_spec

import pytest

from opea_pulumi.application import service_types
from opea_pulumi.catalog import DEFAULT_RELEASE, Reference, load_release, releases
from opea_pulumi.terms import Orchestrator, Profile

QUANTITY = re.compile(r"[1-9][0-9]*(m|[KMGT]i)?")
EXCEPTIONS = {
    "root",
    "SYS_NICE",
    "SYS_PTRACE",
    "host-ipc",
    "writable-root",
    "unconfined",
    "privileged",
    # what OPEA's nginx is given by its chart, beside root
    "CHOWN",
    "DAC_OVERRIDE",
    "NET_BIND_SERVICE",
    "SETGID",
    "SETUID",
}

pytestmark = pytest.mark.parametrize("release", [load_release(name) for name in releases()], ids=releases())


def servers(release):
    """Every device of every server, with what it takes from its server."""
    for name, server in release.servers.items():
        for hardware, row in server.devices.items():
            update = {
                "volumes": row.volumes or server.volumes,
                "environment": {**server.environment, **row.environment},
            }
            yield f"servers.{name}.{hardware}", row.model_copy(update=update)


def stores(release):
    for name, row in release.stores.items():
        for part, companion in row.companions.items():
            yield f"stores.{name}.{part}", companion
        if row.server:
            yield f"stores.{name}", row.server


def runnables(release):
    """Every row that runs, by a name for messages."""
    for name, row in release.services.items():
        yield f"services.{name}", row
        for hardware, device in row.devices.items():
            yield f"services.{name}.{hardware}", device
    yield from servers(release)
    yield from stores(release)
    for name, row in release.megaservices.items():
        yield f"megaservices.{name}", row
    for name, row in release.uis.items():
        yield f"uis.{name}", row
    for name, row in {"gateway": release.gateway, "prefetch": release.prefetch}.items():
        if row:
            yield name, row
    yield "router", release.router


def environments(release):
    """Every environment with a name for messages and the service type that it belongs to."""
    for name, row in runnables(release):
        yield name, name.split(".")[1] if name.startswith("services.") else "", row.environment
    for name, row in release.services.items():
        yield f"services.{name}.remote", name, row.remote
        for server, environment in row.servers.items():
            yield f"services.{name}.servers.{server}", name, environment
    for store, row in release.stores.items():
        for kind, environment in row.clients.items():
            yield f"stores.{store}.clients.{kind}", kind, environment
    for name, row in release.megaservices.items():
        for index, variant in enumerate(row.variants):
            yield f"megaservices.{name}.variants.{index}", "", variant.environment
        for kind, environment in row.remote.items():
            yield f"megaservices.{name}.remote.{kind}", kind, environment
    for name, row in release.uis.items():
        yield f"uis.{name}.gateway", "", row.gateway


def references(release):
    for name, kind, environment in environments(release):
        for key, value in environment.items():
            if isinstance(value, Reference):
                yield f"{name}.{key}", kind, value


def fields(text):
    return {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}


def test_it_is_named_like_its_file_and_dated(release):
    assert release.release in releases()
    assert load_release(release.release) is release
    assert date(2025, 1, 1) <= release.as_of <= date.today()  # noqa: DTZ011 - days do not matter
    assert release.source


def test_its_profile_has_a_default_release(release):
    assert set(DEFAULT_RELEASE) == set(Profile)
    assert load_release(DEFAULT_RELEASE[release.profile]).profile == release.profile


def test_services_are_of_known_types(release):
    assert set(release.services) <= set(service_types())
    if release.profile is Profile.EMBEDDED or Orchestrator.ROUTER in release.orchestrators:
        endpoints = {name: row.endpoint for name, row in release.services.items()}
        assert endpoints == {name: service_types()[name].endpoint for name in endpoints}


def test_implied_services_are_offered(release):
    for kind, implied in release.implies.items():
        assert {kind, *(name for choice in implied for name in choice.split("|"))} <= set(release.services)


def test_servers_are_described(release):
    for name, row in release.services.items():
        assert set(row.servers) <= set(release.servers), name
        assert not row.server or row.server in row.servers, name
        assert not row.server or row.model, name
    used = {kind for row in release.services.values() for kind in row.servers}
    assert used == set(release.servers), "a server that no service uses cannot be deployed"
    assert all(row.devices for row in release.servers.values())


def test_stores_are_described(release):
    users = {kind for kind, row in release.services.items() if row.store}
    clients = {kind for row in release.stores.values() for kind in row.clients}
    assert clients <= users
    assert users <= clients or not release.stores
    if release.stores:
        assert users & set(release.stores[release.default_store].clients)
    for name, row in release.stores.items():
        assert bool(row.workload) == bool(row.server), name


def test_secrets_of_the_environment_exist(release):
    used = {value.secret.format(service="llm") for _, _, value in references(release)} - {""}
    assert used <= {*release.secrets, "llm-api-key"}
    configs = [row.config for row in release.secrets.values()]
    assert len(set(configs)) == len(configs)
    assert all(re.fullmatch(r"[a-z][a-z0-9]*([A-Z][a-z0-9]*)*", config) for config in configs)
    assert all(row.environment and row.purpose for row in release.secrets.values())


def test_volumes_exist_and_paths_are_mounted(release):
    used = {volume for _, row in runnables(release) for volume in row.volumes}
    assert used <= set(release.volumes)
    assert all(QUANTITY.fullmatch(row.size) and row.purpose for row in release.volumes.values())
    for name, kind, value in references(release):
        assert not value.volume or value.volume in release.services[kind].volumes, name


def test_endpoints_of_the_environment_exist(release):
    for name, kind, value in references(release):
        where, _, part = value.endpoint.partition(".")
        if where == "store":
            assert part in release.stores or (
                not part and (release.services[kind].store or ".clients." in name)
            ), name
        elif where == "companion":
            assert part in release.stores[name.split(".")[1]].companions, name
        elif where == "server":
            assert release.services[kind].servers, name
        elif where and where not in ("router", "ui", "gateway"):
            assert where in release.services, name
            assert part in ("", "server"), name
            assert not part or release.services[where].server, name
        assert fields(value.format) <= {"host", "port", "secret"}, name
        assert ("secret" in fields(value.format)) == bool(value.secret and value.endpoint), name


def test_a_url_replaces_every_address_of_the_server(release):
    for name, row in release.services.items():
        own = row.servers.get(row.server, {})
        addresses = {
            key for key, value in own.items() if isinstance(value, Reference) and value.endpoint == "server"
        }
        assert not row.remote or addresses <= set(row.remote), name


def test_literals_name_known_fields_only(release):
    known = {"model", "index", "url", "port", "cards", "dimensions"}
    for name, _, environment in environments(release):
        more = {"route"} if name.endswith(".gateway") else set()
        for key, value in environment.items():
            if isinstance(value, str):
                assert fields(value) <= known | more, f"{name}.{key}"
    for name, row in runnables(release):
        for arg in row.args:
            named = set(re.findall(r"\{([a-z]+)\}", arg))
            assert named <= {"model", "host", "port", "graph", "cards", "cache"}, f"{name}: {arg}"


def test_resources_are_quantities(release):
    for name, row in runnables(release):
        assert QUANTITY.fullmatch(row.resources.cpu), name
        assert QUANTITY.fullmatch(row.resources.memory), name
        assert bool(row.resources.accelerator) == bool(row.resources.accelerators), name
        assert not row.shared_memory or QUANTITY.fullmatch(row.shared_memory), name


def test_images_have_tags(release):
    for name, row in runnables(release):
        if row.image:
            tag = row.image.rpartition("/")[2].partition(":")[2]
            assert tag, name
            assert tag != "latest", name
            assert ("{version}" in tag) == row.image.startswith("opea-pulumi/"), name


def test_security_is_named_and_reasoned(release):
    for name, row in runnables(release):
        assert set(row.security.exceptions) <= EXCEPTIONS, name
        assert all(len(reason) > 10 for reason in row.security.exceptions.values()), name
        assert ("root" in row.security.exceptions) == (row.security.user == 0), name


def test_our_commands_exist(release):
    for name, row in runnables(release):
        if row.command[:2] == ("python", "-m"):
            assert find_spec(row.command[2]), name
