"""What is different between two versions."""

import pytest

from accounts.actor import Actor, Channel
from artifacts import artifacts, name_resolution, version_diff, versions
from artifacts.content import single_upload
from artifacts.draft_files import FileSpec
from artifacts.errors import AliasNotFound, Missing, VersionNotFound
from artifacts.models import ArtifactVersion, Blob
from artifacts.references.references import ReferenceSpec
from tests.artifacts.client import fill, log, md5, send, sha256


@pytest.fixture
def pair(bob, artifact, work) -> tuple[ArtifactVersion, ArtifactVersion]:
    """In the second version b/old went, c/new came, and d changed; a stayed."""
    one = log(bob, artifact, {"a": b"same", "b/old": b"old", "d": b"one\ntwo\n"}, "production")
    two = log(bob, artifact, {"a": b"same", "c/new": b"new!", "d": b"one\n2\n"})
    work()
    return ArtifactVersion.objects.get(pk=one.pk), ArtifactVersion.objects.get(pk=two.pk)


def payload(changes: version_diff.FileChanges) -> dict[str, str]:
    return {change.path: change.kind for change in changes.page}


def counts(changes: version_diff.FileChanges) -> tuple[int, int, int, int]:
    return changes.added, changes.removed, changes.changed, changes.unchanged


def test_files_added_removed_and_changed(pair):
    result = version_diff.files(*pair)

    assert payload(result) == {"b/old": "removed", "c/new": "added", "d": "changed"}
    assert (counts(result), result.next_cursor) == ((1, 1, 1, 1), None)
    old, new, changed = result.page
    assert (old.before.size, old.after, old.sha256_before) == (3, None, sha256(b"old"))
    assert (new.after.size, new.before, new.sha256_after) == (4, None, sha256(b"new!"))
    assert (changed.sha256_before, changed.sha256_after) == (sha256(b"one\ntwo\n"), sha256(b"one\n2\n"))
    assert [change.has_lines for change in result.page] == [False, False, True]


def test_in_the_other_direction(pair):
    assert payload(version_diff.files(*pair[::-1])) == {"b/old": "added", "c/new": "removed", "d": "changed"}


def test_a_version_is_the_same_as_itself(pair):
    assert counts(version_diff.files(pair[0], pair[0])) == (0, 0, 0, 3)


def test_paths_pass_by_in_one_order_everywhere(bob, artifact):
    """By code points, not as a language sorts: a walk in step would lose its step otherwise."""
    paths = ["A", "a", "Z", "ä", "z", "aa-b", "aa/b", "aa b", "aa.b", "😀", "￮", "_", "é/x", "é-"]
    one = log(bob, artifact, dict.fromkeys(paths, b"1"))
    two = log(bob, artifact, dict.fromkeys(paths[::2], b"1"))

    assert counts(version_diff.files(one, two)) == (0, 7, 0, 7)
    assert list(payload(version_diff.files(one, two))) == sorted(paths[1::2])


def test_changes_come_in_pages(bob, artifact):
    one = log(bob, artifact, {f"{number:02}": b"1" for number in range(25)})
    two = log(bob, artifact, {f"{number:02}": b"2" for number in range(25)})

    pages, paths, after = [], [], ""
    while after is not None:
        result = version_diff.files(one, two, after=after, limit=10)
        assert counts(result) == (0, 0, 25, 0)
        pages.append(len(result.page))
        paths += [change.path for change in result.page]
        after = result.next_cursor
    assert pages == [10, 10, 5]
    assert paths == [f"{number:02}" for number in range(25)]


def test_bytes_that_were_sent_twice_are_the_same_once_they_are_read(alice, bob, artifact, work):
    """One by one, nobody states a hash: two blobs hold the same bytes until a worker has read them."""

    def sent(user, *bodies: bytes) -> ArtifactVersion:
        draft = versions.begin(Actor(user), artifact).version
        for number, body in enumerate(bodies):
            obj = single_upload.begin(Actor(user), draft, FileSpec(f"{number}", len(body)))
            send(single_upload.sign_put(obj), body)
            single_upload.register(Actor(user), draft, FileSpec(f"{number}", len(body)), obj.key)
        return versions.finalize(Actor(user, Channel.SDK), draft).version

    one, two = sent(alice, b"same", b"mine"), sent(bob, b"same", b"your")
    assert counts(version_diff.files(one, two)) == (0, 0, 2, 0)  # Who knows?

    first = one.files.select_related("blob").get(path="0").blob
    second = two.files.select_related("blob").get(path="0").blob
    for blob in (first, second):
        blob.sha256 = sha256(b"same")
        blob.save()
    assert payload(version_diff.files(one, two)) == {"1": "changed"}
    # The wandb client states an md5 alone.
    Blob.objects.filter(pk__in=[first.pk, second.pk]).update(sha256=None, md5=md5(b"same"))
    assert payload(version_diff.files(one, two)) == {"1": "changed"}
    work()
    one.refresh_from_db()
    two.refresh_from_db()
    assert payload(version_diff.files(one, two)) == {"1": "changed"}


def test_references_are_compared_by_what_they_name(bob, artifact, pair):
    for version, end in zip(pair, "12", strict=True):
        for name, uri in (("same", "s3://b/k"), ("moved", f"s3://b/{end}")):
            ReferenceSpec(name, uri, size=1).to_file(version).save()
        secret = f"https://example.org/a?page=1&sig={end}"
        ReferenceSpec("signed", secret, identity="etag:same").to_file(version).save()
        ReferenceSpec("etag", "s3://b/k", identity=f"etag:{end}").to_file(version).save()
        ReferenceSpec("version", "s3://b/k", version_id=end).to_file(version).save()
    ReferenceSpec("c/new", "s3://b/k").to_file(pair[0]).save()
    ReferenceSpec("table.csv", "s3://b/k").to_file(pair[0]).save()
    ReferenceSpec("table.csv", "s3://b/l").to_file(pair[1]).save()
    result = version_diff.files(*pair)

    changed = dict.fromkeys(("moved", "etag", "version", "c/new", "d", "table.csv"), "changed")
    assert payload(result) == {"b/old": "removed", **changed}
    [etag] = [change for change in result.page if change.path == "etag"]
    assert (etag.before.reference, etag.before.reference_identity, etag.after.reference_identity) == (
        "s3://b/k",
        "etag:1",
        "etag:2",
    )
    for path in ("moved", "c/new", "table.csv"):
        assert version_diff.file(*pair, path, "vera").lines.reason.startswith("The file is a reference")


def test_queries_do_not_grow_with_the_files(bob, artifact, pair, django_assert_num_queries):
    with django_assert_num_queries(3):
        version_diff.files(*pair)


def test_newest_and_the_one_before_are_meant_by_default(bob, artifact, pair):
    one, two = pair
    fill(bob, artifact, {"draft": b"x"})

    assert name_resolution.resolve_pair(artifact) == (one, two)
    assert name_resolution.resolve_pair(artifact, head="v2") == (one, two)
    assert name_resolution.resolve_pair(artifact, base="latest", head="production") == (two, one)
    assert name_resolution.resolve_pair(artifact, base="production") == (one, two)
    assert name_resolution.resolve_pair(artifact, head="v1") == (None, one)


def test_versions_that_went_are_not_meant(bob, artifact, pair):
    third = log(bob, artifact, {"x": b"x"})
    versions.delete(Actor(bob, Channel.SDK), pair[1])

    assert name_resolution.resolve_pair(artifact) == (pair[0], third)
    for name, refusal in (("v2", VersionNotFound), ("v9", VersionNotFound), ("nope", AliasNotFound)):
        with pytest.raises(refusal):
            name_resolution.resolve_pair(artifact, base=name)


def test_an_artifact_without_versions(alice, project):
    assert name_resolution.resolve_pair(artifacts.create(Actor(alice), project, "empty", "file")) == (None, None)


def test_metadata_key_by_key():
    before = {"rows": 1, "split": {"train": 0.8, "test": 0.2}, "gone": None, "same": [1, {"a": 2}]}
    after = {"rows": True, "split": {"train": 0.9, "test": 0.2}, "new": "é", "same": [1, {"a": 2}]}

    result, total = version_diff.metadata(before, after)
    assert [(item.key, item.kind, item.before, item.after) for item in result] == [
        ("gone", "removed", "null", None),
        ("new", "added", None, '"é"'),
        ("rows", "changed", "1", "true"),
        ("split.train", "changed", "0.8", "0.9"),
    ]
    assert total == 4
    assert version_diff.metadata(before, before) == ([], 0)


def test_integers_of_thousands_of_digits_have_no_difference():
    largest = int("9" * 4300)
    result, total = version_diff.metadata({"n": -largest}, {"n": largest})
    assert (total, result[0].delta) == (1, "")


def test_metadata_of_any_size_is_rendered_in_part():
    result, total = version_diff.metadata({}, {str(number): "x" * 5000 for number in range(1000)})

    assert (len(result), total) == (version_diff.MAX_METADATA_CHANGES, 1000)
    assert result[0].after.startswith('"xxx') and result[0].after.endswith("… (5,002 characters)")


def test_lines_of_a_text(pair):
    diff = version_diff.lines(*pair, "d").diff

    assert [(row.kind, row.before.own, row.after.own) for group in diff.groups for row in group] == [
        ("same", "", ""),
        ("changed", "two", "2"),
    ]
    assert version_diff.lines(*pair, "a").reason == "The bytes are the same."
    assert version_diff.lines(*pair, "c/new").diff.added == 1
    with pytest.raises(Missing):
        version_diff.lines(*pair, "nowhere")


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"\x89PNG\r\n\x1a\n", "Not a text"), (b"a\0b", "Not a text"), (b"x" * (2**18 + 1), "Too large")],
)
def test_what_has_no_lines(bob, artifact, body, reason):
    one, two = log(bob, artifact, {"f": b"text"}), log(bob, artifact, {"f": body})

    assert version_diff.lines(one, two, "f").reason.startswith(reason)


def test_packed_files_have_lines_too(bob, artifact):
    one = log(bob, artifact, {"x": b"1\n", "y": b"2\n"}, packed=True)
    two = log(bob, artifact, {"x": b"3\n", "y": b"2\n"}, packed=True)

    assert version_diff.lines(one, two, "x").diff.removed == 1
