"""References in a draft, and in the version that it becomes."""

import hashlib

import pytest

from accounts.actor import Actor, Channel
from artifacts import draft_files, errors, highlights, search, versions
from artifacts.content import digests, downloads, garbage_collection, manifests, verification
from artifacts.models import Artifact, ArtifactFile, ArtifactVersion, Blob, ReferenceState
from artifacts.previews import registry
from artifacts.references import identities, references
from artifacts.references.references import ReferenceSpec
from tests.artifacts.client import at_once, file_specs, fill, log, sha256
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.transfer import hashes

TIB = 2**40
TRAIN = ReferenceSpec("train.csv", "s3://data/train.csv", 10, "etag:abc", "v1")
WEB = ReferenceSpec("web/a.txt", "https://example.org/a.txt?sig=secret&page=1")


@pytest.fixture
def draft(bob, artifact) -> ArtifactVersion:
    return versions.begin(Actor(bob), artifact).version


def reload(version: ArtifactVersion) -> ArtifactVersion:
    return ArtifactVersion.objects.select_related("artifact__project__team").get(pk=version.pk)


def finalize(user, version: ArtifactVersion, **more) -> ArtifactVersion:
    return versions.finalize(Actor(user, Channel.SDK), version, **more).version


def counts(version: ArtifactVersion) -> tuple[int, int, int, int]:
    version.refresh_from_db()
    return version.file_count, version.total_size, version.reference_count, version.referenced_size


def test_references_and_files_are_added_together(bob, draft):
    specs = [TRAIN, *file_specs({"a": b"aa"}), WEB]

    assert references.add(Actor(bob), draft, specs) == (3, [sha256(b"aa")])
    assert counts(draft) == (3, 12, 2, 10)
    assert draft.reference_state == ReferenceState.UNCHECKED
    train = draft.files.get(path="train.csv")
    assert (train.blob, train.is_reference, train.name, train.mime_type) == (None, True, "train.csv", "text/csv")
    assert (train.reference_uri, train.reference_identity, train.reference_version_id, train.reference_state) == (
        "s3://data/train.csv", "etag:abc", "v1", "unchecked",
    )  # fmt: skip
    # The same again is fine, and a fresher signature is kept.
    again = ReferenceSpec(WEB.path, WEB.uri.replace("secret", "fresh"))
    assert references.add(Actor(bob), draft, [TRAIN, again, *file_specs({"a": b"aa"})]) == (0, [sha256(b"aa")])
    assert draft.files.get(path=WEB.path).reference_uri == again.uri
    assert references.add_one(Actor(bob), draft, again).path == WEB.path
    assert counts(draft) == (3, 12, 2, 10)
    draft_files.remove(Actor(bob), train)
    assert counts(draft) == (2, 2, 1, 0)
    draft_files.remove(Actor(bob), draft.files.get(path=WEB.path))
    assert (counts(draft), draft.reference_state) == ((1, 2, 0, 0), None)


def test_a_path_is_taken_once(bob, draft):
    references.add(Actor(bob), draft, [TRAIN, *file_specs({"a": b"aa", "folder/b": b"b"})])
    before = counts(draft)
    for specs in (
        [WEB, WEB],
        [WEB, ReferenceSpec(WEB.path, "s3://data/other")],
        [*file_specs({"x": b"x"}), ReferenceSpec("x", "s3://data/x")],
        [ReferenceSpec("a", "s3://data/a", 2)],
        file_specs({"train.csv": b"x"}),
        [ReferenceSpec("train.csv", "s3://data/other.csv", 10, "etag:abc", "v1")],
        [ReferenceSpec("train.csv", TRAIN.uri, 10, "etag:changed", "v1")],
        [ReferenceSpec("train.csv", TRAIN.uri, 10, "etag:abc", "v2")],
        [ReferenceSpec("train.csv", TRAIN.uri, 11, "etag:abc", "v1")],
        [ReferenceSpec("new", "s3://data/new"), ReferenceSpec("new/below", "s3://data/new")],
        [ReferenceSpec("new", "s3://data/new"), *file_specs({"new/below": b"x"})],
    ):
        with pytest.raises(errors.PathTaken):
            references.add(Actor(bob), draft, specs)
            pytest.fail(f"{specs} were added")
    for path in ("folder", "a/below", "a"):
        with pytest.raises(errors.PathTaken):
            references.add_one(Actor(bob), draft, ReferenceSpec(path, "s3://data/new"))
    assert counts(draft) == before
    other = versions.begin(Actor(bob), draft.artifact, specs=[TRAIN]).version
    references.add(Actor(bob), other, [ReferenceSpec("train.csv/below", "s3://data/new")])
    with pytest.raises(errors.PathTaken):
        finalize(bob, other)


BAD = [
    ReferenceSpec("../a", "s3://data/a"), ReferenceSpec("", "s3://data/a"), ReferenceSpec("a\0", "s3://data/a"),
    ReferenceSpec("a", "s3://data"), ReferenceSpec("a", "https://u:p@example.org/a"), ReferenceSpec("a", "http://10.1/a"),
    ReferenceSpec("a", "s3://data/" + "a" * 10_000), ReferenceSpec("a", "s3://data/a\0b"),
    ReferenceSpec("a", "s3://data/a", -1), ReferenceSpec("a", "s3://data/a", 2**50 + 1),
    ReferenceSpec("a", "s3://data/a", 2**70),
    *(ReferenceSpec("a", "s3://data/a", 1, identity) for identity in (
        "etag:", 'etag:"a"', "etag:a b", "etag:a\n", "etag:" + "a" * 400, "abc", "crc32:1", ":", "sha256:", "md5:abc",
        "sha256:" + "A" * 64, "md5:" + "0" * 31, "modified:", "modified:yesterday", "modified:2026-11-28T10:00:00",
        "modified:2026-11-28T10:00:00+02:00", "etag:\ud800",
    )),
    *(ReferenceSpec("a", "s3://data/a", 1, "", version_id) for version_id in ("a b", "a\n", "\0", "v" * 1025)),
    ReferenceSpec("a", "s3://data/a?versionId=1", 1, "", "2"),
    ReferenceSpec("a", "s3://data/a?versionId=a%20b"),
    ReferenceSpec("a", "hdfs://namenode/a", 1, "md5:" + "0" * 32),
]  # fmt: skip


def test_bad_input_is_refused_whole(bob, draft):
    for bad in BAD:
        for add in (
            lambda bad=bad: references.add(Actor(bob), draft, [TRAIN, bad, *file_specs({"b": b"b"})]),
            lambda bad=bad: references.add_one(Actor(bob), draft, bad),
        ):
            with pytest.raises(errors.Invalid):
                add()
                pytest.fail(f"{bad!r:.200} was added")
    huge = [ReferenceSpec(f"{number}", "s3://data/a", 2**50) for number in range(8_193)]
    with pytest.raises(errors.Invalid, match="8 EiB"):
        references.add(Actor(bob), draft, huge)
    with pytest.raises(errors.Invalid, match="at most 10,000"):
        references.add(Actor(bob), draft, [ReferenceSpec(f"{number}", "s3://data/a") for number in range(10_001)])
    assert counts(draft) == (0, 0, 0, 0) and not Blob.objects.exists()
    with pytest.raises(errors.ReferenceRefused, match=r"^'a': ") as refusal:
        references.add(Actor(bob), draft, [ReferenceSpec("a", "s3://data")])
    assert refusal.value.extra == {"paths": ["a"]}


GOOD = {
    "etag:W/abc-1": "s3://data/a", "md5:" + "0" * 32: "gs://data/a", "sha256:" + "a" * 64: "file:///data/a",
    "modified:2026-11-28T10:00:00Z": "https://example.org/a", "modified:2026-11-28T10:00:00.5+00:00": "http://a.org/",
    "": "hdfs://namenode/a",
}  # fmt: skip


def test_what_is_recorded(bob, draft):
    specs = [ReferenceSpec(f"{number}", uri, 1, identity) for number, (identity, uri) in enumerate(GOOD.items())]
    pinned = ReferenceSpec("pinned", "s3://data/a?versionId=v%2F1")
    references.add(Actor(bob), draft, [*specs, pinned, ReferenceSpec("large", "s3://data/large", 300 * TIB)])

    recorded = dict(draft.files.values_list("reference_identity", "reference_uri").filter(size=1))
    assert recorded == GOOD
    row = draft.files.get(path="pinned")
    assert (row.reference_uri, row.reference_version_id) == ("s3://data/a", "v/1")
    assert counts(draft)[1] == 300 * TIB + len(GOOD)
    assert identities.of_etag('"abc"') == identities.of_etag("abc") == "etag:abc"
    assert identities.of_etag('W/"abc"') == "etag:W/abc" and identities.of_etag('""') == ""


def test_a_version_of_references_alone_is_verified_at_once(bob, vera, artifact, draft, work):
    references.add(Actor(bob), draft, [TRAIN, WEB])
    lines = [
        f"train.csv\0ref:s3://data/train.csv v1 etag:abc\0{10}\n",
        f"web/a.txt\0ref:https://example.org/a.txt?page=1  \0{0}\n",
    ]
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    with pytest.raises(errors.BytesMismatch):
        finalize(bob, draft, digest="0" * 64)
    version = finalize(bob, draft, digest=digest, aliases=["raw"])

    assert (version.digest, version.integrity, version.reference_state) == (digest, "verified", "unchecked")
    assert counts(version) == (2, 10, 2, 10)
    assert not verification.pending_versions(version.finalized_at.replace(year=2100))
    verification.verify(str(version.pk))
    garbage_collection_leaves(version)
    # Another signature is the same version; another ETag is another one.
    fresh = [TRAIN, ReferenceSpec(WEB.path, WEB.uri.replace("secret", "fresh"))]
    same = versions.begin(Actor(bob), artifact, digest=digest, specs=fresh)
    assert (same.created, same.version) == (False, version)
    with pytest.raises(errors.VersionFinalized):
        references.add_one(Actor(bob), version, TRAIN)
    assert [str(found.pk) for found in search.of_kind(search.Search.of(vera, "file:train.csv"), "versions")] == [
        str(version.pk)
    ]
    file = version.files.get(path="train.csv")
    with pytest.raises(errors.Conflict, match=r"s3://data/train\.csv: its bytes are not stored"):
        downloads.presigned_url(Actor(vera), file)
    for act in (downloads.content, registry.image, registry.raw_type, lambda file: downloads.inline_url(file, "x/y")):
        with pytest.raises(errors.Conflict) as refusal:
            act(version.files.get(path=WEB.path))
        assert "secret" not in str(refusal.value)
    assert registry.preview(file, "vera").kind == "nothing"
    assert registry.compare(file, file, "vera").kind == "nothing"
    versions.delete(Actor(bob), version, delete_aliases=True)
    assert not ArtifactFile.objects.exists()


def garbage_collection_leaves(version: ArtifactVersion) -> None:
    garbage_collection.delete_orphans()
    assert version.files.count() == version.file_count


def test_client_and_server_compute_one_digest(bob, draft):
    specs = [
        TRAIN,
        WEB,
        ReferenceSpec("ü/日本", "s3://data/a b/ü", 2**49, "md5:" + "0" * 32),
        ReferenceSpec("z", "https://acme.blob.core.windows.net/data/a?sv=1&sig=s&page=1;token=t", 1, "etag:W/0x8"),
        ReferenceSpec("other", "hdfs://namenode/a"),
    ]
    references.add(Actor(bob), draft, [*specs, *file_specs({"a": b"aa"})])
    entries = [
        Entry(
            spec.path,
            spec.size,
            None,
            reference_uri=spec.uri,
            reference_identity=spec.identity,
            version_id=spec.version_id,
        )
        for spec in specs
    ]
    items = [entry.digest_item for entry in [*entries, Entry("a", 2, sha256(b"aa"))]]

    assert hashes.version_digest(items) == digests.of_version(draft)


def test_mixed_versions_wait_for_the_bytes(bob, artifact, work):
    draft = fill(bob, artifact, {"a.txt": b"a"}, packed=True)
    references.add(Actor(bob), draft, [TRAIN])
    mixed = digests.of_version(draft)
    # The client stated the digest of the file alone.
    with pytest.raises(errors.BytesMismatch):
        finalize(bob, draft)
    version = finalize(bob, draft, digest=mixed)
    assert (version.integrity, version.digest) == ("pending", mixed)
    work()
    assert reload(version).integrity == "verified"
    page = manifests.page(Actor(bob), reload(version), limit=10)
    assert [(row.path, row.reference_uri) for row in page.rows] == [("a.txt", None), ("train.csv", TRAIN.uri)]
    assert len(page.objects) == 1
    unsent = versions.begin(Actor(bob), artifact, specs=[TRAIN, *file_specs({"b": b"never sent"})]).version
    with pytest.raises(errors.VersionIncomplete) as refusal:
        finalize(bob, unsent)
    assert refusal.value.extra["paths"] == ["b"]


def test_a_readme_elsewhere_is_no_card(bob, artifact, draft):
    references.add(Actor(bob), draft, [ReferenceSpec("README.md", "s3://data/README.md", 5)])
    version = reload(finalize(bob, draft))

    assert highlights.of(version).card is None


def test_begin_takes_references(bob, artifact):
    begun = versions.begin(Actor(bob), artifact, specs=[TRAIN, *file_specs({"a": b"a"})])

    assert (begun.missing, counts(begun.version)) == ([sha256(b"a")], (2, 11, 1, 10))


def test_permissions(vera, mallory, bob, draft):
    for user in (vera, mallory):
        with pytest.raises(errors.Denied):
            references.add(Actor(user), draft, [TRAIN])
        with pytest.raises(errors.Denied):
            references.add_one(Actor(user), draft, TRAIN)
    log(bob, draft.artifact, {"a": b"a"})
    assert not draft.files.exists()


@pytest.mark.django_db(transaction=True)
def test_two_references_with_one_path_at_once(bob, draft):
    """One is added, whichever it is."""
    specs = [ReferenceSpec("same", f"s3://data/{number}") for number in range(2)]
    first, second = at_once(*(lambda spec=spec: references.add_one(Actor(bob), draft, spec) for spec in specs))

    assert {type(first), type(second)} == {ArtifactFile, errors.PathTaken}
    assert counts(draft)[0] == 1


def test_queries_do_not_grow_with_the_references(bob, draft, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        references.add(Actor(bob), draft, [ReferenceSpec(f"{n}", f"s3://data/{n}") for n in range(50)])


def test_without_references_nothing_more_is_asked(bob, artifact: Artifact, draft, django_assert_num_queries):
    with django_assert_num_queries(7):
        references.add(Actor(bob), draft, file_specs({"a": b"aa", "b": b"b"}))
