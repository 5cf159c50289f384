"""The API is about the same things as the registry's own tests."""

from tests.artifacts.conftest import age, artifact, foreign, other, run, store, v1, v2, work

__all__ = ["age", "artifact", "foreign", "other", "run", "store", "v1", "v2", "work"]
