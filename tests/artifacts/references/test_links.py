"""References of versions that are linked: read by the stores of their own team, checked once, and told of to both."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import Membership, Role, Team
from artifacts import artifacts, links
from artifacts.aliases import protection
from artifacts.models import ArtifactVersion, ReferenceCheck
from artifacts.references import drift
from events.models import Event
from harness import reference_servers
from projects.models import Project
from tests.artifacts.client import fetch
from tests.artifacts.references.places import check, etag, refer, s3_store

pytestmark = pytest.mark.usefixtures("local_network")


def test_references_are_read_and_checked_through_a_link(api, browser, alice, bob, mallory, acme, artifact):
    bucket = reference_servers.s3_bucket()
    s3_store(alice, acme, bucket, name="lake of acme")
    bucket.put("a.txt", b"first")
    version = refer(bob, artifact, {"a.txt": f"{bucket.uri}/a.txt"}, identity=etag(b"first"), size=5)
    team = Team.objects.create(name="library", created_by=alice)
    Membership.objects.create(team=team, user=alice, role=Role.ADMIN)
    Membership.objects.create(team=team, user=bob, role=Role.EDITOR)
    Membership.objects.create(team=team, user=mallory, role=Role.VIEWER)
    registry = Project.objects.create(team=team, name="data", created_by=alice)
    collection = artifacts.create(Actor(bob), registry, "best", "dataset", kind="collection")
    link = links.link(Actor(bob), version, collection, aliases=["production"])

    file = link.files.get()
    url = api(mallory).get(f"/api/v1/artifacts/files/{file.pk}/download-url").json()
    assert (url["expires_in"], fetch(url["url"])) == (3600, b"first")
    page = f"{link.get_absolute_url()}/files/a.txt"
    assert "External store</dt><dd>lake of acme<" in browser(bob).get(page).content.decode()
    shown = browser(mallory).get(page).content.decode()
    assert "External store</dt><dd>another team&#x27;s store<" in shown and "acme" not in shown
    [entry] = api(mallory).get(f"/api/v1/artifacts/versions/{link.pk}/manifest").json()["entries"]
    assert fetch(entry["download_url"]) == b"first"

    asked = api(bob).post(f"/api/v1/artifacts/versions/{link.pk}/check").json()
    assert (asked["version_id"], asked["checked_count"]) == (str(link.pk), 0)
    assert check(bob, link).reference_state == "unchanged"
    version.refresh_from_db()
    assert (version.reference_state, ReferenceCheck.objects.count()) == ("unchanged", 0)
    protection.create(Actor(alice), collection, "production")
    ArtifactVersion.objects.update(references_checked_at=timezone.now() - timedelta(days=100))
    assert drift.schedule() == 1
    assert ReferenceCheck.objects.get().version == version
    assert drift.schedule() == 0
    bucket.put("a.txt", b"other")
    Event.objects.all().delete()
    while drift.check_next():
        pass
    link.refresh_from_db()
    assert link.reference_state == "changed"
    assert {event.message for event in Event.objects.all()} == {
        "a.txt of v1 of acme/demo/data changed where it is stored",
        "a.txt of v0 of library/data/best changed where it is stored",
    }
