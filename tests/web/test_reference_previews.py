"""References under an external store of the team: their page shows what is in them, and they can be downloaded."""

import json
import re
from collections.abc import Callable

import pytest

from artifacts.models import ArtifactVersion, ExternalStore
from artifacts.references import credentials
from artifacts.references.uris import Provider
from harness.reference_servers import Bucket, s3_bucket
from tests.artifacts.client import HTTP, fetch, log
from tests.web.references import count, refer
from tests.web.sample_files import png

PAGE = "/acme/demo/artifacts/dataset/data/v1"
OBJECTS = {
    "rows.csv": b"n\n" + b"".join(b"%d\n" % number for number in range(20_000)),
    "t.json": json.dumps({"<i>": ["<script>"]}).encode(),
    "README.md": b"# Hello\n\n[x](javascript:alert(1))\n",
    "p.png": png(30, 20),
}


@pytest.fixture
def bucket(acme) -> Bucket:
    """A bucket of the team, with an external store that leads there."""
    bucket = s3_bucket()
    key = {name: bucket.env[f"AWS_{name.upper()}"] for name in ("access_key_id", "secret_access_key")}
    encrypted = credentials.encrypt(credentials.parse(Provider.S3, key))
    place = {"prefix": f"{bucket.uri}/data", "endpoint": bucket.env["AWS_ENDPOINT_URL_S3"], "is_operated": True}
    ExternalStore.objects.create(team=acme, name="lake", encrypted_credentials=encrypted, **place)
    return bucket


@pytest.fixture
def version(bob, artifact, bucket) -> ArtifactVersion:
    version = log(bob, artifact, {"x.txt": b"x"})
    for path, content in OBJECTS.items():
        etag = bucket.put(f"data/{path}", content)["ETag"].strip('"')
        refer(version, path, f"{bucket.uri}/data/{path}", size=len(content), reference_identity=f"etag:{etag}")
    bucket.put("other.csv", b"n\n1\n")
    refer(version, "other.csv", f"{bucket.uri}/other.csv", size=4)
    refer(version, "unknown.csv", f"{bucket.uri}/data/rows.csv")
    refer(version, "gone.csv", f"{bucket.uri}/data/gone.csv", size=4)
    count(version)
    return version


@pytest.fixture
def preview_of(browser, vera, version) -> Callable[[str], str]:
    def show(path: str) -> str:
        page = browser(vera).get(f"{PAGE}/files/{path}").content.decode()
        return page.partition('<section class="card preview"')[2].partition("</section>")[0]

    return show


def test_what_is_in_them_is_shown(browser, vera, preview_of):
    rows = preview_of("rows.csv")
    assert '<td class="number">99</td>' in rows and (more := re.search("[?]rows=[0-9-]+", rows))
    assert '<td class="number">100</td>' in preview_of(f"rows.csv{more[0]}")
    assert "&lt;script&gt;" in preview_of("t.json") and "<script>" not in preview_of("t.json")
    assert ">Hello</h3>" in preview_of("README.md")
    # Not on the page of its version, which asks no store for anything.
    listing = browser(vera).get(PAGE).content.decode()
    assert ">Hello</h3>" not in listing and "External · lake" in listing


def test_what_cannot_be_shown_says_why(preview_of, bucket):
    assert "no external store of the team covers it" in preview_of("other.csv")
    assert "its size was not recorded" in preview_of("unknown.csv")
    assert "not where it was when it was logged" in preview_of("gone.csv")
    assert "stored elsewhere: download the file." in preview_of("p.png")
    bucket.put("data/rows.csv", OBJECTS["rows.csv"].replace(b"7", b"8"))
    assert "has changed since it was logged" in preview_of("rows.csv")
    ExternalStore.objects.update(encrypted_credentials="")
    assert "give no access" in preview_of("t.json")
    ExternalStore.objects.update(endpoint="http://127.0.0.1:9")
    assert "does not send the bytes" in preview_of("t.json")
    ExternalStore.objects.update(is_operated=False)
    assert "the bytes" not in (refused := preview_of("t.json")) and "127.0.0.1" in refused


def test_they_are_downloaded_by_a_signed_url(browser, vera, version):
    client = browser(vera)
    page = client.get(f"{PAGE}/files/t.json").content.decode()
    assert f'href="{PAGE}/download/t.json"' in page and "External store</dt><dd>lake<" in page
    assert "/raw/" not in page and "download-url" in page and "wanllmdb[references]" not in page

    url = client.get(f"{PAGE}/download/t.json")["Location"]
    assert fetch(url) == OBJECTS["t.json"]
    assert HTTP.request("GET", url).headers["Content-Disposition"] == 'attachment; filename="t.json"'
    assert client.get(f"{PAGE}/download/other.csv").status_code == 409
    assert client.get(f"{PAGE}/raw/t.json").status_code == client.get(f"{PAGE}/image/p.png").status_code == 409
