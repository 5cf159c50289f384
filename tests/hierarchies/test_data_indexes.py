"""Indexes on members of data: built outside a request, used by filters, gone with their rows."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from accounts.actor import Actor
from hierarchies import data_indexes, data_keys, errors, hierarchies, index_builds, records
from hierarchies.models import DataIndex, Hierarchy, Record
from hierarchies.records import RecordSpec

transactional = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_left(request) -> None:
    """Tables are emptied between tests, but their indexes stay."""
    if request.node.get_closest_marker("django_db"):
        request.getfixturevalue("transactional_db")
        index_builds.maintain()


def make(hierarchy: Hierarchy, count: int = 5_000) -> None:
    """So many that no database prefers to read them all."""
    data = ({"experiment_name": f"x{n}", "metrics": {"rmse": n / 4}} for n in range(count))
    Record.objects.bulk_create((Record(hierarchy=hierarchy, data=value) for value in data), batch_size=1_000)


def in_database() -> set[str]:
    return set(index_builds._existing())


def with_text(hierarchy: Hierarchy, path: str, text: str) -> QuerySet[Record]:
    return hierarchy.records.filter(data_keys.equals(data_keys.parse(path), text)).order_by("id")


def plan(hierarchy: Hierarchy, path: str, text: str) -> str:
    """How the database finds the first page of a filtered list, of all levels and of one."""
    rows = with_text(hierarchy, path, text)
    return f"{rows[:50].explain()}\n{rows.filter(level=0)[:50].explain()}"


@transactional
def test_an_index_is_built_and_used_by_filters(alice, bob, hierarchy):
    make(hierarchy)
    index = data_indexes.create(Actor(alice), hierarchy, "experiment_name")
    assert index.state == "pending"
    assert index_builds.index_name(index) not in plan(hierarchy, "experiment_name", "x7")

    index_builds.build(str(index.pk))
    index.refresh_from_db()
    assert (index.state, index.error, index.busy_until) == ("ready", "", None)
    assert index.built_at is not None
    assert plan(hierarchy, "experiment_name", "x7").count(index_builds.index_name(index)) == 2
    found = with_text(hierarchy, "experiment_name", "x7")
    assert [record.data["experiment_name"] for record in found] == ["x7"]


@transactional
def test_an_index_on_an_inner_member_finds_numbers(alice, bob, hierarchy):
    make(hierarchy)
    index = data_indexes.create(Actor(alice), hierarchy, "metrics.rmse")
    index_builds.build(index.pk)

    assert plan(hierarchy, "metrics.rmse", "1.25").count(index_builds.index_name(index)) == 2
    assert with_text(hierarchy, "metrics.rmse", "1.25").count() == 1


@transactional
def test_other_hierarchies_are_not_in_it(alice, bob, project, hierarchy):
    other = hierarchies.create(Actor(alice), project, "other")
    make(other)
    index = data_indexes.create(Actor(alice), hierarchy, "experiment_name")
    index_builds.build(index.pk)

    assert index_builds.index_name(index) not in plan(other, "experiment_name", "x7")
    assert with_text(other, "experiment_name", "x7").count() == 1


@transactional
def test_values_of_every_kind_and_length_can_be_written_into_it(alice, bob, hierarchy):
    index_builds.build(data_indexes.create(Actor(alice), hierarchy, "a").pk)
    values = ["x" * 60_000, 10**4000, {"b": 1}, [1], None, True, 1e300, "", "ключ" * 5_000]

    for value in values:
        records.create(Actor(bob), hierarchy, RecordSpec({"a": value}))
    assert hierarchy.records.count() == len(values)


@transactional
def test_two_workers_build_it_once(alice, hierarchy):
    index = data_indexes.create(Actor(alice), hierarchy, "experiment_name")
    DataIndex.objects.update(busy_until=timezone.now() + timedelta(hours=1))

    index_builds.build(index.pk)
    assert in_database() == set()
    # The other one has died.
    DataIndex.objects.update(busy_until=timezone.now() - timedelta(hours=1))
    index_builds.build(index.pk)
    index_builds.build(index.pk)
    assert in_database() == {index_builds.index_name(index)}


@transactional
def test_the_sweep_builds_what_was_left_behind_and_what_is_missing(alice, hierarchy):
    index = data_indexes.create(Actor(alice), hierarchy, "experiment_name")
    index_builds.maintain()
    assert in_database() == {index_builds.index_name(index)}

    index_builds._drop(index_builds.index_name(index))
    index_builds.maintain()
    index.refresh_from_db()
    assert index.state == "ready"
    assert in_database() == {index_builds.index_name(index)}


@transactional
def test_the_sweep_drops_what_has_no_row(alice, hierarchy):
    gone = data_indexes.create(Actor(alice), hierarchy, "gone")
    stays = data_indexes.create(Actor(alice), hierarchy, "stays")
    index_builds.maintain()
    data_indexes.delete(Actor(alice), gone)
    index_builds.maintain()
    assert in_database() == {index_builds.index_name(stays)}

    hierarchies.delete(Actor(alice), hierarchy)
    index_builds.maintain()
    assert in_database() == set()


@transactional
def test_an_index_that_the_database_left_invalid_is_built_again(alice, hierarchy):
    index = data_indexes.create(Actor(alice), hierarchy, "experiment_name")
    index_builds.build(index.pk)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(%s)",
                [index_builds.index_name(index)],
            )
    else:
        index_builds._drop(index_builds.index_name(index))

    index_builds.maintain()
    assert index_builds._existing() == {index_builds.index_name(index): True}


@transactional
def test_an_index_that_cannot_be_built_says_why_and_can_be_tried_again(alice, hierarchy, monkeypatch):
    index = data_indexes.create(Actor(alice), hierarchy, "experiment_name")
    monkeypatch.setattr(index_builds.data_keys, "index_sql", lambda vendor, keys: "1 / (SELECT 0)")
    index_builds.build(index.pk)
    index.refresh_from_db()
    assert index.error and index.busy_until is None
    monkeypatch.undo()

    DataIndex.objects.filter(pk=index.pk).update(state="failed")
    assert data_indexes.retry(Actor(alice), index).state == "pending"
    index_builds.maintain()
    index.refresh_from_db()
    assert (index.state, index.error) == ("ready", "")


@pytest.mark.parametrize(
    "path",
    ["a'b", "0a", "a b", "ключ", "a.0", "a');DROP TABLE hierarchies_record;--", "a%", "a$", "", "a..b", "k" * 65],
)
def test_paths_that_cannot_have_one(alice, hierarchy, path):
    with pytest.raises(errors.Invalid):
        data_indexes.create(Actor(alice), hierarchy, path)
    assert not DataIndex.objects.exists()


def test_there_is_one_for_a_path_and_a_bounded_number(alice, hierarchy, settings):
    settings.DATA_INDEXES_A_HIERARCHY = 2
    data_indexes.create(Actor(alice), hierarchy, "a")
    with pytest.raises(errors.IndexTaken):
        data_indexes.create(Actor(alice), hierarchy, "a")
    data_indexes.create(Actor(alice), hierarchy, "b")

    with pytest.raises(errors.TooManyIndexes, match="at most 2"):
        data_indexes.create(Actor(alice), hierarchy, "c")


def test_admins_alone_make_and_delete_them(alice, bob, vera, mallory, hierarchy):
    index = data_indexes.create(Actor(alice), hierarchy, "a")
    for user in (bob, vera, mallory):
        with pytest.raises(errors.Denied):
            data_indexes.create(Actor(user), hierarchy, "b")
        with pytest.raises(errors.Denied):
            data_indexes.retry(Actor(user), index)
        with pytest.raises(errors.Denied):
            data_indexes.delete(Actor(user), index)
    assert DataIndex.objects.count() == 1
