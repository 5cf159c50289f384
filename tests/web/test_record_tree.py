"""The tree of a hierarchy, which loads a level at a time, and its filters."""

import pytest

from accounts.actor import Actor
from hierarchies import records
from hierarchies.record_specs import RecordSpec
from tests.conftest import HTMX
from tests.web.record_pages import URL, chain, hierarchy, save, switch_off

__all__ = ["chain", "hierarchy", "save"]

MAX_QUERIES = 12


@pytest.fixture
def wide(bob, hierarchy, save):
    """A root with 120 records directly below it."""
    root = save({"name": "wide"})
    specs = [RecordSpec({"name": f"child {number:03}"}, root.pk) for number in range(120)]
    return root, records.create_many(Actor(bob), hierarchy, specs)


def titles(response) -> list[str]:
    return [record.title for record in response.context["branch"].rows]


def test_the_page_has_the_roots_alone(browser, vera, chain, hierarchy):
    page = browser(vera).get(URL)

    assert titles(page) == ["weather"]
    html = page.content.decode()
    assert "ridge" not in html and "1<span" in html
    assert f'hx-get="{URL}/branch?parent={chain[0].pk}"' in html
    # Without script it leads to the page that has more of the tree.
    assert f'href="{URL}?at={chain[0].pk}"' in html


def test_a_branch_has_what_is_directly_below(browser, vera, chain):
    client = browser(vera)
    part = client.get(f"{URL}/branch?parent={chain[0].pk}", headers=HTMX)

    assert titles(part) == ["ridge"]
    assert "<html" not in part.content.decode()
    leaf = client.get(f"{URL}/branch?parent={chain[2].pk}", headers=HTMX)
    assert titles(leaf) == []


def test_without_script_a_branch_is_a_page_with_the_path_to_it(browser, vera, chain):
    client = browser(vera)
    assert client.get(f"{URL}/branch?parent={chain[1].pk}")["Location"] == f"{URL}?at={chain[1].pk}"

    page = client.get(f"{URL}?at={chain[1].pk}")
    assert titles(page) == ["ridge"]
    assert [record.title for record in page.context["inner"].rows] == ["october"]
    assert [record.title for record in page.context["ancestors"]] == ["weather"]


def test_a_level_is_paged(browser, vera, wide):
    root, children = wide
    client, found = browser(vera), []
    part = client.get(f"{URL}/branch?parent={root.pk}", headers=HTMX)
    found += titles(part)
    while url := part.context["branch"].next_branch_url:
        assert len(titles(part)) == 50 and "Show 50 more" in part.content.decode()
        assert part.context["branch"].next_url == url.replace("/branch?parent=", "?at=")
        part = client.get(url, headers=HTMX)
        found += titles(part)

    assert found == [f"child {number:03}" for number in range(120)]
    plain = client.get(f"{URL}?at={root.pk}&after={children[49].pk}")
    assert [record.title for record in plain.context["inner"].rows][:1] == ["child 050"]


def test_a_level_costs_the_same_with_many_below(browser, vera, wide, bob, hierarchy, django_assert_num_queries):
    root, children = wide
    client = browser(vera)
    client.get(URL)
    with django_assert_num_queries(5):
        client.get(f"{URL}/branch?parent={root.pk}", headers=HTMX)
    specs = [RecordSpec({"name": "deeper"}, child.pk) for child in children for _ in range(3)]
    records.create_many(Actor(bob), hierarchy, specs)
    with django_assert_num_queries(5):
        part = client.get(f"{URL}/branch?parent={root.pk}", headers=HTMX)
    assert {record.child_count for record in part.context["branch"].rows} == {3}


def test_the_number_below_is_counted_up_to_a_thousand(browser, vera, save, bob, hierarchy):
    root = save({"name": "many"})
    for _ in range(2):
        records.create_many(Actor(bob), hierarchy, [RecordSpec({}, root.pk)] * 600)

    [record] = browser(vera).get(URL).context["branch"].rows
    assert record.child_count_text == "1,000+"


def test_a_deep_tree_is_opened_with_few_queries(browser, vera, bob, hierarchy, django_assert_max_num_queries):
    specs = [RecordSpec({"name": f"level {level}"}, f"#{level - 1}" if level else None) for level in range(64)]
    deep = records.create_many(Actor(bob), hierarchy, specs)
    client = browser(vera)
    with django_assert_max_num_queries(MAX_QUERIES):
        page = client.get(f"{URL}?at={deep[62].pk}")

    assert len(page.context["ancestors"]) == 62
    with django_assert_max_num_queries(MAX_QUERIES):
        assert client.get(deep[63].get_absolute_url()).status_code == 200


@pytest.mark.parametrize("query", ["at=x", "at=01JZ0000000000000000000EXP'", "after=1", "parent=%20"])
def test_what_is_no_id_counts_for_nothing(browser, vera, chain, query):
    page = browser(vera).get(f"{URL}?{query}")
    assert page.status_code == 200 and titles(page) == ["weather"]


def test_a_record_that_is_not_there_or_elsewhere_has_no_tree(browser, vera, chain):
    assert browser(vera).get(f"{URL}?at=01JZ0000000000000000000EXP").status_code == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=data.name:ridge", ["ridge"]),
        ("q=data.metrics.rmse:0.25", ["ridge"]),
        ("q=data.metrics.rmse:0.26", []),
        ("q=tag:weekly", ["weather"]),
        ("q=level:model", ["ridge"]),
        ("level=2", ["october"]),
        ("q=OCTO", ["october"]),
        ("type=ml_prediction", []),
        ("q=data.name:october&level=1", []),
    ],
)
def test_filters_find_records_on_every_level(browser, vera, chain, query, found):
    response = browser(vera).get(f"{URL}?{query}")

    assert [record.title for record in response.context["page"].object_list] == found
    assert ("No records match" in response.content.decode()) == (not found)


def test_records_are_found_by_their_type_and_id(browser, vera, save, chain):
    typed = save({"name": "typed", "kind": 1}, type="note")
    client = browser(vera)

    for query in ("type=note", "q=type:note", f"q={typed.pk.lower()}"):
        response = client.get(f"{URL}?{query}", headers=HTMX)
        assert [record.title for record in response.context["page"].object_list] == ["typed"], query


def test_words_are_found_in_any_script(browser, vera, save):
    save({"name": "wetter", "ort": "Zürich 止まれ"})

    for word in ("Zürich", "止まれ", '"Zürich 止まれ"'):
        response = browser(vera).get(URL, {"q": word})
        assert [record.title for record in response.context["page"].object_list] == ["wetter"], word


def test_what_is_no_filter_is_said(browser, vera, chain):
    response = browser(vera).get(f"{URL}?q=color:red")

    assert response.status_code == 422
    assert "Records have no “color” to filter by." in response.content.decode()


def test_the_table_is_sorted_and_paged(browser, vera, wide, django_assert_max_num_queries):
    client = browser(vera)
    with django_assert_max_num_queries(MAX_QUERIES):
        page = client.get(f"{URL}?level=1&sort=created")
    assert [record.title for record in page.context["page"].object_list][:2] == ["child 000", "child 001"]
    assert "1–50 of 120 records" in page.content.decode()
    last = client.get(f"{URL}?level=1&sort=created&page=3").context["page"].object_list
    assert len(last) == 20
    newest = client.get(f"{URL}?q=child").context["page"].object_list
    assert newest[0].title == "child 119"


def test_where_the_tree_is_switched_off_there_is_a_list(browser, vera, chain, hierarchy):
    switch_off(hierarchy, "tree")
    client = browser(vera)
    assert len(client.get(URL).context["page"].object_list) == 3
    refused = client.get(f"{URL}/branch?parent={chain[0].pk}", headers=HTMX)
    assert refused.status_code == 405 and "switched%20off" in refused["X-Refusal"]

    switch_off(hierarchy, "tree", "list")
    page = client.get(URL)
    assert page.status_code == 405 and "switched off" in page.content.decode()


def test_an_empty_hierarchy_says_how_to_save_a_record(browser, bob, vera, hierarchy):
    page = browser(bob).get(URL).content.decode()
    assert "No records yet" in page and f"{URL}/new-record" in page and "connect(" in page
    assert f"{URL}/new-record" not in browser(vera).get(URL).content.decode()
