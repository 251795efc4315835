"""Every variable that release 1.5 sets is read by the image's source, or is a written exception."""

import re
from datetime import date
from importlib.resources import files

import pytest
import yaml

from opea_pulumi.catalog import load_release

RELEASE = load_release("1.5")
TABLES = {
    entry.name: yaml.safe_load(entry.read_text("utf-8"))
    for entry in files("opea_pulumi.catalog").joinpath("evidence/1.5").iterdir()
}
PLACE = re.compile(r"(GenAIComps|GenAIExamples) [\w./-]+:[1-9][0-9]*")


def repository(image):
    """An image without its tag."""
    head, slash, last = image.rpartition("/")
    return head + slash + last.partition(":")[0]


def service_settings():
    """The images of services, on any hardware, with everything that may come into their environment."""
    for kind, row in RELEASE.services.items():
        clients = [store.clients[kind] for store in RELEASE.stores.values() if kind in store.clients]
        for environment in (row.environment, row.remote, *row.servers.values(), *clients):
            yield row.image, environment
            for device in row.devices.values():
                yield device.image, {**environment, **device.environment}


def front_settings():
    """The images of megaservices, user interfaces and the gateway before these."""
    for row in RELEASE.megaservices.values():
        variants = [variant.environment for variant in row.variants]
        for environment in (row.environment, *variants, *row.remote.values()):
            yield row.image, environment
    yield RELEASE.gateway.image, RELEASE.gateway.environment
    for row in RELEASE.uis.values():
        yield row.image, row.environment
        yield RELEASE.gateway.image, row.gateway


def back_settings():
    """The images of model servers, stores and the prefetch step."""
    for server in RELEASE.servers.values():
        for device in server.devices.values():
            yield device.image, {**server.environment, **server.cache, **device.environment}
    for store in RELEASE.stores.values():
        for row in (store.server, *store.companions.values()):
            if row:
                yield row.image, row.environment
    yield RELEASE.prefetch.image, RELEASE.prefetch.environment


def wanted():
    """Every pair of an image and a variable of its environment."""
    settings = [*service_settings(), *front_settings(), *back_settings()]
    return {(repository(image), key) for image, environment in settings for key in environment}


def written():
    """What the tables say of each pair, with the table that says it."""
    for table, data in TABLES.items():
        for image, rows in data["images"].items():
            for variable, evidence in rows.items():
                yield (image, variable), table, evidence


def test_every_variable_has_its_evidence():
    assert wanted() - {pair for pair, _, _ in written()} == set()


def test_no_evidence_is_left_over():
    assert {pair for pair, _, _ in written()} - wanted() == set()


def test_evidence_is_a_place_or_a_reason():
    for pair, table, evidence in written():
        if isinstance(evidence, str):
            assert PLACE.fullmatch(evidence), (table, pair)
        else:
            assert evidence.keys() == {"exception"}, (table, pair)
            assert len(evidence["exception"]) > 20, (table, pair)


def test_what_a_repository_reads_is_shown_there():
    """OPEA's own variables are no exceptions: they have a place in its source."""
    ours = re.compile(r".*_(COMPONENT_NAME|SERVICE_HOST_IP|SERVICE_PORT|SERVER_HOST_IP|SERVER_PORT|ENDPOINT)")
    for pair, table, evidence in written():
        image, variable = pair
        if image.startswith("opea/") and ours.fullmatch(variable):
            assert isinstance(evidence, str), (table, pair)


@pytest.mark.parametrize("table", TABLES)
def test_tables_are_dated_and_have_a_source(table):
    assert TABLES[table].keys() == {"as_of", "source", "images"}
    assert TABLES[table]["as_of"] >= date(2026, 1, 1)
    assert TABLES[table]["source"]
