"""A gateway on OPEA's ServiceOrchestrator; runs under a Python that has opea-comps 1.5, not under ours.

``python orchestrator.py PORT UPSTREAM STEPS QUERY``: the service is /v1/chatqna, the steps are those of
ChatQnA (embedding, retriever, rerank, llm) or the llm alone, and the hooks do for them what ChatQnA's do.
"""

import itertools
import json
import sys

from comps import MegaServiceEndpoint, MicroService, ServiceOrchestrator, ServiceRoleType, ServiceType
from comps.cores.mega.utils import handle_message
from comps.cores.proto.api_protocol import (
    ChatCompletionRequest,
    ChatCompletionResponse,
    ChatCompletionResponseChoice,
    ChatMessage,
    UsageInfo,
)
from comps.cores.proto.docarray import LLMParams, RerankerParms, RetrieverParms
from fastapi import Request
from fastapi.responses import StreamingResponse

PROMPT = "### Search results: {context}\n\n### Question: {question}\n\n### Answer:\n"
ENDPOINTS = {
    ServiceType.EMBEDDING: ("embedding", "/embed"),
    ServiceType.RETRIEVER: ("retriever", "/v1/retrieval"),
    ServiceType.RERANK: ("rerank", "/rerank"),
    ServiceType.LLM: ("llm", "/v1/chat/completions"),
}


class Orchestrator(ServiceOrchestrator):
    """With ChatQnA's hooks."""

    def align_inputs(self, inputs, cur_node, _graph, parameters, **kwargs):
        kind = self.services[cur_node].service_type
        if kind is ServiceType.EMBEDDING:
            return {"inputs": inputs["text"]}
        if kind is ServiceType.RETRIEVER:
            return {**inputs, **kwargs["retriever_parameters"].dict()}
        if kind is ServiceType.LLM:
            text = inputs["inputs"] if "inputs" in inputs else inputs["text"]
            sent = {
                name: parameters[name] for name in ("max_tokens", "top_p", "temperature", "frequency_penalty")
            }
            messages = [{"role": "user", "content": text}]
            return {"model": "bench", "messages": messages, "stream": inputs["stream"], **sent}
        return inputs

    def align_outputs(self, data, cur_node, inputs, _graph, _parameters, **kwargs):
        kind = self.services[cur_node].service_type
        if kind is ServiceType.EMBEDDING:
            return {"text": inputs["inputs"], "embedding": data[0]}
        if kind is ServiceType.RETRIEVER:
            return {"query": data["initial_query"], "texts": [doc["text"] for doc in data["retrieved_docs"]]}
        if kind is ServiceType.RERANK:
            best = data[: kwargs["reranker_parameters"].top_n]
            context = "\n".join(inputs["texts"][found["index"]] for found in best)
            return {"inputs": PROMPT.format(context=context, question=inputs["query"])}
        return {"text": data["choices"][0]["message"]["content"]}

    def align_generator(self, gen, **_kwargs):
        for piece in gen:
            line = piece.decode()
            start, end = line.find("{"), line.rfind("}") + 1
            if start < 0 or end <= start:
                continue
            try:
                choices = json.loads(line[start:end]).get("choices")
            except json.JSONDecodeError:
                continue
            if choices and choices[0]["delta"].get("content") is not None:
                yield f"data: {choices[0]['delta']['content'].encode()!r}\n\n"
        yield "data: [DONE]\n\n"


class Gateway:
    """The mega service."""

    def __init__(self, upstream: int, steps: int, query: str) -> None:
        self.orchestrator = Orchestrator()
        chain = [
            MicroService(
                name=name,
                host="127.0.0.1",
                port=upstream,
                endpoint=path + query,
                use_remote_service=True,
                service_type=kind,
            )
            for kind, (name, path) in list(ENDPOINTS.items())[-steps:]
        ]
        for service in chain:
            self.orchestrator.add(service)
        for before, after in itertools.pairwise(chain):
            self.orchestrator.flow_to(before, after)

    async def handle(self, request: Request):
        data = await request.json()
        chat = ChatCompletionRequest.parse_obj(data)
        results, graph = await self.orchestrator.schedule(
            initial_inputs={"text": handle_message(chat.messages)},
            llm_parameters=LLMParams(max_tokens=chat.max_tokens or 1024, stream=data.get("stream", True)),
            retriever_parameters=RetrieverParms(),
            reranker_parameters=RerankerParms(),
        )
        for response in results.values():
            if isinstance(response, StreamingResponse):
                return response
        message = ChatMessage(role="assistant", content=results[graph.all_leaves()[-1]]["text"])
        choice = ChatCompletionResponseChoice(index=0, message=message, finish_reason="stop")
        return ChatCompletionResponse(model="chatqna", choices=[choice], usage=UsageInfo())


def main() -> None:
    port, upstream, steps = map(int, sys.argv[1:4])
    gateway = Gateway(upstream, steps, sys.argv[4])
    service = MicroService(
        "bench",
        service_role=ServiceRoleType.MEGASERVICE,
        host="127.0.0.1",
        port=port,
        endpoint=str(MegaServiceEndpoint.CHAT_QNA),
        input_datatype=ChatCompletionRequest,
        output_datatype=ChatCompletionResponse,
    )
    service.add_route(str(MegaServiceEndpoint.CHAT_QNA), gateway.handle, methods=["POST"])
    service.start()


if __name__ == "__main__":
    main()
