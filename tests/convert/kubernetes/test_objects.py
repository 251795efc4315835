"""What becomes of a blueprint's parts, one by one."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from manifests import changed, container_of, everything, example, find, pod_of, pods

from opea_pulumi.blueprint import parse_milli
from opea_pulumi.convert.kubernetes import objects, to_kubernetes
from opea_pulumi.convert.kubernetes._environment import literal
from opea_pulumi.convert.kubernetes._names import derived
from opea_pulumi.convert.kubernetes._quantities import larger, times
from opea_pulumi.errors import BlueprintError


@pytest.fixture(scope="module")
def made():
    return objects(everything())


def variables(item):
    return {variable["name"]: variable for variable in container_of(item).get("env", [])}


def expanded(text, environment):
    """What the kubelet makes of ``$(NAME)`` and ``$$`` (its forked/golang/expansion)."""
    out, at = "", 0
    while at < len(text):
        if text[at] != "$" or at + 1 == len(text):
            out, at = out + text[at], at + 1
        elif text[at + 1] == "$":
            out, at = out + "$", at + 2
        elif text[at + 1] == "(" and ")" in text[at + 2 :]:
            name, _, _ = text[at + 2 :].partition(")")
            out += environment.get(name, f"$({name})")
            at += len(name) + 3
        elif text[at + 1] == "(":
            out, at = out + "$(", at + 2
        else:
            out, at = out + text[at : at + 2], at + 2
    return out


@given(st.text(alphabet="$(){}ABx", max_size=20))
def test_a_literal_means_what_it_says(text):
    assert expanded(literal(text), {"A": "1", "B": "2", "x": "3"}) == text


def test_text_that_kubernetes_would_expand_stays(made):
    server = find(made, "Deployment", "llm-server")
    assert container_of(server)["args"][-1] == "$$$$(x) $$(HOME) $5"
    assert variables(server)["PRICE"]["value"] == "$$(HOME) costs $$$5"


@given(st.from_regex(r"[a-z]([a-z0-9-]{0,90}[a-z0-9])?", fullmatch=True), st.sampled_from(["", "-files"]))
def test_a_derived_name_fits_a_label(name, suffix):
    short = derived(name, suffix)
    assert len(short) <= 63
    assert short.endswith(suffix)
    assert short == name + suffix or short != derived(name + "x", suffix)


@pytest.mark.parametrize(
    ("quantity", "factor", "product"),
    [
        ("100m", 4, "400m"),
        ("500m", 4, "2"),
        ("1.5", 2, "3"),
        ("1Gi", 2, "2Gi"),
        ("2", 10, "20"),
        ("0.1", 3, "0.3"),
    ],
)
def test_times(quantity, factor, product):
    assert times(quantity, factor) == product
    assert parse_milli(product) == parse_milli(quantity) * factor


def test_larger():
    assert larger("1024Mi", "1Gi") == "1024Mi"
    assert larger("900m", "1") == "1"
    with pytest.raises(ValueError):
        times("many", 2)


def test_no_pod_can_speak_to_the_api_server_or_sees_other_services_in_its_environment(made):
    assert find(made, "ServiceAccount", "everything")["automountServiceAccountToken"] is False
    for pod in pods(made):
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        assert pod["serviceAccountName"] == "everything"
        assert pod["imagePullSecrets"] == [{"name": "registry-key"}]


def test_images_come_from_the_registry_of_the_settings(made):
    for pod in pods(made):
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            assert container["image"].startswith("registry.example.com/mirror/")
            assert container["imagePullPolicy"] == "Always"


def test_the_prefetch_step_runs_before_its_server_as_its_user(made):
    pod = pod_of(find(made, "Deployment", "llm-server"))
    (step,) = pod["initContainers"]
    assert step["command"] == ["huggingface-cli"]
    assert step["securityContext"]["runAsUser"] == 20000
    assert step["securityContext"]["runAsNonRoot"] is True
    assert step["volumeMounts"] == [
        {"name": "llm-models", "mountPath": "/data"},
        {"name": "init-tmp", "mountPath": "/tmp"},  # not the server's
    ]
    assert not {"ports", "startupProbe", "readinessProbe", "livenessProbe"} & step.keys()
    assert pod["containers"][0]["volumeMounts"][0]["readOnly"] is True
    assert not [item for item in made if item["metadata"]["name"] == "llm-server-prefetch"]


def test_secrets_are_references_and_what_may_be_missing_is_optional(made):
    step = pod_of(find(made, "Deployment", "llm-server"))["initContainers"][0]
    assert step["env"][0]["valueFrom"]["secretKeyRef"] == {
        "name": "hf-token",
        "key": "value",
        "optional": True,
    }
    llm = find(made, "Deployment", "llm")
    assert variables(llm)["OPENAI_API_KEY"]["valueFrom"]["secretKeyRef"] == {
        "name": "team-keys",
        "key": "llm",
        "optional": True,
    }
    store = find(made, "StatefulSet", "graph-db")
    assert "optional" not in variables(store)["AUTH"]["valueFrom"]["secretKeyRef"]
    assert "Secret" not in {item["kind"] for item in made}


def test_a_secret_inside_an_address_is_expanded_from_a_variable_before_it(made):
    names = [variable["name"] for variable in container_of(find(made, "Deployment", "llm"))["env"]]
    value = variables(find(made, "Deployment", "llm"))["GRAPH"]["value"]
    assert value == "bolt://neo4j:$(OPEA_SECRET_GRAPH_PASSWORD)@graph-db:7687"
    assert names.index("OPEA_SECRET_GRAPH_PASSWORD") < names.index("GRAPH")


def test_addresses_are_services_on_the_containers_own_port(made):
    assert variables(find(made, "Deployment", "llm"))["LLM_ENDPOINT"]["value"] == "http://llm-server:80"
    for item in made:
        if item["kind"] == "Service" and item["metadata"]["name"] in {"llm-server", "graph-db", "llm"}:
            name = item["metadata"]["name"]
            kind = "StatefulSet" if name == "graph-db" else "Deployment"
            ports = container_of(find(made, kind, name))["ports"]
            assert [port["port"] for port in item["spec"]["ports"]] == [
                port["containerPort"] for port in ports
            ]
            assert item["spec"]["type"] == "ClusterIP"
    headless = find(made, "Service", "graph-db-headless")
    assert headless["spec"]["clusterIP"] == "None"
    assert find(made, "StatefulSet", "graph-db")["spec"]["serviceName"] == "graph-db-headless"


def test_the_router_reads_its_graph_from_a_file(made):
    router = find(made, "Deployment", "router")
    args = container_of(router)["args"]
    assert args == ["--host", "0.0.0.0", "--port", "8888", "--graph", "/etc/opea/graph.json"]
    graph = yaml.safe_load(find(made, "ConfigMap", "router-files")["data"]["graph.json"])
    urls = [step["serviceUrl"] for step in graph["spec"]["nodes"]["root"]["steps"]]
    assert urls == ["http://embedding:6000/v1/embeddings", "http://llm:9000/v1/chat/completions"]
    assert router["spec"]["template"]["metadata"]["annotations"]["opea-pulumi/files"]


def test_files_are_mounted_at_their_paths_and_changes_make_new_pods(made):
    mounts = container_of(find(made, "Deployment", "embedding"))["volumeMounts"]
    keys = {mount["mountPath"]: mount["subPath"] for mount in mounts if mount["name"] == "files"}
    data = find(made, "ConfigMap", "embedding-files")["data"]
    assert data[keys["/home/user/tools/tools.yaml"]] == "a: 1\n"
    assert data[keys["/home/user/other/tools.yaml"]] == "a: 2\n"
    other = objects(changed(everything(), "embedding", files=[{"path": "/x", "content": "y"}]))
    templates = [
        find(each, "Deployment", "embedding")["spec"]["template"]["metadata"] for each in (made, other)
    ]
    assert templates[0] != templates[1]


def test_files_beyond_a_config_map_are_refused():
    files = [{"path": "/x", "content": "ä" * (1 << 19) + "b"}]
    with pytest.raises(BlueprintError, match="1 MiB") as caught:
        objects(changed(everything(), "embedding", files=files))
    assert caught.value.code == "files-too-large"
    assert caught.value.location.path == "opea_micro_services.embedding.files"


def test_every_container_has_requests_and_limits(made):
    for pod in pods(made):
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            requests, limits = container["resources"]["requests"], container["resources"]["limits"]
            assert requests.keys() == limits.keys() >= {"cpu", "memory", "ephemeral-storage"}
            for name, quantity in requests.items():
                assert parse_milli(quantity) <= parse_milli(limits[name])


def test_what_cannot_be_overcommitted_is_limited_to_what_is_requested(made):
    resources = container_of(find(made, "Deployment", "llm-server"))["resources"]
    for name in ("habana.ai/gaudi", "hugepages-2Mi", "memory"):
        assert resources["requests"][name] == resources["limits"][name]
    assert resources["limits"]["cpu"] == "16"
    assert container_of(find(made, "Deployment", "llm"))["resources"]["limits"]["memory"] == "4Gi"


def test_a_server_with_cards_runs_where_they_are(made):
    pod = pod_of(find(made, "Deployment", "llm-server"))
    assert pod["tolerations"] == [{"key": "habana.ai/gaudi", "operator": "Exists", "effect": "NoSchedule"}]


def test_what_computes_on_a_processor_prefers_those_that_are_quick_at_it(made):
    (term,) = pod_of(find(made, "Deployment", "embedding"))["affinity"]["nodeAffinity"].popitem()[1]
    (expression,) = term["preference"]["matchExpressions"]
    assert expression["key"].startswith("feature.node.kubernetes.io/")


def test_folders_that_are_written_have_a_limit(made):
    server = {volume["name"]: volume for volume in pod_of(find(made, "Deployment", "llm-server"))["volumes"]}
    assert server["shm"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "8Gi"}
    assert server["hugepages"]["emptyDir"] == {"medium": "HugePages-2Mi"}
    for pod in pods(made):
        for volume in pod.get("volumes", []):
            source = volume.get("emptyDir", {"sizeLimit": "no folder"})
            assert "sizeLimit" in source or source["medium"].startswith("HugePages")
    mounts = container_of(find(made, "Deployment", "embedding"))["volumeMounts"]
    assert {"/tmp", "/home/user/.cache"} <= {mount["mountPath"] for mount in mounts}


@pytest.mark.parametrize(("hardware"), ["xeon", "gaudi"])
def test_start_up_has_its_budget_and_the_rollout_waits_for_it(hardware):
    blueprint = example("chatqna", hardware)
    made = objects(blueprint)
    for item in made:
        if item["kind"] not in {"Deployment", "StatefulSet"}:
            continue
        health = blueprint.workload(item["metadata"]["name"]).health
        container = container_of(item)
        startup = container["startupProbe"]
        assert startup["periodSeconds"] * startup["failureThreshold"] >= health.start_budget
        assert container["readinessProbe"].keys() == startup.keys()
        assert "tcpSocket" in container["livenessProbe"]
        if item["kind"] == "Deployment":
            assert item["spec"]["progressDeadlineSeconds"] > health.start_budget


def test_probes_ask_what_the_catalogue_says(made):
    assert container_of(find(made, "Deployment", "llm-server"))["readinessProbe"]["httpGet"] == {
        "path": "/health",
        "port": 80,
    }
    command = container_of(find(made, "StatefulSet", "graph-db"))["startupProbe"]["exec"]["command"]
    assert command == ["wget", "-q", "http://localhost:7474"]
    assert container_of(find(made, "Deployment", "llm"))["startupProbe"]["tcpSocket"] == {"port": 9000}


def test_claims(made):
    claims = {
        item["metadata"]["name"]: item["spec"] for item in made if item["kind"] == "PersistentVolumeClaim"
    }
    assert set(claims) == {"llm-models", "embedding-models", "uploads"}
    # several replicas mount it, wherever they run
    assert claims["llm-models"]["accessModes"] == claims["uploads"]["accessModes"] == ["ReadWriteMany"]
    assert claims["embedding-models"]["volumeName"] == "ai-embedding-models"
    assert claims["embedding-models"]["storageClassName"] == ""
    host = find(made, "PersistentVolume", "ai-embedding-models")
    assert host["spec"]["hostPath"] == {"path": "/srv/models", "type": "Directory"}
    assert host["spec"]["claimRef"] == {"namespace": "ai", "name": "embedding-models"}
    assert "namespace" not in host["metadata"]
    volumes = {volume["name"]: volume for volume in pod_of(find(made, "Deployment", "embedding"))["volumes"]}
    assert volumes["voices"]["persistentVolumeClaim"] == {"claimName": "team-voices"}


def test_a_store_claims_its_own_volume_and_keeps_it(made):
    spec = find(made, "StatefulSet", "graph-db")["spec"]
    (template,) = spec["volumeClaimTemplates"]
    assert template["metadata"]["name"] == "documents"
    assert template["spec"]["storageClassName"] == "fast"
    assert spec["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Retain"
    assert "documents" not in [volume["name"] for volume in spec["template"]["spec"]["volumes"]]


@pytest.mark.parametrize(
    ("name", "update", "strategy"),
    [
        ("llm-server", {"autoscaling": None}, "Recreate"),  # one card for both
        ("llm-server", {}, "RollingUpdate"),
        ("embedding", {}, "RollingUpdate"),
        ("router", {}, "RollingUpdate"),
    ],
)
def test_strategy(name, update, strategy):
    spec = find(objects(changed(everything(), name, **update)), "Deployment", name)["spec"]
    assert spec["strategy"]["type"] == strategy
    if strategy == "RollingUpdate":
        assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_one_volume_for_one_pod_is_let_go_before_the_next():
    made = objects(example("chatqna", "xeon"))
    (claim,) = [
        item
        for item in made
        if item["kind"] == "PersistentVolumeClaim" and "vllm" in item["metadata"]["name"]
    ]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert find(made, "Deployment", "vllm")["spec"]["strategy"] == {"type": "Recreate"}


def test_from_two_replicas_on(made):
    budgets = {item["metadata"]["name"] for item in made if item["kind"] == "PodDisruptionBudget"}
    assert budgets == {"embedding", "llm-server"}
    for item in made:
        if item["kind"] == "Deployment":
            several = item["metadata"]["name"] in budgets
            apart = "podAntiAffinity" in pod_of(item).get("affinity", {})
            assert several == apart == ("topologySpreadConstraints" in pod_of(item))


def test_autoscaling_decides_about_replicas(made):
    assert "replicas" not in find(made, "Deployment", "llm-server")["spec"]
    spec = find(made, "HorizontalPodAutoscaler", "llm-server")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 3)
    assert spec["metrics"][0]["pods"] == {
        "metric": {"name": "opea_pending_requests"},
        "target": {"type": "AverageValue", "averageValue": "100"},
    }
    assert "vllm:num_requests_waiting + vllm:num_requests_running" in to_kubernetes(everything()).text


@pytest.mark.parametrize(
    ("exposure", "kinds"),
    [
        ({"kind": "none"}, []),
        ({"kind": "load_balancer"}, ["Service"]),
        ({"kind": "ingress"}, ["Ingress"]),
        ({"kind": "ingress", "host": "a.example.com"}, ["Ingress"]),
        ({"kind": "gateway"}, ["Gateway", "HTTPRoute"]),
        ({"kind": "gateway", "host": "a.example.com"}, ["Gateway", "HTTPRoute"]),
    ],
)
def test_exposure(exposure, kinds):
    blueprint = everything(settings={"exposure": exposure})
    made = objects(blueprint)
    public = [item for item in made if item["metadata"]["name"] == "everything-public"]
    assert [item["kind"] for item in public] == kinds
    assert ("Nothing is open to the outside" in to_kubernetes(blueprint).text) == (not kinds)
    text = yaml.safe_dump(public)
    host = exposure.get("host", "")
    assert (host and exposure["kind"] != "load_balancer") == (
        "everything-tls" in text and host in text
    ) or not host
    types = [item["spec"]["type"] for item in made if item["kind"] == "Service"]
    assert types.count("LoadBalancer") == (exposure["kind"] == "load_balancer")


def test_the_user_interface_is_what_is_exposed(made):
    (rule,) = find(made, "Ingress", "everything-public")["spec"]["rules"]
    assert rule["http"]["paths"][0]["backend"]["service"] == {"name": "gateway", "port": {"number": 8080}}


def test_labels_of_the_user_never_replace_those_that_select(made):
    other = everything(settings={"labels": {"app.kubernetes.io/name": "mine", "tier": "gold"}})
    for item in objects(other):
        assert item["metadata"]["labels"]["tier"] == "gold"
        assert item["metadata"]["labels"].get("app.kubernetes.io/name") != "mine"
    for item in made:
        if item["kind"] in {"Deployment", "StatefulSet"}:
            chosen = item["spec"]["selector"]["matchLabels"]
            assert chosen.items() <= item["spec"]["template"]["metadata"]["labels"].items()


def test_namespaces(made):
    assert {item["metadata"].get("namespace", "ai") for item in made} == {"ai"}
    assert find(objects(everything(settings={})), "Namespace", "everything")


def test_istio_is_a_loss_in_plain_manifests():
    assert to_kubernetes(everything()).losses == ()
    (loss,) = to_kubernetes(everything(settings={"istio": True})).losses
    assert loss.place == "opea_deployment.istio"


def test_twice_the_same_bytes():
    assert to_kubernetes(everything()).text == to_kubernetes(everything()).text


def test_patches_of_this_format_alone_are_applied(made):
    assert pod_of(find(made, "Deployment", "llm"))["priorityClassName"] == "high"
    assert "priorityClassName" not in pod_of(find(made, "Deployment", "router"))
    assert variables(find(made, "Deployment", "embedding"))["EXTRA"] == {"name": "EXTRA", "value": "1"}
    assert "PROXY_URL" in variables(find(made, "Deployment", "embedding"))


@pytest.mark.parametrize(
    ("update", "place"),
    [
        ({"settings": {"namespace": "My_Space"}}, "opea_deployment.namespace"),
        ({"settings": {"image_pull_secret": "Key"}}, "opea_deployment.image_pull_secret"),
        ({"settings": {"labels": {"team": "a b"}}}, "opea_deployment.labels.team"),
        ({"settings": {"exposure": {"kind": "ingress", "host": "a_b"}}}, "opea_deployment.host"),
        (
            {"volumes": [{"name": "x", "size": "1Gi", "purpose": "", "claim": "A"}]},
            "opea_deployment.model_cache.name",
        ),
        (
            {"secrets": [{"name": "x", "config": "", "environment": [], "purpose": "", "existing": "A"}]},
            "opea_deployment.secrets.x.name",
        ),
    ],
)
def test_names_that_kubernetes_would_refuse(update, place):
    with pytest.raises(BlueprintError) as caught:
        objects(everything(**update))
    assert caught.value.code == "kubernetes-name"
    assert caught.value.location.path == place
    assert caught.value.hint


def test_a_service_whose_name_starts_with_a_digit():
    with pytest.raises(BlueprintError, match="Kubernetes takes no name such as"):
        objects(changed(everything(), "gateway", name="2nd-gateway"))
