"""Impact: everything that was made from a version, the most important of it first."""

import csv
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actor import Actor
from accounts.models import Role
from artifacts import artifacts, versions
from artifacts.aliases import aliases, protection
from artifacts.lineage import impact
from artifacts.lineage.impact import Filter, Group
from artifacts.models import ArtifactVersion
from core import errors
from projects.models import Project, Run, State
from tests.artifacts.lineage import histories

API = "/api/v1/artifacts/versions"


@pytest.fixture
def downstream(alice, bob, project, artifact, other) -> dict[str, ArtifactVersion | Run]:
    """Of data:v1: runs that run and have ended, and models, of which one is in production and one was called best."""
    [data] = histories.versions(artifact, 1)
    trainings = histories.runs(project, bob, 4, "train")
    [live] = histories.runs(project, bob, 1, "live", State.RUNNING)
    models = histories.versions(other, 4, trainings)
    histories.use((run, data) for run in (*trainings, live))
    report = artifacts.create(Actor(alice), project, "report", "file")
    [final] = histories.versions(report, 1)
    histories.derive([(final, models[1])])
    protection.create(Actor(alice), project, "prod*", role=Role.ADMIN)
    aliases.move(Actor(alice), other, "production", models[0])
    aliases.move(Actor(alice), other, "first", models[0])
    aliases.move(Actor(alice), other, "best", models[1])
    aliases.move(Actor(alice), report, "latest", final)
    named = {f"train-{number}": run for number, run in enumerate(trainings)}
    named |= {f"model-{number}": model for number, model in enumerate(models)}
    return {"data": data, "live": live, "final": final, **named}


def listed(body: dict, things: dict) -> list[tuple[str, str, int]]:
    names = {str(row.pk): name for name, row in things.items()}
    return [(row["group"], names[row["id"]], row["distance"]) for row in body["results"]]


def test_protected_aliases_come_first(api, vera, downstream):
    body = api(vera).get(f"{API}/{downstream['data'].pk}/impact").json()

    assert listed(body, downstream) == [
        ("protected", "model-0", 2), ("aliased", "model-1", 2), ("running", "live", 1), ("version", "model-3", 2),
        ("version", "model-2", 2), ("version", "final", 3), ("run", "train-3", 1), ("run", "train-2", 1),
        ("run", "train-1", 1), ("run", "train-0", 1),
    ]  # fmt: skip
    assert body["summary"] == {
        "versions": 5, "runs": 5, "protected": 1, "aliased": 2, "running": 1, "projects": 1, "teams": 1, "private": 0,
        "is_complete": True,
    }  # fmt: skip
    assert body["projects"] == [{"project": "acme/demo", "team": "acme", "versions": 5, "runs": 5}]
    assert body["teams"] == [{"team": "acme", "owners": ["alice"]}] and body["next_cursor"] is None
    first, live = body["results"][0], body["results"][2]
    assert (first["aliases"], first["protected_aliases"]) == (["production", "first"], ["production"])
    assert (first["kind"], first["name"], first["version"], first["type"]) == ("version", "other", "v1", "model")
    assert (live["kind"], live["name"], live["state"], live["owner"]) == ("run", "live-0", "running", "bob")
    assert (live["project"], live["team"], live["version"], live["aliases"]) == ("acme/demo", "acme", None, [])
    assert first["url"].endswith("/acme/demo/artifacts/model/other/v1")


def test_pages_are_all_of_it_once(api, vera, downstream):
    client, url = api(vera), f"{API}/{downstream['data'].pk}/impact"
    everything = client.get(url).json()["results"]
    found, cursor = [], ""
    while cursor is not None:
        body = client.get(f"{url}?limit=3" + (f"&cursor={cursor}" if cursor else "")).json()
        assert len(body["results"]) <= 3 and body["summary"]["versions"] == 5
        found += body["results"]
        cursor = body["next_cursor"]
    assert found == everything


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("group=protected&group=running", ["model-0", "live"]),
        ("group=aliased", ["model-1"]),
        ("project=acme/demo&group=protected", ["model-0"]),
        ("project=acme/none", []),
        ("team=other", []),
        ("team=acme&group=running", ["live"]),
    ],
)
def test_filters_narrow_the_list_alone(api, vera, downstream, query, names):
    body = api(vera).get(f"{API}/{downstream['data'].pk}/impact?{query}").json()
    assert [name for _, name, _ in listed(body, downstream)] == names
    assert body["summary"]["runs"] == 5 and len(body["projects"]) == 1


def test_as_csv(api, vera, downstream):
    Run.objects.filter(pk=downstream["live"].pk).update(display_name="=HYPERLINK(0)")
    response = api(vera).get(f"{API}/{downstream['data'].pk}/impact?format=csv&limit=1")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="impact-data-v1.csv"'
    rows = list(csv.DictReader(io.StringIO(_text(response))))
    assert len(rows) == 10
    assert (rows[0]["aliases"], rows[0]["protected_aliases"], rows[0]["version"]) == (
        "production first", "production", "v1",
    )  # fmt: skip
    assert (rows[2]["group"], rows[2]["display_name"], rows[2]["distance"]) == ("running", "'=HYPERLINK(0)", "1")
    response = api(vera).get(f"{API}/{downstream['data'].pk}/impact?format=csv&group=protected")
    assert len(_text(response).splitlines()) == 2


def _text(response) -> str:
    return (b"".join(response.streaming_content) if response.streaming else response.content).decode()


def test_what_one_may_not_see_is_only_counted(api, vera, bob, mallory, foreign, downstream):
    [hidden_run] = histories.runs(foreign.project, mallory, 1, "secret", State.RUNNING)
    [hidden] = histories.versions(foreign, 1, [hidden_run])
    histories.use([(hidden_run, downstream["data"])])
    [after] = histories.runs(downstream["live"].project, bob, 1, "after")
    histories.use([(after, hidden)])
    response = api(vera).get(f"{API}/{downstream['data'].pk}/impact")
    summary = response.json()["summary"]
    assert (summary["private"], summary["runs"], summary["running"], summary["projects"]) == (2, 6, 1, 1)
    # What is behind it is found, and how far it is.
    assert ("run", "after", 3) in listed(response.json(), downstream | {"after": after})
    assert b"secret" not in response.content and b"hers" not in response.content
    response = api(vera).get(f"{API}/{downstream['data'].pk}/impact?format=csv")
    assert "secret" not in _text(response)
    summary = impact.page(mallory, [hidden]).summary
    assert summary and (summary.runs, summary.private) == (0, 1)


def test_teams_that_one_is_not_in_keep_their_admins_to_themselves(vera, mallory, downstream):
    team = mallory.personal_team
    shared = Project.objects.create(team=team, name="shared", created_by=mallory, visibility="internal")
    [run] = histories.runs(shared, mallory, 1)
    histories.use([(run, downstream["data"])])
    page = impact.page(vera, [downstream["data"]])
    assert [tuple(row) for row in page.teams] == [("acme", ["alice"]), ("mallory", [])]
    assert [row.project for row in page.projects] == ["acme/demo", "mallory/shared"]
    assert page.summary.teams == 2


def test_what_was_deleted_is_not_affected_and_hides_nothing(bob, vera, downstream):
    model = ArtifactVersion.objects.select_related("artifact__project__team").get(pk=downstream["model-1"].pk)
    versions.delete(Actor(bob), model, delete_aliases=True)
    found = {row.thing.pk: row.distance for row in impact.page(vera, [downstream["data"]]).results}
    assert model.pk not in found and found[downstream["final"].pk] == 3
    assert not impact.page(vera, [downstream["final"]]).summary


def test_a_chain_of_a_thousand_versions_to_its_end(vera, artifact):
    chain = histories.versions(artifact, 1000)
    histories.derive(zip(chain[1:], chain, strict=False))
    page = impact.page(vera, [chain[0]], limit=1000)
    assert [row.distance for row in page.results] == list(range(1, 1000)) and page.next_cursor is None
    assert page.summary.versions == 999 and page.summary.is_complete


def test_there_is_an_end_to_what_is_looked_at(api, vera, downstream):
    client, url = api(vera), f"{API}/{downstream['data'].pk}/impact"
    body = client.get(f"{url}?scan_limit=3").json()
    assert [distance for _, _, distance in listed(body, downstream)] == [1, 1, 1]
    assert (body["summary"]["runs"], body["summary"]["is_complete"], body["next_cursor"]) == (3, False, None)
    assert client.get(f"{url}?scan_limit=10").json()["summary"]["is_complete"] is True


def test_a_filter_finds_what_is_too_far_away_to_be_looked_at_first(monkeypatch, api, vera, downstream):
    monkeypatch.setattr(impact, "_DEFAULT_LIMITS", (5, None))
    client, url = api(vera), f"{API}/{downstream['data'].pk}/impact"
    body = client.get(url).json()
    assert (body["summary"]["protected"], body["summary"]["is_complete"]) == (0, False)
    body = client.get(f"{url}?group=protected").json()
    assert [name for _, name, _ in listed(body, downstream)] == ["model-0"] and body["summary"]["is_complete"]
    assert len(_text(client.get(f"{url}?format=csv")).splitlines()) == 11
    assert client.get(f"{url}?scan_limit=10000").json()["summary"]["protected"] == 1


def test_what_very_many_runs_used_leaves_room_for_what_they_made(vera, bob, project, artifact, other):
    [data] = histories.versions(artifact, 1)
    newest = histories.users(data, bob, 1_000)
    [model] = histories.versions(other, 1, [newest])
    aliases.move(Actor(bob), other, "best", model)
    page = impact.page(vera, [data])
    assert [(row.group, row.distance) for row in page.results[:2]] == [(Group.ALIASED, 2), (Group.RUN, 1)]
    assert (page.summary.versions, page.summary.runs, page.summary.is_complete) == (1, 500, False)
    everything = impact.page(vera, [data], scan_limit=impact.MAX_SCAN).summary
    assert (everything.versions, everything.runs, everything.is_complete) == (1, 1_000, True)
    assert len(list(impact.all_affected(vera, [data]))) == 1_001


def test_the_list_is_sorted_by_its_columns_page_by_page(vera, downstream):
    whole = impact.page(vera, [downstream["data"]], limit=1000).results
    columns = {
        "name": lambda row: row.title.casefold(),
        "project": lambda row: row.project.full_name,
        "owner": lambda row: row.owner,
        "distance": lambda row: row.distance,
        "state": lambda row: (list(Group).index(row.group), row.aliases[:1]),
    }
    assert columns.keys() == set(impact.ORDERS)
    for name, value in columns.items():
        for sign in ("", "-"):
            expected = sorted(whole, key=value, reverse=bool(sign))
            found, cursor = [], ""
            while cursor is not None:
                page = impact.page(vera, [downstream["data"]], sort=f"{sign}{name}", cursor=cursor, limit=3)
                found += page.results
                cursor = page.next_cursor
            assert [row.title for row in found] == [row.title for row in expected], f"{sign}{name}"
            everything = impact.all_affected(vera, [downstream["data"]], sort=f"{sign}{name}")
            assert [row.title for row in everything] == [row.title for row in found]
    other = impact.page(vera, [downstream["data"]], sort="name", limit=1).next_cursor
    with pytest.raises(errors.Invalid):
        impact.page(vera, [downstream["data"]], sort="distance", cursor=other)


def test_several_versions_together(vera, downstream):
    both = impact.page(vera, [downstream["data"], downstream["model-1"]])
    distances = {str(row.thing.pk): row.distance for row in both.results}
    assert str(downstream["model-1"].pk) not in distances, "it goes itself"
    assert (distances[str(downstream["final"].pk)], distances[str(downstream["model-0"].pk)]) == (1, 2)
    assert (both.summary.versions, both.summary.runs) == (4, 5)


def test_the_number_of_queries_does_not_grow(api, vera, bob, project, other, downstream):
    client, url = api(vera), f"{API}/{downstream['data'].pk}/impact"

    def cost(ask) -> int:
        with CaptureQueriesContext(connection) as queries:
            ask()
        return len(queries)

    asks = [lambda: client.get(url), lambda: impact.page(vera, [downstream["data"]], limit=0)]
    asks[0]()
    before = [cost(ask) for ask in asks]
    # Key, version, its aliases; walk, projects, rules, and of the page versions and runs.
    assert before[0] <= 8 and before[1] <= 3
    more = histories.runs(project, bob, 50, "more")
    histories.use((run, downstream["data"]) for run in more)
    histories.versions(other, 50, more)
    assert [cost(ask) for ask in asks] == before


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "scan_limit=0", "scan_limit=10001", "group=none", "format=xml", "cursor=!", "cursor=YWJj",
     "cursor=MS4yLng", "team=%00"],
)  # fmt: skip
def test_a_wrong_query_is_refused(api, vera, downstream, query):
    answer = api(vera).get(f"{API}/{downstream['data'].pk}/impact?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "Invalid")


def test_the_verb_refuses_a_wrong_cursor(vera, downstream):
    with pytest.raises(errors.Invalid):
        impact.page(vera, [downstream["data"]], cursor="YWJj")
    assert impact.page(vera, [downstream["data"]], filter=Filter((Group.RUNNING,))).results[0].owner == "bob"
