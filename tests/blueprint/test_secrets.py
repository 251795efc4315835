"""Each service's key is its own."""

from opea_pulumi import parse_application
from opea_pulumi.blueprint import SecretValue, build_blueprint

TWO = """
opea_micro_services:
  llm: {url: https://one.example.com/v1}
  llm-2: {url: https://two.example.com/v1}
opea_mega_service: {mega_flow: [llm >> llm-2]}
"""


def test_two_llms_with_urls_do_not_share_a_key():
    blueprint = build_blueprint(parse_application(TWO), name="two", profile="embedded")
    keys = {name: blueprint.workload(name).environment["OPENAI_API_KEY"] for name in ("llm", "llm-2")}
    assert keys == {"llm": SecretValue(secret="llm-api-key"), "llm-2": SecretValue(secret="llm-2-api-key")}
    assert [(item.config, item.environment) for item in blueprint.secrets] == [
        ("llm2ApiKey", ("OPEA_LLM_2_API_KEY",)),
        ("llmApiKey", ("OPEA_LLM_API_KEY", "OPENAI_API_KEY")),
    ]
