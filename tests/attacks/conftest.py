"""Attacks are on the same things as the tests of the registry and of its pages."""

from tests.artifacts.conftest import age, artifact, foreign, other, run, store, v1, v2, work
from tests.web.conftest import health_is_known

__all__ = ["age", "artifact", "foreign", "health_is_known", "other", "run", "store", "v1", "v2", "work"]
