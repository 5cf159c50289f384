"""Those who listen: as in the tests of notifications."""

from tests.artifacts.conftest import artifact, foreign, other, run, store, v1, v2
from tests.notifications.conftest import hook, own_network, receiver, work

__all__ = ["artifact", "foreign", "hook", "other", "own_network", "receiver", "run", "store", "v1", "v2", "work"]
