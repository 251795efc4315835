"""The plugin `docker` under the real Pulumi engine, on a real Docker engine."""

import base64
import json
import re
import socket
import urllib.request

import pytest
from docker.errors import ImageNotFound, NotFound
from docker_exec import run
from docker_program import HEALTHCHECK, Program

from opea_pulumi.errors import EngineError

pytestmark = pytest.mark.engine


@pytest.fixture
def program(stacks, sweep, stand_in):
    image = f"{sweep.names[0]}:1"
    stand_in(image, ports=(8000,))
    made = Program(stacks, sweep, image)
    yield made
    sweep.remove()
    for each in sweep.engine.images.list():
        for tag in each.tags:
            if tag.startswith(sweep.names[0]):
                sweep.engine.images.remove(tag, force=True)


def get(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/stand-in", timeout=5) as answer:
        return json.load(answer)


def test_from_up_to_destroy(program, sweep):
    import pulumi_docker as docker

    def volume():
        return {"volume": docker.Volume("data").name}

    program.more = volume
    program.containers = {
        "web": {"ports": [{"internal": 8000, "ip": "127.0.0.1"}], "wait_timeout": 50},
        "peer": {},
    }
    assert program.preview() == {"create": 6}
    assert program.up() == {"create": 6}
    outputs = program.handle.outputs()
    assert re.fullmatch(r"data-[0-9a-f]{7}", outputs["volume"])
    sweep.names.append(outputs["volume"])
    web = program.container()
    assert outputs["web"]["id"] == web.id
    assert web.attrs["State"]["Health"]["Status"] == "healthy"
    assert get(outputs["web"]["ports"][0]["external"])["hostname"] == web.id[:12]
    assert outputs["web"]["networks"][0]["networkName"] == f"{program.prefix}-network"
    assert run(program.container("peer"), "curl -fsS http://web:8000/health")[0] == 0

    assert program.up() == {"same": 6}
    assert program.up(refresh=True) == {"same": 6}
    assert program.handle.refresh().changed == 0
    assert program.handle.outputs() == outputs

    program.handle.destroy()
    assert sweep.found() == []
    assert sweep.engine.images.get(program.image)  # it is kept


def test_a_container_that_was_removed_comes_back_with_a_refresh(program):
    program.containers["peer"] = {}
    program.up()
    peer = program.container("peer").id
    program.container().remove(force=True)
    assert program.up(refresh=True) == {"create": 1, "same": 4}
    assert program.steps[-1] == ("create", "web")
    assert program.container().attrs["State"]["Health"]["Status"] == "healthy"
    assert program.container("peer").id == peer


def test_a_container_that_stopped_is_started_again_by_an_update(program):
    program.up()
    before = program.container()
    before.stop()
    assert program.up(refresh=True) == {"same": 3, "update": 1}
    assert program.changed["web"] == ["mustRun"]
    after = program.container()
    assert (after.id, after.status) == (before.id, "running")
    assert program.up(refresh=True) == {"same": 4}


def test_a_stopped_container_with_ports_is_replaced(program):
    """Its ports are gone with the process, and ports replace."""
    program.containers["web"]["ports"] = [{"internal": 8000, "ip": "127.0.0.1"}]
    program.up()
    before = program.container()
    before.stop()
    assert program.up(refresh=True) == {"same": 3, "replace": 1}
    assert program.container().id != before.id


def test_another_environment_replaces_that_container_only_and_deletes_it_first(program):
    program.containers |= {"web": {"envs": ["A=1", "B=2"]}, "peer": {}}
    program.up()
    web, peer = program.container().id, program.container("peer").id
    program.containers["web"] = {"envs": ["B=2", "A=1"]}
    assert program.up() == {"same": 5}  # a set has no order
    program.containers["web"] = {"envs": ["A=1", "B=3"]}
    assert program.preview() == {"same": 4, "replace": 1}
    assert program.up() == {"same": 4, "replace": 1}
    assert program.changed["web"] == ["envs"]
    operations = [operation for operation, name in program.steps if name == "web"]
    assert operations == ["delete-replaced", "replace", "create-replacement"]
    assert program.container().id != web
    assert program.container("peer").id == peer


def test_limits_and_the_restart_policy_are_updated_in_place(program):
    program.containers["web"] = {"memory": 128, "memory_swap": 256, "restart": "no"}
    program.up()
    before = program.container()
    program.containers["web"] = {
        "memory": 192,
        "memory_swap": 384,
        "restart": "on-failure",
        "max_retry_count": 3,
        "cpu_shares": 512,
    }
    assert program.up() == {"same": 3, "update": 1}
    after = program.container()
    assert after.id == before.id
    host = after.attrs["HostConfig"]
    assert host["Memory"] == 192 * 1024 * 1024
    assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    assert host["CpuShares"] == 512
    assert program.up(refresh=True) == {"same": 4}


def test_an_unhealthy_container_is_an_error_with_the_reason(program, sweep):
    bad = {**HEALTHCHECK, "tests": ["CMD", "false"], "start_period": "0s", "retries": 1}
    program.containers["web"] = {"healthcheck": bad, "wait_timeout": 3}
    with pytest.raises(EngineError, match="container failed to be in healthy state"):
        program.up()
    assert program.container().attrs["State"]["Health"]["Status"] == "unhealthy"
    assert {"web", "network"} <= {resource.name for resource in program.handle.resources()}
    program.handle.destroy()
    assert sweep.found() == []


def test_to_wait_without_a_health_check_is_an_error(program):
    program.containers["web"] = {"healthcheck": None}
    with pytest.raises(EngineError, match="the container does not have a healthcheck defined"):
        program.up()


def test_a_name_that_is_taken_is_an_error(program, sweep):
    taken = sweep.engine.containers.create(program.image, name=f"{program.prefix}-web")
    with pytest.raises(EngineError, match=rf"Unable to create container: .*Conflict.*{taken.name}"):
        program.up()
    assert "web" not in {resource.name for resource in program.handle.resources()}


def test_a_port_that_is_taken_is_an_error_and_the_next_up_recovers(program):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        program.containers["web"]["ports"] = [{"internal": 8000, "external": port, "ip": "127.0.0.1"}]
        with pytest.raises(EngineError, match=r"Unable to start container: .*already in use"):
            program.up()
    program.up(refresh=True)
    assert get(port)["hostname"] == program.container().id[:12]


def test_files_are_uploaded_before_the_start(program):
    binary = bytes(range(256))
    program.containers["web"]["uploads"] = [
        {"file": "/run/secrets/token", "content": "t0ken\n", "permissions": "0400", "owner": "1000"},
        {"file": "/opt/binary", "content_base64": base64.b64encode(binary).decode(), "executable": True},
    ]
    program.containers["web"]["user"] = "1000:1000"
    program.up()
    assert run(program.container(), "stat -c %a,%u /run/secrets/token /opt/binary")[1] == "400,1000\n744,0\n"
    assert run(program.container(), "cat /run/secrets/token")[1] == "t0ken\n"
    assert run(program.container(), "sha256sum /opt/binary")[1].split()[0] == (
        "40aff2e9d2d8922e47afd4648e6967497158785fbd1da870e7110266bf944880"
    )
    program.containers["web"]["uploads"][0]["content"] = "another\n"
    assert program.up() == {"same": 3, "replace": 1}


def test_an_upload_into_a_read_only_container_is_refused_by_docker(program):
    program.containers["web"] = {"read_only": True, "uploads": [{"file": "/x", "content": "x"}]}
    with pytest.raises(EngineError, match="container rootfs is marked read-only"):
        program.up()


def test_secrets_reach_the_container_and_never_the_state_in_plain_text(program, stacks):
    import pulumi

    secret = pulumi.Output.secret
    program.containers["web"] |= {
        "envs": lambda: ["PLAIN=seen", secret("PASSWORD=hush-hush")],
        "uploads": lambda: [{"file": "/token", "content": secret("t0p-secret")}],
    }
    program.up()
    assert program.up() == {"same": 4}
    assert get_env(program) == {"PLAIN": "seen", "PASSWORD": "hush-hush"}
    files = [path for path in stacks.home.data.rglob("*") if path.is_file()]
    assert len(files) > 5
    leaks = [
        path for path in files if any(word in path.read_bytes() for word in (b"hush-hush", b"t0p-secret"))
    ]
    assert leaks == []


def get_env(program):
    pairs = dict(pair.split("=", 1) for pair in program.container().attrs["Config"]["Env"])
    return {name: pairs[name] for name in ("PLAIN", "PASSWORD")}


def test_an_image_that_is_nowhere_is_named(program):
    program.image = "127.0.0.1:9/none/such:1"
    with pytest.raises(EngineError, match=r"unable to pull image 127\.0\.0\.1:9/none/such:1"):
        program.up()


def test_another_image_under_the_same_name_is_seen_by_a_refresh(program, stand_in):
    program.containers["peer"] = {"image": stand_in(ports=(8000,))}
    program.up()
    before, peer = program.container().id, program.container("peer").id
    another = stand_in(program.image, ports=(8000, 8001))
    assert program.up() == {"same": 5}
    assert program.up(refresh=True) == {"same": 4, "replace": 1}
    assert program.container().id != before
    assert program.container("peer").id == peer
    assert program.container().attrs["Image"] == another


def test_an_image_that_is_not_kept_is_removed(program, sweep, stand_in):
    import pulumi_docker as docker

    name = f"{sweep.names[0]}:gone"
    identifier = stand_in(name)
    program.more = lambda: {"image": docker.RemoteImage("gone", name=name).image_id}
    program.up()
    assert program.handle.outputs()["image"] == identifier
    program.more = dict
    program.up()
    with pytest.raises(ImageNotFound):
        sweep.engine.images.get(name)


def test_an_image_is_built_and_built_again_when_its_context_changes(program, tmp_path, stand_in):
    import pulumi_docker as docker

    stand_in(base := f"{program.prefix}:base", ports=(8000,))
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(f"FROM {base}\nARG ANSWER\nRUN echo $ANSWER > /answer\nCOPY note /\n")
    (context / "note").write_text("first")
    (context / ".dockerignore").write_text("ignored\n")

    made = []

    def built():
        build = {"context": str(context), "dockerfile": str(context / "Dockerfile"), "args": {"ANSWER": "42"}}
        image = docker.Image("built", image_name=f"{program.prefix}:built", build=build, skip_push=True)
        tag = docker.Tag("tag", source_image=image.image_name, target_image=f"{program.prefix}:tagged")
        made[:] = [image.repo_digest]
        return {"tagged": tag.source_image_id, "digest": image.repo_digest}

    program.more = built
    program.containers["web"]["image"] = lambda: made[0]
    program.up()
    outputs = program.handle.outputs()
    assert outputs["digest"].startswith("sha256:")
    assert outputs["tagged"] == outputs["digest"]
    assert run(program.container(), "cat /answer /note")[1] == "42\nfirst"
    (context / "ignored").write_text("no part of it")
    assert program.up() == {"same": 6}
    (context / "note").write_text("second")
    assert program.up()["update"] == 1
    assert program.changed["built"] == ["build"]
    assert run(program.container(), "cat /note")[1] == "second"


EVERYTHING = {
    "command": ["--port", "8000"],
    "entrypoints": ["/opt/stand-in/server.py", "--own"],
    "working_dir": "/data",
    "hostname": "own-name",
    "domainname": "own.domain",
    "user": "1000:1000",
    "group_adds": ["3000", "44"],
    "read_only": True,
    "tmpfs": {"/tmp": "size=16m,mode=1777"},
    "mounts": [
        {"type": "tmpfs", "target": "/cache", "tmpfs_options": {"size_bytes": 1048576, "mode": 1023}},
        {"type": "bind", "source": "/etc/hostname", "target": "/etc/other", "read_only": True},
    ],
    "volumes": [{"host_path": "/etc/hostname", "container_path": "/etc/another", "read_only": True}],
    "shm_size": 128,
    "memory": 256,
    "memory_swap": 512,
    "memory_reservation": 128,
    "cpus": "1.5",
    "ulimits": [{"name": "nofile", "soft": 1024, "hard": 2048}],
    "capabilities": {"adds": ["SYS_NICE"], "drops": ["ALL"]},
    "security_opts": ["no-new-privileges:true", "seccomp=unconfined"],
    "devices": [{"host_path": "/dev/null", "container_path": "/dev/nothing", "permissions": "rw"}],
    "hosts": [{"host": "elsewhere", "ip": "10.9.8.7"}],
    "dns": ["10.0.0.1"],
    "dns_searches": ["own.search"],
    "dns_opts": ["ndots:2"],
    "sysctls": {"net.core.somaxconn": "512"},
    "ipc_mode": "shareable",
    "init": True,
    "runtime": "runc",
    "restart": "unless-stopped",
    "stop_signal": "SIGINT",
    "stop_timeout": 7,
    "log_driver": "json-file",
    "log_opts": {"max-size": "10m", "max-file": "3"},
    "publish_all_ports": False,
    "destroy_grace_seconds": 2,
}


def test_every_option_reaches_the_container_and_none_drifts(program):
    program.containers["web"] = dict(EVERYTHING)
    program.up()
    attrs = program.container().attrs
    config, host = attrs["Config"], attrs["HostConfig"]
    mib = 1024 * 1024
    expected = {
        "Cmd": ["--port", "8000"],
        "Entrypoint": ["/opt/stand-in/server.py", "--own"],
        "WorkingDir": "/data",
        "Hostname": "own-name",
        "Domainname": "own.domain",
        "User": "1000:1000",
        "StopSignal": "SIGINT",
        "StopTimeout": 7,
    }
    assert {name: config[name] for name in expected} == expected
    check = config["Healthcheck"]
    assert (check["Interval"], check["StartPeriod"], check["Retries"]) == (10**9, 90 * 10**9, 3)
    expected = {
        "ReadonlyRootfs": True,
        "Tmpfs": {"/tmp": "size=16m,mode=1777"},
        "Binds": ["/etc/hostname:/etc/another:ro"],
        "ShmSize": 128 * mib,
        "Memory": 256 * mib,
        "MemoryReservation": 128 * mib,
        "NanoCpus": 1_500_000_000,
        "Ulimits": [{"Name": "nofile", "Soft": 1024, "Hard": 2048}],
        "CapAdd": ["SYS_NICE"],
        "CapDrop": ["ALL"],
        "Devices": [
            {"PathOnHost": "/dev/null", "PathInContainer": "/dev/nothing", "CgroupPermissions": "rw"}
        ],
        "ExtraHosts": ["elsewhere:10.9.8.7"],
        "Dns": ["10.0.0.1"],
        "DnsSearch": ["own.search"],
        "DnsOptions": ["ndots:2"],
        "Sysctls": {"net.core.somaxconn": "512"},
        "IpcMode": "shareable",
        "Init": True,
        "Runtime": "runc",
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
        "NetworkMode": "bridge",
    }
    assert {name: host[name] for name in expected} == expected
    assert sorted(host["SecurityOpt"]) == ["no-new-privileges:true", "seccomp=unconfined"]
    assert sorted(host["GroupAdd"]) == ["3000", "44"]
    assert {mount["Target"] for mount in host["Mounts"]} == {"/cache", "/etc/other"}
    assert program.up() == {"same": 4}
    assert program.up(refresh=True) == {"same": 4}, program.changed


def test_several_devices_and_gpus_are_asked_for(program):
    """No engine here has one: what is asked for shows in the refusal."""
    program.containers["web"]["gpus"] = "device=0,2"
    with pytest.raises(EngineError, match=r"could not select device driver .*gpu"):
        program.up()


def test_one_shot_containers_end_and_their_code_and_logs_are_outputs(program):
    import pulumi_docker as docker

    def one_shot():
        made = docker.Container(
            "once",
            name=f"{program.prefix}-once",
            image=program.image,
            entrypoints=["sh", "-c", "echo done; exit 3"],
            attach=True,
            logs=True,
            must_run=False,
        )
        return {"code": made.exit_code, "logs": made.container_logs}

    program.more = one_shot
    program.up()
    assert program.handle.outputs()["code"] == 3
    assert program.handle.outputs()["logs"] == "done\n"
    assert program.up(refresh=True) == {"same": 5}


def test_a_network_with_labels_and_a_pool_of_addresses(program, sweep):
    import pulumi_docker as docker

    def network():
        made = docker.Network(
            "pool",
            name=f"{program.prefix}-pool",
            internal=True,
            ipam_configs=[{"subnet": "10.231.7.0/24", "gateway": "10.231.7.1"}],
            options={"com.docker.network.bridge.enable_icc": "true"},
        )
        return {"scope": made.scope, "driver": made.driver}

    program.more = network
    program.up()
    assert program.handle.outputs()["scope"] == "local"
    assert program.handle.outputs()["driver"] == "bridge"
    seen = sweep.engine.networks.get(f"{program.prefix}-pool").attrs
    assert seen["Internal"]
    assert seen["IPAM"]["Config"] == [{"Subnet": "10.231.7.0/24", "Gateway": "10.231.7.1"}]
    assert program.up(refresh=True) == {"same": 5}
    program.more = dict
    program.up()
    with pytest.raises(NotFound):
        sweep.engine.networks.get(f"{program.prefix}-pool")
