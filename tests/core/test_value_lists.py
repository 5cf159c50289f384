"""A column is compared with more values than a statement has parameters."""

import pytest
from uuid_utils.compat import uuid7

from artifacts.models import Blob
from core import bulk_rows
from core.value_lists import Among

MANY = 70_000


@pytest.fixture
def blobs(project):
    """Of each size its id."""
    ids = [uuid7() for _ in range(100)]
    rows = [(pk, number, f"{number:064x}") for number, pk in enumerate(ids)]
    bulk_rows.insert(Blob, ["id", "size", "sha256"], rows, project=project.pk)
    return ids


def test_texts(blobs):
    found = Blob.objects.filter(Among("sha256", [f"{number:064x}" for number in range(90, MANY)]))
    assert sorted(found.values_list("size", flat=True)) == list(range(90, 100))


def test_ids(blobs):
    others = [uuid7() for _ in range(MANY)]
    assert Blob.objects.filter(Among("pk", [*others, *blobs[:3], *blobs[:3]])).count() == 3
    assert Blob.objects.exclude(Among("pk", blobs[:3])).count() == 97
    assert Blob.objects.filter(Among("pk", blobs[5:8])).update(size=200) == 3
    assert Blob.objects.filter(size=200).count() == 3


def test_none(blobs):
    assert not Blob.objects.filter(Among("pk", [])).exists()
    assert not Blob.objects.filter(Among("sha256", [])).exists()


def test_texts_that_are_odd(blobs):
    odd = "\"quotes\" 'too' % %s {} \\ \n ☃"
    assert not Blob.objects.filter(Among("sha256", [odd])).exists()
    assert Blob.objects.filter(Among("sha256", [odd, "0" * 64]), created_by__isnull=True).count() == 1


def test_foreign_keys(blobs, project):
    assert Blob.objects.filter(Among("project", [project.pk])).count() == 100
    assert Blob.objects.filter(Among("project_id", [uuid7()])).count() == 0
    assert Blob.objects.exclude(Among("pk", [])).count() == 100


def test_columns_of_other_tables(blobs, project):
    assert Blob.objects.filter(Among("project__name", ["other", project.name])).count() == 100
    assert not Blob.objects.filter(Among("created_by__username", ["bob"])).exists()
