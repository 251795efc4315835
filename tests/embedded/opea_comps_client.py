"""OPEA's own orchestrator over four services: ``python opea_comps_client.py URLS QUESTION [stream]``.

Runs in an environment with ``opea-comps``; ``URLS`` is a JSON object of base URLs by type.
"""

import asyncio
import json
import sys
from urllib.parse import urlsplit

from comps import MicroService, ServiceOrchestrator, ServiceType
from comps.cores.proto.docarray import EmbedDoc, LLMParams, LLMParamsDoc, SearchedDoc

STEPS = (
    ("embedding", ServiceType.EMBEDDING, "/v1/embeddings"),
    ("retrieval", ServiceType.RETRIEVER, "/v1/retrieval"),
    ("reranking", ServiceType.RERANK, "/v1/reranking"),
    ("llm", ServiceType.LLM, "/v1/chat/completions"),
)


async def run(urls: dict[str, str], question: str, stream: bool) -> dict[str, object]:
    orchestrator = ServiceOrchestrator()
    services = []
    for name, kind, endpoint in STEPS:
        place = urlsplit(urls[name])
        service = MicroService(
            name=name,
            host=place.hostname,
            port=place.port,
            endpoint=endpoint,
            use_remote_service=True,
            service_type=kind,
        )
        orchestrator.add(service)
        services.append(service)
    for before, after in zip(services, services[1:]):  # noqa: B905, RUF007 - any Python that opea-comps has
        orchestrator.flow_to(before, after)
    results, _graph = await orchestrator.schedule({"text": question}, llm_parameters=LLMParams(stream=stream))
    embedded, found, ranked, answer = (results[service.name] for service in services)
    EmbedDoc(**embedded)
    SearchedDoc(**found)
    LLMParamsDoc(**ranked)
    if not stream:
        return {"answer": answer["choices"][0]["message"]["content"]}
    parts = [part async for part in answer.body_iterator]
    return {"stream": [part.decode() if isinstance(part, bytes) else part for part in parts]}


if __name__ == "__main__":
    urls, question, *more = sys.argv[1:]
    print(json.dumps(asyncio.run(run(json.loads(urls), question, bool(more)))))
