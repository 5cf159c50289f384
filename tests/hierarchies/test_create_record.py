"""Records are made below one another, and know their level."""

import pytest

from accounts.actor import Actor
from hierarchies import errors, records, trees
from hierarchies.models import Hierarchy, Record
from hierarchies.records import RecordSpec


def test_a_child_is_one_level_below_its_parent(bob, hierarchy):
    root = records.create(Actor(bob), hierarchy, RecordSpec({"experiment_name": "weather"}))
    child = records.create(Actor(bob), hierarchy, RecordSpec({"model": "trained"}, parent_id=root.pk.lower()))
    assert (root.level, root.parent_id, child.level, child.parent_id) == (0, None, 1, root.pk)
    hierarchy.refresh_from_db()
    assert hierarchy.record_count == 2
    assert [row.pk for row in trees.subtree(root)] == [root.pk, child.pk]
    assert [row.pk for row in trees.ancestors(child)] == [root.pk]
    assert Record.objects.get(pk=child.pk).data == {"model": "trained"}


def test_an_unknown_parent_is_refused(bob, hierarchy):
    with pytest.raises(errors.RecordNotFound, match="Parent 01ARZ3NDEKTSV4RRFFQ69G5FAV not found"):
        records.create(Actor(bob), hierarchy, RecordSpec({}, parent_id="01arz3ndektsv4rrffq69g5fav"))


def test_a_subtree_moves_with_its_levels(bob, hierarchy):
    a, b, c = records.create_many(
        Actor(bob), hierarchy, [RecordSpec({"n": 1}), RecordSpec({"n": 2}), RecordSpec({"n": 3}, parent_id="#1")]
    )
    moved = records.move(Actor(bob), b, a.pk)
    assert moved.level == 1
    c.refresh_from_db()
    assert c.level == 2
    with pytest.raises(errors.MoveRefused):
        records.move(Actor(bob), moved, c.pk)
    with pytest.raises(errors.HasChildren):
        records.delete(Actor(bob), a)
    records.move(Actor(bob), moved, None)
    c.refresh_from_db()
    assert c.level == 1
    assert records.delete_subtree(Actor(bob), b) == 2
    assert Hierarchy.objects.get().record_count == 1
