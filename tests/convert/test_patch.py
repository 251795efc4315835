"""Patches on plain data: cases as data, and that nothing but OpeaError comes of any."""

import contextlib
import copy
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from opea_pulumi.blueprint import Patch
from opea_pulumi.convert._patch import Part, apply_patches
from opea_pulumi.errors import BlueprintError

CASES = yaml.safe_load((Path(__file__).parent / "patches.yaml").read_text())
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "a", "/a", "delete", "add", "remove"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["a", "b", "name", "mountPath", "$patch", "op", "path", "value", "from"]), inner
        )
    ),
    max_leaves=8,
)
MAPPING = st.dictionaries(st.sampled_from(["a", "b", "name", "$patch"]), PLAIN)


def applied(base, **given_):
    patch = Patch(target="kubernetes", path="patches[3]", **given_)
    return apply_patches([Part(base, workload="llm", kind="Deployment")], [patch])


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_cases(case):
    words = {key: case[key] for key in ("workload", "kind", "json_patch", "merge") if key in case}
    base = copy.deepcopy(case["base"])
    if "error" not in case:
        assert applied(base, **words) == ([] if case["result"] is None else [case["result"]])
    else:
        with pytest.raises(BlueprintError) as caught:
            applied(base, **words)
        assert caught.value.code == "patch-failed"
        assert caught.value.location.path == "patches[3]"
        assert caught.value.message.startswith(case["error"])
        assert "hunter" not in str(caught.value)
    assert base == case["base"], "what is given stays as it was"


def test_patches_apply_in_order_and_to_all_that_fit():
    parts = [Part({"n": 1}, workload="a", kind="Service"), Part({"n": 2}, workload="b", kind="Service")]
    patches = [
        Patch(target="kubernetes", merge={"x": 1}),
        Patch(target="kubernetes", workload="b", merge={"x": 2}),
    ]
    assert apply_patches(parts, patches) == [{"n": 1, "x": 1}, {"n": 2, "x": 2}]


@given(MAPPING, MAPPING, st.lists(MAPPING, max_size=3))
def test_any_patch_gives_a_result_or_an_error(base, change, operations):
    with contextlib.suppress(BlueprintError):
        applied(base, merge=change, json_patch=operations)


@given(MAPPING)
def test_merging_twice_is_merging_once(change):
    with contextlib.suppress(BlueprintError):
        once = applied({"a": 1}, merge=change)
        assert not once or applied(once[0], merge=change) == once
