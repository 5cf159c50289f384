"""Adding references to a draft in the browser: one, or many that were pasted."""

import re
from urllib.parse import unquote

import pytest
from django.utils import timezone

from accounts.actor import Actor
from artifacts import versions
from artifacts.models import ArtifactVersion, ReferenceCheck
from artifacts.references import checks
from tests.artifacts.client import log
from tests.conftest import HTMX
from tests.web.references import refer
from web.artifacts.reference_form import MAX_LISTED_FAULTS

PAGE = "/acme/demo/artifacts/dataset/data/upload"
LINES = """
s3://acme-data/2026/train.parquet
  https://data.example.org/a%20b.csv?page=2\tdata/a b.csv

gs://other/x/y.json   deep/y z.json
s3://acme-data/my photos/a b.png
s3://acme-data/my photos/c d.png  photos/c d.png
"""
PATHS = {
    "train.parquet": "s3://acme-data/2026/train.parquet",
    "data/a b.csv": "https://data.example.org/a%20b.csv?page=2",
    "deep/y z.json": "gs://other/x/y.json",
    "a b.png": "s3://acme-data/my photos/a b.png",
    "photos/c d.png": "s3://acme-data/my photos/c d.png",
}


@pytest.fixture
def draft(bob, artifact) -> ArtifactVersion:
    return versions.begin(Actor(bob), artifact).version


def references(version: ArtifactVersion) -> dict[str, str]:
    return dict(version.files.filter(reference_uri__isnull=False).values_list("path", "reference_uri"))


def test_the_first_references_begin_a_draft(browser, bob, artifact):
    client = browser(bob)
    assert 'name="uris"' in client.get(PAGE).content.decode()

    answer = client.post(f"{PAGE}/references", {"version": "", "uris": LINES}, follow=True)
    draft = artifact.versions.drafts().get()
    assert answer.redirect_chain == [(f"{PAGE}?version={draft.pk}", 302)]
    assert references(draft) == PATHS and draft.number is None
    page = answer.content.decode()
    assert "5 files elsewhere" in page and "data/a b.csv" in page and "External" in page
    assert "Recording what identifies 5 references" in page
    refused = client.post(PAGE, {"version": str(draft.pk)}, headers=HTMX)
    assert refused.status_code == 409 and "still recording" in unquote(refused["X-Refusal"])
    ReferenceCheck.objects.update(requested_at=timezone.now() - checks.IDENTIFICATION_WAIT)
    assert client.post(PAGE, {"version": str(draft.pk)}, follow=True).redirect_chain == [
        ("/acme/demo/artifacts/dataset/data/v1", 302)
    ]


def test_htmx_gets_the_form_again_and_the_files(browser, bob, draft):
    answer = browser(bob).post(f"{PAGE}/references", {"version": "v1", "uris": LINES}, headers=HTMX)

    part = answer.content.decode()
    assert answer.status_code == 200 and "<html" not in part and str(draft.pk) in answer["HX-Trigger"]
    assert re.search(r'id="draft-files"[^>]*hx-swap-oob="true"', part) and 'data-count="5"' in part
    assert re.search(r"<textarea[^>]*>\s*</textarea>", part) and "gs://other/x/y.json" in part
    # What the part asks for next is of this draft, though the URL of the form does not name it.
    assert 'hx-get="/acme/demo/artifacts/dataset/data/upload/files?version=v1&amp;polls=1"' in part
    assert 'hx-post="/acme/demo/artifacts/dataset/data/upload/remove?version=v1"' in part
    assert references(draft) == PATHS


def test_what_is_wrong_is_said_by_line_and_nothing_is_added(browser, bob, draft):
    refer(draft, "taken.csv", "s3://acme-data/taken.csv")
    text = "\n".join(
        [
            "s3://acme-data/fine.csv",
            "no uri at all",
            "javascript:alert(1)  x.csv",
            "http://169.254.169.254/latest/meta-data  role",
            "https://user:password@example.org/x.csv",
            "s3://acme-data/folder/",
            "s3://acme-data/x.csv  ../../etc/passwd",
            "s3://acme-data/other/taken.csv",
            "s3://acme-data/elsewhere/fine.csv",
            "file:///data/<script>alert(1)</script>.csv\x07",
        ]
    )
    for headers in (HTMX, {}):
        answer = browser(bob).post(f"{PAGE}/references", {"version": "v1", "uris": text}, headers=headers)
        page = answer.content.decode()
        assert answer.status_code == 422 and ("<html" in page) == (not headers)
        assert "<script>alert" not in page and "s3://acme-data/elsewhere/fine.csv\n" in page.replace("\r", "")
        faults = dict(re.findall(r"<li>Line (\d+): ([^<]+)</li>", page))
        assert faults.keys() == {"2", "3", "4", "5", "6", "7", "8", "9", "10"}, faults
        assert "folder" in faults["6"] and "already has a file" in faults["8"] and "Line 1 has" in faults["9"]
    assert list(references(draft)) == ["taken.csv"]


def test_many_faults_are_counted(browser, bob, artifact):
    text = "nothing\n" * (MAX_LISTED_FAULTS + 1_234)
    answer = browser(bob).post(f"{PAGE}/references", {"uris": text}, headers=HTMX)

    assert "And 1,234 more." in answer.content.decode() and not artifact.versions.exists()
    assert (
        "Add at most 10,000"
        in browser(bob)
        .post(f"{PAGE}/references", {"uris": "s3://acme-data/x\n" * 10_001}, headers=HTMX)
        .content.decode()
    )
    for text, fault in {
        "": "Enter at least one",
        " \n\t\n": "Enter at least one",
        "s3://b\0": "Null characters",
    }.items():
        answer = browser(bob).post(f"{PAGE}/references", {"uris": text}, headers=HTMX)
        assert answer.status_code == 422 and fault in answer.content.decode(), text


def test_the_same_again_is_fine_and_one_can_be_removed(browser, bob, draft):
    client = browser(bob)
    for _ in range(2):
        assert client.post(f"{PAGE}/references", {"version": "v1", "uris": LINES}).status_code == 302
    assert references(draft) == PATHS
    file = draft.files.get(path="train.parquet")

    part = client.post(f"{PAGE}/remove?version=v1", {"file": file.pk}, headers=HTMX).content.decode()
    assert "train.parquet" not in part and "4 files elsewhere" in part


def test_a_key_with_a_space_and_a_pinned_version(browser, bob, draft):
    client = browser(bob)
    text = "s3://acme-data/my file.csv\ns3://acme-data/x.csv?versionId=1  pinned.csv"
    for _ in range(2):
        answer = client.post(f"{PAGE}/references", {"version": "v1", "uris": text})
        assert answer.status_code == 302, re.findall(r"<li>(Line [^<]+)</li>", answer.content.decode())
    assert references(draft) == {"my file.csv": "s3://acme-data/my file.csv", "pinned.csv": "s3://acme-data/x.csv"}
    other = text.replace("versionId=1", "versionId=2")
    answer = client.post(f"{PAGE}/references", {"version": "v1", "uris": other}, headers=HTMX)
    assert answer.status_code == 422 and "Line 2: The draft already has a file" in answer.content.decode()


def test_a_path_inside_a_file_is_refused_beside_the_form(browser, bob, draft):
    client = browser(bob)
    fields = {"version": "v1", "uris": "s3://acme-data/a  folder\ns3://acme-data/b  folder/b"}
    answer = client.post(f"{PAGE}/references", fields, headers=HTMX)

    assert answer.status_code == 409 and "cannot be a file and the folder" in unquote(answer["X-Refusal"])


def test_who_may_not(browser, vera, mallory, bob, artifact):
    log(bob, artifact, {"x": b"x"})
    for person, status in ((vera, 403), (mallory, 404)):
        assert browser(person).post(f"{PAGE}/references", {"uris": LINES}).status_code == status
    answer = browser(bob).post(f"{PAGE}/references", {"version": "v1", "uris": LINES}, headers=HTMX)
    assert answer.status_code == 409 and "immutable" in answer["X-Refusal"]
    assert artifact.versions.count() == 1
