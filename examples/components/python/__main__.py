import pulumi
import pulumi_docker as docker
from opea_pulumi.components.docker import DockerMicroservice, DockerRouter

FLOW = """
opea_micro_services: {embedding: null, llm: null}
opea_mega_service: {mega_flow: [embedding >> llm]}
"""

net = docker.Network("net")
embedding = DockerMicroservice("embedding", {"type": "embedding", "profile": "embedded", "network": net.name})
llm = DockerMicroservice("llm", {"type": "llm", "profile": "embedded", "network": net.name})
router = DockerRouter(
    "router",
    {
        "definition": FLOW,
        "endpoints": {"embedding": embedding.url, "llm": llm.url},
        "profile": "embedded",
        "network": net.name,
        "port": pulumi.Config().require_int("port"),
    },
)
pulumi.export("url", router.published_url)
