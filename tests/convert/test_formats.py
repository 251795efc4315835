"""docs/formats.md says ``lost`` where a conversion says so, and nowhere else."""

from pathlib import Path

import pytest
import yaml

from opea_pulumi import parse_application
from opea_pulumi.convert import FORMATS, blueprint_for, convert

TEXT = (Path(__file__).parents[2] / "docs/formats.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line[:2] == "| "
]
TABLE = {row[0]: dict(zip(ROWS[0][1:], row[1:], strict=True)) for row in ROWS[2:]}
ASKED = {
    "autoscaling": {"opea_micro_services": {"embedding": {"autoscaling": {"min": 1, "max": 3}}}},
    "files": {"opea_micro_services": {"embedding": {"files": {"/etc/x.yaml": "x.yaml"}}}},
    "existing secrets": {"opea_deployment": {"secrets": {"hf-token": {"from": "existing", "name": "mine"}}}},
    "`expose`": {"opea_deployment": {"expose": "ingress", "host": "chat.example.com"}},
    "`auth: api_key`": {"opea_deployment": {"auth": "api_key"}},
    "`auth: oidc`": {"opea_deployment": {"auth": "oidc"}},
    "`address`": {"opea_deployment": {"address": "127.0.0.1:9000"}},
    "`allocator`": {"opea_deployment": {"allocator": "static"}},
    "`namespace`": {"opea_deployment": {"namespace": "shop"}},
    "`image_pull_secret`": {"opea_deployment": {"image_pull_secret": "pull"}},
    "`labels`": {"opea_deployment": {"labels": {"team": "search"}}},
    "`monitoring`": {"opea_deployment": {"monitoring": True}},
    "`istio`": {"opea_deployment": {"istio": True}},
}
"""What an application asks for in a row; the other rows are told by hand."""


def losses(asked, to):
    mega = {
        "mega_flow": ["embedding >> retrieval >> llm"],
        "orchestrator": "gmc" if to == "gmc" else "router",
    }
    document = {
        "opea_micro_services": {"embedding": {}, "retrieval": {}, "llm": {}},
        "opea_mega_service": mega,
    }
    for key, value in asked.items():
        document[key] = {**document.get(key, {}), **value}
    application = parse_application(yaml.safe_dump(document))
    blueprint = blueprint_for(application, to, name="app", files={"x.yaml": "x"})
    return set(convert(blueprint, to, application=application).losses)


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("row", ASKED)
def test_lost_is_what_a_conversion_loses(row, to):
    more = losses(ASKED[row], to) - losses({}, to)
    assert bool(more) == ("lost" in TABLE[row][f"`{to}`"]), (row, to, more)
