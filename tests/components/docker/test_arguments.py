"""A service in Compose's words as arguments of a container."""

import pytest
from opea_pulumi.components.docker._arguments import arguments_of, mebibytes, runs_once, start_seconds

SERVICE = {
    "image": "i",
    "entrypoint": ["a"],
    "command": ["b"],
    "environment": {"Z": "1", "A": "2"},
    "tmpfs": ["/tmp:mode=1777,uid=1,gid=2", "/x"],
    "healthcheck": {
        "test": ["CMD", "c"],
        "interval": "5s",
        "timeout": "5s",
        "retries": 3,
        "start_period": "60s",
    },
    "restart": "unless-stopped",
    "user": "1:2",
    "group_add": ["video", "${RENDER_GID:-109}"],
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "shm_size": "1g",
    "devices": ["/dev/kfd"],
    "deploy": {
        "resources": {
            "limits": {"memory": "3g", "cpus": "1.5", "pids": 9},
            "reservations": {
                "memory": "128m",
                "cpus": "2",
                "devices": [{"driver": "nvidia", "device_ids": ["0", "2"], "capabilities": ["gpu"]}],
            },
        }
    },
}


def test_everything_has_its_name(monkeypatch):
    monkeypatch.setenv("RENDER_GID", "44")
    assert arguments_of(SERVICE) == {
        "entrypoints": ["a"],
        "command": ["b"],
        "envs": ["A=2", "Z=1"],
        "user": "1:2",
        "read_only": True,
        "security_opts": ["no-new-privileges:true"],
        "group_adds": ["video", "44"],
        "tmpfs": {"/tmp": "mode=1777,uid=1,gid=2", "/x": ""},
        "devices": [{"host_path": "/dev/kfd", "container_path": "/dev/kfd"}],
        "destroy_grace_seconds": 10,
        "capabilities": {"drops": ["ALL"]},
        "restart": "unless-stopped",
        "memory": 3072,
        "memory_swap": 6144,
        "memory_reservation": 128,
        "shm_size": 1024,
        "cpus": "1.5",
        "device_requests": [{"driver": "nvidia", "device_ids": ["0", "2"], "capabilities": ["gpu"]}],
        "healthcheck": {
            "tests": ["CMD", "c"],
            "interval": "5s",
            "timeout": "5s",
            "start_period": "60s",
            "retries": 3,
        },
        "wait": True,
        "wait_timeout": 120,
    }


def test_what_says_nothing_is_left_out():
    assert arguments_of({"image": "i"}) == {
        "read_only": False,
        "restart": "no",
        "must_run": False,
        "attach": True,
        "destroy_grace_seconds": 10,
    }


@pytest.mark.parametrize(
    ("restart", "once", "arguments"),
    [
        ("no", True, {"restart": "no", "must_run": False, "attach": True}),
        (
            "on-failure:3",
            True,
            {"restart": "on-failure", "max_retry_count": 3, "must_run": False, "attach": True},
        ),
        ("unless-stopped", False, {"restart": "unless-stopped"}),
    ],
)
def test_restart(restart, once, arguments):
    service = {"restart": restart}
    assert runs_once(service) is once
    assert arguments.items() <= arguments_of(service).items()
    assert start_seconds(service) == 0


@pytest.mark.parametrize(
    ("size", "mib"), [("1g", 1024), ("64m", 64), ("1k", 1), ("1025k", 2), ("1048577b", 2)]
)
def test_sizes(size, mib):
    assert mebibytes(size) == mib


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        (
            {"ipc": "host", "security_opt": ["no-new-privileges:true"]},
            ["no-new-privileges:true", "label=disable"],
        ),
        ({"privileged": True}, ["label=disable"]),
        ({"ipc": "host", "security_opt": ["label=type:x"]}, ["label=type:x"]),
        ({"security_opt": ["no-new-privileges:true"]}, ["no-new-privileges:true"]),
    ],
)
def test_what_docker_adds_itself_is_no_change_later(service, expected):
    assert arguments_of({"image": "i", **service})["security_opts"] == expected
