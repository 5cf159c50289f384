"""The settings of a hierarchy: who sees what, and that each button does what it says."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.urls import reverse

from accounts.actor import Actor
from harness import servers
from hierarchies import data_indexes, hierarchies, records, retention, retention_rules
from hierarchies.models import DataIndex, Hierarchy, Record, RecordArchive, RetentionRule
from hierarchies.records import RecordSpec
from tests.conftest import HTMX


@pytest.fixture
def hierarchy(alice, project) -> Hierarchy:
    return hierarchies.create(Actor(alice), project, "trees", level_labels={"0": "experiment", "1": "model"})


@pytest.fixture
def old(bob, hierarchy) -> list[Record]:
    found = records.create_many(Actor(bob), hierarchy, [RecordSpec({"n": 0}), RecordSpec({"n": 1}, parent_id="#0")])
    Record.objects.update(created_at=F("created_at") - timedelta(days=9))
    return found


def url(hierarchy: Hierarchy, name: str = "hierarchy-settings", *args: object) -> str:
    return reverse(name, args=[*hierarchy.url_args, *args])


def test_members_see_sizes_rules_and_indexes_and_admins_change_them(browser, alice, bob, vera, hierarchy, old):
    retention_rules.create(Actor(alice), hierarchy, level=1, keep_last=3)
    data_indexes.create(Actor(alice), hierarchy, "experiment_name")

    for user, buttons in ((alice, True), (bob, False), (vera, False)):
        text = browser(user).get(url(hierarchy)).content.decode()
        assert "2 records" in text and "Beyond the newest 3" in text and "experiment_name" in text
        assert "Being built" in text
        assert ("New rule" in text, "New index" in text) == (buttons, buttons)
        assert "What would go now" in text or user is vera
    assert "settings" in browser(vera).get(hierarchy.get_absolute_url()).content.decode()


def test_strangers_and_visitors_find_nothing(browser, mallory, alice, hierarchy):
    assert browser(mallory).get(url(hierarchy)).status_code == 404
    hierarchies.update(Actor(alice), hierarchy, access="public")
    assert browser(mallory).get(url(hierarchy)).status_code == 403
    assert browser().get(url(hierarchy)).status_code == 302


def test_a_page_costs_the_same_however_much_there_is(
    browser, alice, bob, hierarchy, old, django_assert_max_num_queries
):
    for level in range(10):
        retention_rules.create(Actor(alice), hierarchy, level=level, keep_last=3)
        if level < 8:
            data_indexes.create(Actor(alice), hierarchy, f"key_{level}")
    client = browser(alice)
    client.get(url(hierarchy))

    with django_assert_max_num_queries(12):
        client.get(url(hierarchy))


def test_rules_are_made_changed_and_deleted(browser, alice, hierarchy):
    client = browser(alice)
    form = client.get(url(hierarchy, "retention-rule-new"), headers=HTMX)
    assert "All levels without a rule" in form.content.decode() and "1 (model)" in form.content.decode()

    refused = client.post(url(hierarchy, "retention-rule-new"), {"level": "1", "archive": "on"}, headers=HTMX)
    assert refused.status_code == 422 and "Say what goes" in refused.content.decode()
    client.post(url(hierarchy, "retention-rule-new"), {"level": "1", "keep_last": "3", "archive": "on"})
    client.post(url(hierarchy, "retention-rule-new"), {"level": "", "older_than_days": "30"})
    found = {rule.level: rule for rule in RetentionRule.objects.all()}
    assert (found[1].keep_last, found[1].older_than_days, found[1].archive) == (3, None, True)
    assert (found[None].keep_last, found[None].older_than_days, found[None].archive) == (None, 30, False)

    edit = url(hierarchy, "retention-rule-edit", found[1].pk)
    assert 'value="3"' in client.get(edit).content.decode()
    client.post(edit, {"keep_last": "", "older_than_days": "7"})
    found[1].refresh_from_db()
    assert (found[1].level, found[1].keep_last, found[1].older_than_days, found[1].archive) == (1, None, 7, False)
    client.post(url(hierarchy, "retention-rule-delete", found[1].pk))
    assert RetentionRule.objects.count() == 1


def test_what_would_go_is_shown_and_goes(browser, alice, bob, vera, hierarchy, old):
    retention_rules.create(Actor(alice), hierarchy, level=1, older_than_days=3, archive=False)

    text = browser(bob).get(url(hierarchy, "hierarchy-retention"), headers=HTMX).content.decode()
    assert "1\n    record, " in text and "older than 3 days" in text
    assert browser(vera).get(url(hierarchy, "hierarchy-retention")).status_code == 403
    assert hierarchy.records.count() == 2
    assert browser(alice).post(url(hierarchy, "hierarchy-retention-apply")).status_code == 302
    assert browser(bob).post(url(hierarchy, "hierarchy-retention-apply")).status_code == 403


def test_archives_are_downloaded_restored_and_deleted(browser, alice, bob, hierarchy, old):
    servers.store()
    retention_rules.create(Actor(alice), hierarchy, older_than_days=3)
    retention.apply(hierarchy.pk)
    archive, client = RecordArchive.objects.get(), browser(alice)

    assert "Archives" in client.get(url(hierarchy)).content.decode()
    assert "Archives" not in browser(bob).get(url(hierarchy)).content.decode()
    assert ".jsonl" in client.get(url(hierarchy, "archive-download", archive.pk))["Location"]
    for name in ("archive-download", "archive-restore", "archive-delete"):
        assert browser(bob).get(url(hierarchy, name, archive.pk)).status_code == 403
    answer = client.post(url(hierarchy, "archive-restore", archive.pk), follow=True)
    assert "2 of 2 records restored." in answer.content.decode()
    assert hierarchy.records.count() == 2
    client.post(url(hierarchy, "archive-delete", archive.pk))
    assert not RecordArchive.objects.exists()


def test_indexes_are_made_tried_again_and_deleted(browser, alice, hierarchy):
    client = browser(alice)
    refused = client.post(url(hierarchy, "index-new"), {"path": "a'b"}, headers=HTMX)
    assert refused.status_code == 422 and "An index is on keys" in refused.content.decode()
    client.post(url(hierarchy, "index-new"), {"path": "metrics.accuracy"})
    index = DataIndex.objects.get()
    DataIndex.objects.update(state="failed", error="It broke.")
    assert "It broke." in client.get(url(hierarchy)).content.decode()

    client.post(url(hierarchy, "index-retry", index.pk))
    index.refresh_from_db()
    assert (index.state, index.error) == ("pending", "")
    client.post(url(hierarchy, "index-delete", index.pk))
    assert not DataIndex.objects.exists()


def test_rows_of_other_hierarchies_are_not_found(browser, alice, project, hierarchy):
    other = hierarchies.create(Actor(alice), project, "other")
    rule = retention_rules.create(Actor(alice), other, keep_last=3)
    index = data_indexes.create(Actor(alice), other, "a")

    client = browser(alice)
    assert client.post(url(hierarchy, "retention-rule-delete", rule.pk)).status_code == 404
    assert client.post(url(hierarchy, "index-delete", index.pk)).status_code == 404
    assert RetentionRule.objects.exists() and DataIndex.objects.exists()
