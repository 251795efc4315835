import * as docker from "@pulumi/docker";
import * as opea from "@pulumi/opea";
import * as pulumi from "@pulumi/pulumi";

const port = new pulumi.Config().requireNumber("port");
const net = new docker.Network("net");
const common = { profile: "embedded", network: net.name };

const embedding = new opea.DockerMicroservice("embedding", { type: "embedding", ...common });
const llm = new opea.DockerMicroservice("llm", { type: "llm", ...common });
const router = new opea.DockerRouter("router", {
    definition: `
opea_micro_services: {embedding: null, llm: null}
opea_mega_service: {mega_flow: [embedding >> llm]}
`,
    endpoints: { embedding: embedding.url, llm: llm.url },
    port,
    ...common,
});

export const url = router.publishedUrl;
