"""A draft is begun with the files of another version, of which only the differences are stated."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actor import Actor, Channel
from artifacts import artifacts, draft_counts, errors, versions
from artifacts.content import garbage_collection
from artifacts.models import ArtifactVersion, Blob
from artifacts.references import references
from artifacts.references.references import ReferenceSpec
from projects.models import Project
from tests.artifacts.client import at_once, digest_of, file_specs, log, sha256, upload

ARTIFACTS = "/api/v1/artifacts"
FILES = {"a": b"a", "d/b": b"bb", "d/c.csv": b"ccc", "d/img_007.png": b"seven", "same": b"a"}
CHANGED = {"a": b"a", "d/b": b"other", "d/img_007.png": b"seven", "new/e": b"new", "same": b"a"}
COPIED = ("path", "sort_key", "name", "size", "mime_type", "is_executable", "blob")


@pytest.fixture
def base(bob, artifact, work) -> ArtifactVersion:
    version = log(bob, artifact, FILES)
    work()
    version.refresh_from_db()
    return version


@pytest.fixture
def begin(bob, artifact):
    def begin(base, files=(), removed=(), **options):
        return versions.begin(
            Actor(bob), artifact, base=base, specs=file_specs(dict(files)), removed=removed, **options
        )

    return begin


def contents(version):
    return dict(version.files.values_list("path", "blob__sha256"))


def finalize(user, version):
    return versions.finalize(Actor(user, Channel.SDK), version).version


def test_files_are_changed_added_and_removed(bob, begin, base):
    begun = begin(base, {"d/b": b"other", "new/e": b"new"}, ["d/c.csv"], digest=digest_of(CHANGED))

    assert begun.created and begun.missing == sorted([sha256(b"other"), sha256(b"new")])
    assert contents(begun.version) == {path: sha256(body) for path, body in CHANGED.items()}
    assert (begun.version.file_count, begun.version.total_size) == (5, sum(map(len, CHANGED.values())))
    upload(bob, begun.version, [b"other", b"new"])
    version = finalize(bob, begun.version)
    assert (version.digest, version.version) == (digest_of(CHANGED), "v2")
    assert contents(base) == {path: sha256(body) for path, body in FILES.items()}


def test_copies_are_rows_of_their_own(begin, base):
    before = {file.path: file for file in base.files.all()}
    copies = {file.path: file for file in begin(base).version.files.all()}

    assert copies.keys() == before.keys()
    for path, file in copies.items():
        assert all(getattr(file, name) == getattr(before[path], name) for name in COPIED)
        assert file.pk != before[path].pk and file.created_at > before[path].created_at
        assert (file.pk.version, file.pk.variant) == (7, before[path].pk.variant)
        assert file.pk.hex > before[path].pk.hex
    assert len({file.pk for file in copies.values()}) == len(copies)
    assert Blob.objects.count() == 4


def test_more_files_cost_no_more_queries(begin, base):
    begin(base)
    with CaptureQueriesContext(connection) as few:
        begin(base, {"x": b"x"})
    with CaptureQueriesContext(connection) as more:
        begin(base, {f"x{number}": b"%d" % number for number in range(200)})
    assert len(few) == len(more)


def test_executable_files_stay_so_and_can_change(begin, bob, artifact, work):
    specs = [spec._replace(executable=spec.path == "a") for spec in file_specs(FILES)]
    draft = versions.begin(Actor(bob), artifact, specs=specs).version
    upload(bob, draft, set(FILES.values()))
    base = finalize(bob, draft)
    work()
    base.refresh_from_db()

    assert list(begin(base).version.files.filter(is_executable=True).values_list("path", flat=True)) == ["a"]
    assert not begin(base, {"a": b"a"}).version.files.filter(is_executable=True).exists()


def test_references_come_along_unchecked(bob, artifact, begin):
    draft = versions.begin(Actor(bob), artifact).version
    specs = [
        ReferenceSpec("ref", "s3://data/ref", 5, "etag:abc", "7"), ReferenceSpec("gone", "s3://data/gone", 3),
        ReferenceSpec("new", "s3://data/old"),
    ]  # fmt: skip
    references.add(Actor(bob), draft, [*specs, *file_specs({})])
    base = finalize(bob, draft)
    base.files.update(reference_state="changed", reference_checked_at=base.created_at, reference_reason="why")
    changed = ReferenceSpec("new", "s3://data/new", 2)
    begun = versions.begin(Actor(bob), artifact, base=base, specs=[changed], removed=["gone"]).version

    columns = (
        "path", "reference_uri", "size", "reference_identity", "reference_version_id", "reference_state",
        "reference_checked_at", "reference_reason",
    )  # fmt: skip
    assert list(begun.files.order_by("path").values_list(*columns)) == [
        ("new", "s3://data/new", 2, "", "", "unchecked", None, None),
        ("ref", "s3://data/ref", 5, "etag:abc", "7", "unchecked", None, None),
    ]
    assert (begun.reference_count, begun.referenced_size, begun.reference_state) == (2, 7, "unchecked")


def test_more_bytes_than_can_be_counted_are_refused(begin, base):
    draft = begin(base, removed=["d/b"], digest="f" * 64).version
    ArtifactVersion.objects.filter(pk=draft.pk).update(total_size=draft_counts.MAX_TOTAL_SIZE - 1)
    with pytest.raises(errors.Invalid, match="8 EiB"):
        begin(base, digest="f" * 64)
    assert "d/b" not in contents(draft)


def test_a_version_of_another_artifact_of_the_project(bob, other, base):
    begun = versions.begin(Actor(bob), other, base=base, removed=["a"])

    assert contents(begun.version) == {path: sha256(body) for path, body in FILES.items() if path != "a"}
    assert begun.missing == [] and finalize(bob, begun.version).file_count == 4


def test_contents_that_a_version_or_an_own_draft_has_are_found_first(bob, begin, base):
    twin = begin(base, digest=digest_of(FILES))
    assert (twin.version, twin.created, twin.missing) == (base, False, [])

    changes = {"d/b": b"other", "new/e": b"new"}
    first = begin(base, changes, ["d/c.csv"], digest=digest_of(CHANGED))
    upload(bob, first.version, [b"new"])
    again = begin(base, changes, ["d/c.csv"], digest=digest_of(CHANGED))
    assert (again.version, again.created, again.missing) == (first.version, False, first.missing)
    assert (again.version.file_count, again.version.total_size) == (5, sum(map(len, CHANGED.values())))
    upload(bob, again.version, [b"other"])
    assert finalize(bob, again.version).digest == digest_of(CHANGED)


def test_an_own_draft_that_was_begun_without_a_base_is_completed(bob, artifact, begin, base):
    some = {path: CHANGED[path] for path in ("a", "new/e")}
    first = versions.begin(Actor(bob), artifact, digest=digest_of(CHANGED), specs=file_specs(some))
    before = set(first.version.files.values_list("pk", flat=True))
    again = begin(base, {"d/b": b"other", "new/e": b"new"}, ["d/c.csv"], digest=digest_of(CHANGED))

    assert again.version == first.version and again.missing == sorted([sha256(b"other"), sha256(b"new")])
    assert before < set(again.version.files.values_list("pk", flat=True))
    upload(bob, again.version, [b"other", b"new"])
    assert finalize(bob, again.version).file_count == 5


def test_a_wrong_base_is_found_out_at_the_end(bob, begin, base):
    """The client had another list of the base's files: nothing that differs from its digest becomes final."""
    begun = begin(base, {"d/b": b"other"}, digest=digest_of(CHANGED))
    upload(bob, begun.version, [b"other"])
    with pytest.raises(errors.BytesMismatch):
        finalize(bob, begun.version)


def test_a_file_in_place_of_a_folder_of_the_base(bob, begin, base):
    begun = begin(base, {"d": b"d"})
    upload(bob, begun.version, [b"d"])
    with pytest.raises(errors.PathTaken):
        finalize(bob, begun.version)
    begun = begin(base, {"d": b"d"}, ["d/b", "d/c.csv", "d/img_007.png"])
    assert finalize(bob, begun.version).file_count == 3


def test_the_wire(api, bob, artifact, base):
    columns = {"paths": ["d/b"], "sizes": [5], "sha256": [sha256(b"other")]}
    body = {"base": str(base.pk), "removed": ["d/c.csv"], "file_columns": columns}
    answer = api(bob).post(f"{ARTIFACTS}/{artifact.pk}/versions", body)

    assert (answer.status_code, answer.json()["file_count"], answer.json()["missing"]) == (201, 4, [sha256(b"other")])
    new = api(bob).post(
        ARTIFACTS, {"project": str(artifact.project_id), "name": "copy", "type": "dataset", "version": body}
    )
    assert (new.status_code, new.json()["version"]["file_count"]) == (201, 4)


def test_refusals(api, bob, alice, artifact, base, foreign, mallory):
    draft = versions.begin(Actor(bob), artifact).version
    elsewhere = Project.objects.create(team=artifact.project.team, name="elsewhere", created_by=alice)
    theirs = log(alice, artifacts.create(Actor(alice), elsewhere, "data", "dataset"), {"x": b"x"})
    hidden = log(mallory, foreign, {"x": b"x"})
    count = ArtifactVersion.objects.count()
    stated = {"files": [{"path": "a", "size": 1, "sha256": sha256(b"1")}]}
    for body, status, text in [
        ({"base": str(uuid4())}, 404, "not found"),
        ({"base": str(hidden.pk)}, 404, "not found"),
        ({"base": "v1"}, 400, "UUID"),
        ({"base": str(theirs.pk)}, 400, "another project"),
        ({"base": str(draft.pk)}, 409, "is a draft"),
        ({"base": str(base.pk), "removed": ["nowhere"]}, 400, "no file 'nowhere'"),
        ({"base": str(base.pk), "removed": ["d"]}, 400, "no file 'd'"),
        ({"base": str(base.pk), "removed": [""]}, 400, "no file ''"),
        ({"base": str(base.pk), "removed": ["a"], **stated}, 400, "stated and removed"),
        ({"base": str(base.pk), "removed": "a"}, 400, "Expected a list"),
        ({"base": str(base.pk), "removed": [7]}, 400, "Path 0"),
        ({"base": str(base.pk), "removed": ["x"] * 20_001}, 400, "at most 20,000"),
        ({"removed": ["a"]}, 400, "send its id as base"),
        ({"base": str(base.pk), "files": [{"path": "../a", "size": 1, "sha256": sha256(b"1")}]}, 400, "InvalidPath"),
    ]:
        answer = api(bob).post(f"{ARTIFACTS}/{artifact.pk}/versions", body)
        assert answer.status_code == status, (body, answer.json())
        assert text in str(answer.json()), (body, answer.json())
    assert ArtifactVersion.objects.count() == count
    assert api(bob).post(f"{ARTIFACTS}/{artifact.pk}/versions", {"base": None, "removed": []}).status_code == 201


def test_bytes_that_nobody_verified_are_their_uploaders_alone(alice, bob, artifact, api, work):
    version = log(alice, artifact, FILES, packed=True)
    url, body = f"{ARTIFACTS}/{artifact.pk}/versions", {"base": str(version.pk)}
    refused = api(bob).post(url, body)

    assert (refused.status_code, refused.json()["code"]) == (409, "BaseUnverified")
    assert sorted(refused.json()["paths"]) == sorted(FILES)
    assert api(alice).post(url, body).status_code == 201
    work()
    assert api(bob).post(url, body).json()["missing"] == []


def test_corrupt_bytes_are_not_taken_over(bob, begin, base, artifact):
    Blob.objects.filter(sha256=sha256(b"bb")).update(state=Blob.State.CORRUPT)
    ArtifactVersion.objects.filter(pk=base.pk).update(integrity=ArtifactVersion.Integrity.CORRUPT)
    base.refresh_from_db()
    with pytest.raises(errors.BaseUnverified) as refusal:
        begin(base)

    assert refusal.value.extra["paths"] == ["d/b"]
    assert begin(base, removed=["d/b"]).missing == []
    assert begin(base, {"d/b": b"bb"}).missing == [sha256(b"bb")]


def test_a_base_that_was_deleted_meanwhile(bob, artifact, begin, base, v2):
    stale = ArtifactVersion.objects.select_related("artifact").get(pk=base.pk)
    versions.delete(Actor(bob, Channel.SDK), base)
    with pytest.raises(errors.VersionNotFound):
        begin(stale)
    assert not ArtifactVersion.objects.drafts().exists()


def test_bytes_stay_when_the_base_goes(bob, artifact, begin, base, v2, age, work):
    begun = begin(base).version
    versions.delete(Actor(bob, Channel.SDK), base)
    age(days=3)
    garbage_collection.delete_orphans()
    work()

    assert contents(begun) == {path: sha256(body) for path, body in FILES.items()}
    assert finalize(bob, begun).integrity == ArtifactVersion.Integrity.VERIFIED


def test_a_viewer_begins_nothing(vera, artifact, base):
    with pytest.raises(errors.Denied):
        versions.begin(Actor(vera), artifact, base=base)


@pytest.mark.django_db(transaction=True)
def test_drafts_at_once_while_the_base_is_deleted(bob, artifact, begin, base, v2):
    answers = at_once(
        *[lambda: begin(base, {"x": b"x"}) for _ in range(4)],
        lambda: versions.delete(Actor(bob, Channel.SDK), base),
    )
    drafts = [answer for answer in answers if isinstance(answer, versions.DraftResult)]
    assert len(drafts) + sum(isinstance(answer, errors.VersionNotFound) for answer in answers[:4]) == 4
    for draft in drafts:
        assert draft.version.files.count() == 6
