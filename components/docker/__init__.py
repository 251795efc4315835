"""Components of the Docker target: an application, or parts of one, as containers of a Docker engine."""

from .application import DockerApplication, DockerApplicationArgs
from .microservice import DockerMicroservice, DockerMicroserviceArgs
from .model_server import DockerModelServer, DockerModelServerArgs
from .router import DockerRouter, DockerRouterArgs
from .ui import DockerUi, DockerUiArgs
from .vector_store import DockerVectorStore, DockerVectorStoreArgs

COMPONENTS = (
    DockerApplication,
    DockerMicroservice,
    DockerModelServer,
    DockerRouter,
    DockerUi,
    DockerVectorStore,
)
"""The components that the plugin serves to other languages."""

__all__ = [
    "COMPONENTS",
    "DockerApplication",
    "DockerApplicationArgs",
    "DockerMicroservice",
    "DockerMicroserviceArgs",
    "DockerModelServer",
    "DockerModelServerArgs",
    "DockerRouter",
    "DockerRouterArgs",
    "DockerUi",
    "DockerUiArgs",
    "DockerVectorStore",
    "DockerVectorStoreArgs",
]
