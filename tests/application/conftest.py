"""Hypothesis settings and the unified language as strategies, shared through fixtures."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from opea_pulumi.application import service_types
from opea_pulumi.terms import Hardware, Profile

# machines are shared: how long an example takes says nothing
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

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


@st.composite
def documents(draw):
    """Valid documents of the unified language, as plain data."""
    count = draw(st.integers(1, 5))
    canonical = st.builds("{}-{}".format, names, st.integers(0, 10**6))
    given_names = draw(st.lists(canonical, min_size=count, max_size=count, unique=True))
    free_ports = draw(st.lists(ports, min_size=count + 1, max_size=count + 1, unique=True))
    services = {}
    for name, port in zip(given_names, free_ports, strict=False):
        spec = draw(
            _some(
                endpoint=endpoints,
                port=st.just(port),
                model=texts,
                server=texts,
                hardware=st.sampled_from([item.value for item in Hardware]),
                image=texts,
                url=urls,
                environment=st.dictionaries(
                    st.from_regex(r"[A-Za-z_]\w{0,8}", fullmatch=True).filter(str.isascii), texts, max_size=3
                ),
            )
        )
        services[name] = {**spec, "type": draw(st.sampled_from(STEPS))}
    order, edges = draw(dags(nodes=given_names))
    mega = {
        **draw(_some(endpoint=endpoints, port=st.just(free_ports[-1]))),
        "mega_flow": [*order, *(f"{a} >> {b}" for a, b in edges)],
    }
    deployment = _some(
        profile=st.sampled_from([item.value for item in Profile]),
        hardware=st.sampled_from([item.value for item in Hardware]),
        vector_store=texts,
    )
    return {
        "opea_micro_services": services,
        "opea_mega_service": mega,
        **draw(_some(opea_app=names, opea_release=texts, opea_deployment=deployment)),
    }


@pytest.fixture(scope="session")
def language():
    """The strategies, for tests that draw with ``st.data()``."""
    return SimpleNamespace(documents=documents(), dags=dags(), names=names, texts=texts)
