"""Plain `pulumi up -s docker` in a clone: the whole ChatQnA, and nothing that git would see."""

import subprocess

import plain_pulumi
import pytest
from docker_sweep import Sweep

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


@pytest.fixture
def clone(tmp_path):
    folder = plain_pulumi.clone(tmp_path / "clone")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "clone")
    return folder


def git(folder, *arguments):
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_up_ask_up_destroy(command, clone, engine_client):
    run = lambda script: plain_pulumi.shell(clone, command.env, script)  # noqa: E731
    sweep = Sweep(engine_client, labels=["opea.stack=docker"], names=["docker-chatqna-"])
    try:
        run("pulumi stack select --create docker; pulumi config set opea:profile embedded")
        shown = run("pulumi up --yes --skip-preview --non-interactive -s docker")
        assert "warning" not in shown, shown
        command("ingest", "--stack", "docker", str(clone / "examples/chatqna/documents"))
        answer = command("ask", "--stack", "docker", (clone / "examples/chatqna/question.txt").read_text())
        assert "34 months" in answer
        run("pulumi up --yes --skip-preview --non-interactive --expect-no-changes -s docker")
        assert len(sweep.found()) > 8
        run("pulumi destroy --yes --skip-preview --non-interactive -s docker; pulumi stack rm --yes docker")
        assert sweep.found() == []
        assert git(clone, "status", "--porcelain") == ""
    finally:
        sweep.remove()
