"""The unified language as strategies for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from opea_pulumi.application import service_types
from opea_pulumi.flow import Dependency, NodeKind
from opea_pulumi.terms import Hardware, Orchestrator, Profile

STEPS = [kind.name for kind in service_types().values() if not kind.side]

names = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,10}[A-Za-z0-9])?", fullmatch=True)
ports = st.integers(1, 65535)
endpoints = st.from_regex(r"/[!-~]{0,20}", fullmatch=True).filter(lambda text: not set(text) & set("?#{}"))
urls = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["http", "https"]),
    st.from_regex(r"[a-z0-9]{1,10}(\.[a-z0-9]{1,10}){0,2}", fullmatch=True),
    st.one_of(st.just(""), ports.map(":{}".format)),
    st.sampled_from(["", "/", "/v1", "/v1/chat/completions"]),
)
# what a YAML writer can write at all
texts = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co")), min_size=1, max_size=20
)


def _some(**optional):
    return st.fixed_dictionaries({}, optional=optional)


@st.composite
def dags(draw, nodes=None):
    """Names and edges without a circle: every edge leads to a later name."""
    order = (
        draw(st.permutations(nodes)) if nodes else draw(st.lists(names, min_size=1, max_size=8, unique=True))
    )
    pairs = [(a, b) for index, a in enumerate(order) for b in order[index + 1 :]]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return list(order), edges


def _values(kind):
    return st.sampled_from([item.value for item in kind])


variables = st.from_regex(r"[A-Z]{1,4}_[0-9]{1,2}", fullmatch=True)
secret_names = st.from_regex(r"[a-z]{1,5}(-[a-z]{1,5})?", fullmatch=True)
cores = st.from_regex(r"[1-9][0-9]{0,3}m?", fullmatch=True)
quantities = st.from_regex(r"[1-9][0-9]{0,3}(Gi|M)?", fullmatch=True)
counts = st.integers(1, 1000)
images = texts.filter(lambda text: "@" not in text)  # an account may stand before it
conditions = st.from_regex(r"[a-z]{1,8}(-id)?(==[a-z0-9.]{1,5})?", fullmatch=True)
environments = st.dictionaries(variables, texts, max_size=3)
resources = _some(
    cpu=cores,
    memory=quantities,
    ephemeral_storage=quantities,
    accelerators=st.integers(1, 64),
    accelerator_memory=quantities,
)
scalings = _some(min=st.integers(1, 4), max=st.integers(4, 1000), target=st.integers(1, 100))
plain = st.none() | st.booleans() | st.integers() | texts
yaml_data = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2), max_leaves=4
)
how_many = st.one_of(_some(replicas=counts), _some(autoscaling=scalings))


@st.composite
def servers(draw):
    """A model server, also by its kind alone."""
    own = _some(
        kind=texts,
        image=images,
        command=st.lists(texts, max_size=2),
        args=st.lists(texts, max_size=2),
        environment=environments,
        resources=resources,
    )
    return draw(texts | st.builds(lambda one, other: {**one, **other}, own, how_many))


@st.composite
def services(draw, port, others):
    """What a service says; ``others`` are those that it may use."""
    anywhere = _some(
        endpoint=endpoints,
        port=st.just(port),
        model=texts,
        hardware=_values(Hardware),
        image=images,
        environment=environments,
        dependency=_values(Dependency),
        condition=conditions,
        uses=st.dictionaries(
            variables.map("U_{}".format), st.sampled_from(others or ["side-asr"]), max_size=2
        ),
        secrets=st.dictionaries(variables.map("S_{}".format), secret_names, max_size=2),
    )
    here = _some(
        server=servers(),
        resources=resources,
        files=st.dictionaries(st.just("/etc/x.yaml"), st.sampled_from(["a.yaml", "b/c.txt"]), max_size=1),
    )
    elsewhere = st.fixed_dictionaries({"url": urls})
    place = draw(elsewhere | st.builds(lambda one, other: {**one, **other}, here, how_many))
    return {**draw(anywhere), **place, "type": draw(st.sampled_from(STEPS))}


caches = st.one_of(
    _some(size=quantities, storage_class=names),
    st.fixed_dictionaries({"kind": st.just("claim"), "name": names}),
    st.fixed_dictionaries({"kind": st.just("host_path"), "path": st.just("/data")}),
)
deployments = _some(
    profile=_values(Profile),
    hardware=_values(Hardware),
    vector_store=texts,
    namespace=names,
    expose=st.sampled_from(["none", "load_balancer", "ingress", "gateway"]),
    host=texts,
    address=st.sampled_from(["localhost", "127.0.0.1:9000", "[::1]:1", "::1"]),
    tls=st.just(False),
    insecure_public=st.booleans(),
    ui=st.booleans(),
    image_registry=images,
    image_pull_secret=names,
    model_cache=caches,
    hub_mirror=urls,
    offline=st.booleans(),
    proxy=_some(http=urls, https=urls, no=texts),
    labels=st.dictionaries(names, texts, max_size=2),
    auth=st.sampled_from(["none", "api_key", "oidc"]),
    monitoring=st.booleans(),
    istio=st.booleans(),
    allocator=st.sampled_from(["static", "dynamic"]),
    secrets=st.dictionaries(
        secret_names,
        st.builds(
            lambda one, key: {"from": "existing", **one, **key},
            st.fixed_dictionaries({"name": names}),
            _some(key=names),
        ),
        max_size=2,
    ),
)
operations = st.one_of(
    st.fixed_dictionaries({"op": st.just("add"), "path": st.just("/a/b"), "value": yaml_data}),
    st.fixed_dictionaries({"op": st.just("remove"), "path": st.just("")}),
    st.fixed_dictionaries({"op": st.just("move"), "path": st.just("/a"), "from": st.just("/b")}),
)
patches = st.builds(
    lambda one, narrow, what: {**one, **narrow, **what},
    st.fixed_dictionaries({"target": texts}),
    _some(workload=names, kind=texts),
    st.one_of(
        st.fixed_dictionaries({"merge": st.dictionaries(texts, yaml_data, max_size=2)}),
        st.fixed_dictionaries({"json_patch": st.lists(operations, max_size=2)}),
    ),
)


@st.composite
def nested(draw, given_names, described):
    """Some of the services moved into nodes: the names that are left for the flow, and the nodes."""
    left, nodes = list(given_names), {}
    for index in range(draw(st.integers(0, 2))):
        count = draw(st.integers(1, len(left)))
        inside, left = left[:count], left[count:]
        kind = draw(st.sampled_from(list(NodeKind)))
        steps = []
        for name in inside:
            own = {} if kind is NodeKind.ENSEMBLE else draw(_some(condition=conditions))
            if kind is NodeKind.ENSEMBLE:
                described.get(name, {}).pop("condition", None)
            step = {"name": name, **own, **draw(_some(dependency=_values(Dependency)))}
            steps.append(name if draw(st.booleans()) and list(step) == ["name"] else step)
        nodes[f"node_{index}"] = {"kind": kind.value, "steps": steps}
        left.append(f"node_{index}")
    return left, nodes


@st.composite
def documents(draw):
    """Valid documents of the unified language, as plain data."""
    count = draw(st.integers(1, 5))
    canonical = st.builds("{}-{}".format, names, st.integers(0, 10**6))
    given_names = draw(st.lists(canonical, min_size=count, max_size=count, unique=True))
    free_ports = draw(st.lists(ports, min_size=count + 1, max_size=count + 1, unique=True))
    described = {
        name: draw(services(port, [other for other in given_names if other != name]))
        for name, port in zip(given_names, free_ports, strict=False)
    }
    left, nodes = draw(nested(given_names, described))
    if draw(st.booleans()) or "side-asr" in str(described):
        described["side-asr"] = {"beside": True}
    order, edges = draw(dags(nodes=left))
    mega = {
        **draw(_some(endpoint=endpoints, port=st.just(free_ports[-1]), orchestrator=_values(Orchestrator))),
        "mega_flow": [*order, *(f"{a} >> {b}" for a, b in edges)],
        **({"nodes": nodes} if nodes else {}),
    }
    return {
        "opea_micro_services": described,
        "opea_mega_service": mega,
        **draw(
            _some(
                opea_app=names,
                opea_release=texts,
                opea_deployment=deployments,
                patches=st.lists(patches, max_size=2),
            )
        ),
    }
