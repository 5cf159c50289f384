"""The frame of the admin: how the server does on its first page, models as people call them, the reader's theme."""

import re
from datetime import timedelta

import pytest
from django.contrib import admin
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import User
from artifacts.aliases import protection
from artifacts.models import ArtifactVersion, StoredObject
from hierarchies import data_indexes, hierarchies, records, totals
from hierarchies.models import DataIndex
from hierarchies.records import RecordSpec
from tests.artifacts.client import begin, log
from wanllmdb import administration


@pytest.fixture
def olga(db) -> Client:
    """The operator: a superuser who is in no team."""
    client = Client()
    client.force_login(User.objects.create_superuser("olga", "olga@example.org", "a good long password"))
    cache.delete_many(["storage-by-project", "metrics-failures"])
    return client


def overview(client: Client) -> tuple[str, dict[str, administration.Row], dict]:
    response = client.get("/admin/?storage")
    assert response.status_code == 200
    rows = {row.label: row for name in ("health", "queues", "failures") for row in response.context[name]}
    return response.content.decode(), rows, response.context["storage"]


def test_the_overview_tells_of_health_queues_failures_and_storage(olga, bob, artifact):
    log(bob, artifact, {"a": b"1234", "b": b"56"})
    corrupt = log(bob, artifact, {"a": b"7"})
    waits = log(bob, artifact, {"a": b"89"})
    versions = ArtifactVersion.objects.order_by("id")
    versions.filter(pk=corrupt.pk).update(integrity="corrupt")
    versions.filter(pk=waits.pk).update(integrity="pending", finalized_at=timezone.now() - timedelta(hours=2))
    begin(bob, artifact, {"draft": b"draft"})

    html, rows, storage = overview(olga)
    assert rows["Database"].value == rows["Object store"].value == "OK"
    assert rows["Workers"].is_bad and "have not started yet" in html
    assert rows["Verification"].since >= timedelta(hours=2) and "2 h 0 min" in html
    assert rows["Corrupt versions"].value == "1" and rows["Corrupt versions"].is_bad
    assert not rows["Failed deliveries"].is_bad
    stored = StoredObject.objects.filter(state="uploaded")
    [project] = storage["projects"]
    assert (project["team"], project["name"], project["objects"]) == ("acme", "demo", stored.count())
    assert storage["total"] == project["bytes"] == sum(stored.values_list("size", flat=True)) >= 9
    assert 'href="/admin/artifacts/artifactversion/?integrity__exact=corrupt"' in html
    for row in rows.values():
        assert not row.url or olga.get(row.url).status_code == 200, row


def test_the_overview_asks_as_much_however_much_there_is(olga, bob, artifact):
    overview(olga)
    counts = []
    for number in range(2):
        log(bob, artifact, {"a": f"{number}".encode()})
        cache.delete_many(["storage-by-project", "metrics-failures"])
        with CaptureQueriesContext(
            connection,
        ) as queries:
            overview(olga)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 35


def test_the_sum_over_all_objects_is_asked_for_after_the_page(olga):
    page = olga.get("/admin/")
    assert page.context["storage"] is None and 'hx-get="?storage"' in page.content.decode()
    *_, storage = overview(olga)
    assert olga.get("/admin/").context["storage"] == storage


def crumbs(client: Client, url: str) -> list[str]:
    """What the heading of the page has, of which the last one is the page itself."""
    html = client.get(url).content.decode()
    [heading] = re.findall(r'<span class="admin-crumbs">(.*?)</h1>', html, re.DOTALL)
    found = re.findall(r'<span( aria-current="page")?>\s*(?:<a [^>]*>)?([^<]*)', heading)
    assert [bool(current) for current, _ in found] == [False] * (len(found) - 1) + [True]
    return [title.strip() for _, title in found]


def test_breadcrumbs_name_models_as_the_navigation_does(olga, alice, bob, artifact):
    version = log(bob, artifact, {"a": b"1"})
    alias = artifact.alias_set.get(alias="latest")
    rule = protection.create(Actor(alice), artifact.project, "prod-*")
    for group, models in administration._GROUPS.items():
        for label, name in models.items():
            url = f"/admin/{label.lower().replace('.', '/')}/"
            assert crumbs(olga, url) == ["Administration", group, name], label
    assert crumbs(olga, "/admin/") == ["Administration", "Overview"]
    aliases = ["Administration", "Aliases", "Aliases"]
    assert crumbs(olga, f"/admin/artifacts/artifactalias/{alias.pk}/change/") == [*aliases, "latest"]
    assert crumbs(olga, f"/admin/artifacts/artifactalias/{alias.pk}/delete/") == [*aliases, "latest", "Delete"]
    rules = ["Administration", "Aliases", "Protection rules"]
    assert crumbs(olga, f"/admin/artifacts/aliasrule/{rule.pk}/change/") == [*rules, str(rule)]
    assert crumbs(olga, "/admin/artifacts/aliasrule/add/") == [*rules, "Add"]
    page = crumbs(olga, f"/admin/artifacts/artifactversion/{version.pk}/change/")
    assert page == ["Administration", "Registry", "Versions", str(version)]
    html = olga.get(f"/admin/artifacts/aliasrule/{rule.pk}/delete/").content.decode()
    assert (
        'href="/admin/artifacts/aliasrule/"' in html and f'href="/admin/artifacts/aliasrule/{rule.pk}/change/"' in html
    )


def test_models_are_grouped_and_named_as_people_say(olga):
    html, *_ = overview(olga)

    named = {label.lower() for models in administration._GROUPS.values() for label in models}
    assert named == {model._meta.label_lower for model in admin.site._registry}
    for words in ("Registry", "Protection rules", "API keys", "Inboxes", "Pending deletions"):
        assert words in html
    assert "eartbeat" not in html.split("<main")[0].split('id="nav-sidebar"')[1].split("Health")[0]


def test_staff_see_only_the_models_that_they_may(olga, bob, artifact, vera):
    log(bob, artifact, {"a": b"1"})
    assert "acme/demo" in overview(olga)[0]
    vera.is_staff = True
    vera.save()
    client = Client()
    client.force_login(vera)
    html, rows, storage = overview(client)

    assert "Overview" in html and "Protection rules" not in html
    # Whose projects they do not see all of, they do not learn here, and are led to no page that refuses them.
    assert storage is None and "acme/demo" not in html and "Storage by project" not in html
    assert {row.url for row in rows.values()} == {""}


def test_the_admin_has_our_styles_and_the_readers_theme(olga):
    html, *_ = overview(olga)
    assert "/static/css/tokens.css" in html and "/static/css/admin.css" in html
    assert 'x-data="theme()"' in html
    olga.cookies["display"] = "dark"
    html, *_ = overview(olga)
    assert 'class="dark" x-data="theme(\'dark\')"' in html
    assert 'action="/settings/display"' in html


def test_the_overview_tells_of_the_largest_hierarchies(olga, alice, bob, project):
    assert "Records by hierarchy" not in overview(olga)[0]
    for number in range(12):
        hierarchy = hierarchies.create(Actor(alice), project, f"trees-{number}")
        records.create_many(Actor(bob), hierarchy, [RecordSpec({"n": n}) for n in range(number)])
    totals.count_due()
    data_indexes.create(Actor(alice), hierarchy, "n")
    DataIndex.objects.update(state="failed")
    cache.delete("metrics-failures")

    html, rows, _ = overview(olga)
    assert html.index("acme/demo/trees-11") < html.index("acme/demo/trees-2") and "acme/demo/trees-1<" not in html
    assert "All 12" in html and "66" in html
    assert rows["Failed data indexes"].value == "1"
