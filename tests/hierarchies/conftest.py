"""A hierarchy of three labelled levels, and the store."""

import pytest

from accounts.actor import Actor
from hierarchies import hierarchies
from hierarchies.models import Hierarchy

LABELS = {"0": "experiment", "1": "model", "2": "predictions"}


@pytest.fixture
def hierarchy(alice, project) -> Hierarchy:
    return hierarchies.create(Actor(alice), project, "pipeline", level_labels=LABELS)
