"""References that were added without an identity: workers record what they are before the version is finalized."""

import os
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.actor import Actor
from artifacts import draft_counts, errors, versions
from artifacts.models import ArtifactVersion, ReferenceCheck
from artifacts.references import checks, drift, identities, object_requests, references
from artifacts.references.references import ReferenceSpec
from core.guarded_http import Response
from harness import reference_servers
from tests.artifacts.client import md5
from tests.artifacts.references.places import azure_store, gcs_store, s3_store, states, work
from tests.conftest import HTMX
from wanllmdb.sdk.references import entries

PAGE = "/acme/demo/artifacts/dataset/data/upload"
pytestmark = pytest.mark.usefixtures("local_network")
VARIABLES = ("AWS_", "AZURE_", "GOOGLE_", "STORAGE_EMULATOR_HOST")


@pytest.fixture
def draft(bob, artifact) -> ArtifactVersion:
    return versions.begin(Actor(bob), artifact).version


def add(user, draft: ArtifactVersion, uris: dict[str, str]) -> None:
    references.add(Actor(user), draft, [ReferenceSpec(path, uri) for path, uri in uris.items()])
    checks.identify(Actor(user), draft)


def recorded(draft: ArtifactVersion) -> dict[str, tuple]:
    columns = ("reference_identity", "reference_version_id", "size")
    return {row[0]: row[1:] for row in draft.files.values_list("path", *columns)}


def test_what_is_recorded_is_what_the_sdk_would_have(alice, bob, acme, draft, site, monkeypatch):
    """In real stores and on the web, so that the same objects have one digest."""
    for name in [name for name in os.environ if name.startswith(VARIABLES)]:
        monkeypatch.delenv(name)
    plain, versioned = reference_servers.s3_bucket(), reference_servers.s3_bucket(is_versioned=True)
    azure, gcs = reference_servers.azure_container(), reference_servers.gcs_bucket()
    s3_store(alice, acme, plain)
    s3_store(alice, acme, versioned)
    azure_store(alice, acme, azure)
    gcs_store(alice, acme, gcs)
    uris, expected = {}, {}
    for name, bucket in (("plain", plain), ("versioned", versioned), ("azure", azure), ("gcs", gcs)):
        bucket.put("a b.txt", b"first")
        uris[name] = f"{bucket.uri}/a b.txt"
        with monkeypatch.context() as patch:
            for variable, value in bucket.env.items():
                patch.setenv(variable, value)
            [expected[name]] = entries.of_uri(uris[name], name)
    site.files |= {"/etag.csv": b"first", "/weak.csv": b"first", "/time.csv": b"first"}
    site.headers |= {
        "/weak.csv": {"ETag": 'W/"a"'}, "/time.csv": {"Last-Modified": "Sat, 31 Jan 2026 09:30:00 GMT"},
    }  # fmt: skip
    for name in ("etag", "weak", "time"):
        uris[name] = f"{site.url}/{name}.csv"
        [expected[name]] = entries.of_uri(uris[name], name)

    add(bob, draft, uris)
    assert draft.files.unidentified().count() == len(uris)
    work()
    assert recorded(draft) == {
        name: (entry.reference_identity, entry.version_id, entry.size) for name, entry in expected.items()
    }
    draft.refresh_from_db()
    assert draft.referenced_size == draft.total_size == 5 * len(uris) and not ReferenceCheck.objects.exists()
    assert set(states(draft).values()) == {"unchecked"}


def test_a_later_change_is_noticed(bob, draft, site):
    site.files["/a.csv"] = b"first"
    add(bob, draft, {"a.csv": f"{site.url}/a.csv"})
    work()
    version = versions.finalize(Actor(bob), draft).version
    site.files["/a.csv"] = b"other"
    checks.request(Actor(bob), version)
    work()
    assert states(version) == {"a.csv": "changed"}


def test_a_draft_waits_for_workers_a_minute_and_no_longer(bob, draft, site):
    site.files |= {"/a.csv": b"x", "/b.csv": b"x"}
    add(bob, draft, {"a.csv": f"{site.url}/a.csv"})
    with pytest.raises(errors.Conflict, match="still recording"):
        versions.finalize(Actor(bob), draft)
    check = drift._claim()
    files = drift._next_files(check)
    ReferenceCheck.objects.update(requested_at=timezone.now() - checks.IDENTIFICATION_WAIT - timedelta(seconds=1))
    version = versions.finalize(Actor(bob), draft).version
    # What the worker still finds out comes too late for a version that is immutable.
    assert not drift._record(check, files, [Response(200, "", "", 1, headers={"etag": '"a"'})])
    assert recorded(version) == {"a.csv": ("", "", 0)} and not ReferenceCheck.objects.exists()


def test_why_nothing_was_found_out_is_said_and_tried_again(bob, browser, draft, site):
    site.statuses |= {("HEAD", "/denied.csv"): 403, ("HEAD", "/broken.csv"): 500}
    site.files |= {"/bare.csv": b"x", "/denied.csv": b"x", "/broken.csv": b"x"}
    site.headers["/bare.csv"] = {}
    names = ("gone", "denied", "broken", "bare")
    uris = {name: f"{site.url}/{name}.csv" for name in names} | {"disk": "file:///a", "other": "s3://other/a"}
    add(bob, draft, uris)
    work()
    reasons = dict(draft.files.values_list("path", "reference_reason"))
    assert reasons == {
        "gone": "Nothing is there.",
        "denied": "The server has no access to it.",
        "broken": "The server responded with status 500.",
        "bare": "It is there, but the server tells neither an ETag nor the time of its last change.",
        "disk": "The server does not see the files of other machines.",
        "other": "No external store of the team covers it.",
    }
    page = browser(bob).get(f"{PAGE}?version=v1").content.decode()
    assert "Changes cannot be noticed: Nothing is there." in page and "Recording what" not in page
    site.files["/gone.csv"] = b"x"
    again = f"{site.url}/gone.csv  gone"
    assert browser(bob).post(f"{PAGE}/references", {"version": "v1", "uris": again}).status_code == 302
    work()
    assert recorded(draft)["gone"] == (f"etag:{md5(b'x')}", "", 1)
    assert versions.finalize(Actor(bob), draft).version.is_finalized


def test_the_page_shows_how_far_it_is(bob, browser, draft, site):
    site.files |= {"/a.csv": b"first"}
    client = browser(bob)
    text = f"{site.url}/a.csv\nhttp://127.0.0.1:1/b.csv"
    part = client.post(f"{PAGE}/references", {"version": "v1", "uris": text}, headers=HTMX).content.decode()
    assert "Recording what identifies 2 references" in part and 'hx-trigger="every 1s"' in part
    assert part.count(">pending<") == 2
    work()
    part = client.get(f"{PAGE}/files?version=v1", headers=HTMX).content.decode()
    assert f"etag:{md5(b'first')}"[:20] in part and "Recording what" not in part and "hx-trigger" not in part
    assert "Changes cannot be noticed: The server refused the connection." in part and ">none<" in part
    # The same again is the same, now that its identity is known.
    assert client.post(f"{PAGE}/references", {"version": "v1", "uris": text}).status_code == 302


def test_what_is_added_during_a_turn_is_not_forgotten(bob, draft, site):
    site.files |= {"/a.csv": b"x", "/b.csv": b"x"}
    add(bob, draft, {"a.csv": f"{site.url}/a.csv"})
    check = drift._claim()
    files = drift._next_files(check)
    assert drift._record(check, files, [object_requests.ObjectRequests([]).ask(file) for file in files])
    add(bob, draft, {"b.csv": f"{site.url}/b.csv"})
    drift._finish(check)
    drift._pass_turn(check)
    assert ReferenceCheck.objects.count() == 1
    work()
    assert {identity for identity, _, _ in recorded(draft).values()} == {f"etag:{md5(b'x')}"}


def test_a_stated_digest_and_a_draft_that_goes(bob, artifact, site):
    stated = versions.begin(Actor(bob), artifact, digest="0" * 64).version
    add(bob, stated, {"a.csv": f"{site.url}/a.csv"})
    assert not ReferenceCheck.objects.exists()
    gone = versions.begin(Actor(bob), artifact).version
    add(bob, gone, {"a.csv": f"{site.url}/a.csv"})
    versions.delete(Actor(bob), gone)
    work()
    assert not ReferenceCheck.objects.exists()


def test_a_server_that_lies_about_sizes_fills_no_column(bob, draft):
    add(bob, draft, {f"{number}": f"file:///{number}" for number in range(3)})
    check = drift._claim()
    files = drift._next_files(check)
    headers = {"etag": '"a"', "content-length": str(identities.MAX_SIZE)}
    ArtifactVersion.objects.filter(pk=draft.pk).update(total_size=draft_counts.MAX_TOTAL_SIZE - identities.MAX_SIZE)
    assert drift._record(check, files, [Response(200, "", "", 1, headers=headers)] * 3)
    assert sorted(draft.files.values_list("size", flat=True)) == [0, 0, identities.MAX_SIZE]
