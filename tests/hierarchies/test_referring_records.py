"""Records that refer to a version: in its lineage, and named before it is deleted."""

import pytest

from accounts.actor import Actor
from artifacts import errors, versions
from hierarchies import hierarchies, records, retention, retention_rules
from hierarchies.models import Record
from hierarchies.records import RecordSpec
from tests.artifacts.conftest import artifact, store, v1

__all__ = ["artifact", "store", "v1"]


@pytest.fixture
def record(bob, hierarchy, v1) -> Record:
    return records.create(Actor(bob), hierarchy, RecordSpec({"name": "trained", "on": "artifact://acme/demo/data:v1"}))


@pytest.fixture
def foreign(alice, v1) -> Record:
    """In a private project of alice's own: others do not see it."""
    project = alice.personal_team.projects.create(name="hers", created_by=alice)
    hierarchy = hierarchies.create(Actor(alice), project, "mine")
    return records.create(Actor(alice), hierarchy, RecordSpec({"on": "artifact://acme/demo/data:latest"}))


def test_the_api_lists_the_records_that_the_reader_sees(api, alice, bob, mallory, v1, record, foreign):
    url = f"/api/v1/artifacts/versions/{v1.pk}/records"

    [item] = api(bob).get(url).json()["items"]
    assert (item["record_id"], item["hierarchy"], item["level_label"]) == (
        record.pk, "acme/demo/pipeline", "experiment",
    )  # fmt: skip
    assert (item["pointer"], item["requested_as"], item["is_protecting"]) == ("/on", "v1", True)
    assert item["url"].endswith(f"/h/acme/demo/pipeline/api/v1/artifacts/{record.pk}")
    found = [item["record_id"] for item in api(alice).get(url).json()["items"]]
    assert found == [foreign.pk, record.pk]
    assert api(mallory).get(url).status_code == 404


def test_the_list_costs_the_same_however_many_there_are(api, bob, hierarchy, v1, record, django_assert_max_num_queries):
    client, url = api(bob), f"/api/v1/artifacts/versions/{v1.pk}/records"
    with django_assert_max_num_queries(12) as few:
        client.get(url)
    specs = [RecordSpec({"n": n, "on": "artifact://acme/demo/data:v1"}) for n in range(30)]
    records.create_many(Actor(bob), hierarchy, specs)

    with django_assert_max_num_queries(len(few)):
        assert client.get(url).json()["total"] == 31


@pytest.mark.parametrize("page", ["lineage", "impact"])
def test_lineage_and_impact_ask_for_them_where_there_are_any(browser, bob, v1, page):
    url, client = v1.get_absolute_url(), browser(bob)
    assert f"{url}/records" not in client.get(f"{url}/{page}").content.decode()
    assert "No record" in client.get(f"{url}/records").content.decode()


@pytest.mark.parametrize("headers", [{}, {"HTTP_HX_REQUEST": "true"}])
def test_a_part_of_lineage_and_impact_names_them(
    browser, bob, v1, record, foreign, headers, django_assert_max_num_queries
):
    url, client = v1.get_absolute_url(), browser(bob)
    client.get("/")
    for page in ("lineage", "impact"):
        with django_assert_max_num_queries(12):
            assert f'hx-get="{url}/records" hx-trigger="load"' in client.get(f"{url}/{page}").content.decode()
    with django_assert_max_num_queries(12):
        text = client.get(f"{url}/records", **headers).content.decode()

    assert "1 record refers to" in " ".join(text.split())
    assert record.get_absolute_url() in text and "trained" in text
    assert foreign.pk not in text


def test_a_refusal_names_nothing_of_another_private_project(bob, v1, foreign):
    with pytest.raises(errors.VersionHeld, match="something in another private project refers to it") as refusal:
        versions.delete(Actor(bob), v1)
    assert "hers" not in str(refusal.value) and refusal.value.extra["holders"] == []


def test_the_dialog_before_deletion_names_them(browser, bob, v1, record, foreign):
    for thing in (v1, v1.artifact):
        answer = browser(bob).get(f"{thing.get_absolute_url()}/delete")
        [fact] = [fact for fact in answer.context["facts"] if fact.label == "Records"]
        assert fact.items == [(f"acme/demo/pipeline: experiment {record.pk}", record.get_absolute_url())]
    assert any(
        record.pk in refusal for refusal in browser(bob).get(f"{v1.get_absolute_url()}/delete").context["refusals"]
    )
    with pytest.raises(errors.VersionHeld, match=record.pk):
        versions.delete(Actor(bob), v1)


def test_retention_lets_no_version_go_unprotected(alice, hierarchy, record):
    retention_rules.create(Actor(alice), hierarchy, keep_last=1, archive=False)
    newer = records.create(Actor(alice), hierarchy, RecordSpec({}))
    newest = records.create(Actor(alice), hierarchy, RecordSpec({}))

    [level] = retention.dry_run(hierarchy).levels
    assert (level.ids, level.with_version) == ([newer.pk], 1)
    assert retention.apply(hierarchy.pk) == 1
    assert set(hierarchy.records.all()) == {record, newest}
