"""The executable bit of a file: stored beside the digest, which stays that of the contents."""

from accounts.actor import Actor, Channel
from artifacts import version_diff, versions
from artifacts.content import digests, single_upload
from artifacts.draft_files import FileSpec
from tests.artifacts.client import digest_of, file_specs, send, sha256, upload

ARTIFACTS = "/api/v1/artifacts"
FILES = {"bin/run": b"#!", "data": b"1"}


def begin(user, artifact, executables=(), digest=True):
    specs = [spec._replace(executable=spec.path in executables) for spec in file_specs(FILES)]
    stated = digests.of_executables(executables) if digest else None
    return versions.begin(Actor(user), artifact, digest=digest_of(FILES), executable_digest=stated, specs=specs)


def finalize(user, draft):
    upload(user, draft, FILES.values())
    return versions.finalize(Actor(user, Channel.SDK), draft)


def test_files_that_become_executable_are_another_version_of_the_same_digest(bob, artifact):
    first = finalize(bob, begin(bob, artifact).version).version
    assert begin(bob, artifact).version == first

    second = begin(bob, artifact, ["bin/run"])
    assert (second.created, second.missing) == (True, [])
    second = finalize(bob, second.version).version
    assert (second.version, second.digest, second.executable_digest) == ("v2", first.digest, sha256(b"bin/run\0"))
    assert begin(bob, artifact, ["bin/run"]).version == second
    changes = version_diff.files(first, second)
    assert [change.path for change in changes.page] == ["bin/run"]
    assert version_diff.lines(first, second, "bin/run").reason == (
        "The bytes are the same: only the executable bit differs."
    )


def test_a_client_that_knows_of_no_such_bit_gets_the_newest(bob, artifact):
    finalize(bob, begin(bob, artifact).version)
    second = finalize(bob, begin(bob, artifact, ["bin/run"]).version).version

    assert begin(bob, artifact, digest=False).version == second


def test_of_two_drafts_at_once_the_second_gives_way_to_its_like_alone(alice, bob, artifact):
    plain, executable, again = (begin(bob, artifact), begin(bob, artifact, ["data"]), begin(alice, artifact, ["data"]))
    assert len({plain.version, executable.version, again.version}) == 3
    first = finalize(bob, plain.version).version
    second = finalize(bob, executable.version).version
    assert (first.version, second.version) == ("v1", "v2")

    assert finalize(alice, again.version).version == second
    again.version.refresh_from_db()
    assert versions.finalize(Actor(alice, Channel.SDK), again.version).version == second


def test_a_resumed_draft_has_the_bits_of_the_last_try(bob, artifact):
    draft = begin(bob, artifact, ["bin/run"], digest=False).version
    resumed = begin(bob, artifact, ["data"], digest=False)

    assert resumed.version == draft
    assert list(draft.files.filter(is_executable=True).values_list("path", flat=True)) == ["data"]
    assert finalize(bob, draft).version.executable_digest == sha256(b"data\0")


def test_only_executable_files_say_so(api, bob, artifact):
    draft = versions.begin(Actor(bob), artifact).version
    url = f"{ARTIFACTS}/versions/{draft.pk}"
    stated = [{"path": path, "size": len(body), "sha256": sha256(body)} for path, body in FILES.items()]
    stated[0]["executable"] = True
    assert api(bob).post(f"{url}/files/batch", {"files": stated}).json()["added"] == 2
    upload(bob, draft, FILES.values())
    sent = single_upload.begin(Actor(bob), draft, FileSpec("sent", 1))
    send(single_upload.sign_put(sent), b"x")
    body = {"path": "sent", "size": 1, "storage_key": sent.key, "executable": True}
    assert api(bob).post(f"{url}/files", body).json()["executable"] is True

    files = api(bob).get(f"{url}/files").json()["items"]
    entries = api(bob).get(f"{url}/manifest").json()["entries"]
    for records in (files, entries):
        assert {record["path"]: record.get("executable") for record in records} == {
            "bin/run": True, "data": None, "sent": True
        }  # fmt: skip


def test_what_is_no_bit_is_refused(api, bob, artifact):
    spec = {"path": "a", "size": 1, "sha256": sha256(b"a"), "executable": "yes"}
    for body in ({"files": [spec]}, {"executable_digest": "x"}):
        assert api(bob).post(f"{ARTIFACTS}/{artifact.pk}/versions", body).status_code == 400


def test_a_prefix_is_compared_as_paths_are_written(api, bob, artifact):
    draft = versions.begin(Actor(bob), artifact, specs=file_specs({"é/a": b"a", "éb": b"b"})).version
    for path in ("files", "manifest"):
        body = api(bob).get(f"{ARTIFACTS}/versions/{draft.pk}/{path}", {"prefix": "./e\u0301/"}).json()
        assert [record["path"] for record in body.get("items", body.get("entries"))] == ["é/a"]
