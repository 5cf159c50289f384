"""A draft becomes final: all at once, for ever, and only when every byte is there."""

import pytest

from accounts.actor import Actor, Channel
from artifacts import artifacts, storage, versions
from artifacts import draft_files as files
from artifacts.aliases import aliases, protection
from artifacts.content import arrivals, uploads
from artifacts.errors import AliasProtected, BytesMismatch, InvalidName, VersionIncomplete, VersionNotFound
from artifacts.models import AliasChange, Artifact, ArtifactAlias, ArtifactVersion
from core import errors
from tests.artifacts.client import (
    at_once,
    begin,
    digest_of,
    file_specs,
    fill,
    log,
    send,
    sha256,
    single_file,
    upload,
)

ARTIFACTS = "/api/v1/artifacts"


def finalize(user, version: ArtifactVersion, *names: str, **more) -> versions.FinalizeResult:
    return versions.finalize(Actor(user, Channel.SDK), version, aliases=names, **more)


def where(artifact: Artifact) -> dict[str, str]:
    return {row.alias: row.version.version for row in artifact.alias_set.select_related("version")}


def test_a_draft_becomes_final_with_its_aliases(bob, artifact):
    draft = fill(bob, artifact, {"a": b"a", "b": b"b"})
    done = finalize(bob, draft, "production", "v1.0.0")

    assert (done.version, done.created, done.version.is_finalized) == (draft, True, True)
    assert done.version.digest == digest_of({"a": b"a", "b": b"b"})
    assert [(move.alias.alias, move.before) for move in done.moves] == [
        ("latest", None), ("production", None), ("v1.0.0", None),
    ]  # fmt: skip
    assert where(artifact) == dict.fromkeys(["latest", "production", "v1.0.0"], "v1")
    artifact.refresh_from_db()
    assert (artifact.version_count, artifact.latest_version) == (1, "v1")


def test_the_wire(api, bob, artifact, v1):
    draft = fill(bob, artifact, {"a": b"a"})
    body = {"version_id": str(draft.pk), "digest": digest_of({"a": b"a"}), "uploads": [], "aliases": ["best"]}
    answer = api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/finalize", body)

    assert answer.status_code == 200
    payload = answer.json()
    expected = {
        "id": str(draft.pk), "version": "v2", "state": "finalized", "is_finalized": True, "created": True,
        "aliases": ["latest", "best"],
        "moved": [{"alias": "latest", "from": "v1", "to": "v2"}, {"alias": "best", "from": None, "to": "v2"}],
    }  # fmt: skip
    assert payload | expected == payload
    assert payload["finalized_at"] is not None


def test_it_is_described_at_the_same_time(bob, artifact):
    draft = fill(bob, artifact, {"a": b"a"})
    finalize(bob, draft, description="First")
    draft.refresh_from_db()

    assert (draft.is_finalized, draft.description) == (True, "First")
    finalize(bob, draft, description="Better said")
    draft.refresh_from_db()
    assert draft.description == "Better said"


def test_a_refused_finalize_leaves_the_description(alice, bob, artifact, v1):
    incomplete = begin(bob, artifact, {"a": b"a"}).version
    complete = fill(bob, artifact, {"b": b"b"})
    with pytest.raises(VersionIncomplete):
        finalize(bob, incomplete, description="new")
    with pytest.raises(BytesMismatch):
        finalize(bob, complete, description="new", digest="0" * 64)
    protection.create(Actor(alice), artifact, "production")
    with pytest.raises(AliasProtected):
        finalize(bob, complete, "production", description="new")

    assert set(ArtifactVersion.objects.values_list("description", flat=True)) == {""}


def test_finalizing_again_changes_nothing(api, bob, artifact, v1):
    client, url = api(bob), f"{ARTIFACTS}/versions/{v1.pk}/finalize"
    before = ArtifactVersion.objects.values().get()
    history = AliasChange.objects.count()
    first, second = client.post(url), client.post(url)

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert (first.json()["created"], first.json()["moved"]) == (False, [])
    assert ArtifactVersion.objects.values().get() == before
    assert AliasChange.objects.count() == history


def test_finalizing_again_may_give_further_names(bob, artifact, v1):
    finalize(bob, v1, "production")

    assert where(artifact) == {"latest": "v1", "production": "v1"}


def test_a_version_may_be_empty(bob, artifact):
    version = finalize(bob, versions.begin(Actor(bob), artifact).version).version

    assert (version.version, version.file_count, version.integrity, version.digest) == (
        "v1",
        0,
        "verified",
        sha256(b""),
    )


def test_the_digest_is_over_paths_in_the_order_of_bytes(bob, artifact):
    contents = {path: path.encode() for path in ["b", "a/b", "a-b", "Z", "é", "\U0001f642", "日", "a b"]}

    assert log(bob, artifact, contents).digest == digest_of(contents)


def test_a_store_that_refuses_wrong_bytes_is_believed_on_arrival(bob, artifact):
    version = log(bob, artifact, {"a": b"a"})

    assert storage.enforces_checksums()
    assert (version.integrity, version.files.get().blob.md5) == ("verified", None)


def test_a_version_of_known_bytes_needs_no_upload(bob, artifact, other, v1):
    version = log(bob, other, {"elsewhere": b"one"})

    assert list(storage.list_files(version.storage_path)) == []
    assert version.files.get().blob == v1.files.get().blob


def test_contents_that_came_to_be_the_newest_meanwhile_make_no_second_version(alice, bob, artifact):
    mine, hers = fill(bob, artifact, {"a": b"a"}), fill(alice, artifact, {"a": b"a"})
    finalize(alice, hers)
    done = finalize(bob, mine, "best")

    assert (done.version, done.created) == (hers, False)
    assert where(artifact) == {"latest": "v2", "best": "v2"}
    mine.refresh_from_db()
    assert (mine.state, mine.files.count()) == ("deleted", 0)
    artifact.refresh_from_db()
    assert artifact.version_count == 1


def test_asking_again_after_that_answers_the_same(api, alice, bob, artifact):
    mine, hers = fill(bob, artifact, {"a": b"a"}), fill(alice, artifact, {"a": b"a"})
    finalize(alice, hers)
    client, url = api(bob), f"{ARTIFACTS}/versions/{mine.pk}/finalize"

    assert client.post(url).json()["id"] == client.post(url).json()["id"] == str(hers.pk)
    assert api(alice).post(url).status_code == 404


def test_a_draft_filled_manually_is_a_version_of_its_own(bob, artifact, v1):
    draft = versions.begin(Actor(bob), artifact).version
    files.add(Actor(bob), draft, file_specs({"one.txt": b"one"}))

    assert finalize(bob, draft).version.version == "v2"


def test_a_draft_begun_earlier_does_not_take_latest_back(bob, artifact):
    old, new = fill(bob, artifact, {"a": b"old"}), fill(bob, artifact, {"a": b"new"})
    finalize(bob, new)
    finalize(bob, old, "first")

    assert where(artifact) == {"latest": "v2", "first": "v1"}
    artifact.refresh_from_db()
    assert (artifact.latest_version, artifact.version_count) == ("v2", 2)


def test_latest_follows_and_what_was_moved_manually_is_taken_on(bob, artifact, v1, v2):
    assert where(artifact) == {"latest": "v2"}
    aliases.move(Actor(bob, Channel.SDK), artifact, "latest", v1)
    assert where(artifact) == {"latest": "v1"}
    log(bob, artifact, {"three": b"3"})

    assert where(artifact) == {"latest": "v3"}


def test_latest_that_was_removed_manually_comes_back_with_the_next(bob, artifact, v1):
    aliases.remove(Actor(bob, Channel.SDK), artifact, "latest")
    log(bob, artifact, {"two": b"2"})

    assert where(artifact) == {"latest": "v2"}


def test_latest_can_be_left_to_people(bob, project):
    artifact = artifacts.create(Actor(bob), project, "by-hand", "model", auto_latest=False)
    log(bob, artifact, {"a": b"1"})
    assert where(artifact) == {}
    v2 = log(bob, artifact, {"a": b"2"}, "latest")
    log(bob, artifact, {"a": b"3"})

    assert where(artifact) == {"latest": "v2"}
    artifact.refresh_from_db()
    assert artifact.latest_version == "v3"
    versions.delete(Actor(bob, Channel.SDK), v2, delete_aliases=True)
    assert where(artifact) == {}


def test_a_name_given_twice_is_given_once(bob, artifact):
    done = finalize(bob, fill(bob, artifact, {"a": b"a"}), "latest", "x", "x", "latest")

    assert [move.alias.alias for move in done.moves] == ["latest", "x"]
    assert AliasChange.objects.count() == 2


def test_a_missing_object_is_reported_by_its_paths(api, bob, artifact):
    draft = begin(bob, artifact, {"a": b"a", "b/c": b"c", "d": b"d"}).version
    upload(bob, draft, [b"a"])
    with pytest.raises(VersionIncomplete) as refusal:
        finalize(bob, draft, "production")
    assert refusal.value.extra == {"paths": ["b/c", "d"], "missing": [sha256(b"c"), sha256(b"d")]}

    answer = api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/finalize")
    assert (answer.status_code, answer.json()["code"], answer.json()["paths"]) == (
        409,
        "VersionIncomplete",
        ["b/c", "d"],
    )
    draft.refresh_from_db()
    assert (draft.state, where(artifact), AliasChange.objects.count()) == ("draft", {}, 0)
    upload(bob, draft, [b"c", b"d"])
    assert finalize(bob, draft, "production").created


def test_bytes_that_vanished_before_the_end_are_missing(bob, artifact):
    draft = begin(bob, artifact, {"a": b"a"}).version
    [one] = uploads.begin(Actor(bob), draft, [single_file(b"a")])
    send(one.put, b"a")
    storage.delete_file(one.object.key)

    with pytest.raises(VersionIncomplete):
        finalize(bob, draft)


def test_another_digest_than_the_files_make(api, bob, artifact):
    draft = versions.begin(Actor(bob), artifact, digest="0" * 64, specs=file_specs({"a": b"a"})).version
    upload(bob, draft, [b"a"])
    for more in ({}, {"digest": "1" * 64}):
        with pytest.raises(BytesMismatch) as refusal:
            finalize(bob, draft, **more)
        assert refusal.value.extra["digest"] == digest_of({"a": b"a"})

    answer = api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/finalize")
    assert (answer.status_code, answer.json()["code"]) == (409, "BytesMismatch")
    assert ArtifactVersion.objects.finalized().count() == 0
    assert finalize(bob, draft, digest=digest_of({"a": b"a"})).created


def test_bytes_known_to_be_corrupt_never_become_final(bob, artifact, work):
    draft = begin(bob, artifact, {"a": b"aa", "b": b"bb"}).version
    upload(bob, draft, [b"aa", b"bb"], packed=True)
    arrivals.collect(draft)
    storage.upload_file(draft.files.get(path="a").blob.object.key, b"aaXX")
    work()
    with pytest.raises(BytesMismatch) as refusal:
        finalize(bob, draft)
    assert refusal.value.extra["paths"] == ["b"]

    again = begin(bob, artifact, {"a": b"aa", "b": b"bb"})
    assert (again.version, again.missing) == (draft, [sha256(b"bb")])
    upload(bob, draft, [b"bb"])
    assert finalize(bob, draft).created


@pytest.mark.parametrize("alias", ["", " ", "a b", "ä", "-x", ".x", "x" * 101, "x\n", "a/b", "a:b", "x\0"])
def test_one_bad_alias_refuses_all(api, bob, artifact, alias):
    draft = fill(bob, artifact, {"a": b"a"})
    with pytest.raises(InvalidName):
        finalize(bob, draft, "fine", alias)

    answer = api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/finalize", {"aliases": ["fine", alias]})
    assert answer.status_code == 400
    draft.refresh_from_db()
    assert (draft.state, ArtifactAlias.objects.count(), AliasChange.objects.count()) == ("draft", 0, 0)


@pytest.mark.parametrize(
    "body",
    [
        {"digest": "x"}, {"aliases": "x"}, {"aliases": [["x"]]}, {"aliases": ["x"] * 101}, {"uploads": {}},
        {"uploads": [{"id": "x"}]}, {"uploads": [{}]}, [], "x",
        {"uploads": [{"id": "0" * 32, "parts": [{"number": 0, "etag": "a"}]}]},
        {"uploads": [{"id": "0" * 32, "parts": [{"number": 1, "etag": "<a>"}]}]},
    ],
)  # fmt: skip
def test_odd_bodies_are_refused(api, bob, artifact, body):
    draft = fill(bob, artifact, {"a": b"a"})

    assert api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/finalize", body).status_code == 400
    draft.refresh_from_db()
    assert draft.state == "draft"


def test_wrong_parts_do_not_make_an_object(bob, artifact):
    body = b"x" * (6 * 2**20)
    draft = begin(bob, artifact, {"big": body}).version
    part = 5 * 2**20
    upload_request = uploads.UploadRequest(
        "file", sha256(body), len(body), part, (sha256(body[:part]), sha256(body[part:]))
    )
    [one] = uploads.begin(Actor(bob), draft, [upload_request])
    etags = {part.number: send(part.put, body[part.offset : part.offset + part.size]) for part in one.parts}
    for wrong in ({1: etags[1], 2: "0" * 32}, {1: etags[1]}, {1: etags[1], 2: etags[2], 3: "0" * 32}):
        with pytest.raises(errors.Conflict):
            finalize(bob, draft, completed=[arrivals.CompletedUpload(str(one.object.pk), wrong)])
        assert uploads.begin(Actor(bob), draft, [upload_request])[0].object.state == "expected"

    assert finalize(bob, draft, completed=[arrivals.CompletedUpload(str(one.object.pk), etags)]).created


def test_a_deleted_version_cannot_be_finalized(api, bob, artifact, v1):
    versions.delete(Actor(bob, Channel.SDK), v1)
    v1.refresh_from_db()
    with pytest.raises(VersionNotFound):
        finalize(bob, v1)

    assert api(bob).post(f"{ARTIFACTS}/versions/{v1.pk}/finalize").status_code == 404


def test_who_left_the_team_learns_nothing_of_what_they_made(api, bob, acme, artifact, v1):
    versions.delete(Actor(bob, Channel.SDK), v1)
    acme.memberships.filter(user=bob).delete()

    assert api(bob).post(f"{ARTIFACTS}/versions/{v1.pk}/finalize").status_code == 404


def test_a_viewer_finalizes_nothing(api, vera, bob, artifact, v1):
    draft = fill(bob, artifact, {"a": b"a"})
    with pytest.raises(errors.Denied):
        finalize(vera, draft)

    assert api(vera).post(f"{ARTIFACTS}/versions/{draft.pk}/finalize").status_code == 404
    assert api(vera).post(f"{ARTIFACTS}/versions/{v1.pk}/finalize", {"aliases": ["x"]}).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_finalizing_at_once_is_once(api, bob, artifact):
    draft = fill(bob, artifact, {"a": b"a", "b": b"b"})
    client, url = api(bob), f"{ARTIFACTS}/versions/{draft.pk}/finalize"
    answers = at_once(*[lambda: client.post(url, {"aliases": ["best"]}) for _ in range(6)])

    assert [answer.status_code for answer in answers] == [200] * 6
    assert sorted(answer.json()["created"] for answer in answers) == [False] * 5 + [True]
    artifact.refresh_from_db()
    assert (artifact.version_count, AliasChange.objects.count()) == (1, 2)


@pytest.mark.django_db(transaction=True)
def test_many_drafts_finalized_at_once_leave_latest_on_the_newest(bob, artifact):
    drafts = [fill(bob, artifact, {"a": f"{number}".encode()}) for number in range(6)]
    at_once(*[lambda draft=draft: finalize(bob, draft, "best") for draft in drafts])

    artifact.refresh_from_db()
    assert (artifact.version_count, artifact.latest_version, where(artifact)["latest"]) == (6, "v6", "v6")
    moves = AliasChange.objects.filter(alias="best").order_by("number")
    assert [move.number for move in moves] == [1, 2, 3, 4, 5, 6]
    assert [move.from_version_id for move in moves][1:] == [move.to_version_id for move in moves][:-1]


@pytest.mark.django_db(transaction=True)
def test_adding_while_finalizing_is_all_or_nothing(bob, artifact):
    draft = fill(bob, artifact, {"a": b"a"})
    late = file_specs({"late": b"late"})
    added, done = at_once(lambda: files.add(Actor(bob), draft, late), lambda: finalize(bob, draft))

    assert isinstance(added, Exception) != isinstance(done, Exception)
    draft.refresh_from_db()
    assert draft.files.count() == draft.file_count == (1 if draft.is_finalized else 2)
