"""What the attacks are made on: the parts that the registry's own tests have."""

from tests.artifacts.conftest import age, artifact, foreign, other, store, work

__all__ = ["age", "artifact", "foreign", "other", "store", "work"]
