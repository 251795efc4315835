"""Plain `pulumi up` in a clone, with nothing but the environment that the command prints."""

import plain_pulumi
import pytest
from opea_command import destroy_all


@pytest.fixture
def clone(tmp_path):
    return plain_pulumi.clone(tmp_path / "clone")


@pytest.fixture
def shell(command, clone):
    return lambda script: plain_pulumi.shell(clone, command.env, script)


def test_stack_select_up_destroy(command, clone, shell):
    tracked = {path: path.read_bytes() for path in clone.rglob("*.y*ml")}
    shown = shell("pulumi stack select --create local; pulumi up --yes --non-interactive")
    assert "warning" not in shown, shown
    assert "created" in shown
    # the same stack is found by the command, without being told
    command("ingest", str(clone / "examples/chatqna/documents"))
    answer = command("ask", (clone / "examples/chatqna/question.txt").read_text())
    assert "34 months" in answer
    shown = shell("pulumi up --yes --non-interactive --expect-no-changes")
    assert "unchanged" in shown
    shell("pulumi refresh --yes --non-interactive --expect-no-changes")
    shell("pulumi destroy --yes --non-interactive; pulumi stack rm --yes local")
    assert command.processes() == []
    # nothing that git would see was written or changed
    assert {path: path.read_bytes() for path in clone.rglob("*.y*ml")} == tracked


def test_the_target_and_the_application_come_from_the_config(command, clone, shell):
    app = clone / "mine"
    app.mkdir()
    (app / "opea.yaml").write_text("opea_app: chatqna\n")
    shell(
        "pulumi stack select --create prod; pulumi config set opea:target local;"
        "pulumi config set opea:application mine; pulumi up --yes --non-interactive"
    )
    assert command.json("outputs", "--stack", "prod")["application"] == str(app / "opea.yaml")
    destroy_plain(shell, command)


def destroy_plain(shell, command):
    shell("pulumi destroy --yes --non-interactive --stack prod; pulumi stack rm --yes prod")
    destroy_all(command)
