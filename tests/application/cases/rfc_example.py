from opea_pulumi import MicroService, ServiceOrchestrator


class ChatQnAService:
    def __init__(self, port=8080):
        self.service_builder = ServiceOrchestrator(port=port, endpoint="/v1/chatqna")

    def add_remote_service(self):
        embedding = MicroService(
            name="embedding", port=6000, expose_endpoint="/v1/embeddings", use_remote_service=True
        )
        retriever = MicroService(
            name="retriever", port=7000, expose_endpoint="/v1/retrieval", use_remote_service=True
        )
        rerank = MicroService(
            name="rerank", port=8000, expose_endpoint="/v1/reranking", use_remote_service=True
        )
        llm = MicroService(
            name="llm", port=9000, expose_endpoint="/v1/chat/completions", use_remote_service=True
        )
        self.service_builder.add(embedding).add(retriever).add(rerank).add(llm)
        self.service_builder.flow_to(embedding, retriever)
        self.service_builder.flow_to(retriever, rerank)
        self.service_builder.flow_to(rerank, llm)
