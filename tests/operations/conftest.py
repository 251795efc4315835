from __future__ import annotations

from collections.abc import Iterator

import pytest
from application_server import ApplicationServer, serving

from opea_pulumi.operations import Application, connect


@pytest.fixture
def server() -> Iterator[ApplicationServer]:
    with serving() as application:
        yield application


@pytest.fixture
def application(server: ApplicationServer) -> Application:
    return connect(server.outputs)
