"""Two versions compared over HTTP, as the page of the comparison has them."""

import pytest

from accounts.actor import Actor
from artifacts import versions
from artifacts.models import ArtifactVersion
from projects import runs
from projects.models import Run
from tests.artifacts.client import fill, log, sha256


@pytest.fixture
def pair(bob, artifact) -> tuple[ArtifactVersion, ArtifactVersion]:
    first = log(bob, artifact, {"a": b"1", "b": b"22", "c": b"3"}, "production")
    second = log(bob, artifact, {"a": b"1", "b": b"222", "d": b"4"})
    for version, rows in ((first, 100), (second, 150)):
        versions.describe(Actor(bob), version, metadata={"rows": rows, "source": {"db": "dwh"}})
    return first, second


def test_files_metadata_and_runs(api, vera, bob, project, pair):
    for number, version in enumerate(pair):
        begun = runs.start(Actor(bob), project, config={"lr": number + 1})
        Run.objects.filter(pk=begun.pk).update(summary={"loss": 1.5 - number})
        ArtifactVersion.objects.filter(pk=version.pk).update(run=begun)
    first, second = pair
    url = f"/api/v1/artifacts/versions/{second.pk}/compare"
    body = api(vera).get(url).json()

    assert (body["base"], body["head"]["version"]) == ({"id": str(first.pk), "version": "v1"}, "v2")
    changes = body["files"].pop("changes")
    assert body["files"] == {"added": 1, "removed": 1, "changed": 1, "unchanged": 1, "next_cursor": None}
    assert [(change["path"], change["change"]) for change in changes] == [
        ("b", "changed"), ("c", "removed"), ("d", "added"),
    ]  # fmt: skip
    assert changes[0]["after"] == {
        "size": 3, "sha256": sha256(b"222"), "executable": False,
        "reference_uri": None, "reference_identity": None, "reference_version_id": None,
    }  # fmt: skip
    assert (changes[1]["after"], changes[2]["before"]) == (None, None)
    rows = {"key": "rows", "change": "changed", "before": "100", "after": "150", "delta": "+50 (+50.0%)"}
    assert body["metadata"] == {"total": 1, "changes": [rows]}
    assert (body["config"]["total"], body["summary"]["changes"][0]["delta"]) == (1, "-1 (-66.7%)")
    assert api(vera).get(f"{url}?base=production").json()["base"]["version"] == "v1"
    assert api(vera).get(f"{url}?base=v2").json()["files"]["unchanged"] == 3


def test_changes_come_in_pages(api, vera, pair):
    url = f"/api/v1/artifacts/versions/{pair[1].pk}/compare?limit=2"
    page = api(vera).get(url).json()["files"]
    rest = api(vera).get(f"{url}&cursor={page['next_cursor']}").json()

    assert [change["path"] for change in (*page["changes"], *rest["files"]["changes"])] == ["b", "c", "d"]
    assert rest["files"]["next_cursor"] is None and (rest["config"], rest["summary"]) == (None, None)


def test_refusals(api, vera, bob, mallory, artifact, pair):
    first, second = pair
    url = f"/api/v1/artifacts/versions/{second.pk}/compare"
    draft = fill(bob, artifact, {"x": b"x"})

    for query in ("limit=0", "limit=x", "cursor=!", "cursor=AAAA", "base=" + "x" * 129):
        assert api(vera).get(f"{url}?{query}").status_code == 400, query
    for query in ("base=v9", "base=nothing"):
        assert api(vera).get(f"{url}?{query}").status_code == 404, query
    assert "no version before v1" in api(vera).get(url.replace(str(second.pk), str(first.pk))).json()["detail"]
    assert api(bob).get(url.replace(str(second.pk), str(draft.pk))).status_code == 404
    assert api(mallory).get(url).status_code == 404
