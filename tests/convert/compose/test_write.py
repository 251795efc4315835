"""What one workload becomes; each row of a table is one fact of the blueprint and its place in the file."""

import pytest
import yaml

from opea_pulumi.convert.compose import to_compose
from opea_pulumi.errors import BlueprintError
from opea_pulumi.flow import Flow

SECRETS = [
    {"name": "hf-token", "config": "hfToken", "environment": ["HF_TOKEN"], "purpose": "hub"},
    {
        "name": "db-password",
        "config": "p",
        "environment": ["DB_PASSWORD"],
        "purpose": "store",
        "generate": True,
    },
]
GAUDI = {"cpu": "1", "memory": "2Gi", "accelerator": "habana.ai/gaudi"}


@pytest.fixture
def file(workload, blueprint):
    """The file of one workload, or of the blueprint that is given."""

    def file(*workloads, **changes):
        conversion = to_compose(blueprint(*workloads, **changes))
        return {**yaml.safe_load(conversion.text), "text": conversion.text, "losses": conversion.losses}

    return file


@pytest.mark.parametrize(
    ("changes", "key", "expected"),
    [
        ({"shared_memory": "128Gi"}, "shm_size", "128g"),
        ({"shared_memory": "500M"}, "shm_size", "500000000b"),
        ({"command": ["a", "b"]}, "entrypoint", ["a", "b"]),
        ({"args": ["--host", "{host}", "--port={port}"]}, "command", ["--host", "0.0.0.0", "--port=9000"]),
        ({"args": ["a $HOME ${X} $$"]}, "command", ["a $$HOME $${X} $$$$"]),
        ({"environment": {"A": {"kind": "literal", "value": "$5"}}}, "environment", {"A": "$$5"}),
        ({"security": {"user": 7, "group": 8}}, "user", "7:8"),
        ({"security": {"exceptions": {"root": "r"}}}, "user", "0:0"),
        (
            {"security": {"exceptions": {"root": "r", "SYS_NICE": "n"}}},
            "cap_add",
            ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID", "SYS_NICE"],
        ),
        ({"security": {"exceptions": {"SYS_PTRACE": "p"}}}, "cap_add", ["SYS_PTRACE"]),
        ({"security": {"exceptions": {"host-ipc": "i"}}}, "ipc", "host"),
        ({"security": {"exceptions": {"host-ipc": "i"}}, "shared_memory": "1Gi"}, "shm_size", None),
        ({"security": {"exceptions": {"writable-root": "w"}}}, "read_only", None),
        ({"security": {"exceptions": {"privileged": "p"}}}, "privileged", True),
        (
            {"security": {"exceptions": {"unconfined": "u"}}},
            "security_opt",
            ["no-new-privileges:true", "seccomp=unconfined"],
        ),
        ({"security": {"writable": ["/run"]}}, "tmpfs", ["/run:mode=1777,uid=1000,gid=1000"]),
        ({"security": {"writable": []}, "role": "server"}, "tmpfs", None),
        ({"egress": ["hub"]}, "networks", ["default", "outside"]),
        ({}, "networks", ["default", "edge"]),
        ({"port": {"number": 80, "requested": 8088}}, "ports", ["127.0.0.1:8088:80"]),
        ({"role": "prefetch", "port": {"number": 0}}, "healthcheck", None),
        ({"role": "prefetch", "port": {"number": 0}}, "restart", "on-failure:3"),
    ],
)  # fmt: skip
def test_one_fact(workload, file, changes, key, expected):
    assert file(workload(**changes))["services"]["one"].get(key) == expected


@pytest.mark.parametrize(
    ("cpu", "memory", "role", "limits"),
    [
        ("100m", "128Mi", "microservice", {"memory": "4g", "cpus": "1", "pids": 1024}),
        ("2500m", "3Gi", "microservice", {"memory": "3g", "cpus": "2.5", "pids": 1024}),
        ("6", "65Gi", "server", {"memory": "65g", "pids": 4096}),
        ("6", "1500M", "server", {"memory": "1500000000b", "pids": 4096}),
        ("6", "2.5Gi", "server", {"memory": "2560m", "pids": 4096}),
    ],
)
def test_limits(workload, file, cpu, memory, role, limits):
    service = file(workload(role=role, resources={"cpu": cpu, "memory": memory}))["services"]["one"]
    assert service["deploy"]["resources"]["limits"] == limits


def test_model_servers_may_run_what_they_compile(workload, file):
    service = file(workload(role="server"))["services"]["one"]
    assert service["tmpfs"] == ["/tmp:exec,mode=1777,uid=1000,gid=1000"]


def test_cards_are_shared_out_once(workload, file):
    """Trap 7: `all` in two services is a fight; who needs most comes first and gets neighbours."""
    services = file(
        workload("rerank", role="server", resources={**GAUDI, "accelerators": 1}),
        workload("none"),
        workload(
            "vllm",
            role="server",
            resources={**GAUDI, "accelerators": 2},
            environment={"HABANA_VISIBLE_DEVICES": {"kind": "literal", "value": "all"}},
        ),
    )["services"]
    seen = {
        name: item["environment"]["HABANA_VISIBLE_DEVICES"]
        for name, item in services.items()
        if "runtime" in item
    }
    assert seen == {"vllm": "0,1", "rerank": "2"}


def test_nvidia_and_rocm_cards(workload, file):
    services = file(
        workload(
            "a", resources={"cpu": "1", "memory": "1Gi", "accelerator": "nvidia.com/gpu", "accelerators": 2}
        ),
        workload(
            "b", resources={"cpu": "1", "memory": "1Gi", "accelerator": "nvidia.com/gpu", "accelerators": 1}
        ),
        workload(
            "c", resources={"cpu": "1", "memory": "1Gi", "accelerator": "amd.com/gpu", "accelerators": 1}
        ),
    )["services"]
    devices = {name: services[name]["deploy"]["resources"]["reservations"]["devices"][0] for name in "ab"}
    assert {name: device["device_ids"] for name, device in devices.items()} == {"a": ["0", "1"], "b": ["2"]}
    assert devices["a"]["driver"] == "nvidia"
    assert devices["a"]["capabilities"] == ["gpu"]
    assert services["c"]["devices"] == ["/dev/kfd", "/dev/dri"]
    assert services["c"]["group_add"] == ["video", "${RENDER_GID:-109}"]
    assert services["c"]["environment"]["HIP_VISIBLE_DEVICES"] == "0"


def test_cards_of_an_unknown_kind_are_refused(workload, file):
    with pytest.raises(BlueprintError, match="compose-cannot"):
        file(
            workload(
                resources={"cpu": "1", "memory": "1Gi", "accelerator": "example.com/x", "accelerators": 1}
            )
        )


def test_it_waits_for_what_it_calls(workload, file):
    services = file(
        workload("fetch", role="prefetch", port={"number": 0}),
        workload("server", after=["fetch"]),
        workload("blind", http_client="", shell=""),
        workload("top", downstreams=["server", "blind", "later"]),
        workload("later", downstreams=["top"]),
    )["services"]
    assert {name: how["condition"] for name, how in services["top"]["depends_on"].items()} == {
        "server": "service_healthy",
        "blind": "service_started",
    }
    assert services["server"]["depends_on"] == {"fetch": {"condition": "service_completed_successfully"}}
    assert list(services["later"]["depends_on"]) == ["top"], "of a circle, the start order decides"


def test_networks(workload, file):
    """The application's own network has no way out; the published port's does not masquerade."""
    made = file(workload("inside"), workload("hub", egress=["hub"]), workload("front"))
    assert made["networks"]["default"] == {"internal": True}
    assert made["networks"]["edge"]["driver_opts"] == {
        "com.docker.network.bridge.enable_ip_masquerade": "false"
    }
    assert "networks" not in made["services"]["inside"]
    assert [name for name, item in made["services"].items() if "ports" in item] == ["front"]


def test_the_gateway_is_published_under_the_port_of_the_application(workload, file):
    made = file(
        workload("ui", role="ui"),
        workload("gateway", role="gateway", port={"number": 80}),
        workload("router", role="router", port={"number": 8888, "requested": 9999}),
        ui="gateway",
    )
    ports = {name: item["ports"] for name, item in made["services"].items() if "ports" in item}
    assert ports == {"gateway": ["127.0.0.1:9999:80"]}
    assert "http://127.0.0.1:9999\n" in made["text"]


def test_replicas(workload, file):
    made = file(
        workload("many", replicas=3),
        workload("cards", replicas=2, resources={**GAUDI, "accelerators": 1}),
        workload("front", replicas=2),
    )
    assert made["services"]["many"]["deploy"]["replicas"] == 3
    assert [str(loss) for loss in made["losses"]] == [
        "cards: 1 replica instead of 2 (containers of a service cannot split its cards)",
        "front: 1 replica instead of 2 (containers cannot share a published port)",
    ]


def test_volumes_and_their_owner(workload, file):
    """A new volume belongs to root, so that a one-shot service hands it over first."""
    made = file(
        workload(
            "a", mounts=[{"volume": "v", "path": "/v"}, {"volume": "h", "path": "/h", "read_only": True}]
        ),
        workload("b", mounts=[{"volume": "w", "path": "/w"}], security={"exceptions": {"root": "r"}}),
        workload("c", mounts=[{"volume": "v", "path": "/v"}], security={"user": 5}),
        volumes=[
            {"name": "v", "size": "1Gi", "purpose": "p"},
            {"name": "w", "size": "1Gi", "purpose": "p", "storage_class": "fast"},
            {"name": "h", "size": "1Gi", "purpose": "p", "host_path": "/srv/h"},
        ],
    )
    assert made["volumes"] == {"v": {}, "w": {}}
    assert made["services"]["a"]["volumes"] == [
        {"type": "volume", "source": "v", "target": "/v", "volume": {"nocopy": True}},
        {"type": "bind", "source": "/srv/h", "target": "/h", "read_only": True},
    ]
    owner = made["services"]["volume-owner"]
    assert owner["entrypoint"][2] == "chown 1000:1000 /volumes/v && chmod 1777 /volumes/v"
    assert owner["network_mode"] == "none"
    assert list(made["services"]["c"]["depends_on"]) == ["volume-owner"]
    assert "depends_on" not in made["services"]["b"]
    assert [str(loss) for loss in made["losses"]] == ["w: storage class fast (Compose runs on one machine)"]


def test_files_need_a_writable_root(workload, file):
    made = file(workload(files=[{"path": "/tools/a.yaml", "content": "x: $1\n"}]))
    assert made["configs"] == {"one-0": {"content": "x: $$1\n"}}
    assert made["services"]["one"]["configs"] == [{"source": "one-0", "target": "/tools/a.yaml"}]
    assert "read_only" not in made["services"]["one"]
    assert [loss.what for loss in made["losses"]] == ["its root file system is writable"]
    assert "one: writable-root: " in made["text"]


def test_secrets_are_files_and_never_variables(workload, file):
    made = file(
        workload(
            entrypoint=["serve"],
            environment={
                "HF_TOKEN": {"kind": "secret", "secret": "hf-token"},
                "DB": {
                    "kind": "endpoint",
                    "workload": "one",
                    "format": "db://u:{secret}@{host}:{port}",
                    "secret": "db-password",
                },
            },
        ),
        secrets=SECRETS,
    )
    assert made["secrets"] == {
        "hf-token": {"file": "${OPEA_SECRETS:-./secrets}/hf-token"},
        "db-password": {"file": "${OPEA_SECRETS:-./secrets}/db-password"},
    }
    service = made["services"]["one"]
    assert service["secrets"] == ["db-password", "hf-token"]
    assert "environment" not in service
    assert service["entrypoint"][3:] == ["--", "serve"]
    assert 'printf %s "$HF_TOKEN" > secrets/hf-token' in made["text"]
    assert "openssl rand -hex 16 > secrets/db-password" in made["text"]


@pytest.mark.parametrize(("changes", "why"), [({"shell": "", "entrypoint": ["x"]}, "shell"), ({}, "starts")])
def test_an_image_that_cannot_read_files(workload, file, changes, why):
    """Without the hub's token it runs all the same, which is a loss; without another secret it does not."""
    token = {"HF_TOKEN": {"kind": "secret", "secret": "hf-token"}}
    made = file(workload(environment=token, **changes), secrets=SECRETS)
    assert "secrets" not in made["services"]["one"]
    assert why in made["losses"][0].why
    password = {"PASSWORD": {"kind": "secret", "secret": "db-password"}}
    with pytest.raises(BlueprintError, match="compose-cannot"):
        file(workload(environment=password, **changes), secrets=SECRETS)


def test_the_routers_graph_is_one_argument(workload, file):
    flow = Flow.model_validate(
        {
            "nodes": {
                "root": {
                    "routerType": "Sequence",
                    "steps": [{"name": "a", "serviceUrl": "workload://a/v1", "data": "$response"}],
                }
            }
        }
    )
    router = workload("router", args=["--graph-json", "{graph}"])
    made = file(workload("a", port={"number": 7}), router, flow=flow)
    graph = made["services"]["router"]["command"][1]
    assert '"serviceUrl":"http://a:7/v1"' in graph
    assert '"data":"$$response"' in graph


def test_patches(workload, file):
    patches = [
        {
            "target": "compose",
            "workload": "one",
            "json_patch": [{"op": "add", "path": "/privileged", "value": True}],
        },
        {"target": "compose", "kind": "service", "merge": {"labels": {"a": "$x"}}},
        {"target": "kubernetes", "workload": "none", "merge": {"a": 1}},
    ]
    made = file(workload("one"), workload("two"), patches=patches)
    assert made["services"]["one"]["privileged"] is True
    assert {name: item["labels"] for name, item in made["services"].items()} == {
        "one": {"a": "$$x"},
        "two": {"a": "$$x"},
    }
    assert "#   one: privileged: patches of the application\n" in made["text"]


@pytest.mark.parametrize(
    "patch",
    [
        {"workload": "none", "merge": {"a": 1}},
        {"kind": "Deployment", "merge": {"a": 1}},
        {"workload": "one", "merge": {"$patch": "delete"}},
        {"workload": "one", "json_patch": [{"op": "remove", "path": "/none"}]},
    ],
)
def test_a_patch_that_fails_is_named(workload, file, patch):
    with pytest.raises(BlueprintError) as caught:
        file(workload("one"), patches=[{"target": "compose", "path": "patches[0]", **patch}])
    assert caught.value.code == "patch-failed"
    assert caught.value.location.path == "patches[0]"
