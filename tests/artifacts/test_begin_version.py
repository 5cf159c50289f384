"""A draft is begun: its number, the files stated with it, and what need not be sent."""

from uuid import UUID

import pytest

from accounts.actor import Actor, Channel
from artifacts import draft_files as files
from artifacts import versions
from artifacts.errors import InvalidPath, PathTaken
from artifacts.models import ArtifactFile, ArtifactVersion, Blob
from core import errors
from projects.models import Project, Run
from tests.artifacts.client import at_once, begin, digest_of, file_specs, fill, log, sha256, upload

ARTIFACTS = "/api/v1/artifacts"


def test_the_first_version_is_v1(bob, artifact):
    begun = versions.begin(Actor(bob), artifact)

    assert (begun.version.version, begun.created, begun.missing) == ("v1", True, [])
    assert begun.version.state == ArtifactVersion.State.DRAFT


def test_what_the_store_has_not_is_missing(bob, artifact):
    begun = begin(bob, artifact, {"a": b"a", "b": b"b", "again/a": b"a"})

    assert begun.missing == sorted([sha256(b"a"), sha256(b"b")])
    assert (begun.version.file_count, begun.version.total_size) == (3, 3)


def test_the_body_of_a_draft_is_complete(api, bob, artifact, run):
    requested = {
        "artifact_id": str(artifact.pk),
        "digest": digest_of({"a/b.txt": b"ab"}),
        "files": [{"path": "a/b.txt", "size": 2, "sha256": sha256(b"ab"), "mime_type": "text/x-own"}],
        "run_id": str(run.pk), "description": "First", "notes": "N", "metadata": {"k": None},
    }  # fmt: skip
    answer = api(bob).post(f"{ARTIFACTS}/{artifact.pk}/versions", requested)

    assert answer.status_code == 201
    body = answer.json()
    assert body.keys() == {
        "id", "artifact_id", "artifact_name", "artifact_type", "project_name", "version", "number", "state",
        "is_finalized", "digest", "file_count", "total_size", "storage_path", "integrity", "description", "notes",
        "metadata", "aliases", "run_id", "run_name", "created_by", "created_at", "finalized_at", "expires_at", "url",
        "created", "missing", "project", "reference_count", "referenced_size", "reference_state",
        "references_checked_at", "tags", "ttl_seconds", "linked_from",
    }  # fmt: skip
    payload = {
        "artifact_id": str(artifact.pk), "artifact_name": "data", "artifact_type": "dataset",
        "project_name": "acme/demo", "version": "v1", "number": 1, "state": "draft", "is_finalized": False,
        "file_count": 1, "total_size": 2, "integrity": "pending", "description": "First", "notes": "N",
        "metadata": {"k": None}, "aliases": [], "run_id": str(run.pk), "run_name": run.name, "created_by": "bob",
        "finalized_at": None, "expires_at": None, "created": True, "missing": [sha256(b"ab")],
        "digest": requested["digest"],
    }  # fmt: skip
    assert body | payload == body
    path = f"projects/{artifact.project_id}/artifacts/{artifact.pk}/versions/{body['id']}"
    assert body["storage_path"] == path


def test_an_empty_body_begins_an_empty_draft(api, bob, artifact):
    answer = api(bob).post(f"{ARTIFACTS}/{artifact.pk}/versions")

    assert (answer.status_code, answer.json()["version"], answer.json()["file_count"]) == (201, "v1", 0)


def test_numbers_are_never_used_again(bob, artifact, v1, v2):
    versions.delete(Actor(bob, Channel.SDK), versions.begin(Actor(bob), artifact).version)
    versions.delete(Actor(bob, Channel.SDK), v2)

    assert versions.begin(Actor(bob), artifact).version.version == "v4"


def test_the_newest_version_with_the_same_contents_is_the_answer(api, bob, artifact, v1):
    begun = begin(bob, artifact, {"one.txt": b"one"})
    assert (begun.version, begun.created, begun.missing) == (v1, False, [])

    digest = digest_of({"one.txt": b"one"})
    answer = api(bob).post(f"{ARTIFACTS}/{artifact.pk}/versions", {"digest": digest})
    assert (answer.status_code, answer.json()["id"], answer.json()["created"]) == (200, str(v1.pk), False)
    assert ArtifactVersion.objects.count() == 1


def test_an_older_version_with_the_same_contents_is_not(bob, artifact, v1, v2):
    begun = begin(bob, artifact, {"one.txt": b"one"})

    assert (begun.version.version, begun.created, begun.missing) == ("v3", True, [])


def test_an_interrupted_try_goes_on_in_its_draft(api, bob, artifact):
    files = {"a": b"a", "b": b"b"}
    first = begin(bob, artifact, files)
    upload(bob, first.version, [b"a"])
    second = begin(bob, artifact, files)
    assert (second.version, second.created) == (first.version, False)

    body = {"digest": digest_of(files)}
    body["files"] = [{"path": path, "size": 1, "sha256": sha256(data)} for path, data in files.items()]
    answer = api(bob).post(f"{ARTIFACTS}/{artifact.pk}/versions", body)
    assert (answer.status_code, answer.json()["id"], answer.json()["state"]) == (200, str(first.version.pk), "draft")


def test_the_draft_is_of_the_run_that_completes_it(bob, project, artifact, run):
    digest, stated = digest_of({"a": b"a"}), file_specs({"a": b"a"})
    versions.begin(Actor(bob), artifact, digest=digest, specs=stated, description="the one that crashed")
    again = versions.begin(Actor(bob), artifact, digest=digest, specs=stated, run=run, metadata={"try": 2})

    assert not again.created
    assert (again.version.run, again.version.description, again.version.metadata) == (run, "", {"try": 2})


def test_somebody_elses_draft_is_left_alone(alice, bob, artifact):
    theirs = begin(alice, artifact, {"a": b"a"}).version

    assert begin(bob, artifact, {"a": b"a"}).version != theirs


def test_bytes_that_were_verified_are_shared_in_the_project(alice, bob, artifact, other, work):
    log(alice, artifact, {"a": b"the same bytes"})
    work()

    assert begin(bob, other, {"b": b"the same bytes"}).missing == []
    assert Blob.objects.count() == 1


def test_ones_own_bytes_are_shared_before_a_worker_saw_them(bob, artifact, other):
    log(bob, artifact, {"a": b"mine", "b": b"too"}, packed=True)
    assert set(Blob.objects.values_list("state", flat=True)) == {"uploaded"}

    assert begin(bob, other, {"c": b"mine"}).missing == []


def test_a_digest_is_no_ticket_to_bytes_that_nobody_verified(alice, bob, artifact, other, work):
    log(alice, artifact, {"a": b"hers", "b": b"too"}, packed=True)

    assert begin(bob, other, {"c": b"hers"}).missing == [sha256(b"hers")]
    work()
    assert begin(bob, other, {"d": b"hers", "e": b"e"}).missing == [sha256(b"e")]


def test_a_digest_is_no_ticket_to_bytes_of_another_project(bob, mallory, artifact, foreign, work):
    log(bob, artifact, {"a": b"a secret"})
    work()

    assert begin(mallory, foreign, {"a": b"a secret"}).missing == [sha256(b"a secret")]


def test_a_digest_is_no_ticket_to_bytes_of_another_size(bob, artifact, other, work):
    log(bob, artifact, {"a": b"four"})
    work()

    begun = versions.begin(Actor(bob), other, specs=[files.FileSpec("a", 5, sha256(b"four"))])
    assert begun.missing == [sha256(b"four")]


def test_bytes_that_did_not_arrive_are_missing_for_the_next_too(bob, artifact, other):
    begin(bob, artifact, {"a": b"never sent"})

    assert begin(bob, other, {"a": b"never sent"}).missing == [sha256(b"never sent")]


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"digest": "abc"}, 400, "Invalid"),
        ({"digest": "A" * 64}, 400, "Invalid"),
        ({"digest": "a" * 64 + "\n"}, 400, "Invalid"),
        ({"files": {}}, 400, "Invalid"),
        ({"files": ["a"]}, 400, "Invalid"),
        ({"files": [{"path": "a", "size": 1}]}, 400, "Invalid"),
        ({"files": [{"path": "a", "size": -1, "sha256": "a" * 64}]}, 400, "Invalid"),
        ({"files": [{"path": "a", "size": 2**60, "sha256": "a" * 64}]}, 400, "Invalid"),
        ({"files": [{"path": "a", "size": "1", "sha256": "a" * 64}]}, 400, "Invalid"),
        ({"files": [{"path": "a", "size": True, "sha256": "a" * 64}]}, 400, "Invalid"),
        ({"files": [{"path": "a", "size": 1.0, "sha256": "a" * 64}]}, 400, "Invalid"),
        ({"files": [{"path": "a", "size": 1, "sha256": "a" * 63}]}, 400, "Invalid"),
        ({"files": [{"path": "a", "size": 1, "sha256": "g" * 64}]}, 400, "Invalid"),
        ({"files": [{"path": "a", "size": 1, "sha256": "a" * 64 + "\n"}]}, 400, "Invalid"),
        ({"files": [{"path": "a", "size": 1, "sha256": "a" * 64, "md5": "b"}]}, 400, "Invalid"),
        ({"files": [{"path": "a", "size": 1, "sha256": "a" * 64, "mime_type": "x\ny"}]}, 400, "Invalid"),
        ({"files": [{"path": "a", "size": 1, "sha256": "a" * 64, "mime_type": 7}]}, 400, "Invalid"),
        ({"files": [{"path": "a", "size": 1, "sha256": "a" * 64, "blob": 7}]}, 400, "Invalid"),
        ({"files": [{"path": 7, "size": 1, "sha256": "a" * 64}]}, 400, "Invalid"),
        ({"files": [{"path": "../a", "size": 1, "sha256": "a" * 64}]}, 400, "InvalidPath"),
        ({"files": [{"path": "", "size": 1, "sha256": "a" * 64}]}, 400, "InvalidPath"),
        ({"files": [{"path": "a", "size": 1, "sha256": "a" * 64}] * 2}, 409, "PathTaken"),
        ({"metadata": []}, 400, "Invalid"),
        ({"run_id": "7"}, 400, "Invalid"),
        ({"run_id": str(UUID(int=7))}, 404, "Missing"),
        ({"artifact_id": str(UUID(int=7))}, 400, "Invalid"),
        ([], 400, "Invalid"),
        ("text", 400, "Invalid"),
    ],
)
def test_odd_bodies_are_refused_and_no_number_is_spent(api, bob, artifact, wrong, status, code):
    answer = api(bob).post(f"{ARTIFACTS}/{artifact.pk}/versions", wrong)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    artifact.refresh_from_db()
    assert (artifact.last_assigned_number, ArtifactVersion.objects.count(), Blob.objects.count()) == (None, 0, 0)


def test_more_files_than_one_call_takes(api, bob, artifact):
    files = [{"path": f"f/{number}", "size": 1, "sha256": "a" * 64} for number in range(10_001)]

    assert api(bob).post(f"{ARTIFACTS}/{artifact.pk}/versions", {"files": files}).status_code == 400
    assert ArtifactVersion.objects.count() == 0
    assert api(bob).post(f"{ARTIFACTS}/{artifact.pk}/versions", {"files": files[1:]}).json()["file_count"] == 10_000


@pytest.mark.parametrize("paths", [["a", "a/b"], ["a/b/c", "x", "a"], ["a/b", "a/b/c/d"]])
def test_a_file_cannot_be_the_folder_of_another(bob, artifact, paths):
    with pytest.raises(PathTaken):
        begin(bob, artifact, {path: path.encode() for path in paths})

    assert ArtifactVersion.objects.count() == 0


def test_one_bad_path_refuses_all(bob, artifact):
    with pytest.raises(InvalidPath):
        begin(bob, artifact, {"fine": b"1", "not/../fine": b"2"})

    assert (ArtifactVersion.objects.count(), ArtifactFile.objects.count()) == (0, 0)


def test_a_run_of_another_project_is_refused(api, bob, acme, artifact):
    elsewhere = Project.objects.create(team=acme, name="elsewhere", created_by=bob)
    run = Run.objects.create(project=elsewhere, name="r", created_by=bob)

    with pytest.raises(errors.Invalid):
        versions.begin(Actor(bob), artifact, run=run)
    assert api(bob).post(f"{ARTIFACTS}/{artifact.pk}/versions", {"run_id": str(run.pk)}).status_code == 400


def test_a_run_that_one_does_not_see_is_missing(api, bob, mallory, artifact, foreign):
    run = Run.objects.create(project=foreign.project, name="r", created_by=mallory)

    assert api(bob).post(f"{ARTIFACTS}/{artifact.pk}/versions", {"run_id": str(run.pk)}).status_code == 404


def test_a_viewer_begins_nothing(api, vera, artifact):
    with pytest.raises(errors.Denied):
        versions.begin(Actor(vera), artifact)

    assert api(vera).post(f"{ARTIFACTS}/{artifact.pk}/versions").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_get_twenty_numbers(api, bob, artifact):
    client = api(bob)
    client.get(f"{ARTIFACTS}/{artifact.pk}")
    answers = at_once(*[lambda: client.post(f"{ARTIFACTS}/{artifact.pk}/versions") for _ in range(20)])

    assert [answer.status_code for answer in answers] == [201] * 20
    assert sorted(answer.json()["number"] for answer in answers) == list(range(1, 21))
    artifact.refresh_from_db()
    assert artifact.last_assigned_number == 20


@pytest.mark.django_db(transaction=True)
def test_two_who_begin_the_same_contents_twice_have_one_draft(bob, artifact):
    drafts = at_once(*[lambda: begin(bob, artifact, {"a": b"a"}).version for _ in range(4)])

    assert len(set(drafts)) == 1
    assert ArtifactFile.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_clients_who_log_the_same_bytes_make_one_version(alice, bob, artifact):
    contents = {"a": b"the same", "b/c": b"bytes"}
    drafts = [fill(user, artifact, contents) for user in (alice, bob)]
    assert drafts[0] != drafts[1]

    def close(user, draft) -> versions.FinalizeResult:
        return versions.finalize(Actor(user, Channel.SDK), draft, aliases=[f"from-{user.username}"])

    done = at_once(lambda: close(alice, drafts[0]), lambda: close(bob, drafts[1]))

    assert sorted(item.created for item in done) == [False, True]
    [version] = ArtifactVersion.objects.finalized()
    assert {item.version for item in done} == {version}
    assert set(version.aliases.values_list("alias", flat=True)) == {"latest", "from-alice", "from-bob"}
    assert close(alice, drafts[0]).version == close(bob, drafts[1]).version == version


@pytest.mark.django_db(transaction=True)
def test_two_clients_may_do_everything_at_once(alice, bob, artifact):
    contents = {f"f{number}": f"{number}".encode() for number in range(5)}
    done = at_once(*[lambda user=user: log(user, artifact, contents) for user in (alice, bob, alice, bob)])

    [version] = ArtifactVersion.objects.finalized()
    assert set(done) == {version}
    assert (version.file_count, version.digest) == (5, digest_of(contents))
    assert file_specs(contents) == [
        files.FileSpec(path, size, sha) for path, size, sha in version.files.values_list("path", "size", "blob__sha256")
    ]
