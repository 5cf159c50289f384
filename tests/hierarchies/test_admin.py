"""Django admin of hierarchies and records: levels are looked at and filtered by, and changes go through the verbs."""

import json

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.actor import Actor
from accounts.models import User
from hierarchies import data_indexes, hierarchies, records, retention_rules
from hierarchies.models import DataIndex, Hierarchy, Record, RetentionRule
from hierarchies.records import RecordSpec

MODELS = [model for model in admin.site._registry if model._meta.app_label == "hierarchies"]
RECORDS = "admin:hierarchies_record_changelist"


@pytest.fixture
def client(db) -> Client:
    """The operator's: a superuser who is in no team."""
    client = Client()
    client.force_login(User.objects.create_superuser("olga", "olga@example.org", "a good long password"))
    return client


@pytest.fixture
def chain(bob, hierarchy) -> list[Record]:
    """An experiment, its model, and the predictions of that."""
    specs = [RecordSpec({"n": 0}), RecordSpec({"n": 1}, parent_id="#0"), RecordSpec({"n": 2}, parent_id="#1")]
    return records.create_many(Actor(bob), hierarchy, specs)


@pytest.fixture
def rows(alice, hierarchy, chain) -> None:
    """A row of each kind that people make."""
    retention_rules.create(Actor(alice), hierarchy, keep_last=3)
    data_indexes.create(Actor(alice), hierarchy, "experiment_name")


def page(row, name: str = "change") -> str:
    options = row._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_{name}", args=[row.pk])


def listed(client: Client, **query: object) -> list[Record]:
    answer = client.get(reverse(RECORDS), query)
    assert answer.status_code == 200
    return list(answer.context["cl"].result_list)


def said(answer) -> str:
    return " ".join(map(str, answer.context["messages"]))


def test_every_list_and_page_opens(client, rows):
    for model in MODELS:
        answer = client.get(reverse(f"admin:hierarchies_{model._meta.model_name}_changelist"), {"q": "pipeline"})
        assert answer.status_code == 200
        if row := model.objects.first():
            assert client.get(page(row)).status_code == 200


def test_records_are_filtered_by_level_within_a_hierarchy(client, hierarchy, chain):
    chosen = {"hierarchy__id__exact": str(hierarchy.pk)}

    answer = client.get(reverse(RECORDS), chosen)
    assert "1 (model)" in answer.content.decode()
    for level, record in enumerate(chain):
        assert listed(client, **chosen, level=level) == [record]
    assert listed(client, **chosen, level="x") == listed(client, **chosen, level=64) == []
    assert listed(client, hierarchy__id__exact="wrong") == []
    # The newest first; below the first there is one.
    assert listed(client, **chosen) == chain[::-1]
    assert listed(client, **chosen, parent__id__exact=chain[0].pk) == [chain[1]]


def test_records_are_found_by_the_beginning_of_an_id_and_by_a_hierarchy(client, alice, project, hierarchy, chain):
    other = hierarchies.create(Actor(alice), project, "other")
    [stranger] = records.create_many(Actor(alice), other, [RecordSpec({})])

    assert listed(client, q=chain[1].pk.lower()) == [chain[1]]
    assert set(listed(client, q=chain[1].pk[:6])) == {*chain, stranger}
    assert listed(client, q="acme/demo/other") == [stranger]
    assert listed(client, q="acme/demo/none") == listed(client, q="%") == []


def test_lists_do_not_grow_with_the_records(client, bob, hierarchy, chain):
    url = f"{reverse(RECORDS)}?hierarchy__id__exact={hierarchy.pk}"

    def cost() -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url).status_code == 200
        return [query["sql"] for query in queries]

    before = cost()
    records.create_many(Actor(bob), hierarchy, [RecordSpec({"n": n}, parent_id=chain[1].pk) for n in range(300)])
    after = cost()
    assert len(after) == len(before)
    assert all("LIMIT" in sql for sql in after if 'FROM "hierarchies_record"' in sql)


def test_no_form_lists_all_records_or_hierarchies(client, rows, chain):
    assert "<select" not in client.get(page(chain[1])).content.decode().split('id="record_form"')[1].split("</form>")[0]
    for name in ("retentionrule", "dataindex"):
        text = client.get(reverse(f"admin:hierarchies_{name}_add")).content.decode()
        assert 'name="hierarchy"' in text and 'select name="hierarchy"' not in text


def test_the_level_is_read_only_and_follows_the_parent(client, chain):
    first, _, predictions = chain
    text = client.get(page(predictions)).content.decode()
    assert "2 (predictions)" in text and 'name="level"' not in text

    form = {"parent": first.pk, "level": 7, "data": json.dumps({"n": "new"}), "tags": '["a"]'}
    client.post(page(predictions), form)
    predictions.refresh_from_db()
    assert (predictions.parent_id, predictions.level) == (first.pk, 1)
    assert (predictions.data, predictions.tags) == ({"n": "new"}, ["a"])


def test_refusals_of_the_verbs_are_shown(client, chain):
    first, _, predictions = chain

    form = {"parent": predictions.pk, "data": "{}", "tags": "[]"}
    assert "below it" in said(client.post(page(first), form, follow=True))
    assert "below it" in said(client.post(page(first, "delete"), {"post": "yes"}, follow=True))
    first.refresh_from_db()
    assert (first.parent_id, first.data) == (None, {"n": 0})


def test_records_are_deleted_by_the_verbs(client, hierarchy, chain):
    first, model, predictions = chain
    client.post(page(predictions, "delete"), {"post": "yes"})
    assert set(Record.objects.all()) == {first, model}

    chosen = {"action": "delete_selected", "_selected_action": [first.pk, model.pk], "post": "yes"}
    client.post(reverse(RECORDS), chosen)
    assert not Record.objects.exists()
    hierarchy.refresh_from_db()
    assert hierarchy.record_count == 0


def test_subtrees_are_deleted_with_what_is_selected_below_them(client, chain):
    chosen = {"action": "delete_subtrees", "_selected_action": [row.pk for row in chain]}

    assert "Deleted 3 records" in said(client.post(reverse(RECORDS), chosen, follow=True))
    assert not Record.objects.exists()


def test_a_hierarchy_is_changed_and_deleted_with_its_records(client, hierarchy, chain):
    form = {
        "name": "renamed", "description": "", "level_labels": '{"0": "root"}', "access": "public",
        "permissions": '{"delete": false}',
    }  # fmt: skip
    client.post(page(hierarchy), form)
    hierarchy.refresh_from_db()
    assert (hierarchy.name, hierarchy.access, hierarchy.level_labels) == ("renamed", "public", {"0": "root"})
    # What is switched off for others is for staff to do.
    client.post(page(chain[2], "delete"), {"post": "yes"})
    assert Record.objects.count() == 2

    client.post(page(hierarchy, "delete"), {"post": "yes"})
    assert not Hierarchy.objects.exists() and not Record.objects.exists()


def test_rules_and_indexes_are_made_and_deleted(client, hierarchy):
    body = {"hierarchy": hierarchy.pk, "level": 1, "keep_last": 3, "older_than_days": "", "archive": "on"}
    client.post(reverse("admin:hierarchies_retentionrule_add"), body)
    rule = RetentionRule.objects.get()
    assert (rule.level, rule.keep_last, rule.older_than_days, rule.archive) == (1, 3, None, True)
    client.post(page(rule), {"keep_last": "", "older_than_days": 7})
    rule.refresh_from_db()
    assert (rule.level, rule.keep_last, rule.older_than_days, rule.archive) == (1, None, 7, False)
    assert client.post(reverse("admin:hierarchies_retentionrule_add"), body).context["errors"]
    client.post(page(rule, "delete"), {"post": "yes"})
    assert not RetentionRule.objects.exists()

    add = reverse("admin:hierarchies_dataindex_add")
    client.post(add, {"hierarchy": hierarchy.pk, "path": "metrics.accuracy"})
    index = DataIndex.objects.get()
    assert (index.path, index.state) == ("metrics.accuracy", "pending")
    assert "An index is on keys" in said(client.post(add, {"hierarchy": hierarchy.pk, "path": "a'b"}, follow=True))
    client.post(page(index, "delete"), {"post": "yes"})
    assert not DataIndex.objects.exists()


def test_people_without_the_right_do_nothing(bob, rows):
    bob.is_staff = True
    bob.save()
    client = Client()
    client.force_login(bob)

    for model in MODELS:
        assert client.get(reverse(f"admin:hierarchies_{model._meta.model_name}_changelist")).status_code == 403


def test_who_may_only_look_looks(bob, rows, chain):
    bob.is_staff = True
    bob.save()
    bob.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = Client()
    client.force_login(bob)

    for model in MODELS:
        assert client.get(reverse(f"admin:hierarchies_{model._meta.model_name}_changelist")).status_code == 200
        if row := model.objects.first():
            assert client.get(page(row)).status_code == 200
            assert client.post(page(row), {"parent": ""}).status_code == 403
            assert client.post(page(row, "delete"), {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_subtrees", "_selected_action": [chain[0].pk]}
    client.post(reverse(RECORDS), chosen)
    assert Record.objects.count() == 3
