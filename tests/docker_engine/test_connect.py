"""Asking the engine: over a socket, a port, TLS and ssh; and what is said when it does not answer."""

import os
import socket
import subprocess
import sys
from contextlib import closing

import pytest
from little_engine import VERSION, on_port, on_socket, write_ssh

from opea_pulumi.docker_engine import Address, connect, refused
from opea_pulumi.docker_engine import _connect as module
from opea_pulumi.errors import OperationError, UsageError


def version(address):
    with closing(connect(address)) as client:
        told = client.version()
        assert client.info()["Path"] == f"/v{VERSION['ApiVersion']}/info"
        return told["Version"]


def down(address):
    with pytest.raises(OperationError) as caught:
        connect(Address(address, "DOCKER_HOST"))
    assert caught.value.code == "docker-down"
    assert address in str(caught.value)
    assert "(DOCKER_HOST)" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 2
    return str(caught.value)


@pytest.fixture
def certificates(tmp_path):
    """One authority and one certificate for both sides, made by openssl."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    options = "-x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    command = ["openssl", "req", *options.split(), "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (folder / "ca.pem").write_text((folder / "cert.pem").read_text())
    return folder


def test_a_socket(tmp_path):
    with on_socket(tmp_path / "s") as address:
        assert version(Address(address, "x")) == VERSION["Version"]


def test_a_port():
    with on_port() as address:
        assert version(Address(address, "x")) == VERSION["Version"]


@pytest.mark.filterwarnings("ignore:Unverified HTTPS")
def test_tls(certificates, tmp_path, monkeypatch):
    (tmp_path / "other.pem").write_text("")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "other.pem"))
    with on_port(certificates) as address:
        assert version(Address(address, "x", certificates, tls=True)) == VERSION["Version"]
        assert "its certificate is not trusted" in refusal(Address(address, "x", tls=True))
        unverified = Address(address, "x", certificates, tls=True, verify=False)
        assert version(unverified) == VERSION["Version"]
        refusal(Address(address, "x", tls=True, verify=False))  # it wants a certificate of ours


def refusal(address):
    with pytest.raises(OperationError) as caught:
        connect(address)
    assert caught.value.code == "docker-down"
    return str(caught.value)


def test_ssh(tmp_path, monkeypatch):
    """By the system's ssh; connections are used again, and no process is left."""
    log = write_ssh(tmp_path, tmp_path / "s")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with on_socket(tmp_path / "s"):
        assert version(Address("ssh://me@far:2222", "x")) == VERSION["Version"]
        assert version(Address("ssh://far/run/user/1000/docker.sock", "x")) == VERSION["Version"]
    options = "-T -o ConnectTimeout=10 -o BatchMode=yes"
    assert log.read_text().splitlines() == [
        f"{options} -l me -p 2222 -- far docker system dial-stdio",
        f"{options} -- far docker --host unix:///run/user/1000/docker.sock system dial-stdio",
    ]
    assert "paramiko" not in sys.modules
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_ssh_that_gets_nowhere(tmp_path, monkeypatch):
    program = tmp_path / "ssh"
    program.write_text("#!/bin/sh\necho 'me@far: Permission denied (publickey).' >&2\nexit 255\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert "me@far: Permission denied (publickey)." in down("ssh://far")


def test_no_ssh(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "there is no program ssh" in down("ssh://far")


def test_no_socket(tmp_path):
    said = down(f"unix://{tmp_path}/none")
    assert "there is no such socket" in said
    assert "hint: start Docker, or set DOCKER_HOST" in said


def test_nothing_listens():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert "nothing listens there" in down(f"tcp://127.0.0.1:{taken.getsockname()[1]}")


def test_a_socket_that_is_not_this_user_s(tmp_path, monkeypatch):
    """Root may open everything, so the refusal is the kernel's words."""
    from docker.errors import DockerException

    def client(_address):
        raise DockerException("('Connection aborted.', PermissionError(13, 'Permission denied'))")

    monkeypatch.setattr(module, "_client", client)
    assert "usermod -aG docker" in down(f"unix://{tmp_path}/docker.sock")


def test_the_package_is_not_there(monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda _name: None)
    with pytest.raises(UsageError) as caught:
        connect()
    assert caught.value.code == "missing-extra"
    assert "pip install 'opea-pulumi[docker]'" in caught.value.hint


def test_the_environment_is_asked(tmp_path):
    with on_socket(tmp_path / "s") as address:
        client = connect(environ={"DOCKER_HOST": address})
        client.close()


def test_an_engine_that_breaks_off():
    with on_port() as address:
        client = connect(Address(address, "x"))
        client.close()
    with pytest.raises(OperationError) as caught, refused("nothing is listed", code="list-failed"):
        client.images.list()
    assert caught.value.code == "docker-down"
    assert caught.value.message.startswith("nothing is listed: ")


def test_importing_needs_no_package():
    script = "import sys, opea_pulumi.docker_engine, opea_pulumi.images; print('docker' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
