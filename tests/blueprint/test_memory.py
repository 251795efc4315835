"""Whether a model fits: figures by hand, refusals as data, and what must hold of any model."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from opea_pulumi import BlueprintError
from opea_pulumi.blueprint._memory import (
    MAX_CARDS,
    card_bytes,
    cpu_bytes,
    fit,
    kv_cache_bytes,
    weight_bytes,
)
from opea_pulumi.blueprint._model import Resources
from opea_pulumi.blueprint._quantity import GIBI, parse_quantity
from opea_pulumi.catalog import hardware, models
from opea_pulumi.terms import Hardware

CASES = yaml.safe_load((Path(__file__).parent / "memory.yaml").read_text())
LLAMA = models()["meta-llama/Meta-Llama-3-8B-Instruct"]

known = st.sampled_from(sorted(models()))


def fitted(case):
    kind = Hardware(case.get("hardware", "xeon"))
    cards = case.get("cards", 0)
    resource = hardware()[kind].resource if cards else ""
    resources = Resources(
        cpu="1", memory=case.get("request", "1Gi"), accelerator=resource, accelerators=cards
    )
    return fit(
        models()[case["model"]],
        case["model"],
        resources,
        hardware=kind,
        kv_cache=case.get("kv_cache", ""),
        memory=case.get("given"),
        card_memory=case.get("card_memory"),
        context=case.get("context", 0),
        path="opea_micro_services.llm.model",
    )


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_fit(case):
    if "says" not in case:
        resources = fitted(case)
        assert resources.memory == case.get("memory", "1Gi")
        assert resources.accelerators == case.get("cards", 0)
        return
    with pytest.raises(BlueprintError) as caught:
        fitted(case)
    assert caught.value.code == "model-too-large"
    assert caught.value.message == case["says"]
    assert caught.value.hint == case["hint"]
    assert caught.value.location.path == "opea_micro_services.llm.model"


def test_figures_of_llama_3_8b():
    assert weight_bytes(LLAMA) == 16_060_000_000
    # 2 x 32 layers x 8 heads x 128 x 2 bytes = 128 KiB a token: 1 GiB for its context of 8192
    assert kv_cache_bytes(LLAMA, 8192) == GIBI
    assert kv_cache_bytes(LLAMA, 8192, sequences=3) == 3 * GIBI
    assert cpu_bytes(LLAMA, 40 * GIBI) == 20_878_000_000 + 44 * GIBI
    assert card_bytes(LLAMA, 1) == 17_666_000_000 + GIBI
    assert card_bytes(LLAMA, 1, context=4096) == 17_666_000_000 + GIBI // 2
    assert card_bytes(LLAMA, 1, context=10**6) == card_bytes(LLAMA, 1)


@given(known, st.integers(1, MAX_CARDS), st.integers(0, 200_000))
def test_more_cards_hold_less_each_and_as_much_together(name, cards, context):
    model = models()[name]
    each = card_bytes(model, cards, context)
    assert weight_bytes(model) <= cards * each
    assert card_bytes(model, cards + 1, context) <= each


@given(known, st.integers(0, 100))
def test_what_the_hint_asks_for_is_enough(name, reserved):
    model, kv_cache = models()[name], f"{reserved}Gi"
    resources = Resources(cpu="1", memory="1Gi")
    with pytest.raises(BlueprintError) as caught:
        fit(model, name, resources, hardware=Hardware.XEON, kv_cache=kv_cache, memory="1Mi")
    enough = caught.value.hint.removeprefix("give it ").partition(",")[0]
    assert fit(model, name, resources, hardware=Hardware.XEON, kv_cache=kv_cache, memory=enough) == resources
    asked = fit(model, name, resources, hardware=Hardware.XEON, kv_cache=kv_cache)
    assert parse_quantity(asked.memory) == parse_quantity(enough)


def test_cards_of_unknown_size_are_not_judged():
    resources = Resources(cpu="1", memory="1Gi", accelerator="example.com/card", accelerators=1)
    assert fit(LLAMA, "x", resources, hardware=Hardware.XEON) == resources
