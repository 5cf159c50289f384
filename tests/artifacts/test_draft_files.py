"""Files are stated in a draft by their hashes, listed, and taken out again."""

import pytest

from accounts.actor import Actor, Channel
from artifacts import draft_files, versions
from artifacts.errors import PathTaken, VersionFinalized, VersionNotFound
from artifacts.models import ArtifactFile, ArtifactVersion
from core import errors
from tests.artifacts.client import at_once, begin, file_specs, log, md5, sha256, upload

ARTIFACTS = "/api/v1/artifacts"


@pytest.fixture
def draft(bob, artifact) -> ArtifactVersion:
    return versions.begin(Actor(bob), artifact).version


def stated(**contents: bytes) -> list[dict]:
    return [{"path": path, "size": len(body), "sha256": sha256(body)} for path, body in contents.items()]


def test_files_are_added_to_a_draft(bob, draft):
    added, missing = draft_files.add(Actor(bob), draft, file_specs({"a": b"aa", "b": b"b"}))

    assert (added, missing) == (2, sorted([sha256(b"aa"), sha256(b"b")]))
    draft.refresh_from_db()
    assert (draft.file_count, draft.total_size) == (2, 3)


def test_the_permission_costs_no_query_of_its_own(bob, draft, django_assert_num_queries):
    with django_assert_num_queries(7):  # the first one locks the draft and loads the role
        draft_files.add(Actor(bob), draft, file_specs({"a": b"aa", "b": b"b"}))


def test_the_wire(api, bob, draft):
    url = f"{ARTIFACTS}/versions/{draft.pk}/files/batch"
    answer = api(bob).post(url, {"version_id": str(draft.pk), "files": stated(a=b"a")})

    assert (answer.status_code, answer.json()) == (200, {"added": 1, "missing": [sha256(b"a")]})


def test_the_same_again_is_fine(bob, draft):
    draft_files.add(Actor(bob), draft, file_specs({"a": b"a"}))

    assert draft_files.add(Actor(bob), draft, file_specs({"a": b"a", "b": b"b"})) == (
        1,
        sorted([sha256(b"a"), sha256(b"b")]),
    )
    assert draft.files.count() == 2


def test_a_file_says_all_of_itself(api, bob, draft, work):
    body = b"<p>hello</p>"
    draft_files.add(Actor(bob), draft, file_specs({"pages/hello.html": body, "no-ending": b"x"}))
    upload(bob, draft, [body])
    unknown, page = api(bob).get(f"{ARTIFACTS}/versions/{draft.pk}").json()["files"]

    assert page.keys() == {
        "id", "version_id", "path", "name", "size", "mime_type", "storage_key", "sha256_hash", "md5_hash", "integrity",
        "created_at", "is_reference",
    }  # fmt: skip
    assert (page["path"], page["name"], page["size"]) == ("pages/hello.html", "hello.html", 12)
    assert (page["mime_type"], unknown["mime_type"]) == ("text/html", "application/octet-stream")
    assert page["storage_key"] == f"{draft.storage_path}/pages/hello.html"
    assert (unknown["storage_key"], unknown["integrity"]) == (None, "missing")
    assert (page["sha256_hash"], page["md5_hash"]) == (sha256(body), None)
    upload(bob, draft, [b"x"])
    versions.finalize(Actor(bob, Channel.SDK), draft)
    work()
    page = api(bob).get(f"{ARTIFACTS}/versions/{draft.pk}").json()["files"][1]
    assert (page["md5_hash"], page["integrity"]) == (md5(body), "verified")


def test_lists_come_in_the_order_of_bytes(api, bob, artifact):
    paths = ["a", "Z", "é", "a-b", "a/b", "a/c", "a0", "日本", "~", "a b", "\U0001f642"]
    paths.remove("a")
    draft = begin(bob, artifact, dict.fromkeys(paths, b"x")).version
    items = api(bob).get(f"{ARTIFACTS}/versions/{draft.pk}/files").json()["items"]

    assert [item["path"] for item in items] == sorted(paths, key=str.encode)


def test_a_list_is_read_through_by_cursor(api, bob, artifact):
    paths = [f"d/{number:02}" for number in range(25)] + [" spaced ", "e", "+&?#=%"]
    draft = begin(bob, artifact, dict.fromkeys(paths, b"x")).version
    client, url, cursor, result = api(bob), f"{ARTIFACTS}/versions/{draft.pk}/files", None, []
    while True:
        page = client.get(url, {"limit": 7} | ({"cursor": cursor} if cursor else {})).json()
        result += [item["path"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert result == sorted(paths)


@pytest.mark.parametrize(
    ("prefix", "result"),
    [("a/", ["a/b", "a/c"]), ("a", ["a/b", "a/c", "a_b"]), ("a_", ["a_b"]), ("%", ["%"]), ("a/b/", []), ("é", ["éa"])],
)
def test_a_list_under_a_prefix(api, bob, artifact, prefix, result):
    draft = begin(bob, artifact, dict.fromkeys(["a/b", "a/c", "a_b", "b", "%", "éa", "ê"], b"x")).version
    items = api(bob).get(f"{ARTIFACTS}/versions/{draft.pk}/files", {"prefix": prefix}).json()["items"]

    assert [item["path"] for item in items] == result


def test_a_version_shows_its_first_files(api, bob, artifact):
    draft = begin(bob, artifact, {f"{number}": b"x" for number in range(3)}).version
    body = api(bob).get(f"{ARTIFACTS}/versions/{draft.pk}", {"limit": 2}).json()

    assert [file["path"] for file in body["files"]] == ["0", "1"]
    rest = api(bob).get(f"{ARTIFACTS}/versions/{draft.pk}/files", {"cursor": body["files_next_cursor"]}).json()
    assert [file["path"] for file in rest["items"]] == ["2"]


def test_lists_cost_the_same_however_long_they_are(api, bob, artifact, other, django_assert_num_queries):
    client = api(bob)
    short = log(bob, artifact, {"a": b"a"})
    long = log(bob, other, {f"{number}": f"{number}".encode() for number in range(20)}, packed=True)
    client.get(ARTIFACTS)
    for version in (short, long):
        # Key, version, its aliases, rows.
        with django_assert_num_queries(4):
            client.get(f"{ARTIFACTS}/versions/{version.pk}/files")


def test_a_file_is_taken_out_of_a_draft(api, bob, artifact):
    draft = begin(bob, artifact, {"a": b"a", "b": b"bb"}).version
    answer = api(bob).delete(f"{ARTIFACTS}/files/{draft.files.get(path='b').pk}")

    assert answer.status_code == 204
    draft.refresh_from_db()
    assert (draft.file_count, draft.total_size) == (1, 1)


def test_a_path_is_free_again_for_other_contents(bob, artifact):
    draft = begin(bob, artifact, {"a": b"a"}).version
    draft_files.remove(Actor(bob), draft.files.get())

    assert draft_files.add(Actor(bob), draft, file_specs({"a": b"other"})) == (1, [sha256(b"other")])


def test_a_path_holds_one_file(api, bob, draft):
    draft_files.add(Actor(bob), draft, file_specs({"a": b"a"}))
    with pytest.raises(PathTaken):
        draft_files.add(Actor(bob), draft, file_specs({"a": b"b", "c": b"c"}))

    answer = api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/files/batch", {"files": stated(a=b"b", c=b"c")})
    assert (answer.status_code, answer.json()["code"], answer.json()["paths"]) == (409, "PathTaken", ["a"])
    assert list(draft.files.values_list("path", "blob__sha256")) == [("a", sha256(b"a"))]


def test_a_path_is_stated_once_in_a_call(api, bob, draft):
    answer = api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/files/batch", {"files": stated(a=b"a") * 2})

    assert (answer.status_code, answer.json()["code"]) == (409, "PathTaken")
    assert ArtifactFile.objects.count() == 0


@pytest.mark.parametrize(("first", "second"), [("a", "a/b"), ("a/b", "a"), ("a/b/c", "a/b"), ("a/b", "a/b/c/d")])
def test_a_path_that_is_a_folder_of_another_never_becomes_final(bob, draft, first, second):
    """Within a call it is refused at once, over several calls at the end; the draft can be mended."""
    draft_files.add(Actor(bob), draft, file_specs({first: b"1"}))
    draft_files.add(Actor(bob), draft, file_specs({second: b"2"}))
    upload(bob, draft, [b"1", b"2"])
    with pytest.raises(PathTaken) as refusal:
        versions.finalize(Actor(bob, Channel.SDK), draft)

    assert sorted(refusal.value.extra["paths"]) == sorted([first, second])
    draft_files.remove(Actor(bob), draft.files.get(path=second))
    assert versions.finalize(Actor(bob, Channel.SDK), draft).version.file_count == 1


def test_neighbours_are_no_folders(bob, draft):
    draft_files.add(Actor(bob), draft, file_specs({"a/b": b"1"}))

    assert (
        draft_files.add(Actor(bob), draft, file_specs({"a/bc": b"2", "a/b.d": b"3", "a/c/b": b"4", "ab": b"5"}))[0] == 4
    )


def test_contents_of_a_finalized_version_never_change(api, bob, v1):
    file = v1.files.get()
    with pytest.raises(VersionFinalized):
        draft_files.add(Actor(bob), v1, file_specs({"new": b"new"}))
    with pytest.raises(VersionFinalized):
        draft_files.add(Actor(bob), v1, file_specs({"one.txt": b"one"}))
    with pytest.raises(VersionFinalized):
        draft_files.remove(Actor(bob), file)

    client = api(bob)
    for answer in (
        client.post(f"{ARTIFACTS}/versions/{v1.pk}/files/batch", {"files": stated(new=b"new")}),
        client.post(f"{ARTIFACTS}/versions/{v1.pk}/files/upload-url", {"path": "new", "size": 3}),
        client.post(f"{ARTIFACTS}/versions/{v1.pk}/uploads", {"objects": []}),
        client.delete(f"{ARTIFACTS}/files/{file.pk}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "VersionFinalized")
    assert list(v1.files.all()) == [file]


def test_a_draft_that_was_given_up_takes_nothing(bob, draft):
    versions.delete(Actor(bob, Channel.SDK), ArtifactVersion.objects.get(pk=draft.pk))

    with pytest.raises(VersionNotFound):
        draft_files.add(Actor(bob), draft, file_specs({"a": b"a"}))


def test_ids_in_the_body_are_those_of_the_url(api, bob, draft, v1):
    for tail, body in {
        "files/batch": {"files": []},
        "files/upload-url": {"path": "a", "size": 1},
        "files": {"path": "a", "size": 1, "storage_key": "k"},
        "uploads": {"objects": []},
        "finalize": {},
    }.items():
        answer = api(bob).post(f"{ARTIFACTS}/versions/{draft.pk}/{tail}", body | {"version_id": str(v1.pk)})
        assert answer.status_code == 400, tail
        assert "version_id" in answer.json()["errors"]


def test_a_viewer_writes_nothing(api, vera, bob, artifact, v1):
    draft = begin(bob, artifact, {"a": b"a"}).version
    with pytest.raises(errors.Denied):
        draft_files.add(Actor(vera), draft, [])
    with pytest.raises(errors.Denied):
        draft_files.remove(Actor(vera), draft.files.get())

    client = api(vera)
    # She does not even see drafts.
    assert client.get(f"{ARTIFACTS}/versions/{draft.pk}").status_code == 404
    assert client.post(f"{ARTIFACTS}/versions/{draft.pk}/files/batch", {"files": []}).status_code == 404
    assert client.delete(f"{ARTIFACTS}/files/{draft.files.get().pk}").status_code == 404
    assert client.post(f"{ARTIFACTS}/versions/{v1.pk}/files/batch", {"files": []}).status_code == 403
    assert client.delete(f"{ARTIFACTS}/files/{v1.files.get().pk}").status_code == 403


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "cursor=%21%21", "cursor=4pyT4", "cursor=AA"])
def test_odd_cursors_are_refused(api, bob, v1, query):
    assert api(bob).get(f"{ARTIFACTS}/versions/{v1.pk}/files?{query}").status_code == 400


@pytest.mark.django_db(transaction=True)
def test_many_batches_at_once_make_one_list(bob, draft):
    batches = [{f"{batch}/{number}": f"{number}".encode() for number in range(10)} for batch in range(6)]
    at_once(*[lambda batch=batch: draft_files.add(Actor(bob), draft, file_specs(batch)) for batch in batches])

    draft.refresh_from_db()
    assert (draft.file_count, draft.files.count(), draft.total_size) == (60, 60, 60)


@pytest.mark.django_db(transaction=True)
def test_of_two_files_at_one_path_one_stays(bob, draft):
    answers = at_once(
        *[lambda body=body: draft_files.add(Actor(bob), draft, file_specs({"a": body})) for body in (b"1", b"2", b"3")]
    )

    assert sum(isinstance(answer, PathTaken) for answer in answers) == 2
    assert draft.files.count() == 1
