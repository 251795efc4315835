"""The resource classes agree with the provider; the engine's tests (tests/provider) run them for real."""

import pytest
from opea_pulumi.components.local.process import LocalVolumeArgs, ProcessArgs, wire_name

from opea_pulumi.provider._process_inputs import FIELDS
from opea_pulumi.provider._volume import VOLUME_FIELDS


@pytest.mark.parametrize(("args", "fields"), [(ProcessArgs, FIELDS), (LocalVolumeArgs, VOLUME_FIELDS)])
def test_args_and_provider_have_the_same_inputs(args, fields):
    assert [wire_name(name) for name in args.__annotations__] == list(fields)
    required = {name for name, field in fields.items() if field.required}
    assert {wire_name(name) for name in args.__required_keys__} == required


@pytest.mark.parametrize(("python", "wire"), [("pid", "pid"), ("log_max_bytes", "logMaxBytes")])
def test_names_are_camel_case_on_the_wire(python, wire):
    assert wire_name(python) == wire
