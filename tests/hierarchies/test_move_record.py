"""Subtrees move with their levels, and never under themselves, whoever else moves something at the same moment."""

import itertools
import random

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts.actor import Actor
from hierarchies import errors, hierarchies, records, trees, ulids
from hierarchies.models import Hierarchy, Record
from hierarchies.records import RecordSpec
from tests.artifacts.client import at_once


def chain(user, hierarchy, count):
    """Records each below the one before."""
    parents = [None, *(f"#{nth}" for nth in range(count - 1))]
    return records.create_many(Actor(user), hierarchy, [RecordSpec({}, parent_id=parent) for parent in parents])


def levels_of(hierarchy):
    return dict(Record.objects.filter(hierarchy=hierarchy).values_list("pk", "level"))


def test_a_subtree_moves_with_all_its_levels(bob, hierarchy, save):
    a, b, c = chain(bob, hierarchy, 3)
    other = save(name="other")
    moved = records.move(Actor(bob), b, other.pk.lower())
    assert (moved.parent_id, moved.level) == (other.pk, 1)
    records.move(Actor(bob), b, None)
    assert levels_of(hierarchy) == {a.pk: 0, b.pk: 0, c.pk: 1, other.pk: 0}
    records.move(Actor(bob), b, a.pk)
    assert levels_of(hierarchy)[c.pk] == 2


def test_a_move_of_a_subtree_costs_the_same_whatever_its_size(bob, hierarchy, save, django_assert_num_queries):
    root = save(n=0)
    records.create_many(Actor(bob), hierarchy, [RecordSpec({}, parent_id=root.pk) for _ in range(200)])
    other = save(n=1)
    with django_assert_num_queries(11):
        records.move(Actor(bob), root, other.pk)
    assert sorted(levels_of(hierarchy).values()) == [0, 1, *[2] * 200]


@pytest.mark.parametrize("to", [0, 1, 2])
def test_nothing_moves_under_itself(bob, hierarchy, to):
    rows = chain(bob, hierarchy, 3)
    before = levels_of(hierarchy)
    with pytest.raises(errors.MoveRefused, match="cannot be moved under"):
        records.move(Actor(bob), rows[0], rows[to].pk)
    assert levels_of(hierarchy) == before


def test_a_subtree_stays_within_the_labels(bob, alice, hierarchy):
    a, b, _ = chain(bob, hierarchy, 3)
    hierarchies.update(Actor(alice), hierarchy, enforce_levels=True)
    other = records.create(Actor(bob), hierarchy, RecordSpec({}))
    with pytest.raises(errors.LevelRefused, match=r"has no level 3: its levels are 0 \(experiment\), 1 \(model\)"):
        records.move(Actor(bob), a, other.pk)
    records.move(Actor(bob), b, other.pk)


def test_no_tree_has_more_than_64_levels(bob, hierarchy, save):
    rows = chain(bob, hierarchy, 64)
    assert rows[-1].level == 63
    with pytest.raises(errors.LevelRefused, match="at most 64 levels"):
        save(rows[-1])
    with pytest.raises(errors.LevelRefused, match="at most 64 levels"):
        records.move(Actor(bob), rows[0], save(n=1).pk)


def test_a_parent_in_another_hierarchy_is_unknown(alice, bob, project, hierarchy, save):
    other = hierarchies.create(Actor(alice), project, "other")
    elsewhere = records.create(Actor(bob), other, RecordSpec({}))
    with pytest.raises(errors.RecordNotFound, match=r"Parent .* not found in the hierarchy 'pipeline'"):
        records.move(Actor(bob), save(n=1), elsewhere.pk)


def test_a_record_that_is_gone_is_not_moved(bob, save):
    row = save(n=1)
    records.delete(Actor(bob), row)
    with pytest.raises(errors.RecordNotFound):
        records.move(Actor(bob), row, None)


def test_who_may_only_look_moves_nothing(vera, save):
    with pytest.raises(errors.Denied):
        records.move(Actor(vera), save(n=1), None)


@pytest.mark.parametrize(
    "columns",
    [
        {"level": 2},
        {"parent": None},
        {"parent": None, "level": 1},
        {"level": 64},
        {"level": -1},
        {"parent": "01ARZ3NDEKTSV4RRFFQ69G5FAV"},
        {"parent": "itself"},
    ],
)
def test_the_database_itself_refuses_wrong_levels(bob, hierarchy, columns):
    _, child = chain(bob, hierarchy, 2)
    columns = {name: child.pk if value == "itself" else value for name, value in columns.items()}
    with pytest.raises(DatabaseError), transaction.atomic():
        Record.objects.filter(pk=child.pk).update(**columns)
        connection.check_constraints()


def test_the_database_itself_refuses_a_parent_of_another_hierarchy(alice, bob, project, hierarchy):
    other = hierarchies.create(Actor(alice), project, "other")
    [root] = chain(bob, other, 1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Record.objects.create(hierarchy=hierarchy, parent=root, level=1)
        connection.check_constraints()


@pytest.mark.django_db(transaction=True)
def test_two_who_move_at_once_never_make_a_cycle(bob, hierarchy):
    """Each of both moves is fine by itself; one of them is refused."""
    for _ in range(5):
        a, b = chain(bob, hierarchy, 1) + chain(bob, hierarchy, 1)
        answers = at_once(
            lambda a=a, b=b: records.move(Actor(bob), a, b.pk), lambda a=a, b=b: records.move(Actor(bob), b, a.pk)
        )
        assert sorted(type(answer).__name__ for answer in answers) == ["MoveRefused", "Record"]


@pytest.mark.django_db(transaction=True)
def test_many_who_move_add_and_delete_at_once_leave_sound_trees(bob, hierarchy):
    rows = records.create_many(Actor(bob), hierarchy, [RecordSpec({"n": n}) for n in range(8)])
    pks = [row.pk for row in rows]
    chances = [random.Random(seed) for seed in range(4)]

    def wander(chance):
        for _ in range(10):
            pk, to = chance.sample(pks, 2)
            row = Record(pk=pk, hierarchy=hierarchy)
            try:
                act = chance.randrange(4)
                if act < 2:
                    records.move(Actor(bob), row, to)
                elif act == 2:
                    records.create(Actor(bob), hierarchy, RecordSpec({}, parent_id=to))
                else:
                    records.move(Actor(bob), row, None)
            except errors.MoveRefused:
                continue
        return "done"

    assert at_once(*[lambda chance=chance: wander(chance) for chance in chances]) == ["done"] * 4
    parents = dict(Record.objects.values_list("pk", "parent"))
    for pk, level in levels_of(hierarchy).items():
        path = list(itertools.takewhile(bool, itertools.islice(_above(parents, pk), 100)))
        assert len(path) == level
    assert Hierarchy.objects.get().record_count == len(parents)


@pytest.mark.django_db(transaction=True)
def test_nobody_adds_below_what_is_deleted_at_this_moment(bob, hierarchy):
    for _ in range(5):
        [root] = chain(bob, hierarchy, 1)
        answers = at_once(
            lambda root=root: records.delete(Actor(bob), root),
            lambda root=root: records.create(Actor(bob), hierarchy, RecordSpec({}, parent_id=root.pk)),
        )
        assert [type(answer).__name__ for answer in answers] in (
            ["NoneType", "RecordNotFound"],
            ["HasChildren", "Record"],
        )
    assert not Record.objects.filter(parent__isnull=False).exclude(parent__in=Record.objects.all()).exists()


def _above(parents, pk):
    while True:
        pk = parents.get(pk)
        yield pk


def test_ids_sort_by_the_time_they_were_made():
    made = [ulids.new() for _ in range(1000)]
    assert made == sorted(made)
    assert len({ulids.made_at(pk).date() for pk in made}) <= 2


def test_the_plain_way_finds_the_same_trees(bob, hierarchy):
    """The recursive query against a walk in Python."""
    rows = chain(bob, hierarchy, 1)
    chance = random.Random(7)
    for _ in range(60):
        parent = chance.choice(rows)
        rows.append(records.create(Actor(bob), hierarchy, RecordSpec({}, parent_id=parent.pk)))
    parents = {row.pk: row.parent_id for row in rows}
    for row in rows[:10]:
        for depth in (None, 0, 1, 3):
            expected = {
                pk
                for pk in parents
                if row.pk in (path := [pk, *itertools.takewhile(bool, _above(parents, pk))])
                and (depth is None or path.index(row.pk) <= depth)
            }
            assert {found.pk for found in trees.subtree(row, depth)} == expected
