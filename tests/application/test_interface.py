"""The RFC's Python classes mean what the YAML means."""

from enum import Enum

import pytest

from opea_pulumi import ApplicationError, MicroService, ServiceOrchestrator, parse_application
from opea_pulumi.application import MegaFlow

EMBEDDING, RETRIEVER, LLM = MicroService("embedding"), MicroService("retriever"), MicroService("llm")


class ServiceType(Enum):
    """As in GenAIComps, comps/cores/mega/constants.py."""

    EMBEDDING = 1
    RETRIEVER = 2
    WEB_RETRIEVER = 3


def error_of(call, *args, **kwargs):
    with pytest.raises(ApplicationError) as caught:
        call(*args, **kwargs)
    return caught.value


def only(service, **orchestrator):
    return next(iter(ServiceOrchestrator(**orchestrator).add(service).application().services.values()))


def test_calls_chain():
    builder = ServiceOrchestrator()
    assert builder.add(EMBEDDING).add(LLM).flow_to(EMBEDDING, LLM) is builder
    assert builder.application().mega.flow == MegaFlow(("embedding", "llm"), (("embedding", "llm"),))


def test_everything_is_as_in_yaml():
    builder = ServiceOrchestrator(
        port=8080, endpoint="/v1/mine", app="mine", deployment={"profile": "opea", "vector_store": "redis"}
    )
    fast = MicroService(
        "fast", port=9000, endpoint="/v1/x", service_type="llm", model="m", environment={"A": "b"}, image="i"
    )
    yaml = """
        opea_app: mine
        opea_micro_services:
          retriever: {expose: }
          fast: {type: llm, port: 9000, endpoint: /v1/x, model: m, image: i, environment: {A: b}}
        opea_mega_service: {port: 8080, endpoint: /v1/mine, mega_flow: [retriever >> fast]}
        opea_deployment: {profile: opea, vector_store: redis}
    """.replace("{expose: }", "{}")
    assert builder.add(RETRIEVER).add(fast).flow_to(RETRIEVER, fast).application() == parse_application(yaml)


def test_the_additions_are_as_in_yaml():
    tools = MicroService("tools", service_type="retrieval", beside=True)
    fast = MicroService(
        "llm",
        server={"kind": "vllm", "args": ["--dtype", "bfloat16"]},
        hardware="gaudi",
        replicas=2,
        resources={"cpu": "8"},
        uses={"TOOLS_URL": tools, "OTHER_URL": "asr"},
        files={"/etc/prompt.txt": "prompt.txt"},
        dependency="Hard",
        condition="model-id==large",
    )
    asr = MicroService("asr", server="whisper", autoscaling={"max": 2}, beside=True)
    built = ServiceOrchestrator(orchestrator="router").add(fast).add(tools).add(asr).application()
    yaml = """
        opea_micro_services:
          llm:
            server: {kind: vllm, args: [--dtype, bfloat16]}
            hardware: gaudi
            replicas: 2
            resources: {cpu: "8"}
            uses: {TOOLS_URL: tools, OTHER_URL: asr}
            files: {/etc/prompt.txt: prompt.txt}
            dependency: Hard
            condition: model-id==large
          tools: {type: retrieval, beside: true}
          asr: {server: whisper, autoscaling: {max: 2}, beside: true}
        opea_mega_service: {orchestrator: router, mega_flow: [llm]}
    """
    assert built == parse_application(yaml)


def test_forks_and_joins():
    builder = ServiceOrchestrator().add(EMBEDDING).add(RETRIEVER).add(LLM)
    builder.flow_to(EMBEDDING, RETRIEVER).flow_to(EMBEDDING, LLM).flow_to(RETRIEVER, LLM)
    edges = [("embedding", "retrieval"), ("embedding", "llm"), ("retrieval", "llm")]
    assert builder.application().mega.flow == MegaFlow.of((), edges)


def test_one_service_needs_no_flow():
    assert ServiceOrchestrator().add(LLM).application().mega.flow.nodes == ("llm",)


def test_dataprep_stands_beside_the_flow():
    application = ServiceOrchestrator().add(LLM).add(MicroService("data-prep")).application()
    assert application.mega.flow.nodes == ("llm",)
    assert set(application.services) == {"llm", "dataprep"}


@pytest.mark.parametrize("second", ["retriever", "retrieval", "Retriever"])
def test_a_name_twice(second):
    error = error_of(ServiceOrchestrator().add(RETRIEVER).add, MicroService(second))
    assert (error.code, error.location.path) == ("duplicate-service", second)


@pytest.mark.parametrize("edge", [(LLM, EMBEDDING), (EMBEDDING, LLM)])
def test_a_service_that_was_not_added(edge):
    error = error_of(ServiceOrchestrator().add(EMBEDDING).flow_to, *edge)
    assert (error.code, error.location.path, error.hint) == ("unknown-service", "llm", "call add() first")


def test_a_circle_is_refused_at_once_and_not_kept():
    builder = ServiceOrchestrator().add(EMBEDDING).add(LLM).flow_to(EMBEDDING, LLM)
    error = error_of(builder.flow_to, LLM, EMBEDDING)
    assert error.code == "cycle"
    assert "embedding >> llm >> embedding" in error.message
    assert builder.application().mega.flow.edges == (("embedding", "llm"),)


def test_a_service_to_itself():
    assert error_of(ServiceOrchestrator().add(LLM).flow_to, LLM, LLM).code == "cycle"


def test_no_services():
    assert error_of(ServiceOrchestrator().application).code == "no-services"


def test_a_known_application_needs_no_services():
    application = ServiceOrchestrator(app="chatqna").application()
    assert (application.name, application.services, application.mega.endpoint) == ("chatqna", {}, None)
    one = ServiceOrchestrator(app="chatqna").add(MicroService("llm", model="m")).application()
    assert one == parse_application("opea_app: chatqna\nopea_micro_services: {llm: {model: m}}")


def test_mistakes_are_those_of_the_yaml():
    builder = ServiceOrchestrator().add(MicroService("llm", port=70000))
    error = error_of(builder.application)
    assert str(error).startswith("python (opea_micro_services.llm.port): port is too high [bad-value]")
    assert (
        error_of(ServiceOrchestrator().add(MicroService("frobnicate")).application).code == "unknown-service"
    )
    assert (
        error_of(ServiceOrchestrator(app="mine", deployment={"profil": 1}).application).code == "unknown-key"
    )


@pytest.mark.parametrize(
    ("remote", "url", "port"),
    [
        ({"use_remote_service": True, "port": 80, "host": "example.com"}, "http://example.com:80", None),
        ({"use_remote_service": True, "host": "h", "protocol": "https"}, "https://h", None),
        ({"use_remote_service": True, "url": "http://h/v1", "host": "i"}, "http://h/v1", None),
        ({"url": "http://h/v1", "port": 9000}, "http://h/v1", 9000),
        ({"use_remote_service": True, "port": 9000}, None, 9000),
        ({"host": "0.0.0.0", "port": 9000}, None, 9000),
    ],
)
def test_external_services(remote, url, port):
    service = only(MicroService("llm", **remote))
    assert (service.url, service.port) == (url, port)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (ServiceType.EMBEDDING, "embedding"),
        (ServiceType.RETRIEVER, "retrieval"),
        (ServiceType.WEB_RETRIEVER, "web-retriever"),
        ("rerank", "reranking"),
    ],
)
def test_service_types(given, kind):
    assert only(MicroService("mine", service_type=given)).type == kind
