"""The page of a record, and the forms to make, change, move and delete one."""

import json

import pytest

from accounts.actor import Actor
from hierarchies import hierarchies, records
from hierarchies.models import Hierarchy, Record
from hierarchies.record_specs import RecordSpec
from tests.conftest import HTMX
from tests.web.record_pages import LABELS, URL, chain, hierarchy, open_to_all, save, switch_off

__all__ = ["chain", "hierarchy", "save"]

PREDICTION = {
    "type": "ml_prediction",
    "metadata": {
        "status": "failed", "config_id": "01JZCNF000000000000000WTHR", "started_at": "2025-10-18T10:00:00Z",
        "completed_at": "2025-10-18T10:05:00Z", "duration_seconds": 300.0, "exit_code": 3, "stderr": "<b>diverged</b>",
    },
    "content": {"columns": ["city", "rain"], "data": [["Oslo", 1.5], ["<i>Wien</i>", None]]},
    "content_type": "application/vnd.chapkit.dataframe+json",
}  # fmt: skip


def url(record: Record, part: str = "") -> str:
    return f"{URL}/{record.pk}" + (f"/{part}" if part else "")


def test_a_record_stands_under_the_labels_of_its_level(browser, vera, chain, django_assert_max_num_queries):
    client = browser(vera)
    with django_assert_max_num_queries(12):
        page = client.get(url(chain[1]))

    html = page.content.decode()
    assert [(row.level_label, row.title) for row in page.context["ancestors"]] == [("experiment", "weather")]
    assert "<h1" in html and "ridge" in html and f'href="{url(chain[0])}"' in html
    assert [row.title for row in page.context["page"].object_list] == ["october"]
    assert "rmse:" in html and "0.25" in html
    assert f'href="{URL}?at={chain[1].pk}"' in html
    assert "New record below" not in html and "Move record" not in html


def test_an_id_may_be_written_in_lower_case(browser, vera, chain):
    assert browser(vera).get(f"{URL}/{chain[0].pk.lower()}").status_code == 200


def test_what_is_not_there_or_in_another_hierarchy_is_404(browser, bob, chain, project):
    hierarchies.create(Actor(bob), project, "other")
    client = browser(bob)

    for part in ("", "edit", "move", "delete", "payload", "download"):
        for base in (f"/acme/demo/records/other/{chain[0].pk}", f"{URL}/01JZ0000000000000000000EXP"):
            assert client.get(f"{base}/{part}".rstrip("/")).status_code == 404
    assert client.get(f"{URL}/nothing").status_code == 404


def test_a_prediction_has_a_card_and_its_table(browser, vera, save):
    page = browser(vera).get(url(save(PREDICTION))).content.decode()

    assert "Prediction" in page and "failed" in page and "<dd>5 min 0 s</dd>" in page and "<dd>3</dd>" in page
    assert "01JZCNF000000000000000WTHR" in page
    assert "&lt;b&gt;diverged&lt;/b&gt;" in page and "<b>diverged" not in page
    assert "/content" in page and "2 rows of 2 columns." in page
    assert "&lt;i&gt;Wien&lt;/i&gt;" in page and "<i>Wien" not in page


def test_children_are_paged_and_sorted_as_a_part(browser, vera, bob, hierarchy, save):
    root = save({"name": "root"})
    records.create_many(Actor(bob), hierarchy, [RecordSpec({"name": f"{n:03}"}, root.pk) for n in range(70)])
    part = browser(vera).get(f"{url(root)}?sort=created&page=2", headers=HTMX)

    assert [row.title for row in part.context["page"].object_list] == [f"{n:03}" for n in range(50, 70)]
    assert "<html" not in part.content.decode() and "70 records" in part.content.decode()


def test_a_new_root_and_a_record_below_it(browser, bob, hierarchy):
    client = browser(bob)
    assert "experiment" in client.get(f"{URL}/new-record").content.decode()
    response = client.post(f"{URL}/new-record", {"data": '{"name": "first"}', "tags": "a, b", "type": "note"})
    root = Record.objects.get()
    assert response["Location"] == url(root)
    assert (root.data, root.tags, root.type, root.level, root.created_by) == (
        {"name": "first"}, ["a", "b"], "note", 0, bob,
    )  # fmt: skip

    below = f"{URL}/new-record?parent={root.pk}"
    assert "model, below first" in client.get(below).content.decode()
    response = client.post(below, {"data": "[1, 2]"}, headers=HTMX)
    assert response["HX-Redirect"] == url(Record.objects.get(level=1))
    assert Record.objects.get(level=1).parent_id == root.pk


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"data": '{"a": 1,}'}, "Line 1, column"),
        ({"data": '{\n"a": nothing}'}, "Line 2, column 6"),
        ({"data": ""}, "This field is required"),
        ({"data": "null"}, "null is not"),
        ({"data": '{"a": NaN}'}, "not JSON numbers"),
        ({"data": "[" * 100_000}, "nested too deeply"),
        ({"data": json.dumps(PREDICTION | {"metadata": {"status": "done"}})}, "metadata"),
        ({"data": "{}", "tags": "x" * 129}, "1 to 128 characters"),
        ({"data": '{"type": "ml_prediction"}', "type": "generic"}, "give one of them"),
    ],
)
def test_a_refused_record_keeps_what_was_typed(browser, bob, hierarchy, sent, message):
    response = browser(bob).post(f"{URL}/new-record", {"tags": "kept", **sent})

    page = response.content.decode()
    assert response.status_code == 422 and message in page, page
    assert "kept" in page or "tags" in sent
    assert not Record.objects.exists()


def test_a_level_without_a_label_is_refused_where_they_are_enforced(browser, bob, chain, hierarchy):
    Hierarchy.objects.update(enforce_levels=True)
    response = browser(bob).post(f"{URL}/new-record?parent={chain[2].pk}", {"data": "{}"})

    assert response.status_code == 422 and "has no level 3" in response.content.decode()


def test_a_record_below_one_that_is_gone_is_404(browser, bob, hierarchy):
    assert browser(bob).get(f"{URL}/new-record?parent=01JZ0000000000000000000EXP").status_code == 404


def test_a_record_is_changed(browser, bob, chain):
    client = browser(bob)
    form = client.get(url(chain[1], "edit")).content.decode()
    assert "&quot;rmse&quot;: 0.25" in form

    response = client.post(url(chain[1], "edit"), {"data": '{"name": "lasso"}', "tags": "new", "type": ""})
    assert response["Location"] == url(chain[1])
    chain[1].refresh_from_db()
    assert (chain[1].data, chain[1].tags) == ({"name": "lasso"}, ["new"])


def test_moving_offers_records_of_the_level_above_and_finds_others(browser, bob, chain, save):
    other = save({"name": "other"})
    client = browser(bob)
    page = client.get(url(chain[1], "move"), headers=HTMX)

    assert [row.title for row in page.context["parents"]] == ["other"]
    assert "Top level" in page.content.decode() and "<html" not in page.content.decode()
    found = client.get(f"{url(chain[2], 'move')}?q=weather")
    assert [row.title for row in found.context["parents"]] == ["weather"]
    assert "is no level" in client.get(f"{url(chain[2], 'move')}?q=level:x").content.decode()

    response = client.post(url(chain[1], "move"), {"parent": other.pk}, headers=HTMX)
    assert response["HX-Redirect"] == url(chain[1])
    assert Record.objects.get(pk=chain[1].pk).parent_id == other.pk
    assert client.post(url(chain[2], "move"), {"parent": ""}).status_code == 302
    moved = Record.objects.get(pk=chain[2].pk)
    assert (moved.parent_id, moved.level) == (None, 0)


@pytest.mark.parametrize(
    ("parent", "message"),
    [
        (lambda chain: chain[0].pk, "under itself"),
        (lambda chain: chain[2].pk, "which is below it"),
        (lambda chain: "01JZ0000000000000000000EXP", "That record is not there"),
        (lambda chain: "x", "That record is not there"),
        (lambda chain: None, "Choose where"),
    ],
)
def test_a_refused_move_is_a_sentence_and_the_tree_stays(browser, bob, chain, parent, message):
    chosen = parent(chain)
    sent = {} if chosen is None else {"parent": chosen}
    response = browser(bob).post(url(chain[0], "move"), sent, headers=HTMX)

    assert response.status_code == 422 and message in response.content.decode()
    assert [Record.objects.get(pk=row.pk).level for row in chain] == [0, 1, 2]


def test_a_leaf_is_deleted_and_the_page_of_its_parent_follows(browser, bob, chain):
    client = browser(bob)
    page = client.get(url(chain[2], "delete"), headers=HTMX).content.decode()
    assert "Delete october?" in page and "everything below" not in page

    response = client.post(url(chain[2], "delete"), headers=HTMX)
    assert response["HX-Redirect"] == url(chain[1])
    assert Record.objects.count() == 2
    assert client.post(url(save_root(chain), "delete"), {"delete_below": "on"})["Location"] == URL
    assert not Record.objects.exists()


def save_root(chain: list[Record]) -> Record:
    return chain[0]


def test_what_has_records_below_it_stays_unless_they_go_along(browser, bob, chain):
    client = browser(bob)
    page = client.get(url(chain[0], "delete")).content.decode()
    assert "Also delete everything below it (1 directly below)" in page
    response = client.post(url(chain[0], "delete"), headers=HTMX)
    assert response.status_code == 422
    assert "has a record below it: delete or move these first" in response.content.decode()
    assert Record.objects.count() == 3

    assert client.post(url(chain[0], "delete"), {"delete_below": "on"}).status_code == 302
    assert not Record.objects.exists()


@pytest.mark.parametrize("part", ["edit", "move", "delete"])
def test_viewers_change_nothing(browser, vera, mallory, chain, part):
    for user, status in ((vera, 403), (mallory, 404)):
        for send in (browser(user).get, browser(user).post):
            assert send(url(chain[1], part)).status_code == status
    assert Record.objects.count() == 3


def test_what_is_switched_off_is_not_offered_and_refused(browser, bob, chain, hierarchy):
    switch_off(hierarchy, "create", "update", "delete", "list")
    client = browser(bob)
    page = client.get(url(chain[0])).content.decode()
    assert not any(text in page for text in ("New record", "Move record", "Delete record", "pencil"))
    assert "Lists of records are switched off" in page
    for part in ("edit", "move", "delete"):
        assert client.get(url(chain[0], part)).status_code == 405
    assert client.get(f"{URL}/new-record").status_code == 405

    switch_off(hierarchy, "read")
    assert client.get(url(chain[0])).status_code == 405


def test_hostile_data_is_text(browser, bob, save, hierarchy):
    evil = '"><img src=x onerror=alert(1)>'
    record = save({f"key{evil}": evil, "name": evil, "frame": {"columns": [evil], "data": [[evil]]}})
    Record.objects.filter(pk=record.pk).update(type=evil, tags=[evil])
    Hierarchy.objects.update(level_labels={"0": evil}, description=evil)
    client = browser(bob)

    for page in (url(record), URL, f"{URL}?q=level:0", url(record, "edit"), url(record, "move"), url(record, "delete")):
        html = client.get(page).content.decode()
        assert "<img src=x" not in html, page


def test_what_turns_text_around_is_escaped(browser, bob, save, hierarchy):
    turned, escaped = "\u202egnp.exe", r"\u202egnp.exe"
    record = save({"name": turned, "key": 1})
    Record.objects.filter(pk=record.pk).update(type=turned, tags=[turned])
    Hierarchy.objects.update(level_labels={"0": turned})
    client = browser(bob)

    for page, least in ((url(record), 4), (URL, 2), (f"{URL}?level=0", 4)):
        html = client.get(page).content.decode()
        assert html.count(escaped) >= least, page


def test_a_visitor_reads_a_public_record_alone(browser, chain, hierarchy):
    record = url(chain[1])
    assert browser().get(record)["Location"] == f"/login?next={record}"
    open_to_all(hierarchy, "open")

    assert "ridge" in browser().get(record).content.decode()
    for part in ("edit", "move", "delete"):
        assert browser().get(url(chain[1], part)).status_code == 302


def test_labels_are_those_of_today(browser, vera, chain):
    Hierarchy.objects.update(level_labels=LABELS | {"1": "forecaster"})

    assert "forecaster" in browser(vera).get(url(chain[1])).content.decode()
