"""Lists of artifacts: filters, literal search, order, pages, and a fixed number of queries."""

from uuid import UUID

import pytest

from accounts.actor import Actor, Channel
from artifacts import artifacts
from artifacts.aliases import aliases
from artifacts.models import Artifact
from harness import servers
from projects.models import Project
from tests.artifacts.client import log

ARTIFACTS = "/api/v1/artifacts"


@pytest.fixture
def shelf(alice, project) -> list[Artifact]:
    """Five artifacts of demo, and one of another project of the team."""
    elsewhere = Project.objects.create(team=project.team, name="elsewhere", created_by=alice)
    return [
        artifacts.create(
            Actor(alice), project, "corpus", "dataset", description="All 100% of it", tags=["raw", "text"]
        ),
        artifacts.create(Actor(alice), project, "corpus_clean", "dataset", description="Half of it", tags=["text"]),
        artifacts.create(Actor(alice), project, "net", "model", description="Trained on corpora", tags=["best_of_all"]),
        artifacts.create(Actor(alice), project, "script", "code"),
        artifacts.create(Actor(alice), project, "notes", "file", description="Back\\slash", tags=["50%"]),
        artifacts.create(Actor(alice), elsewhere, "corpus", "dataset", tags=["raw"]),
    ]


@pytest.fixture
def names(api, vera, shelf):
    """The names that a query finds for vera, in order."""

    def ask(**query) -> list[str]:
        answer = api(vera).get(ARTIFACTS, query)
        assert answer.status_code == 200, answer.json()
        assert answer.json()["total"] == len(answer.json()["items"])
        return [item["name"] for item in answer.json()["items"]]

    return ask


def test_a_list_is_a_page_of_items(api, vera, shelf):
    body = api(vera).get(ARTIFACTS).json()

    assert body.keys() == {"items", "total", "page", "page_size", "total_pages"}
    assert (body["total"], body["page"], body["page_size"], body["total_pages"]) == (6, 1, 50, 1)
    assert body["items"][0] == api(vera).get(f"{ARTIFACTS}/{body['items'][0]['id']}").json()


def test_filter_by_project(names, project):
    by_name = names(project="acme/demo", ordering="name")

    assert by_name == names(project=str(project.pk), ordering="name")
    assert by_name == ["corpus", "corpus_clean", "net", "notes", "script"]
    assert names(project="acme/elsewhere") == ["corpus"]


def test_filter_by_type_name_tag(names):
    assert names(type="model") == ["net"]
    assert names(type="none-such") == []
    assert names(name="corpus", project="acme/demo") == ["corpus"]
    assert names(name="corp") == []
    assert sorted(names(tag="raw")) == ["corpus", "corpus"]
    assert names(tag="raw", project="acme/demo") == ["corpus"]
    assert names(tag="ra") == []


def test_filter_by_alias(names, alice, shelf):
    version = log(alice, shelf[0], {"a": b"a"}, "production")
    log(alice, shelf[2], {"b": b"b"})

    assert names(alias="production") == ["corpus"]
    assert sorted(names(alias="latest")) == ["corpus", "net"]
    assert names(alias="prod") == []
    aliases.remove(Actor(alice, Channel.SDK), version.artifact, "production")
    assert names(alias="production") == []


def test_search_looks_at_name_description_and_tags(names):
    assert names(search="net") == ["net"]
    assert names(search="TRAINED") == ["net"]
    assert sorted(names(search="text")) == ["corpus", "corpus_clean"]
    assert names(search="of nothing") == []


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("%", ["corpus", "notes"]),
        ("100%", ["corpus"]),
        ("0%", ["corpus", "notes"]),
        ("%of", []),
        ("_", ["corpus_clean", "net"]),
        ("corpus_", ["corpus_clean"]),
        ("s_r", []),
        ("\\", ["notes"]),
        ("'", []),
        ('"; DROP TABLE artifacts_artifact; --', []),
    ],
)
def test_search_is_literal(names, text, result):
    assert sorted(names(search=text, project="acme/demo")) == result


@pytest.mark.parametrize("column", ["name", "type", "version_count", "created_at", "updated_at"])
def test_order(names, column):
    up, down = names(ordering=column, project="acme/demo"), names(ordering=f"-{column}", project="acme/demo")

    assert sorted(up) == sorted(down) == ["corpus", "corpus_clean", "net", "notes", "script"]
    assert up == down[::-1]


def test_by_default_the_last_touched_comes_first(names, alice, shelf):
    artifacts.update(Actor(alice), shelf[3], description="touched")

    assert names()[0] == "script"


def test_pages(api, vera, shelf):
    def page(number: int, size: int = 4) -> dict:
        return api(vera).get(ARTIFACTS, {"page": number, "page_size": size, "ordering": "created_at"}).json()

    first, second = page(1), page(2)
    assert (first["total"], first["total_pages"], first["page"], first["page_size"]) == (6, 2, 1, 4)
    assert [item["id"] for item in first["items"] + second["items"]] == [str(artifact.pk) for artifact in shelf]
    assert page(1, 6)["total_pages"] == 1
    assert len(page(1, 200)["items"]) == 6


def test_the_first_page_of_nothing_is_empty(api, mallory, shelf):
    body = api(mallory).get(ARTIFACTS).json()

    assert body == {"items": [], "total": 0, "page": 1, "page_size": 50, "total_pages": 0}


@pytest.mark.parametrize(
    "query",
    [
        "page=0", "page=-1", "page=abc", "page=1.5", "page=99999999999999999999999999", "page=2",
        "page_size=0", "page_size=201", "page_size=-5", "page_size=many", "ordering=password", "ordering=project__team",
        "search=" + "x" * 201, "search=%00", "search=%FF",
    ],
)  # fmt: skip
def test_odd_queries_are_refused(api, vera, shelf, query):
    answer = api(vera).get(f"{ARTIFACTS}?{query}")

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "Invalid"


@pytest.mark.parametrize("project", ["hers", "mallory/hers", "none/none", "a/b/c", str(UUID(int=7))])
def test_a_project_that_one_does_not_see_is_missing(api, vera, foreign, project):
    assert api(vera).get(ARTIFACTS, {"project": project}).status_code == 404
    assert api(vera).get(ARTIFACTS, {"project": str(foreign.project_id)}).status_code == 404


def test_everyone_sees_their_own(api, alice, mallory, shelf, foreign):
    assert api(alice).get(ARTIFACTS).json()["total"] == 6
    assert [item["id"] for item in api(mallory).get(ARTIFACTS).json()["items"]] == [str(foreign.pk)]


def test_a_list_costs_the_same_however_long_it_is(api, alice, vera, project, django_assert_num_queries):
    client = api(vera)
    client.get(ARTIFACTS)

    def fill(count: int) -> None:
        for number in range(count):
            name = f"d{Artifact.objects.count()}-{number}"
            log(alice, artifacts.create(Actor(alice), project, name, "dataset", tags=["a", "b"]), {"a": b"a"}, "x", "y")

    fill(1)
    # Key, count, rows, tags, aliases of the newest versions, rules, aliases with where they point.
    with django_assert_num_queries(8):
        client.get(ARTIFACTS)
    fill(4)
    with django_assert_num_queries(8):
        body = client.get(ARTIFACTS).json()
    assert all(item["aliases"] == ["latest", "x", "y"] for item in body["items"])
    assert all(
        list(item["alias_versions"].items()) == [(name, "v1") for name in item["aliases"]] for item in body["items"]
    )
    assert {item["alias_count"] for item in body["items"]} == {3}


@pytest.mark.parametrize("column", ["name", "-name", "type", "-type", "version_count", "-version_count", "-updated_at"])
def test_the_first_page_is_read_in_the_order_of_an_index(vera, column):
    plan = Artifact.objects.visible_to(vera).for_display().sorted_by(column)[:50].explain()

    # What PostgreSQL does depends on how many rows there are.
    assert servers.on_postgres() or ("USING INDEX" in plan and "TEMP B-TREE FOR ORDER BY" not in plan)


def test_the_artifacts_of_a_project_are_read_by_cursor_from_an_index(vera, artifact):
    plan = Artifact.objects.visible_to(vera).filter(project=artifact.project, pk__lt=artifact.pk).order_by("-id")

    # What PostgreSQL does depends on how many rows there are.
    assert servers.on_postgres() or "artifact_project_newest (project_id=? AND id<?)" in plan[:50].explain()


def test_read_by_cursor_an_item_that_stays_is_met_once(api, alice, bob, shelf):
    """Whatever others do meanwhile: here the last one met is deleted, one not met is renamed, and one is created."""
    met, cursor = [], ""
    while cursor is not None:
        body = api(bob).get(ARTIFACTS, {"cursor": cursor, "page_size": 2}).json()
        assert body.keys() == {"items", "next_cursor"}
        met += [item["id"] for item in body["items"]]
        cursor = body["next_cursor"]
        artifacts.delete(Actor(alice), Artifact.objects.get(pk=met[-1]))
        if not_met := Artifact.objects.exclude(pk__in=met).first():
            artifacts.update(Actor(alice), not_met, name=f"z{len(met)}")
        artifacts.create(Actor(alice), shelf[0].project, f"new-{len(met)}", "file")

    assert met == [str(artifact.pk) for artifact in reversed(shelf)]


def test_read_by_cursor_a_list_has_one_order(api, vera, shelf):
    answer = api(vera).get(ARTIFACTS, {"cursor": "", "ordering": "name"})
    assert (answer.status_code, answer.json()["code"]) == (400, "Invalid")
    assert "leave `ordering` out" in answer.json()["detail"]
    assert api(vera).get(ARTIFACTS, {"cursor": "not-one"}).status_code == 400
    body = api(vera).get(ARTIFACTS, {"cursor": "", "tag": "raw", "project": "acme/demo"}).json()
    assert ([item["name"] for item in body["items"]], body["next_cursor"]) == (["corpus"], None)
