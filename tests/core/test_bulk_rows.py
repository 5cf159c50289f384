"""Rows that are written from tuples are those that Django would have written."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.forms.models import model_to_dict
from django.test.utils import CaptureQueriesContext
from uuid_utils.compat import uuid7

from artifacts.models import ArtifactFile, Blob, StoredObject
from core import bulk_rows, errors
from events.models import Event

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, UTC)
STRANGE = 'tab\tline\nback\\slash "quoted" ☃ 🤖 %s \\N'


@pytest.fixture
def blob(project, alice):
    return Blob.objects.create(project=project, size=3, sha256="a" * 64, created_by=alice)


def columns(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_rows_equal_those_of_instances(project, alice):
    first, second = uuid7(), uuid7()
    rows = [(first, 0, None, STRANGE), (second, 2**62, NOON, "")]
    count = bulk_rows.insert(
        Event,
        ["id", "artifact_id", "announced_at", "alias"],
        ((pk, pk, at, text) for pk, _, at, text in rows),
        kind="version.finalized",
        project=project.pk,
        data={"text": STRANGE, "list": [1, None, True]},
        actor_id=alice.pk,
        created_at=NOON,
    )
    assert count == 2
    instances = [
        Event(
            id=pk,
            artifact_id=pk,
            announced_at=at,
            alias=text,
            kind="version.finalized",
            project=project,
            data={"text": STRANGE, "list": [1, None, True]},
            actor=alice,
            created_at=NOON,
        )
        for pk, _, at, text in rows
    ]
    written = {row.pk: columns(row) for row in Event.objects.all()}
    assert written == {row.pk: columns(row) for row in instances}
    # The database holds the very same: it finds them by what Django asks for.
    assert Event.objects.filter(artifact_id=first, actor=alice, created_at=NOON, announced_at=None).count() == 1


def test_omitted_fields_get_their_defaults_each_an_id_of_its_own(project):
    bulk_rows.insert(Blob, ["size"], [(1,), (2,), (3,)], project=project.pk)
    rows = list(Blob.objects.order_by("size"))
    assert [row.size for row in rows] == [1, 2, 3]
    assert len({row.pk for row in rows}) == 3 and all(isinstance(row.pk, UUID) for row in rows)
    assert {row.state for row in rows} == {Blob.State.EXPECTED}
    assert {(row.sha256, row.object_id, row.created_by_id, row.offset) for row in rows} == {(None, None, None, 0)}
    assert len({row.created_at for row in rows}) == 1
    assert abs(datetime.now(UTC) - rows[0].created_at) < timedelta(hours=1)


def test_a_value_that_django_makes_from_the_row_is_not_forgotten(blob):
    with pytest.raises(TypeError, match="sort_key"), transaction.atomic():
        bulk_rows.insert(ArtifactFile, ["path", "name", "size"], [("a", "a", 1)], blob=blob.pk)
    assert not ArtifactFile.objects.exists()


def test_there_is_nothing_to_write(project):
    with CaptureQueriesContext(connection) as queries:
        assert bulk_rows.insert(Blob, ["size"], [], project=project.pk) == 0
        assert bulk_rows.update(Blob, ["size"], []) == 0
    assert not [query for query in queries if "INTO" in query["sql"] or "COPY" in query["sql"]]


def test_an_update_changes_the_given_rows_and_columns_alone(blob, project):
    ids = [uuid7() for _ in range(3)]
    bulk_rows.insert(Blob, ["id", "size"], [(pk, 1) for pk in ids], project=project.pk, claimed_at=NOON)
    before = columns(Blob.objects.get(pk=ids[2]))
    later = NOON + timedelta(seconds=1)
    count = bulk_rows.update(
        Blob,
        ["md5", "sha256"],
        [(ids[0], "b" * 32, None), (ids[1], None, "c" * 64), (uuid7(), None, None)],
        claimed_at=later,
        size=7,
    )
    assert count == 2
    first, second, third = (Blob.objects.get(pk=pk) for pk in ids)
    assert (first.md5, first.sha256, first.claimed_at, first.size) == ("b" * 32, None, later, 7)
    assert (second.md5, second.sha256, second.claimed_at, second.size) == (None, "c" * 64, later, 7)
    assert columns(third) == before


def test_an_update_leaves_rows_alone_that_have_other_values_than_asked_for(project, alice):
    ids = [uuid7() for _ in range(3)]
    states = [Blob.State.EXPECTED, Blob.State.CORRUPT, Blob.State.EXPECTED]
    rows = [(pk, 1, state) for pk, state in zip(ids, states, strict=True)]
    bulk_rows.insert(Blob, ["id", "offset", "state"], rows[:1], project=project.pk, size=1, created_by=alice.pk)
    obj = StoredObject.objects.create(project=project, key="a", kind="file", size=1)
    bulk_rows.insert(Blob, ["id", "offset", "state"], rows[1:], project=project.pk, size=1, object=obj.pk)
    count = bulk_rows.update(
        Blob, ["offset"], [(pk, 7) for pk in ids], where={"state": "expected", "created_by": alice.pk}
    )
    assert count == 1
    assert [Blob.objects.get(pk=pk).offset for pk in ids] == [7, 1, 1]


def test_an_update_writes_foreign_keys_and_json(project, alice, bob):
    event = Event.objects.create(kind="version.finalized", project=project, data={}, actor=alice)
    bulk_rows.update(Event, ["data", "actor"], [(event.pk, {"a": [STRANGE]}, bob.pk)])
    event.refresh_from_db()
    assert event.data == {"a": [STRANGE]} and event.actor == bob


def test_more_rows_than_a_batch_are_written_in_a_few_statements(project):
    rows = [(uuid7(), number) for number in range(12_000)]
    with CaptureQueriesContext(connection) as queries:
        assert bulk_rows.insert(Blob, ["id", "size"], rows, project=project.pk) == 12_000
        assert bulk_rows.update(Blob, ["size"], [(pk, size + 1) for pk, size in rows]) == 12_000
    assert len(queries) <= 8
    assert set(Blob.objects.values_list("pk", "size")) == {(pk, size + 1) for pk, size in rows}


def test_a_refusal_of_the_database_is_known_by_its_constraint_and_nothing_is_written(project):
    refused = errors.Invalid("no")
    with pytest.raises(errors.Invalid), errors.refuse(blob_size_is_natural=refused):
        bulk_rows.insert(Blob, ["size"], [(1,), (-1,)], project=project.pk)
    assert not Blob.objects.exists()
    with pytest.raises(IntegrityError), transaction.atomic():
        bulk_rows.insert(Blob, ["size"], [(-1,)], project=project.pk)
    bulk_rows.insert(Blob, ["size"], [(1,)], project=project.pk)
    assert Blob.objects.count() == 1


def test_it_belongs_to_the_transaction_around_it(project):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        bulk_rows.insert(Blob, ["size"], [(1,)], project=project.pk)
        assert Blob.objects.count() == 1
        raise ZeroDivisionError
    assert not Blob.objects.exists()


def test_values_of_enumerations_are_written_as_their_texts(blob):
    bulk_rows.update(Blob, ["state"], [(blob.pk, Blob.State.EXPECTED)], sha256="d" * 64)
    assert model_to_dict(Blob.objects.get(pk=blob.pk), ["state", "sha256"]) == {
        "state": "expected",
        "sha256": "d" * 64,
    }
    bulk_rows.insert(Blob, ["size"], [(1,)], project=blob.project_id, state=Blob.State.EXPECTED)
    assert Blob.objects.filter(state="expected").count() == 2
