"""KServe: a golden file, pods that are Kubernetes' own, and what is refused or lost."""

import os
from pathlib import Path

import pytest
import yaml
from manifests import everything, example, find
from schemas import VERSIONS, mistakes

from opea_pulumi.convert.kserve import to_kserve
from opea_pulumi.convert.kubernetes import objects
from opea_pulumi.errors import BlueprintError

HERE = Path(__file__).parent
REFUSED = yaml.safe_load((HERE / "refused.yaml").read_text())
EXTENSIONS = {"minReplicas", "maxReplicas", "labels", "annotations", "deploymentStrategy"}
CASES = {"everything": everything, "custom-flow": lambda: example("custom-flow", "xeon", "kserve")}


def documents(blueprint):
    return [document for document in yaml.safe_load_all(to_kserve(blueprint).text) if document]


def test_golden():
    text = to_kserve(everything()).text
    file = HERE / "everything.golden.yaml"
    if os.environ.get("OPEA_UPDATE_GOLDEN") == "1":
        file.write_text(text)
    assert text == file.read_text()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", CASES)
def test_what_is_kubernetes_own_has_its_schema(name, version):
    for document in documents(CASES[name]()):
        if document["kind"] == "InferenceService":
            predictor = document["spec"]["predictor"]
            spec = {key: value for key, value in predictor.items() if key not in EXTENSIONS}
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": spec}
            assert mistakes(pod, version) == []
        assert mistakes(document, version) == []


def test_the_graph_is_the_sequence_of_the_flow():
    graph = find(documents(everything()), "InferenceGraph", "everything-graph")
    assert graph["spec"]["nodes"] == {
        "root": {
            "routerType": "Sequence",
            "steps": [
                {
                    "name": "embedding",
                    "serviceUrl": "http://embedding:6000/v1/embeddings",
                    "data": "$request",
                },
                {"name": "llm", "serviceUrl": "http://llm:9000/v1/chat/completions", "data": "$response"},
            ],
        }
    }


def test_what_computes_is_an_inference_service_with_the_pod_it_would_have_anyway():
    made, plain = documents(everything()), objects(everything(patches=[]))
    services = {item["metadata"]["name"] for item in made if item["kind"] == "InferenceService"}
    assert services == {"embedding", "llm", "llm-server"}
    for name in services:
        item = find(made, "InferenceService", name)
        assert item["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] == "RawDeployment"
        predictor, pod = item["spec"]["predictor"], find(plain, "Deployment", name)["spec"]["template"]
        assert predictor["labels"] == pod["metadata"]["labels"]
        (container,) = predictor["containers"]
        assert container == {**pod["spec"]["containers"][0], "name": "kserve-container"}
        assert find(made, "Service", name)["spec"] == find(plain, "Service", name)["spec"]
    scaled = find(made, "InferenceService", "llm-server")["spec"]["predictor"]
    assert (scaled["minReplicas"], scaled["maxReplicas"]) == (1, 3)


def test_the_rest_is_plain_and_the_router_is_gone():
    made = documents(everything())
    assert find(made, "StatefulSet", "graph-db")
    assert find(made, "Deployment", "gateway")
    assert "router" not in {item["metadata"]["name"] for item in made if item["kind"] != "Service"}
    # the user interface's gateway still reaches the flow by its name
    assert find(made, "Service", "router")["spec"] == {
        "type": "ClusterIP",
        "selector": {"serving.kserve.io/inferencegraph": "everything-graph"},
        "ports": [{"name": "http", "port": 8888, "targetPort": 8080, "protocol": "TCP"}],
    }
    assert "Secret" not in {item["kind"] for item in made}


@pytest.mark.parametrize("case", REFUSED, ids=[case["name"] for case in REFUSED])
def test_refused(case):
    plain = everything().model_dump(by_alias=True)
    if "nodes" in case:
        plain["flow"]["nodes"] = case["nodes"]
    blueprint = type(everything()).model_validate(
        {**plain, "orchestrator": case.get("orchestrator", "router")}
    )
    with pytest.raises(BlueprintError) as caught:
        to_kserve(blueprint)
    assert caught.value.code == "kserve-cannot"
    assert caught.value.message.startswith(f"KServe cannot hold this application: {case['reason']}")
    assert caught.value.hint


def test_losses():
    found = {loss.place: loss.what for loss in to_kserve(everything()).losses}
    assert found == {
        "opea_mega_service.mega_flow": "bodies pass from step to step as they are",
        "llm-server": "scales by CPU",
        "network": "no NetworkPolicies",
        "opea_deployment.expose": "not applied",
        "opea_deployment.monitoring": "not applied",
    }
    flow = {**everything().flow.model_dump(by_alias=True), "settings": {"key.llm": "K", "default.top_k": "3"}}
    found = [str(loss) for loss in to_kserve(everything(flow=flow, settings={"istio": True})).losses]
    assert [line.partition(":")[0] for line in found] == [
        "opea_micro_services.llm",
        "opea_mega_service.mega_flow",
        "llm-server",
        "network",
        "opea_deployment.istio",
    ]


def test_patches_of_this_format_alone_are_applied():
    patch = {
        "target": "kserve",
        "workload": "llm",
        "kind": "InferenceService",
        "merge": {"spec": {"predictor": {"timeout": 60}}},
    }
    made = documents(everything(patches=[patch, {"target": "kubernetes", "workload": "nobody"}]))
    assert find(made, "InferenceService", "llm")["spec"]["predictor"]["timeout"] == 60
