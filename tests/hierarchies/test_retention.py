"""What goes by the rules of a hierarchy, what stays for other reasons, and that a worker may be told twice."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.actor import Actor
from hierarchies import errors, records, retention, retention_rules
from hierarchies.models import Hierarchy, Record, RetentionRule
from hierarchies.records import RecordSpec


@pytest.fixture
def tree(bob, hierarchy) -> dict[str, list[str]]:
    """One experiment with five models, each with two predictions: by label their ids, the oldest first."""
    specs = [RecordSpec({"n": 0})]
    specs += [RecordSpec({"n": n}, parent_id="#0") for n in range(5)]
    specs += [RecordSpec({"n": n}, parent_id=f"#{1 + n // 2}") for n in range(10)]
    ids = [record.pk for record in records.create_many(Actor(bob), hierarchy, specs)]
    return {"experiments": ids[:1], "models": ids[1:6], "predictions": ids[6:]}


def age(ids: list[str], days: int) -> None:
    Record.objects.filter(pk__in=ids).update(created_at=timezone.now() - timedelta(days=days))


def rule(user, hierarchy: Hierarchy, **values) -> RetentionRule:
    return retention_rules.create(Actor(user), hierarchy, **{"archive": False} | values)


def going(hierarchy: Hierarchy) -> dict[int, set[str]]:
    return {level.level: set(level.ids) for level in retention.dry_run(hierarchy).levels}


def left(hierarchy: Hierarchy) -> set[str]:
    return set(hierarchy.records.values_list("pk", flat=True))


def test_the_newest_children_of_each_parent_stay(alice, hierarchy, tree):
    rule(alice, hierarchy, level=2, keep_last=1)

    older = set(tree["predictions"][::2])
    assert going(hierarchy) == {2: older}
    assert retention.apply(hierarchy.pk) == 5
    assert left(hierarchy) == {pk for ids in tree.values() for pk in ids} - older
    hierarchy.refresh_from_db()
    assert hierarchy.record_count == 11
    # A second time there is nothing to do.
    assert going(hierarchy) == {2: set()}
    assert retention.apply(hierarchy.pk) == 0


def test_old_records_go(alice, hierarchy, tree):
    rule(alice, hierarchy, level=2, older_than_days=30)
    age(tree["predictions"][:3], 31)
    age(tree["predictions"][3:5], 29)

    assert retention.apply(hierarchy.pk) == 3
    assert left(hierarchy).isdisjoint(tree["predictions"][:3])
    assert left(hierarchy).issuperset(tree["predictions"][3:])


def test_with_both_limits_a_record_goes_only_by_both(alice, hierarchy, tree):
    rule(alice, hierarchy, level=2, keep_last=1, older_than_days=30)
    age(tree["predictions"][:3], 31)

    # The third is the older one of its model, the second the newer one of its own.
    assert going(hierarchy) == {2: {tree["predictions"][0], tree["predictions"][2]}}


def test_roots_are_siblings(alice, bob, hierarchy, tree):
    rule(alice, hierarchy, level=0, keep_last=2)
    newer = [records.create(Actor(bob), hierarchy, RecordSpec({})).pk for _ in range(3)]

    # The first experiment has models, which stay.
    assert going(hierarchy) == {0: {newer[0]}}
    [level] = retention.dry_run(hierarchy).levels
    assert level.with_children == 1


def test_what_has_children_that_stay_stays(alice, hierarchy, tree):
    rule(alice, hierarchy, level=1, keep_last=1)

    [level] = retention.dry_run(hierarchy).levels
    assert (level.ids, level.with_children) == ([], 4)
    assert retention.apply(hierarchy.pk) == 0


def test_parents_go_with_the_last_of_their_children(alice, hierarchy, tree):
    rule(alice, hierarchy, level=2, older_than_days=30)
    rule(alice, hierarchy, level=1, keep_last=1)
    # All of the first two models, half of the third.
    age(tree["predictions"][:5], 31)

    assert going(hierarchy) == {2: set(tree["predictions"][:5]), 1: set(tree["models"][:2])}
    plan = retention.dry_run(hierarchy)
    assert (plan.record_count, plan.is_complete) == (7, True)
    assert plan.size == 5 * len('{"n":0}') + 2 * len('{"n":0}')
    assert [level.with_children for level in plan.levels] == [0, 2]
    assert retention.apply(hierarchy.pk) == 7
    assert left(hierarchy).isdisjoint([*tree["predictions"][:5], *tree["models"][:2]])


def test_a_rule_without_level_is_for_levels_that_have_none(alice, hierarchy, tree):
    rule(alice, hierarchy, older_than_days=30)
    rule(alice, hierarchy, level=0, older_than_days=300)
    age([pk for ids in tree.values() for pk in ids], 31)

    assert retention.apply(hierarchy.pk) == 15
    assert left(hierarchy) == set(tree["experiments"])


def test_steps_are_bounded_and_go_on_where_they_were(alice, hierarchy, tree, monkeypatch):
    monkeypatch.setattr(retention, "STEP_SIZE", 4)
    rule(alice, hierarchy, older_than_days=30)
    age([pk for ids in tree.values() for pk in ids], 31)

    assert retention.apply(hierarchy.pk, max_steps=2) == 8
    assert hierarchy.records.filter(level=2).count() == 2
    assert retention.apply(hierarchy.pk) == 8
    assert left(hierarchy) == set()


def test_a_dry_run_looks_at_a_bounded_number(alice, hierarchy, tree):
    rule(alice, hierarchy, level=2, keep_last=1)

    plan = retention.dry_run(hierarchy, limit=3)
    assert (plan.record_count, plan.is_complete) == (3, False)


def test_the_number_of_queries_does_not_grow(alice, bob, hierarchy, tree, django_assert_max_num_queries):
    rule(alice, hierarchy, keep_last=1)
    specs = [RecordSpec({}, parent_id=tree["models"][0]) for _ in range(300)]
    records.create_many(Actor(bob), hierarchy, specs)

    with django_assert_max_num_queries(20):
        assert retention.dry_run(hierarchy).record_count == 305


def test_another_worker_leaves_it_alone(alice, hierarchy, tree):
    rule(alice, hierarchy, level=2, keep_last=1)
    RetentionRule.objects.update(busy_until=timezone.now() + timedelta(minutes=5))

    assert retention.apply(hierarchy.pk) == 0
    # One that died lets go of it in the end.
    RetentionRule.objects.update(busy_until=timezone.now() - timedelta(minutes=5))
    assert retention.apply(hierarchy.pk) == 5
    [row] = RetentionRule.objects.all()
    assert row.busy_until is None and row.applied_at is not None


def test_what_changed_after_it_was_chosen_stays(alice, bob, hierarchy, tree, monkeypatch):
    """Between the choice and the deletion, which archiving takes a while, one is edited and one gets a child."""
    rule(alice, hierarchy, level=2, older_than_days=30)
    age(tree["predictions"], 31)
    edited, parent, *others = tree["predictions"]
    load = retention._load

    def load_and_change(ids):
        found = load(ids)
        records.update(Actor(bob), records.get(hierarchy, edited), data={"n": "new"})
        records.create(Actor(bob), hierarchy, RecordSpec({}, parent_id=parent))
        monkeypatch.undo()
        return found

    monkeypatch.setattr(retention, "_load", load_and_change)
    assert retention.apply(hierarchy.pk, max_steps=1) == len(others)
    assert left(hierarchy).issuperset([edited, parent])


def test_a_hierarchy_without_rules_keeps_everything(hierarchy, tree):
    assert retention.dry_run(hierarchy).levels == []
    assert retention.apply(hierarchy.pk) == 0
    assert retention.due_hierarchies() == []


def test_the_hierarchy_that_waits_longest_comes_first(alice, project, hierarchy):
    from hierarchies import hierarchies

    other = hierarchies.create(Actor(alice), project, "other")
    rule(alice, hierarchy, keep_last=1)
    rule(alice, other, keep_last=1)
    retention.apply(hierarchy.pk)

    assert retention.due_hierarchies() == [other.pk, hierarchy.pk]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "Say what goes"),
        ({"keep_last": 0}, "keep_last: Give 1"),
        ({"older_than_days": 0}, "older_than_days: Give 1"),
        ({"keep_last": 10_001}, "keep_last: Give 1 to 10,000"),
        ({"older_than_days": 36_501}, "older_than_days: Give 1 to 36,500"),
        ({"level": 64, "keep_last": 1}, "level: Give 0 to 63"),
        ({"level": -1, "keep_last": 1}, "level: Give 0 to 63"),
    ],
)
def test_rules_that_make_no_sense(alice, hierarchy, values, message):
    with pytest.raises(errors.Invalid, match=message):
        rule(alice, hierarchy, **values)


@pytest.mark.parametrize("level", [None, 1])
def test_a_level_has_one_rule(alice, hierarchy, level):
    rule(alice, hierarchy, level=level, keep_last=1)

    with pytest.raises(errors.LevelRuleTaken):
        rule(alice, hierarchy, level=level, keep_last=2)


def test_admins_alone_make_rules(alice, bob, vera, hierarchy):
    for user in (bob, vera):
        with pytest.raises(errors.Denied):
            rule(user, hierarchy, keep_last=1)
    row = rule(alice, hierarchy, keep_last=1)
    for user in (bob, vera):
        with pytest.raises(errors.Denied):
            retention_rules.update(Actor(user), row, keep_last=2)
        with pytest.raises(errors.Denied):
            retention_rules.delete(Actor(user), row)
    retention_rules.update(Actor(alice), row, keep_last=None, older_than_days=3)
    assert str(RetentionRule.objects.get()) == "other levels: older than 3 days"
    with pytest.raises(errors.Invalid):
        retention_rules.update(Actor(alice), row, older_than_days=None)
    retention_rules.delete(Actor(alice), RetentionRule.objects.get())
    assert not RetentionRule.objects.exists()
