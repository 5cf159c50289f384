"""A run uses a version: resolved and recorded in one call, and told from both sides."""

from uuid import UUID

import pytest

from accounts.actor import Actor, Channel
from artifacts import artifacts, versions
from artifacts.aliases import aliases
from artifacts.lineage import usages
from artifacts.models import ArtifactUsage
from core import errors
from projects.models import Project, Run
from tests.artifacts.client import at_once, begin, log

ARTIFACTS = "/api/v1/artifacts"


@pytest.mark.parametrize("root", ["/api/v1", "/api/v1/artifacts"])
def test_resolve_and_record_in_one_call(api, bob, run, artifact, v1, v2, root):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    client = api(bob)
    answer = client.post(f"{root}/runs/{run.pk}/use-artifact", {"name": "data:production", "run_id": str(run.pk)})

    assert answer.status_code == 200
    body = answer.json()
    usage = ArtifactUsage.objects.get()
    assert (usage.run, usage.version) == (run, v1)
    assert body["usage"] == {
        "id": str(usage.pk), "run_id": str(run.pk), "version_id": str(v1.pk),
        "requested_as": ["production"],
        "created_at": usage.created_at.isoformat().replace("+00:00", "Z"),
    }  # fmt: skip
    assert (body["alias"], body["version"]["version"], body["artifact"]["name"]) == ("production", "v1", "data")
    assert body["aliases"] == ["production"]


@pytest.mark.parametrize(
    ("requested", "version", "alias"),
    [
        ({"name": "data"}, "v2", "latest"),
        ({"name": "data:v1"}, "v1", None),
        ({"name": "acme/demo/data:v1"}, "v1", None),
        ({"name": "data", "alias": "latest"}, "v2", "latest"),
        ({"name": "data", "version": "v1"}, "v1", None),
        ({"name": "data", "type": "dataset", "alias": None, "version": None}, "v2", "latest"),
    ],
)
def test_every_way_to_name_it(api, bob, run, v1, v2, requested, version, alias):
    body = api(bob).post(f"/api/v1/runs/{run.pk}/use-artifact", requested).json()

    assert (body["version"]["version"], body["alias"]) == (version, alias)


def test_a_version_by_its_id_whatever_it_is_called_now(api, bob, run, artifact, v1, v2):
    client, url = api(bob), f"/api/v1/runs/{run.pk}/use-artifact"
    artifacts.update(Actor(bob), artifact, name="rows")
    body = client.post(url, {"version_id": str(v1.pk), "type": "dataset"}).json()
    assert (body["version"]["id"], body["artifact"]["name"], body["alias"]) == (str(v1.pk), "rows", None)
    assert ArtifactUsage.objects.get().version == v1
    assert client.post(url, {"version_id": str(v1.pk), "type": "model"}).json()["code"] == "TypeDiffers"

    draft = begin(bob, artifact, {"b": b"b"}).version
    versions.delete(Actor(bob), v1)
    for pk, message in ((draft.pk, "not finalized"), (v1.pk, "Version v1 of artifact 'rows' was deleted.")):
        answer = client.post(url, {"version_id": str(pk)})
        assert (answer.status_code, answer.json()["code"]) == (404, "VersionNotFound")
        assert message in answer.json()["detail"]


def test_twice_is_once(api, bob, run, v1):
    client, url = api(bob), f"/api/v1/runs/{run.pk}/use-artifact"
    first, second = (client.post(url, {"name": name}).json() for name in ("data:v1", "data:latest"))

    assert first["usage"] | {"requested_as": ["v1", "latest"]} == second["usage"]
    assert client.post(url, {"name": "data"}).json()["usage"] == second["usage"]
    assert ArtifactUsage.objects.count() == 1


def test_how_it_was_asked_for(api, bob, vera, artifact, run, v1):
    """Found earlier by an alias, it is used by its id; the alias may be elsewhere by now."""
    client, url = api(bob), f"/api/v1/runs/{run.pk}/use-artifact"
    assert client.post(url, {"version_id": str(v1.pk)}).json()["usage"]["requested_as"] == []
    for body, names in (
        ({"version_id": str(v1.pk), "requested_as": "production"}, ["production"]),
        ({"name": "data:v1", "requested_as": "staging"}, ["production", "staging"]),
        ({"version_id": str(v1.pk), "requested_as": None}, ["production", "staging"]),
    ):
        assert client.post(url, body).json()["usage"]["requested_as"] == names
    for wrong in ("a/b", "x" * 129, "", ["a"], " a b", "history"):
        assert client.post(url, {"version_id": str(v1.pk), "requested_as": wrong}).status_code == 400, wrong
    for number in range(20):
        client.post(url, {"version_id": str(v1.pk), "requested_as": f"n{number}"})
    [used] = api(vera).get(f"/api/v1/runs/{run.pk}/artifacts").json()["used"]
    assert used["requested_as"][:2] == ["production", "staging"] and len(used["requested_as"]) == 10
    assert not any("<" in name for name in used["requested_as"])


def test_a_short_name_is_meant_in_the_project_of_the_run(alice, bob, acme, run, v1):
    elsewhere = Project.objects.create(team=acme, name="elsewhere", created_by=alice)
    there = Run.objects.create(project=elsewhere, name="r", created_by=bob)

    with pytest.raises(errors.Missing):
        usages.use(Actor(bob), there, "data")
    assert usages.use(Actor(bob), there, "acme/demo/data").resolved.version == v1


def test_runs_and_versions_list_one_another(api, vera, bob, artifact, run, v1):
    made = versions.begin(Actor(bob), artifact, run=run).version
    versions.finalize(Actor(bob, Channel.SDK), made)
    begin(bob, artifact, {"draft": b"d"})
    usages.use(Actor(bob), run, "data:v1")
    client = api(vera)

    body = client.get(f"/api/v1/runs/{run.pk}/artifacts").json()
    assert [item["version"] for item in body["logged"]] == ["v2"]
    assert [item["version"] for item in body["used"]] == ["v1"]
    assert (body["logged"][0]["run_id"], body["logged"][0]["run_name"]) == (str(run.pk), run.name)
    used_by = client.get(f"{ARTIFACTS}/versions/{v1.pk}/used-by").json()
    assert (used_by["total"], [item["id"] for item in used_by["items"]]) == (1, [str(run.pk)])
    assert client.get(f"{ARTIFACTS}/versions/{made.pk}/used-by").json()["items"] == []


def test_used_by_shows_only_what_one_may_see(api, vera, bob, mallory, project, v1):
    project.visibility = "internal"
    project.save()
    hers = Project.objects.create(team=mallory.personal_team, name="p", created_by=mallory)
    secret = Run.objects.create(project=hers, name="secret", created_by=mallory)
    usages.use(Actor(mallory), secret, "acme/demo/data:v1")

    assert api(vera).get(f"{ARTIFACTS}/versions/{v1.pk}/used-by").json()["total"] == 0
    assert api(mallory).get(f"{ARTIFACTS}/versions/{v1.pk}/used-by").json()["total"] == 1


def test_lists_cost_the_same_however_long_they_are(api, bob, artifact, project, run, v1, django_assert_num_queries):
    client = api(bob)
    usages.use(Actor(bob), run, "data:v1")
    urls = [f"{ARTIFACTS}/versions/{v1.pk}/used-by", f"/api/v1/runs/{run.pk}/artifacts"]
    # Key, version, its aliases, count, rows, their long values; key, run, logged, used with aliases, long values.
    costs = [6, 6]
    client.get(urls[0])
    for url, cost in zip(urls, costs, strict=True):
        with django_assert_num_queries(cost):
            client.get(url)
    for number in range(5):
        usages.use(Actor(bob), Run.objects.create(project=project, name=f"r{number}", created_by=bob), "data:v1")
        usages.use(Actor(bob), run, f"data:{log(bob, artifact, {'a': f'{number}'.encode()}).version}")
    for url, cost in zip(urls, costs, strict=True):
        with django_assert_num_queries(cost):
            client.get(url)


@pytest.mark.parametrize(
    ("requested", "status", "code"),
    [
        ({}, 400, "Invalid"),
        ({"name": "data:nope"}, 404, "AliasNotFound"),
        ({"name": "data:v7"}, 404, "VersionNotFound"),
        ({"name": "none"}, 404, "Missing"),
        ({"name": "data", "version": "v7"}, 404, "VersionNotFound"),
        ({"name": "data", "version": "latest"}, 400, "Invalid"),
        ({"name": "data:v1", "alias": "latest"}, 400, "Invalid"),
        ({"name": "data", "alias": "latest", "version": "v1"}, 400, "Invalid"),
        ({"name": "data", "type": "model"}, 409, "TypeDiffers"),
        ({"name": "data", "run_id": str(UUID(int=7))}, 400, "Invalid"),
        ({"name": "a/data"}, 400, "Invalid"),
        ({"name": "data", "version_id": str(UUID(int=7))}, 400, "Invalid"),
        ({"version_id": str(UUID(int=7)), "alias": "latest"}, 400, "Invalid"),
        ({"version_id": str(UUID(int=7))}, 404, "Missing"),
        ([], 400, "Invalid"),
    ],
)
def test_refusals_record_nothing(api, bob, run, v1, requested, status, code):
    answer = api(bob).post(f"/api/v1/runs/{run.pk}/use-artifact", requested)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert ArtifactUsage.objects.count() == 0


def test_an_artifact_that_one_does_not_see(api, bob, mallory, run, foreign):
    log(mallory, foreign, {"a": b"a"})

    answer = api(bob).post(f"/api/v1/runs/{run.pk}/use-artifact", {"name": "mallory/hers/data"})
    assert (answer.status_code, answer.json()["code"]) == (404, "Missing")


def test_a_viewer_records_nothing(api, vera, run, v1):
    with pytest.raises(errors.Denied):
        usages.use(Actor(vera), run, "data")

    assert api(vera).post(f"/api/v1/runs/{run.pk}/use-artifact", {"name": "data"}).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_used_at_once_is_once(bob, run, v1):
    used = at_once(*[lambda: usages.use(Actor(bob), run, "data:v1") for _ in range(6)])

    assert len({entry.usage.pk for entry in used}) == 1
