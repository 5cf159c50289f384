"""A hierarchy of three levels, and its pages."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.actor import Actor
from accounts.models import User
from hierarchies import hierarchies, records
from hierarchies.models import Hierarchy, Record
from hierarchies.record_specs import RecordSpec

URL = "/acme/demo/records/lineage"
LABELS = {"0": "experiment", "1": "model", "2": "predictions"}
Save = Callable[..., Record]


@pytest.fixture
def hierarchy(bob, project) -> Hierarchy:
    return hierarchies.create(Actor(bob), project, "lineage", level_labels=LABELS)


@pytest.fixture
def save(bob, hierarchy) -> Save:
    """`save({"name": "a"}, parent)`: bob makes a record, at the top without a parent."""

    def create(data: Any, parent: Record | None = None, user: User = bob, **fields: Any) -> Record:
        spec = RecordSpec(data, parent.pk if parent else None, **fields)
        return records.create(Actor(user), hierarchy, spec)

    return create


@pytest.fixture
def chain(save) -> list[Record]:
    """An experiment with a model, and predictions of that."""
    root = save({"experiment_name": "weather"}, tags=["weekly"])
    model = save({"name": "ridge", "metrics": {"rmse": 0.25}}, root)
    return [root, model, save({"name": "october"}, model)]


def open_to_all(hierarchy: Hierarchy, access: str = "public") -> None:
    Hierarchy.objects.filter(pk=hierarchy.pk).update(access=access)


def switch_off(hierarchy: Hierarchy, *operations: str) -> None:
    Hierarchy.objects.filter(pk=hierarchy.pk).update(permissions=dict.fromkeys(operations, False))
