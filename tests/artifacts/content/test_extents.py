"""A composed file is its pieces one after another, whoever reads it and wherever they lie."""

import io
import zipfile
from collections.abc import Sequence
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.actor import Actor
from artifacts import artifacts, errors, storage
from artifacts.content import (
    archives,
    downloads,
    extents,
    garbage_collection,
    held_bytes,
    manifests,
)
from artifacts.models import Artifact, ArtifactFile, ArtifactVersion, Blob, Extent, StoredObject
from artifacts.previews import registry
from tests.artifacts.client import MIB, fetch, log, md5, sha256

ARTIFACTS = "/api/v1/artifacts"


def composed(version: ArtifactVersion, path: str, pieces: Sequence[bytes]) -> ArtifactFile:
    """A verified file of the version that consists of these contents, which the project has already."""
    whole, project = b"".join(pieces), version.artifact.project
    blob = Blob.objects.create(
        project=project,
        size=len(whole),
        sha256=sha256(whole),
        md5=md5(whole),
        state="verified",
        extent_count=len(pieces),
    )
    found = {row.sha256: row for row in Blob.objects.filter(project=project, sha256__in=set(map(sha256, pieces)))}
    Extent.objects.bulk_create(
        Extent(whole=blob, number=number, piece=found[sha256(piece)]) for number, piece in enumerate(pieces)
    )
    name = path.rpartition("/")[2]
    return ArtifactFile.objects.create(version=version, path=path, name=name, size=len(whole), blob=blob)


@pytest.fixture
def version(bob, artifact, pieces) -> ArtifactVersion:
    """Two of the pieces in a pack, the others alone."""
    log(bob, artifact, {f"{number}": body for number, body in enumerate(pieces[1:3])}, packed=True)
    return log(bob, artifact, {f"{number}": body for number, body in enumerate([pieces[0], *pieces[3:]])})


def test_places_that_touch_are_one(version, pieces):
    file = composed(version, "whole", [*pieces[1:3], pieces[0], pieces[2], pieces[1], pieces[1]])
    sizes = [place.size for place in extents.places(file.blob)]
    assert sizes == [300_001, MIB + 7, 300_000, 1, 1]


def test_the_places_of_a_file_in_one_object_are_no_query(version, django_assert_num_queries):
    blob = version.files.select_related("blob__object").first().blob
    with django_assert_num_queries(0):
        assert extents.places(blob) == [(blob.object, blob.offset, blob.size)]


def test_a_url_is_ours_and_takes_ranges(api, vera, version, pieces, settings):
    whole = b"".join(pieces)
    file = composed(version, "d/whole.bin", pieces)
    download_url = api(vera).get(f"{ARTIFACTS}/files/{file.pk}/download-url").json()["download_url"]
    assert download_url.startswith(f"{settings.BASE_URL}/api/v1/artifacts/files/{file.pk}/content?signature=")
    url = "{0.path}?{0.query}".format(urlsplit(download_url))

    answer = APIClient().get(url)
    assert (answer.status_code, answer["Content-Length"]) == (200, str(len(whole)))
    assert answer["Accept-Ranges"] == "bytes"
    assert b"".join(answer.streaming_content) == whole

    last = len(whole) - 1
    for wanted, start, end in [
        ("bytes=0-0", 0, 1),
        (f"bytes={MIB}-{MIB + 20}", MIB, MIB + 21),
        (f"bytes={last - 2}-", last - 2, last + 1),
        (f"bytes={last}-{last + 1000}", last, last + 1),
    ]:
        answer = APIClient().get(url, HTTP_RANGE=wanted)
        assert (answer.status_code, answer.content) == (206, whole[start:end])
        assert answer["Content-Range"] == f"bytes {start}-{end - 1}/{len(whole)}"
    for ignored in ("bytes=-5", f"bytes={last + 1}-", "bytes=5-3", "lines=1-2"):
        answer = APIClient().get(url, HTTP_RANGE=ignored)
        assert (answer.status_code, b"".join(answer.streaming_content)) == (200, whole)


def test_an_object_that_is_too_short_moves_no_byte(version, pieces):
    file = composed(version, "whole", pieces)
    key = Blob.objects.get(sha256=sha256(pieces[0]), extent_count=0).object.key
    storage.upload_file(key, pieces[0][:-1])
    with pytest.raises(errors.Missing):
        list(downloads.content(file))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_all_readers_give_the_same_bytes(vera, bob, version, pieces, data):
    """For any list of extents; the pieces may come again, in any order, between files of other kinds."""
    # One alone would be the piece itself, which the project has already.
    chosen = data.draw(st.lists(st.sampled_from(range(len(pieces))), min_size=2, max_size=12))
    parts = [pieces[number] for number in chosen]
    whole = b"".join(parts)
    ArtifactFile.objects.filter(version=version, path="m").delete()
    Blob.objects.filter(extent_count__gt=0).delete()
    composed(version, "m", parts)
    file = ArtifactFile.objects.select_related("version", "blob__object").get(version=version, path="m")

    assert sum(place.size for place in extents.places(file.blob)) == len(whole)
    assert b"".join(downloads.content(file)) == whole
    assert b"".join(held_bytes.read(file.blob)) == whole
    start = data.draw(st.integers(0, len(whole)))
    length = data.draw(st.integers(0, len(whole)))
    assert downloads.read_range(file, start, length) == whole[start : start + length]
    assert held_bytes.read_range(file.blob, start, length) == whole[start : start + length]
    assert registry._reader(file).read(start, min(length, MIB)) == whole[start : start + min(length, MIB)]
    zipped = archives.stream(Actor(vera), version, "vera")
    with zipfile.ZipFile(io.BytesIO(b"".join(zipped.chunks))) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    assert contents == {"m": whole, "0": pieces[0], "1": pieces[3], "2": pieces[4]}


def test_a_manifest_says_where_the_pieces_are(api, vera, version, pieces):
    whole = b"".join(pieces)
    composed(version, "m", pieces)
    url = f"{ARTIFACTS}/versions/{version.pk}/manifest"
    page = api(vera).get(url).json()
    entry = next(entry for entry in page["entries"] if entry["path"] == "m")
    assert entry["integrity"] == "verified"
    # As clients read it that know of no pieces.
    url_of_whole = "{0.path}?{0.query}".format(urlsplit(page["objects"][entry["object"]]["url"]))
    answer = APIClient().get(url_of_whole, HTTP_RANGE=f"bytes=5-{len(whole) - 1}")
    assert (answer.status_code, b"".join(answer.streaming_content)) == (206, whole[5:])
    assert [size for _, _, size in entry["extents"]] == [MIB + 7, 300_001, MIB, 5]
    assert b"".join(fetch(page["objects"][pk]["url"], *place) for pk, *place in entry["extents"]) == whole

    page = api(vera).get(f"{url}?format=columns").json()
    assert (page["paths"][3], page["object"][3], page["unreadable"]) == ("m", None, {})
    assert list(page["extents"]) == ["3"]
    assert b"".join(fetch(page["objects"][n]["url"], *place) for n, *place in page["extents"]["3"]) == whole


def test_a_page_of_a_manifest_has_few_extents(api, vera, version, pieces, monkeypatch):
    monkeypatch.setattr(manifests, "MAX_EXTENTS_A_PAGE", 6)
    for path in ("x1", "x2", "x3"):
        composed(version, path, pieces * (1 + int(path[1])))
    url, cursor, pages = f"{ARTIFACTS}/versions/{version.pk}/manifest?format=columns", "", []
    while cursor is not None:
        page = api(vera).get(f"{url}&cursor={cursor}").json()
        pages.append(page["paths"])
        cursor = page["next_cursor"]
    assert pages == [["0", "1", "2"], ["x1"], ["x2"], ["x3"]]


def test_pieces_stay_as_long_as_a_file_needs_the_whole(bob, artifact, other, version, pieces, age):
    """And go with it, one grace after."""
    whole = log(bob, other, {"x": b"not one of the pieces"})
    composed(whole, "whole", pieces)
    for one in artifact.versions.all():
        one.files.all().delete_and_touch()
    age(days=3)
    assert garbage_collection.delete_orphans() == 0
    assert b"".join(downloads.content(whole.files.get(path="whole"))) == b"".join(pieces)

    whole.files.filter(path="whole").delete_and_touch()
    assert garbage_collection.delete_orphans() == 0
    age(hours=3)
    assert garbage_collection.delete_orphans() == 4
    assert (Extent.objects.count(), StoredObject.objects.count(), Blob.objects.count()) == (0, 1, 1)


def test_a_project_is_deleted_with_its_extents(alice, project, version, pieces):
    composed(version, "whole", pieces)
    artifacts.delete_all(Actor(alice), project)
    assert (Extent.objects.count(), Blob.objects.count(), Artifact.objects.count()) == (0, 0, 0)
