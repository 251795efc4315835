from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import venv

import pytest
import yaml
from processes import until_gone

from opea_pulumi.engine import Stacks, environment, shell_lines

pytestmark = pytest.mark.engine

PROGRAM = """
import os, sys
import pulumi
print("said on stdout")
print("said on stderr", file=sys.stderr)
config = pulumi.Config()
pulumi.export("python", sys.executable)
pulumi.export("folder", os.getcwd())
pulumi.export("word", config.get("word"))
pulumi.export("token", config.get_secret("token"))
"""


UP = "pulumi stack select --create local; pulumi up --yes --skip-preview"


@pytest.fixture
def project(tmp_path, home):
    """A clone as a user has it: main and stackConfigDir in stacks/, the environment in .venv."""
    root = tmp_path / "clone"
    (root / "stacks").mkdir(parents=True)
    (root / ".venv").symlink_to(sys.prefix)
    write_project(root, {"toolchain": "pip", "virtualenv": ".venv"})
    (root / "stacks" / "__main__.py").write_text(PROGRAM)
    return root


def write_project(root, options):
    settings = {
        "name": "opea",
        "runtime": {"name": "python", "options": options},
        "main": "stacks/",
        "stackConfigDir": "stacks/",
        "plugins": {"providers": [{"name": "opea", "path": ".venv/bin"}]},
    }
    (root / "Pulumi.yaml").write_text(yaml.safe_dump(settings))


def pulumi(engine, home, project, script, *, fails=False):
    """Run plain ``pulumi`` in a shell after ``eval "$(opea-pulumi engine env)"``."""
    lines = shell_lines(environment(engine, home)) + f"cd '{project}'\n{script}\n"
    done = subprocess.run(
        ["sh", "-ec", lines],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode != 0) is fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_plain_pulumi_from_a_clone_to_nothing(any_engine, home, project):
    run = lambda script: pulumi(any_engine, home, project, script)  # noqa: E731
    run("pulumi stack select --create local")
    run("pulumi config set word w; echo hush-hush | pulumi config set --secret token")
    assert "+ 1 to create" in run("pulumi preview --non-interactive")
    first = run("pulumi up --yes --skip-preview")
    assert "+ 1 created" in first
    assert "said on stdout" in first
    assert "said on stderr" in first
    assert "warning" not in first
    assert "hush-hush" not in first
    assert "1 unchanged" in run("pulumi up --yes --skip-preview")
    assert run("pulumi stack output python").strip() == str(project / ".venv" / "bin" / "python")
    assert run("pulumi stack output folder").strip() == str(project / "stacks")
    assert run("pulumi stack output word").strip() == "w"
    assert (project / "stacks" / "Pulumi.local.yaml").exists()
    assert f"executable='{project / '.venv' / 'bin' / 'python'}'" in run("pulumi about")

    # The command finds a stack made by plain Pulumi, and can take it down.
    stacks = Stacks(any_engine, home)
    assert [(info.name, info.deployed) for info in stacks.list()] == [("local", True)]
    assert stacks.open("local").outputs()["token"] == "[secret]"
    assert "- 1 deleted" in run("pulumi destroy --yes --skip-preview")
    assert [info.deployed for info in stacks.list()] == [False]


def test_a_program_that_fails_shows_its_own_traceback_only(any_engine, home, project):
    (project / "stacks" / "helper.py").write_text("def fail():\n    raise ValueError('boom')\n")
    (project / "stacks" / "__main__.py").write_text("import helper\n\nhelper.fail()\n")
    output = pulumi(any_engine, home, project, UP, fails=True)
    assert "Program failed with an unhandled exception:" in output
    assert "ValueError: boom" in output
    assert f'File "{project}/stacks/helper.py", line 2, in fail' in output
    assert "frozen runpy" not in output
    assert "_program.py" not in output
    assert "exited with" not in output


def test_a_program_that_exits_is_an_error_with_its_code(engine, home, project):
    (project / "stacks" / "__main__.py").write_text("import os; os._exit(7)\n")
    output = pulumi(engine, home, project, UP, fails=True)
    assert "exited with code 7" in output


def test_a_virtual_environment_that_is_missing_is_named(engine, home, project):
    write_project(project, {"virtualenv": ".no-venv"})
    output = pulumi(engine, home, project, UP, fails=True)
    assert f"{project}/.no-venv" in output
    assert "python3 -m venv" in output


def test_a_virtual_environment_without_pulumi_says_what_to_install(engine, home, project):
    venv.create(project / "bare", with_pip=False)
    write_project(project, {"virtualenv": "bare"})
    output = pulumi(engine, home, project, UP, fails=True)
    assert "no Pulumi SDK" in output
    assert f"{project}/bare/bin/python -m pip install" in output


def test_without_a_virtual_environment_the_hosts_own_python_runs_it(engine, home, project):
    write_project(project, {})
    pulumi(engine, home, project, UP)
    assert pulumi(engine, home, project, "pulumi stack output python").strip() == sys.executable


def test_pulumi_install_makes_the_virtual_environment(engine, home, project):
    write_project(project, {"virtualenv": "made"})
    pulumi(engine, home, project, "pulumi install")
    assert (project / "made" / "bin" / "python").exists()


def test_the_schema_of_a_component_folder_is_served(engine, home, project):
    """``RunPlugin``: a folder with a PulumiPlugin.yaml."""
    folder = project / "plug"
    folder.mkdir()
    (folder / "PulumiPlugin.yaml").write_text("runtime: python\n")
    (folder / "__main__.py").write_text(
        "import pulumi\n"
        "from typing import TypedDict\n"
        "from pulumi.provider.experimental import component_provider_host\n"
        "class BoxArgs(TypedDict):\n    size: pulumi.Input[str]\n"
        "class Box(pulumi.ComponentResource):\n"
        "    def __init__(self, name: str, args: BoxArgs, opts: pulumi.ResourceOptions | None = None):\n"
        "        super().__init__('plug:index:Box', name, {}, opts)\n"
        "component_provider_host(name='plug', components=[Box])\n"
    )
    assert '"plug:index:Box"' in pulumi(engine, home, project, "pulumi package get-schema ./plug")


def test_ctrl_c_in_plain_pulumi_leaves_no_process_and_no_traceback(engine, home, project):
    waits = project / "waits"
    program = f"import os, time\nopen({str(waits)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    (project / "stacks" / "__main__.py").write_text(program)
    pulumi(engine, home, project, "pulumi stack select --create local")
    child = subprocess.Popen(
        [str(engine.path), "up", "--yes", "--skip-preview", "--non-interactive"],
        cwd=project,
        env={**os.environ, **environment(engine, home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not (waits.exists() and waits.read_text()):
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.02)
    os.killpg(child.pid, signal.SIGINT)
    output, _ = child.communicate(timeout=60)
    assert child.returncode != 0
    assert "Traceback" not in output
    until_gone(int(waits.read_text()), 60)


def test_a_host_whose_engine_is_killed_ends(engine, home):
    """It is started as the engine starts it; its parent then dies without a word."""
    host = [sys.executable, "-u", "-m", "opea_pulumi.engine.language_host", "127.0.0.1:1"]
    script = f"import subprocess, sys; c = subprocess.Popen({host!r}, stdout=subprocess.PIPE); "
    script += "print(c.stdout.readline().decode().strip(), c.pid, flush=True); input()"
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    port, pid = parent.stdout.readline().split()
    assert int(port) > 0
    parent.kill()
    parent.communicate()
    until_gone(int(pid), 20)
