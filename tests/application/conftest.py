"""Hypothesis settings and the unified language as strategies, shared through fixtures."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, settings
from language_strategies import dags, documents, names, texts

# machines are shared: how long an example takes says nothing
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")


@pytest.fixture(scope="session")
def language():
    """The strategies, for tests that draw with ``st.data()``."""
    return SimpleNamespace(documents=documents(), dags=dags(), names=names, texts=texts)
