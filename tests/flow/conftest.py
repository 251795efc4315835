"""Settings of the property tests."""

from hypothesis import HealthCheck, settings

# test machines are shared: how long an example takes says nothing
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")
