"""Lists of what has much metadata, long descriptions and configs: neither what is sent nor what is loaded grows."""

from contextlib import ExitStack
from typing import Any

import pytest
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from accounts.actor import Actor
from artifacts.aliases import proposals, protection
from artifacts.models import Artifact, ArtifactAlias, ArtifactUsage, ArtifactVersion
from core import long_values
from notifications import watches
from projects.models import Project, Run

COUNT = 16
LONG = 200_000
TEXT = "ü" * 25_000
BUDGET = 300_000
# A detail page shows one of them whole, and lists have short columns too.
BOUND = 1_000_000
API_LISTS = [
    "artifacts", "artifacts/{artifact}/versions", "artifacts/{artifact}/aliases", "projects", "runs",
    "runs/{run}/artifacts", "artifacts/versions/{version}/used-by", "artifacts/{artifact}/alias-proposals",
    "alias-rules", "watches",
]  # fmt: skip
PAGES = [
    "/", "/artifacts", "/acme/demo", "/acme/demo/artifacts", "/acme/demo/runs", "/acme/demo/runs/run-1",
    "/acme/demo/artifacts/dataset/data-1", "/acme/demo/artifacts/dataset/data-1?tab=versions",
    "/acme/demo/artifacts/dataset/data-1?tab=aliases", "/acme/demo/artifacts/dataset/data-1?tab=history",
    "/acme/demo/artifacts/dataset/data-1/v1", "/search?q=data", "/search?q=data&only=artifacts",
    "/search?q=demo&only=projects", "/search?q=run&only=runs", "/search?q=stage&only=versions", "/watches",
    "/acme/demo/runs?column=config.number", "/acme/demo/runs?group_by=config.text&column=summary.number",
    "/acme/demo/run-grouping",
]  # fmt: skip
ADMIN_LISTS = [
    "artifacts/artifact", "artifacts/artifactversion", "artifacts/artifactalias", "artifacts/aliasrule",
    "artifacts/aliasproposal", "artifacts/artifactusage", "projects/project", "projects/run", "notifications/watch",
]  # fmt: skip


def heavy(number: int) -> dict[str, Any]:
    return {"number": number, "text": "x" * LONG}


@pytest.fixture
def registry(alice, bob, project) -> dict[str, str]:
    """Artifacts, versions, runs and projects, whose long values are each a good part of the budget."""
    projects = [Project(team=project.team, name=f"demo-{n}", created_by=alice, description=TEXT) for n in range(COUNT)]
    Project.objects.bulk_create(projects)
    Project.objects.filter(pk=project.pk).update(description=TEXT)
    artifacts = Artifact.objects.bulk_create(
        Artifact(project=project, name=f"data-{n}", type="dataset", description=TEXT, metadata=heavy(n))
        for n in range(COUNT)
    )
    artifact = artifacts[1]
    runs = Run.objects.bulk_create(
        Run(project=project, name=f"run-{n}", config=heavy(n), summary=heavy(n), notes=TEXT, created_by=bob)
        for n in range(COUNT)
    )
    versions = ArtifactVersion.objects.bulk_create(
        ArtifactVersion(
            artifact=artifact, number=n + 1, state="finalized", finalized_at=timezone.now(), run=runs[1],
            description=TEXT, notes=TEXT, metadata=heavy(n), storage_path="",
        )
        for n in range(COUNT)
    )  # fmt: skip
    Artifact.objects.filter(pk=artifact.pk).update(last_assigned_number=COUNT, latest_version_number=COUNT)
    ArtifactAlias.objects.bulk_create(
        ArtifactAlias(artifact=artifact, version=version, alias=f"stage-{version.number}") for version in versions
    )
    ArtifactUsage.objects.bulk_create(ArtifactUsage(run=run, version=versions[0]) for run in runs)
    ArtifactUsage.objects.bulk_create(ArtifactUsage(run=runs[1], version=version) for version in versions[1:])
    for number, row in enumerate(artifacts):
        watches.watch(Actor(alice), project, row)
        protection.create(Actor(alice), row, f"kept-{number}")
        proposals.propose(Actor(bob), artifact, f"stage-{number + 1}", versions[number - 1])
    return {"artifact": str(artifact.pk), "run": str(runs[1].pk), "version": str(versions[0].pk)}


@pytest.fixture
def loaded(monkeypatch) -> list[int]:
    """Of every row that the database has given, how many characters of text."""
    sizes: list[int] = []
    fetch = CursorWrapper.__getattr__

    def counting(cursor: CursorWrapper, name: str) -> Any:
        method = fetch(cursor, name)
        if name not in ("fetchone", "fetchmany", "fetchall"):
            return method

        def count(*args: Any) -> Any:
            found = method(*args)
            rows = [found] if name == "fetchone" else found
            sizes.extend(len(value) for row in rows or () for value in row or () if isinstance(value, str))
            return found

        return count

    monkeypatch.setattr(CursorWrapper, "__getattr__", counting)
    return sizes


@pytest.fixture
def small_budget(monkeypatch) -> None:
    monkeypatch.setattr(long_values, "MAX_PAGE_BYTES", BUDGET)


def test_no_list_of_the_api_loads_or_sends_more_than_its_budget(api, alice, registry, loaded, small_budget):
    client = api(alice)
    for path in API_LISTS:
        loaded.clear()
        response = client.get(f"/api/v1/{path.format(**registry)}")
        assert response.status_code == 200, (path, response.content)
        items = response.json().get("items") or response.json()["used"]
        assert len(items) >= COUNT, path
        assert (len(response.content) < BOUND, sum(loaded) < BOUND) == (True, True), (path, sum(loaded))


def test_no_page_loads_or_sends_more_than_its_budget(browser, alice, registry, loaded, small_budget):
    client = browser(alice)
    for path in PAGES:
        loaded.clear()
        response = client.get(path)
        assert response.status_code == 200, path
        assert (len(response.content) < BOUND, sum(loaded) < BOUND) == (True, True), (path, sum(loaded))


def test_no_list_of_the_admin_loads_more_than_its_budget(browser, alice, registry, loaded):
    alice.is_staff = alice.is_superuser = True
    alice.save()
    client = browser(alice)
    for path in ADMIN_LISTS:
        loaded.clear()
        assert client.get(f"/admin/{path}/").status_code == 200, path
        assert sum(loaded) < BOUND, (path, sum(loaded))


def test_what_a_list_leaves_out_is_named_and_the_item_has_it(api, alice, registry, small_budget):
    client = api(alice)
    items = client.get("/api/v1/artifacts", {"ordering": "name"}).json()["items"]
    whole = [client.get(f"/api/v1/artifacts/{item['id']}").json() for item in items]

    assert {tuple(item.get("omitted", ())) for item in items} == {("metadata",), ("description", "metadata")}
    for item, detail in zip(items, whole, strict=True):
        omitted = item.pop("omitted", [])
        assert all(item[name] is None and detail[name] for name in omitted)
        assert item | {name: detail[name] for name in omitted} == detail


def test_a_list_that_fits_has_everything(api, alice, registry, monkeypatch):
    monkeypatch.setattr(long_values, "MAX_PAGE_BYTES", 2 * COUNT * LONG)
    client = api(alice)
    items = client.get(f"/api/v1/artifacts/{registry['artifact']}/versions").json()["items"]

    assert [item["metadata"]["number"] for item in items] == list(reversed(range(COUNT)))
    assert not any("omitted" in item for item in items)
    assert {len(item["notes"]) for item in items} == {len(TEXT)}


@pytest.mark.parametrize(
    ("people", "pages"), [("others", long_values.MAX_FULL_PAGES), ("own", long_values.MAX_FULL_PAGES_A_PERSON)]
)
def test_many_long_lists_at_once_carry_less(api, alice, bob, registry, monkeypatch, people, pages):
    """All of them together, or as many of one person."""
    monkeypatch.setattr(long_values, "CROWDED_PAGE_BYTES", BUDGET)
    path = f"/api/v1/artifacts/{registry['artifact']}/versions"
    client = api(alice)
    with ExitStack() as others:
        for number in range(pages):
            person = str(alice.pk) if people == "own" else f"person {number}"
            others.enter_context(long_values.one_request(lambda person=person: person))
            assert long_values.page_budget() == long_values.MAX_PAGE_BYTES
        crowded = client.get(path)
        if people == "own":
            assert len(api(bob).get(path).content) > 2 * BUDGET
    alone = client.get(path)
    assert [answer.status_code for answer in (crowded, alone)] == [200, 200]
    assert len(crowded.content) < BUDGET + COUNT * 1000 < len(alone.content)
    assert all(item["omitted"] for item in crowded.json()["items"][2:])


def test_the_shortest_values_are_kept(registry, monkeypatch):
    rows = list(long_values.defer(ArtifactVersion.objects.order_by("number"), ""))
    ArtifactVersion.objects.filter(number__gt=3).update(metadata={}, notes="", description="")
    first = ArtifactVersion.objects.get(number=1)
    length = len(TEXT.encode())
    monkeypatch.setattr(long_values, "MAX_PAGE_BYTES", 6 * length + 2 * COUNT)
    long_values.load(rows)

    assert [row.omitted for row in rows[:3]] == [["metadata"]] * 3
    assert not any(hasattr(row, "omitted") for row in rows[3:])
    assert [row.notes for row in rows[:3]] == [TEXT] * 3
    assert (rows[5].metadata, rows[0].metadata, first.metadata["number"]) == ({}, None, 0)
