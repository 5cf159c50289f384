"""A column is compared with more values than a statement has parameters."""

import pytest
from uuid_utils.compat import uuid7

from artifacts.models import Blob
from core import bulk_rows
from core.value_lists import ValueList

MANY = 70_000


@pytest.fixture
def blobs(project):
    """Of each size its id."""
    ids = [uuid7() for _ in range(100)]
    rows = [(pk, number, f"{number:064x}") for number, pk in enumerate(ids)]
    bulk_rows.insert(Blob, ["id", "size", "sha256"], rows, project=project.pk)
    return ids


def test_texts(blobs):
    found = Blob.objects.filter(sha256__in=ValueList(f"{number:064x}" for number in range(90, MANY)))
    assert sorted(found.values_list("size", flat=True)) == list(range(90, 100))


def test_ids(blobs):
    others = [uuid7() for _ in range(MANY)]
    assert Blob.objects.filter(pk__in=ValueList([*others, *blobs[:3], *blobs[:3]])).count() == 3
    assert Blob.objects.exclude(pk__in=ValueList(blobs[:3])).count() == 97
    assert Blob.objects.filter(pk__in=ValueList(blobs[5:8])).update(size=200) == 3
    assert Blob.objects.filter(size=200).count() == 3


def test_none(blobs):
    assert not Blob.objects.filter(pk__in=ValueList([])).exists()
    assert not Blob.objects.filter(sha256__in=ValueList([])).exists()


def test_texts_that_are_odd(blobs):
    odd = "\"quotes\" 'too' % %s {} \\ \n ☃"
    assert not Blob.objects.filter(sha256__in=ValueList([odd])).exists()
    assert Blob.objects.filter(created_by__isnull=True, sha256__in=ValueList([odd, "0" * 64])).count() == 1


def test_foreign_keys(blobs, project):
    assert Blob.objects.filter(project__in=ValueList([project.pk])).count() == 100
    assert Blob.objects.filter(project_id__in=ValueList([uuid7()])).count() == 0
