"""What single keys of the language do to the blueprint."""

import pytest

from opea_pulumi import BlueprintError, parse_application
from opea_pulumi.blueprint import EndpointValue, LiteralValue, SecretValue, build_blueprint
from opea_pulumi.terms import Hardware, Profile

FLOW = "opea_mega_service: {mega_flow: [embedding >> retrieval >> reranking >> llm]}\n"


def chatqna(**services):
    """ChatQnA with specs in flow style, as YAML."""
    given = {"embedding": "", "retrieval": "", "reranking": "", "llm": "", **services}
    lines = "".join(f"  {name}: {spec}\n" for name, spec in given.items())
    return f"opea_micro_services:\n{lines}{FLOW}"


def names(blueprint):
    return [workload.name for workload in blueprint.workloads]


def step(blueprint, name):
    return next(step for step in blueprint.flow.nodes["root"].steps if step.name == name)


def test_the_rfc_is_the_known_application_with_ports(build):
    assert names(build(chatqna())) == names(build("opea_app: chatqna"))


def test_defaults(build):
    application = parse_application("opea_app: chatqna")
    blueprint = build_blueprint(application, name="My App")
    assert (blueprint.name, blueprint.profile, blueprint.release) == ("my-app", Profile.OPEA, "1.5")
    assert blueprint.hardware is Hardware.XEON


@pytest.mark.parametrize("argument", ["profile", "hardware", "release"])
def test_arguments_win_over_the_file(argument):
    text = "opea_app: chatqna\nopea_deployment: {profile: opea, hardware: gaudi}\nopea_release: '1.5'"
    application = parse_application(text)
    given = {"profile": Profile.EMBEDDED, "release": "embedded"} if argument != "hardware" else {}
    blueprint = build_blueprint(application, name="a", hardware=Hardware.XEON if not given else None, **given)
    assert (blueprint.profile, blueprint.release, blueprint.hardware) == (
        (Profile.EMBEDDED, "embedded", Hardware.GAUDI) if given else (Profile.OPEA, "1.5", Hardware.XEON)
    )


def test_a_release_tells_its_profile():
    for release, profile in (("embedded", Profile.EMBEDDED), ("1.5", Profile.OPEA)):
        application = parse_application(f"opea_app: chatqna\nopea_release: '{release}'")
        assert build_blueprint(application, name="a").profile is profile


def test_ports(build):
    blueprint = build(chatqna(llm="{port: 1234}") + "opea_app: mine\n")
    assert (blueprint.workload("llm").port.number, blueprint.workload("llm").port.requested) == (9000, 1234)
    assert blueprint.workload("embedding").port.requested is None
    assert build("opea_app: chatqna\nopea_mega_service: {port: 80}").workload("router").port.requested == 80


def test_an_unknown_workload(build):
    with pytest.raises(KeyError, match="vllm"):
        build("opea_app: chatqna").workload("vllm")


@pytest.mark.parametrize(
    ("llm", "expected"),
    [
        ("", None),
        ("{url: 'https://h/v1'}", "https://h"),
        ("{url: 'https://h/v1/'}", "https://h"),
        ("{url: 'https://h:8000/'}", "https://h:8000"),
        ("{url: 'https://h/v1/chat/completions'}", "https://h"),
        ("{url: 'https://h/openai/v1'}", "https://h/openai"),
    ],
)
@pytest.mark.parametrize("profile", Profile)
def test_an_llm_with_url_stays_and_calls_it(build, profile, llm, expected):
    blueprint = build(chatqna(llm=llm), profile=profile)
    environment = blueprint.workload("llm").environment
    secrets = {secret.name for secret in blueprint.secrets}
    if expected is None:
        assert "OPENAI_API_KEY" not in environment
        assert "llm-api-key" not in secrets
        assert ("vllm" in names(blueprint)) == (profile is Profile.OPEA)
        return
    assert environment["LLM_ENDPOINT"] == LiteralValue(value=expected)
    assert environment["OPENAI_API_KEY"] == SecretValue(secret="llm-api-key")
    assert "llm-api-key" in secrets
    assert "vllm" not in names(blueprint)
    assert step(blueprint, "llm").is_internal


@pytest.mark.parametrize(
    ("spec", "address"),
    [
        ("{url: 'http://h:1'}", "http://h:1/v1/reranking"),
        ("{url: 'http://h:1/'}", "http://h:1/v1/reranking"),
        ("{url: 'http://h:1/v1'}", "http://h:1/v1/reranking"),
        ("{url: 'http://h:1/rerank'}", "http://h:1/rerank"),
        ("{url: 'http://h:1', endpoint: /x}", "http://h:1/x"),
    ],
)
@pytest.mark.parametrize("profile", Profile)
def test_an_external_service_is_called_at_its_url_with_its_own_key(build, profile, spec, address):
    blueprint = build(chatqna(reranking=spec), profile=profile)
    assert "reranking" not in names(blueprint)
    assert "tei-reranking" not in names(blueprint)
    assert step(blueprint, "reranking").url == address
    assert not step(blueprint, "reranking").is_internal
    assert not step(blueprint, "reranking").is_downstream
    variable = blueprint.flow.keys["reranking"]
    router = blueprint.workload("router")
    assert router.environment == {variable: SecretValue(secret="reranking-api-key")}
    secret = next(secret for secret in blueprint.secrets if secret.name == "reranking-api-key")
    assert (secret.config, secret.environment) == ("rerankingApiKey", ("OPEA_RERANKING_API_KEY",))


@pytest.mark.parametrize(
    ("profile", "key"), [("embedded", "TEI_EMBEDDING_ENDPOINT"), ("opea", "TEI_EMBEDDING_ENDPOINT")]
)
def test_an_external_embedding_is_called_there_by_all(build, profile, key):
    blueprint = build(chatqna(embedding="{url: 'http://h:1/v1/embeddings'}"), profile=profile)
    assert blueprint.workload("dataprep").environment[key] == LiteralValue(value="http://h:1")
    assert not {"embedding", "tei-embedding"} & set(names(blueprint))


def test_an_external_retriever_implies_no_dataprep(build):
    assert "dataprep" not in names(build(chatqna(retrieval="{url: 'http://h:1'}")))
    blueprint = build(chatqna(retrieval="{url: 'http://h:1'}", dataprep="{url: 'http://h:2'}"))
    beside = step(blueprint, "dataprep")
    assert beside.is_downstream
    assert not beside.is_internal
    assert beside.url == "http://h:2/v1/dataprep/ingest"


def test_dataprep_stands_beside_the_flow(build):
    blueprint = build(chatqna())
    steps = blueprint.flow.nodes["root"].steps
    assert [item.name for item in steps] == ["embedding", "retrieval", "reranking", "llm", "dataprep"]
    assert [item.is_downstream for item in steps] == [False] * 4 + [True]
    assert [item.data for item in steps] == ["", "$response", "$response", "$response", ""]
    assert dict(blueprint.flow.types) == {item.name: item.name for item in steps}


def test_a_service_keeps_its_image_and_environment(build):
    blueprint = build(chatqna(llm="{image: 'r/llm:1', environment: {LLM_MODEL_ID: mine, A: '{port}'}}"))
    workload = blueprint.workload("llm")
    assert workload.image == "r/llm:1"
    assert workload.environment["LLM_MODEL_ID"] == LiteralValue(value="mine")
    assert workload.environment["A"] == LiteralValue(value="{port}")


def test_models_and_hardware_reach_the_server(build):
    blueprint = build(chatqna(llm="{model: org/m, hardware: gaudi}"), profile="opea")
    server = blueprint.workload("vllm")
    assert server.args[server.args.index("--model") + 1] == "org/m"
    assert (server.resources.accelerator, server.resources.accelerators) == ("habana.ai/gaudi", 1)
    assert blueprint.workload("llm").environment["LLM_MODEL_ID"] == LiteralValue(value="org/m")
    assert blueprint.workload("tei-reranking").resources.accelerators == 0


def test_servers_are_named_for_their_services(build):
    text = (
        "opea_micro_services: {llm: , llm-2: {model: other}}\nopea_mega_service: {mega_flow: [llm >> llm-2]}"
    )
    blueprint = build(text, profile="opea")
    assert [item.name for item in blueprint.workloads if item.role == "server"] == ["vllm", "vllm-llm-2"]
    assert blueprint.workload("llm-2").environment["LLM_ENDPOINT"] == EndpointValue(workload="vllm-llm-2")


def test_services_share_a_server_that_would_be_equal(build):
    text = "opea_micro_services: {llm: , llm-2: }\nopea_mega_service: {mega_flow: [llm >> llm-2]}"
    blueprint = build(text, profile="opea")
    assert [item.name for item in blueprint.workloads if item.role == "server"] == ["vllm"]
    for name in ("llm", "llm-2"):
        assert blueprint.workload(name).environment["LLM_ENDPOINT"] == EndpointValue(workload="vllm")


def test_one_store_for_all_its_users(build):
    blueprint = build(chatqna(), profile="opea")
    assert [item.name for item in blueprint.workloads if item.role == "store"] == ["redis-vector-db"]
    users = [item.name for item in blueprint.workloads if "redis-vector-db" in item.downstreams]
    assert users == ["dataprep", "retrieval"]


def test_a_known_application_takes_single_keys(build):
    services, mega = "opea_micro_services: {llm: {model: mine}}", "opea_mega_service: {endpoint: /v1/mine}"
    blueprint = build(f"opea_app: chatqna\n{services}\n{mega}")
    assert names(blueprint) == names(build("opea_app: chatqna"))
    assert blueprint.workload("llm").environment["LLM_MODEL_ID"] == LiteralValue(value="mine")
    assert blueprint.route.endpoint == blueprint.flow.endpoint == "/v1/mine"


def test_a_name_that_the_catalogue_lacks_is_only_a_name(build):
    assert build("opea_app: mine\n" + chatqna()) == build(chatqna())


def test_a_device_that_a_server_lacks(build, monkeypatch):
    from opea_pulumi.blueprint import _orchestrator

    release = _orchestrator.load_release("1.5")
    vllm = release.servers["vllm"]
    xeon_only = vllm.model_copy(update={"devices": {Hardware.XEON: vllm.devices[Hardware.XEON]}})
    servers = {**release.servers, "vllm": xeon_only}
    monkeypatch.setattr(
        _orchestrator, "load_release", lambda _: release.model_copy(update={"servers": servers})
    )
    with pytest.raises(BlueprintError) as caught:
        build(chatqna(llm="{hardware: gaudi}"), profile="opea")
    assert (caught.value.code, caught.value.hint) == ("no-such-device", "one of xeon")
    assert caught.value.location.path == "opea_micro_services.llm.hardware"
