"""Records are deleted one by one, with all below them, or many at once."""

import pytest

from accounts.actor import Actor
from hierarchies import errors, records, ulids
from hierarchies.models import Record, RecordTag
from hierarchies.records import RecordSpec


def test_children_keep_their_parent(bob, save):
    root = save(n=0)
    child = save(root, n=1)
    with pytest.raises(errors.HasChildren, match="has a record below it"):
        records.delete(Actor(bob), root)
    save(root, n=2)
    with pytest.raises(errors.HasChildren, match="has 2 records below it") as refused:
        records.delete(Actor(bob), root)
    assert refused.value.extra["children"] == 2
    child.refresh_from_db()
    assert child.level == 1


def test_many_go_at_once_or_none(bob, hierarchy, save):
    root = save(n=0)
    child, other = save(root, n=1), save(n=2)
    with pytest.raises(errors.HasChildren, match=f"below {root.pk} that would stay"):
        records.delete_many(Actor(bob), hierarchy, [root.pk, other.pk])
    with pytest.raises(errors.RecordNotFound):
        records.delete_many(Actor(bob), hierarchy, [other.pk, ulids.new()])
    with pytest.raises(errors.InvalidUlid):
        records.delete_many(Actor(bob), hierarchy, [other.pk, "1"])
    assert Record.objects.count() == 3
    assert records.delete_many(Actor(bob), hierarchy, [root.pk, child.pk.lower(), root.pk]) == 2
    assert Record.objects.get() == other
    hierarchy.refresh_from_db()
    assert hierarchy.record_count == 1


def test_a_subtree_goes_in_as_many_queries_whatever_its_size(bob, hierarchy, save, django_assert_max_num_queries):
    root = save(n=0)
    records.create_many(Actor(bob), hierarchy, [RecordSpec({}, parent_id=root.pk, tags=["best"]) for _ in range(300)])
    with django_assert_max_num_queries(12):
        assert records.delete_subtree(Actor(bob), root) == 301
    assert not (Record.objects.exists() or RecordTag.objects.exists())


def test_many_are_made_in_as_many_queries_as_few(bob, hierarchy, django_assert_max_num_queries):
    with django_assert_max_num_queries(20):
        records.create_many(Actor(bob), hierarchy, [RecordSpec({"n": n}) for n in range(500)])
    with pytest.raises(errors.Invalid, match="At most 1,000 records"):
        records.create_many(Actor(bob), hierarchy, [RecordSpec({})] * 1001)


@pytest.mark.parametrize("parent", ["#2", "#x", "#", "#-1", "#٣"])
def test_a_parent_that_is_not_in_the_call_is_refused(bob, hierarchy, parent):
    with pytest.raises(errors.Invalid, match="is not one of the 2 records of this call"):
        records.create_many(Actor(bob), hierarchy, [RecordSpec({}), RecordSpec({}, parent_id=parent)])
    assert not Record.objects.exists()


def test_an_id_is_taken_once(bob, hierarchy, save):
    taken = save(n=1)
    with pytest.raises(errors.IdTaken, match=f"There is a record {taken.pk} already"):
        records.create(Actor(bob), hierarchy, RecordSpec({}, id=taken.pk.lower()))
    with pytest.raises(errors.IdTaken, match="the same id"):
        new = ulids.new()
        records.create_many(Actor(bob), hierarchy, [RecordSpec({}, id=new), RecordSpec({}, id=new)])
