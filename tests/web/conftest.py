"""Pages are about the same things as the registry's own tests."""

import pytest
from django.core.cache import cache

from artifacts import health
from tests.artifacts.conftest import age, artifact, foreign, other, run, store, v1, v2, work

__all__ = ["age", "artifact", "foreign", "other", "run", "store", "v1", "v2", "work"]


@pytest.fixture(autouse=True)
def health_is_known() -> None:
    """Every 15 seconds a page asks how store and workers are: never one whose queries are counted."""
    cache.set(health.CHECKED_KEY, True, None)
