"""Files and manifests of versions as the official client reads them, also of versions that our SDK made."""

import base64
import hashlib
import json
from urllib.parse import quote, urlsplit

import pytest
from django.core import signing
from django.test import Client

from accounts.actor import Actor
from artifacts import md5_hashes, versions
from artifacts.models import ArtifactDownload, Blob
from artifacts.references.references import ReferenceSpec
from core import errors
from tests.artifacts.client import fetch, log, md5
from tests.wandb_api.graphql_client import GraphqlClient, Refused, artifact_id, b64
from wandb_api import manifest_documents

FILE = "id name displayName url directUrl sizeBytes storagePath mimetype updatedAt digest md5 artifact { id }"
FILES = """query Q($names: [String!], $first: Int, $after: String) { project(entityName: "acme", name: "demo") {
    artifactCollection(name: "data") { artifactMembership(aliasName: "latest") {
        files(names: $names, first: $first, after: $after) {
            totalCount pageInfo { endCursor hasNextPage } edges { node { %s } } } } } } }"""
MANIFEST = "query Q($id: ID!) { artifact(id: $id) { currentManifest { id file { id name directUrl } } } }"
BODIES = {"a.txt": b"a", "sub/b c.txt": b"bb", "z.bin": b"z" * 3000}


@pytest.fixture
def wandb(vera) -> GraphqlClient:
    return GraphqlClient(vera)


@pytest.fixture
def packed(bob, artifact, work):
    version = log(bob, artifact, BODIES, packed=True)
    work()
    return version


def b64md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def read(url: str) -> bytes:
    """What a URL gives to somebody without a key: of the object store, or of this server."""
    parts = urlsplit(url)
    if parts.path.startswith(("/api/", "/artifactsV2/")):
        answer = Client().get(f"{parts.path}?{parts.query}")
        assert answer.status_code == 200, answer.content
        return answer.content
    return fetch(url)


def files_of(wandb: GraphqlClient, **variables):
    found = wandb.ask(FILES % FILE, **variables)["project"]["artifactCollection"]["artifactMembership"]["files"]
    return [edge["node"] for edge in found["edges"]], found


@pytest.mark.parametrize("is_packed", [True, False])
def test_every_file_has_a_url_that_gives_its_bytes(wandb, bob, artifact, work, is_packed):
    version = log(bob, artifact, BODIES, packed=is_packed)
    work()
    nodes, page = files_of(wandb)

    assert page["totalCount"] == 3
    assert [node["name"] for node in nodes] == list(BODIES)
    for node in nodes:
        body = BODIES[node["name"]]
        assert (node["sizeBytes"], node["md5"], node["digest"]) == (len(body), b64md5(body), b64md5(body))
        assert read(node["directUrl"]) == read(node["url"]) == body
        assert node["storagePath"].startswith("wandb_artifacts/")
        assert node["artifact"]["id"] == artifact_id(version)


def test_files_come_in_pages_and_by_name(wandb, packed):
    first, page = files_of(wandb, first=2)
    rest, last = files_of(wandb, first=2, after=page["pageInfo"]["endCursor"])

    assert [node["name"] for node in [*first, *rest]] == list(BODIES)
    assert (page["pageInfo"]["hasNextPage"], last["pageInfo"]["hasNextPage"], page["totalCount"]) == (True, False, 3)
    named, page = files_of(wandb, names=["z.bin", "a.txt", "nothing"])
    assert ([node["name"] for node in named], page["totalCount"]) == (["a.txt", "z.bin"], 2)
    assert files_of(wandb, names=[]) == (
        [],
        {"edges": [], "totalCount": 0, "pageInfo": page["pageInfo"] | {"endCursor": None}},
    )


def test_references_are_listed_as_what_they_refer_to(wandb, bob, artifact):
    specs = [
        ReferenceSpec("s3.csv", "s3://bucket/key", 99, identity="etag:abc", version_id="7"),
        ReferenceSpec("web.csv", "https://example.org/web.csv", 5),
        ReferenceSpec("local.csv", "file:///data/local.csv", 1, identity="md5:" + md5(b"x")),
    ]
    version = versions.finalize(Actor(bob), versions.begin(Actor(bob), artifact, specs=specs).version).version
    nodes = {node["name"]: node for node in files_of(wandb)[0]}

    assert nodes["s3.csv"]["directUrl"] == nodes["s3.csv"]["url"] == "s3://bucket/key"
    assert [nodes[spec.path]["digest"] for spec in specs] == ["abc", "https://example.org/web.csv", b64md5(b"x")]
    contents = manifest_of(wandb, version)["contents"]
    extra = {"versionID": "7", "etag": "abc"}
    assert contents["s3.csv"] == {"digest": "abc", "ref": "s3://bucket/key", "extra": extra, "size": 99}
    assert contents["web.csv"]["ref"] == contents["web.csv"]["digest"] == "https://example.org/web.csv"


def manifest_of(wandb: GraphqlClient, version):
    file = wandb.ask(MANIFEST, id=artifact_id(version))["artifact"]["currentManifest"]["file"]
    assert urlsplit(file["directUrl"]).path.endswith("/wandb_manifest.json")
    return json.loads(read(file["directUrl"]))


def test_the_manifest_is_written_from_our_rows(wandb, packed):
    manifest = manifest_of(wandb, packed)

    assert (manifest["version"], manifest["storagePolicy"]) == (1, "wandb-storage-policy-v1")
    assert manifest["storagePolicyConfig"] == {"storageLayout": "V2"}
    assert manifest["contents"] == {
        path: {"digest": b64md5(body), "birthArtifactID": artifact_id(packed), "size": len(body)}
        for path, body in BODIES.items()
    }


def test_files_that_an_earlier_version_brought_name_it(wandb, bob, artifact, packed, work):
    later = log(bob, artifact, BODIES | {"new.txt": b"new"})
    work()
    contents = manifest_of(wandb, later)["contents"]

    births = {path: entry["birthArtifactID"] for path, entry in contents.items()}
    assert births == dict.fromkeys(BODIES, artifact_id(packed)) | {"new.txt": artifact_id(later)}


def test_a_manifest_is_counted_as_a_download(wandb, vera, packed):
    manifest_of(wandb, packed)
    files_of(wandb)

    [row] = ArtifactDownload.objects.all()
    assert (row.version, row.file, row.user) == (packed, None, vera)


def test_a_manifest_waits_for_workers(wandb, bob, artifact, work, monkeypatch):
    """They have not read the bytes, whose md5 our SDK does not state."""
    monkeypatch.setattr(md5_hashes, "WAIT_SECONDS", 0.0)
    version = log(bob, artifact, BODIES, packed=True)
    Blob.objects.update(md5=None)
    url = wandb.ask(MANIFEST, id=artifact_id(version))["artifact"]["currentManifest"]["file"]["directUrl"]
    path = url.removeprefix("http://testserver").partition("/artifactsV2")[2]
    answer = Client().get(f"/artifactsV2{path}")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")
    assert "being computed" in answer.json()["error"]
    work()
    assert Client().get(f"/artifactsV2{path}").status_code == 200


def test_few_requests_wait_at_once(bob, artifact, monkeypatch):
    version = log(bob, artifact, BODIES, packed=True)
    Blob.objects.update(md5=None)
    monkeypatch.setattr(md5_hashes, "_waiting", md5_hashes.BoundedSemaphore(1))

    with md5_hashes._waiting, pytest.raises(md5_hashes.errors.Unavailable):
        md5_hashes.require(version)


def test_a_large_manifest_is_sent_as_it_is_written(wandb, packed, monkeypatch):
    whole = manifest_of(wandb, packed)
    monkeypatch.setattr(manifest_documents, "MAX_FILES_IN_ONE_PIECE", 1)
    monkeypatch.setattr(manifest_documents, "_READ_SIZE", 2)
    url = wandb.ask(MANIFEST, id=artifact_id(packed))["artifact"]["currentManifest"]["file"]["directUrl"]
    response = Client().get(url.removeprefix("http://testserver"))
    assert response.streaming
    chunks = iter(response)
    first = next(chunks)
    assert json.loads(b"".join([first, *chunks])) == whole

    # Of a version that is deleted meanwhile nobody has a document that looks whole.
    chunks = manifest_documents.write(packed)
    next(chunks)
    packed.files.filter(path="z.bin").delete()
    with pytest.raises(errors.Missing):
        list(chunks)


def test_manifests_are_for_whoever_has_a_fresh_signature(packed, v2):
    path = f"/artifactsV2/manifests/{packed.pk}/wandb_manifest.json"
    foreign = signing.dumps(str(v2.pk), salt="wandb_api.manifest_documents")
    for query in ("", "?signature=", "?signature=x", f"?signature={foreign}"):
        answer = Client().get(path + query)
        assert (answer.status_code, "invalid or has expired" in answer.json()["error"]) == (404, True), query


def test_corrupt_bytes_are_refused_in_words(wandb, packed):
    Blob.objects.filter(files__path="a.txt").update(state=Blob.State.CORRUPT)

    with pytest.raises(Refused, match="are corrupt, or not there"):
        files_of(wandb)
    assert files_of(wandb, names=["z.bin"])[0]


@pytest.mark.parametrize("count", [1, 40])
def test_a_page_of_files_is_one_query(wandb, bob, artifact, work, count, django_assert_num_queries):
    log(bob, artifact, {f"{number}.txt": b"%d" % number for number in range(count)})
    work()
    wandb.execute(FILES % FILE)

    # Project, artifact with its tags, version with its aliases, files.
    with django_assert_num_queries(6):
        wandb.execute(FILES % FILE)


def test_entries_get_their_urls_in_their_order(wandb, packed):
    document = """query Q($id: ID!, $entries: [ArtifactManifestEntryInput!]) { artifact(id: $id) {
        filesByManifestEntries(entries: $entries, storageLayout: "V2", manifestVersion: "1") {
            edges { node { name directUrl } } } } }"""
    entries = [{"name": name, "digest": "x"} for name in ("z.bin", "nothing", "a.txt")]
    found = wandb.ask(document, id=artifact_id(packed), entries=entries)["artifact"]["filesByManifestEntries"]

    nodes = [edge["node"] for edge in found["edges"]]
    assert [node and node["name"] for node in nodes] == ["z.bin", None, "a.txt"]
    assert read(nodes[0]["directUrl"]) == BODIES["z.bin"]


def test_a_file_is_found_by_its_md5(wandb, bob, artifact, packed, v2):
    encoded, digest = quote(artifact_id(packed), safe=""), md5(BODIES["a.txt"])
    for path in (
        f"/artifactsV2/default/acme/demo/data/{encoded}/{encoded}/{digest}/a.txt",
        f"/artifactsV2/default/acme/demo/data/{encoded}/{digest}/a.txt",
        f"/artifactsV2/default/acme/demo/data//{digest}/a.txt",
        f"/artifactsV2/default/acme/{encoded}/{digest}",
        f"/artifactsV2/default/acme//{digest}",
        f"/artifacts/acme/{digest}",
    ):
        answer = wandb.get(path)
        assert answer.status_code == 302, path
        assert read(answer.headers["Location"]) == b"a", path
    assert ArtifactDownload.objects.filter(file__path="a.txt", version=packed).count() == 6


def test_corrupt_bytes_are_refused_there_too_at_once(wandb, packed):
    Blob.objects.filter(files__path="a.txt").update(state=Blob.State.CORRUPT)
    answer = wandb.get(f"/artifactsV2/default/acme/demo/data//{md5(BODIES['a.txt'])}/a.txt")

    assert (answer.status_code, "are corrupt" in answer.json()["error"]) == (404, True)


def test_names_of_files_may_hold_anything(wandb, bob, artifact, work):
    log(bob, artifact, {"50% of #1?.txt": b"odd"})
    work()
    answer = wandb.get(f"/artifactsV2/default/acme/demo/data//{md5(b'odd')}/" + quote("50% of #1?.txt"))

    assert read(answer.headers["Location"]) == b"odd"


def test_bytes_that_one_may_not_see_are_not_found(mallory, packed, foreign):
    digest = md5(BODIES["a.txt"])
    wandb = GraphqlClient(mallory)
    for path in (
        f"/artifactsV2/default/acme/demo/data//{digest}/a.txt",
        f"/artifactsV2/default/mallory/hers/data//{digest}/a.txt",
        f"/artifactsV2/default/acme/{b64('Artifact:x')}/{digest}",
        f"/artifactsV2/default/nobody/x/{digest}",
        f"/artifacts/acme/{digest}",
    ):
        answer = wandb.get(path)
        assert (answer.status_code, list(answer.json())) == (404, ["errors", "error"]), path
        assert Client().get(path).status_code == 401, path
