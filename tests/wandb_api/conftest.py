"""The official client logs to the same registry as everybody."""

from tests.artifacts.conftest import age, artifact, foreign, other, run, store, v1, v2, work

__all__ = ["age", "artifact", "foreign", "other", "run", "store", "v1", "v2", "work"]
