"""Every release's data holds together: what one row names, another one describes."""

import re
import string
from datetime import date
from importlib.util import find_spec

import pytest

from opea_pulumi.application import service_types
from opea_pulumi.catalog import DEFAULT_RELEASE, Reference, load_release, releases
from opea_pulumi.flow import CONTRACTS
from opea_pulumi.terms import Hardware, Profile

QUANTITY = re.compile(r"[1-9][0-9]*(m|[KMGT]i)?")

pytestmark = pytest.mark.parametrize("release", [load_release(name) for name in releases()], ids=releases())


def runnables(release):
    """Every row that runs, by a name for messages."""
    for name, row in release.services.items():
        yield f"services.{name}", row
    for name, row in release.stores.items():
        yield f"stores.{name}", row
    for name, server in release.servers.items():
        for hardware, row in server.devices.items():
            volumes = row.volumes or server.volumes
            environment = {**server.environment, **row.environment}
            merged = row.model_copy(update={"volumes": volumes, "environment": environment})
            yield f"servers.{name}.{hardware}", merged
    yield "router", release.router


def environments(release):
    """Every environment with the row that it belongs to."""
    for name, row in runnables(release):
        yield name, row, row.environment
    for name, row in release.services.items():
        yield f"services.{name}.remote", row, row.remote
    for store, row in release.stores.items():
        for kind, environment in row.clients.items():
            yield f"stores.{store}.clients.{kind}", release.services[kind], environment


def references(release):
    for name, row, environment in environments(release):
        for key, value in environment.items():
            if isinstance(value, Reference):
                yield f"{name}.{key}", row, value


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


def test_services_are_of_known_types_at_their_endpoints(release):
    endpoints = {name: row.endpoint for name, row in release.services.items()}
    assert endpoints == {name: service_types()[name].endpoint for name in endpoints}
    assert set(endpoints) <= set(CONTRACTS)


def test_implied_services_are_offered(release):
    for kind, implied in release.implies.items():
        assert {kind, *implied} <= set(release.services)


def test_servers_are_described(release):
    named = {row.server for row in release.services.values()} - {""}
    assert named <= set(release.servers)
    assert all(row.devices.keys() == set(Hardware) for row in release.servers.values())
    assert all(row.model for row in release.services.values() if row.server)


def test_stores_are_described(release):
    users = {kind for kind, row in release.services.items() if row.store}
    assert bool(users) == bool(release.stores) == (release.default_store in release.stores)
    assert all(set(row.clients) == users for row in release.stores.values())


def test_secrets_of_the_environment_exist(release):
    used = {value.secret.format(service="llm") for _, _, value in references(release)} - {""}
    assert used == set(release.secrets)
    configs = [row.config for row in release.secrets.values()]
    assert len(set(configs)) == len(configs)
    assert all(re.fullmatch(r"[a-z]+([A-Z][a-z]*)*", config) for config in configs)
    assert all(row.environment and row.purpose for row in release.secrets.values())


def test_volumes_exist_and_paths_are_mounted(release):
    used = {volume for _, row in runnables(release) for volume in row.volumes}
    assert used == set(release.volumes)
    assert all(QUANTITY.fullmatch(row.size) and row.purpose for row in release.volumes.values())
    for name, row, value in references(release):
        assert not value.volume or value.volume in row.volumes, name


def test_endpoints_of_the_environment_exist(release):
    for name, row, value in references(release):
        where, _, part = value.endpoint.partition(".")
        if where == "store":
            assert row.store, name
        elif where == "server":
            assert row.server, name
        elif where:
            assert where in release.services, name
            assert part in ("", "server"), name
            assert not part or release.services[where].server, name
        assert fields(value.format) <= {"host", "port"}, name


def test_a_url_replaces_every_address_of_the_server(release):
    for name, row in release.services.items():
        servers = {
            key
            for key, value in row.environment.items()
            if isinstance(value, Reference) and value.endpoint == "server"
        }
        assert not row.remote or servers <= set(row.remote), name


def test_literals_name_known_fields_only(release):
    for name, _, environment in environments(release):
        for key, value in environment.items():
            if isinstance(value, str):
                assert fields(value) <= {"model", "index", "url"}, f"{name}.{key}"
    for name, row in runnables(release):
        for arg in row.args:
            assert fields(arg) <= {"model", "host", "port", "graph"}, f"{name}: {arg}"


def test_resources_are_quantities(release):
    for name, row in runnables(release):
        assert QUANTITY.fullmatch(row.resources.cpu), name
        assert QUANTITY.fullmatch(row.resources.memory), name
        assert bool(row.resources.accelerator) == bool(row.resources.accelerators), name
        assert not row.shared_memory or QUANTITY.fullmatch(row.shared_memory), name


def test_images_have_tags_unless_they_are_ours(release):
    for name, row in runnables(release):
        repository, _, tag = row.image.partition(":")
        assert bool(tag) != repository.startswith("opea-pulumi/"), name
        assert tag != "latest", name


def test_our_commands_exist(release):
    for name, row in runnables(release):
        if row.command[:2] == ("python", "-m"):
            assert find_spec(row.command[2]), name
