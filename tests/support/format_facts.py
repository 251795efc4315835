"""What a text of a format says of an application: its services, images, environment, ports and edges.

Read from the text alone, each fact as (workload, kind, value), so that two formats can be compared. Kinds:
``image``, ``arguments``, ``flow`` (a step of the graph in them), ``file`` (``PATH=content``), ``environment``
(``NAME=value``, with ``<secret NAME>`` for a secret's value), ``port``, ``calls``, ``after`` (a step that
must have run), ``outside`` (``yes`` where the internet is reached).
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

Fact = tuple[str, str, str]

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
STEPS = Path(__file__).parents[2] / "opea_pulumi/convert/gmc/steps.yaml"
NAME = "app.kubernetes.io/name"
EXPORT = re.compile(r"if \[ -s (\S+) \]; then export (\w+)=(.*?); fi(?:; |$)", re.DOTALL)
CHECKED = re.compile(r"127\.0\.0\.1[:/', ]+(\d+)")
LISTENS = re.compile(r":([0-9A-F]{4}) \[0-9A-F:\]")


# the router's graph


def _flow(arguments: list[str]) -> Iterator[tuple[str, str]]:
    if "--graph-json" in arguments:
        graph = json.loads(arguments[arguments.index("--graph-json") + 1])
        for name, node in graph["spec"]["nodes"].items():
            yield from _steps(name, node, [_where(step) for step in node["steps"]])


def _where(step: dict[str, Any]) -> str:
    return str(step.get("serviceUrl") or step.get("externalService", ""))


def _steps(name: str, node: dict[str, Any], urls: list[str]) -> Iterator[tuple[str, str]]:
    """The steps of a node that requests pass through."""
    passed = [
        (step, url)
        for step, url in zip(node["steps"], urls, strict=True)
        if not step.get("internalService", {}).get("isDownstreamService")
    ]
    for number, (step, url) in enumerate(passed):
        words = [step.get(key, "-") for key in ("nodeName", "data", "condition", "dependency")]
        yield "flow", " ".join([name, node["routerType"], str(number), url or "-", *words])


# compose


def compose_facts(text: str) -> set[Fact]:
    document = _plain(_yaml(text))
    services = document["services"]
    facts: set[Fact] = set()
    for name, service in services.items():
        facts |= {(name, kind, value) for kind, value in _of_service(service)}
        facts |= {(name, *fact) for fact in _edges(name, service, services)}
        for file in service.get("configs", []):
            facts.add((name, "file", f"{file['target']}={document['configs'][file['source']]['content']}"))
        said = _said(service)
        facts |= {(other, "port", port) for other in services for port in _ports_of(other, said)}
    return facts


def _yaml(text: str) -> Any:
    return yaml.load(text, Loader=LOADER)


def _yaml_all(text: str) -> Any:
    return yaml.load_all(text, Loader=LOADER)


def _plain(data: Any) -> Any:
    """Compose's ``$$`` is a ``$``."""
    if isinstance(data, dict):
        return {key: _plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_plain(value) for value in data]
    return data.replace("$$", "$") if isinstance(data, str) else data


def _of_service(service: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "image", service["image"]
    yield "arguments", json.dumps(service.get("command", []))
    yield from _flow(service.get("command", []))
    for variable, value in _environment(service).items():
        yield "environment", f"{variable}={value}"
    for published in service.get("ports", []):
        yield "port", published.rpartition(":")[2]
    test = " ".join(service.get("healthcheck", {}).get("test", []))
    for port in CHECKED.findall(test):
        yield "port", port
    for port in LISTENS.findall(test):
        yield "port", str(int(port, 16))
    if "outside" in service.get("networks", []):
        yield "outside", "yes"


def _environment(service: dict[str, Any]) -> dict[str, str]:
    """With what the entrypoint exports from files of secrets."""
    found = dict(service.get("environment", {}))
    script = [*service.get("entrypoint", []), "", "", ""][2]
    for file, variable, value in EXPORT.findall(script if "/run/secrets/" in script else ""):
        secret = file.strip("'").removeprefix("/run/secrets/")
        assert secret in service["secrets"]
        found[variable] = value.replace(f'"$(cat {file})"', f"<secret {secret}>").replace("'", "")
    return found


def _said(service: dict[str, Any]) -> str:
    """Everything that a service is told, for the addresses in it."""
    return "\n".join([*_environment(service).values(), *service.get("command", [])])


def _ports_of(name: str, said: str) -> list[str]:
    return re.findall(rf"(?<![\w.-]){re.escape(name)}:(\d+)", said)


def _edges(name: str, service: dict[str, Any], services: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Who it waits for, and whom it is told of: a circle of calls is cut in ``depends_on``."""
    for other, how in service.get("depends_on", {}).items():
        ended = how["condition"] == "service_completed_successfully"
        yield ("after" if ended else "calls"), other
    for other in services:
        told = _ports_of(other, _said(service)) or other in _environment(service).values()
        if told and other != name:
            yield "calls", other


# Kubernetes


def kubernetes_facts(text: str) -> set[Fact]:
    documents = [item for item in _yaml_all(text) if item]
    files = {item["metadata"]["name"]: item["data"] for item in documents if item["kind"] == "ConfigMap"}
    facts: set[Fact] = set()
    for item in documents:
        name = item["metadata"]["labels"].get(NAME, "")
        if item["kind"] in ("Deployment", "StatefulSet"):
            facts |= _of_pod(name, item["spec"]["template"]["spec"], files)
        if item["kind"] == "NetworkPolicy" and name:
            facts |= set(_of_policy(name, item["spec"]))
    _agree(documents, facts)
    return facts


def _of_pod(name: str, pod: dict[str, Any], maps: dict[str, dict[str, str]]) -> set[Fact]:
    (main,) = pod["containers"]
    mounted = {
        volume["name"]: volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume
    }
    facts: set[Fact] = set()
    for container in [*pod.get("initContainers", []), main]:
        owner = name if container is main else container["name"]
        files = {
            mount["mountPath"]: maps[mounted[mount["name"]]][mount["subPath"]]
            for mount in container["volumeMounts"]
            if mount["name"] in mounted
        }
        facts |= {(owner, kind, value) for kind, value in _of_container(container, files)}
        if container is not main:
            facts.add((name, "after", owner))
    return facts


def _of_container(container: dict[str, Any], files: dict[str, str]) -> Iterator[tuple[str, str]]:
    """A graph that is a file here is an argument elsewhere."""
    arguments = [item.replace("$$(", "$(") for item in container.get("args", [])]
    if "--graph" in arguments:
        graph = arguments.index("--graph")
        arguments[graph : graph + 2] = ["--graph-json", files.pop(arguments[graph + 1]).rstrip()]
    yield "image", container["image"]
    yield "arguments", json.dumps(arguments)
    yield from _flow(arguments)
    for path, content in files.items():
        yield "file", f"{path}={content}"
    for port in container.get("ports", []):
        yield "port", str(port["containerPort"])
    helpers: dict[str, str] = {}
    for item in container.get("env", []):
        value = item.get("value", "").replace("$$(", "$(")
        if "valueFrom" in item:
            value = f"<secret {item['valueFrom']['secretKeyRef']['name']}>"
        for helper, secret in helpers.items():
            value = value.replace(f"$({helper})", secret)
        if item["name"].startswith("OPEA_SECRET_"):
            helpers[item["name"]] = value
        else:
            yield "environment", f"{item['name']}={value}"


def _of_policy(name: str, spec: dict[str, Any]) -> Iterator[Fact]:
    for rule in spec["egress"]:
        for peer in rule["to"]:
            if "podSelector" in peer:
                yield name, "calls", peer["podSelector"]["matchLabels"][NAME]
            if peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0":
                yield name, "outside", "yes"


def _agree(documents: list[dict[str, Any]], facts: set[Fact]) -> None:
    """A Service has its containers' ports, and who may be called lets the caller in."""
    for item in documents:
        name = item["metadata"]["labels"].get(NAME, "")
        if item["kind"] == "Service":
            ports = {str(port["port"]) for port in item["spec"]["ports"]}
            assert ports == {value for owner, kind, value in facts if (owner, kind) == (name, "port")}
        if item["kind"] == "NetworkPolicy" and name:
            callers = {
                peer["podSelector"]["matchLabels"][NAME]
                for rule in item["spec"]["ingress"]
                for peer in rule["from"]
                if "podSelector" in peer
            }
            calling = {owner for owner, kind, value in facts if (kind, value) == ("calls", name)}
            assert callers == calling, name


# GMC


def gmc_facts(text: str) -> set[Fact]:
    """With what the operator adds to each step (steps.yaml): its image, ConfigMap and port.

    An address has the container's port, as elsewhere: the operator's Services map port 80 to it.
    """
    operator = _yaml(STEPS.read_text())
    spec = next(_yaml_all(text))["spec"]
    router = spec["routerConfig"]["name"]
    steps = {
        step["internalService"]["serviceName"]: step
        for node in spec["nodes"].values()
        for step in node["steps"]
        if "internalService" in step
    }
    ports = {name: _target(operator["steps"][step["name"]]) for name, step in steps.items()}
    facts: set[Fact] = {
        (router, "image", _released(operator["router"]["image"], operator)),
        (router, "port", str(operator["router"]["port"])),
    }
    for name, node in spec["nodes"].items():
        urls = [_url(step, ports) for step in node["steps"]]
        facts |= {(router, kind, value) for kind, value in _steps(name, node, urls)}
    for name, step in steps.items():
        row = operator["steps"][step["name"]]
        facts.add((name, "image", _released(row["image"], operator)))
        facts.add((name, "port", ports[name]))
        facts |= {(name, kind, value) for kind, value in _of_step(step, row, operator, ports)}
        if not step["internalService"].get("isDownstreamService"):
            facts.add((router, "calls", name))
    return facts


def _target(row: dict[str, Any]) -> str:
    return str(row.get("target", row["port"]))


def _url(step: dict[str, Any], ports: dict[str, str]) -> str:
    own = step.get("internalService", {})
    if not own:
        return _where(step)
    return (
        f"http://{own['serviceName']}:{ports[own['serviceName']]}{own.get('config', {}).get('endpoint', '')}"
    )


def _released(image: str, operator: dict[str, Any]) -> str:
    name, _, tag = image.rpartition(":")
    return f"{name}:{operator['same_tags'].get(tag, tag) if name.startswith('opea/') else tag}"


def _of_step(
    step: dict[str, Any], row: dict[str, Any], operator: dict[str, Any], ports: dict[str, str]
) -> Iterator[tuple[str, str]]:
    yield "arguments", json.dumps(row.get("args", []))
    given = step["internalService"].get("config", {})
    ours = {key: value for key, value in given.items() if key not in operator["reserved"]}
    for variable, text in {**row.get("environment", {}), **ours}.items():
        value = text
        if variable in operator["magic"] and variable in ours:
            scheme = operator["steps"]["VectorDB"]["scheme"] if variable == "REDIS_URL" else "http"
            yield "calls", text
            value = f"{scheme}://{text}:{ports[text]}"
        yield "environment", f"{variable}={value}"
