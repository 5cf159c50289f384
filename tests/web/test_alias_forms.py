"""The forms of aliases: what they say before, what they do, and how they are refused."""

import json
import re

import pytest

from accounts.actor import Actor, Channel
from artifacts.aliases import aliases
from artifacts.models import AliasChange
from tests.artifacts.client import log
from tests.web.alias_pages import ARTIFACT_URL, PAGE, alias_versions, expected_fields, htmx_headers, rows


def test_an_alias_is_added(browser, bob, artifact, v1, v2):
    client = browser(bob)
    form = client.get(f"{ARTIFACT_URL}/add-alias").content.decode()
    assert "<html" in form and 'name="version" value="v2"' in form and '<option value="v2">v2 · latest' in form
    assert "Only letters, digits" in form

    response = client.post(
        f"{ARTIFACT_URL}/add-alias",
        {"name": "production", "version": "v1", "reason": "it is good"},
        headers=htmx_headers(PAGE),
    )

    assert response.status_code == 200 and response["HX-Reswap"] == "none"
    assert json.loads(response["HX-Trigger"]) == {
        "close-modal": True,
        "toast": {"text": "Alias production assigned to v1."},
    }
    assert alias_versions(artifact) == {"latest": "v2", "production": "v1"}
    change = AliasChange.objects.get(alias="production")
    assert (change.channel, change.reason, change.changed_by) == ("web", "it is good", bob)


def test_the_answer_holds_all_that_changed_on_the_page_that_is_open(browser, bob, artifact, v1, v2):
    client = browser(bob)

    def add(page: str, alias: str) -> str:
        body = {"name": alias, "version": "v2"}
        return client.post(f"{ARTIFACT_URL}/add-alias", body, headers=htmx_headers(page)).content.decode()

    always = {"live", "bell", "head-aliases", "version-count", "alias-count"}
    for number, (page, own) in enumerate(
        [
            (PAGE, {"list"}),
            (f"{ARTIFACT_URL}/versions", {"list"}),
            (ARTIFACT_URL, {"overview"}),
            (f"{ARTIFACT_URL}/history", {"history"}),
            (f"{PAGE}/latest/history", {"timeline"}),
        ]
    ):
        text = add(page, f"a-{number}")
        assert set(re.findall(r'<\w+ [^>]*?id="([^"]+)"[^>]*hx-swap-oob="true"', text)) == always | own, page
        assert "<html" not in text
    text = add(f"{ARTIFACT_URL}/v2", "a-9")
    assert set(re.findall(r'<\w+ [^>]*?id="([^"]+)"[^>]*hx-swap-oob="true"', text)) == always | {
        "version-aliases",
        "version-use",
    }
    assert "a-9" in text and "In production" not in text
    assert ">In production</strong>" in add(f"{ARTIFACT_URL}/v2", "production")


def test_the_parts_are_those_of_the_page_that_the_url_names(browser, bob, artifact, v1):
    for number in range(60):
        aliases.put_alias(Actor(bob, Channel.SDK), artifact, f"a-{number:02}", v1)
    client = browser(bob)

    body = {"name": "zz", "version": "v1"}
    text = client.post(f"{ARTIFACT_URL}/add-alias", body, headers=htmx_headers(f"{PAGE}?page=2")).content.decode()

    assert "zz" in rows(text) and not {"latest", "a-00"} & rows(text).keys()
    assert 'href="?page=1"' in text


def test_from_other_pages_the_response_leads_to_the_list(browser, bob, artifact, other, v1):
    for page in (
        "/acme/demo",
        f"{ARTIFACT_URL}/add-alias",
        "/acme/demo/artifacts/model/other/aliases",
        "/nowhere at all",
    ):
        body = {"name": f"a-{page.count('a')}", "version": "v1"}
        response = browser(bob).post(f"{ARTIFACT_URL}/add-alias", body, headers=htmx_headers(page))
        assert response.status_code == 204 and response["HX-Redirect"] == PAGE, page


def test_a_form_without_script_leads_to_the_list_with_a_message(browser, bob, artifact, v1):
    response = browser(bob).post(f"{ARTIFACT_URL}/add-alias", {"name": "best", "version": "v1"}, follow=True)

    assert response.redirect_chain == [(PAGE, 302)]
    assert "Alias best assigned to v1." in response.content.decode()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "no spaces", "version": "v1"}, "is not an alias: 1 to 100 letters, digits, dots, underscores"),
        ({"name": "a" * 101, "version": "v1"}, "at most 100 characters"),
        ({"name": "", "version": "v1"}, "Enter a name for the alias."),
        ({"name": "history", "version": "v1"}, "the name is reserved"),
        ({"name": "best", "version": ""}, "Choose a version."),
        ({"name": "best", "version": "v9"}, "No finalized version or alias is called &#x27;v9&#x27;."),
        ({"name": "best", "version": "nine"}, "No finalized version or alias is called &#x27;nine&#x27;."),
        ({"name": "best", "version": "v1", "reason": "x" * 1001}, "at most 1000 characters"),
        ({"name": "<b>", "version": "<i>"}, "&lt;b&gt;"),
    ],
)
def test_invalid_values_are_explained_in_the_form(browser, bob, artifact, v1, fields, message):
    for headers in ({}, htmx_headers(PAGE)):
        response = browser(bob).post(f"{ARTIFACT_URL}/add-alias", fields, headers=headers)
        text = response.content.decode()
        assert response.status_code == 422 and message in text
        assert "<b>" not in text and "<i>" not in text
    assert alias_versions(artifact) == {"latest": "v1"}


def test_adding_an_alias_that_exists_says_first_that_it_will_move(browser, bob, artifact, v1, v2):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    client = browser(bob)
    body = {"name": "production", "version": "v2", "reason": "why not"}

    response = client.post(f"{ARTIFACT_URL}/add-alias", body)
    text = response.content.decode()
    assert response.status_code == 422 and "already points to v1. Submit again to move it from there." in text
    assert "why not</textarea>" in text and 'name="version" value="v2"' in text
    assert alias_versions(artifact)["production"] == "v1"

    response = client.post(f"{ARTIFACT_URL}/add-alias", body | expected_fields(text), follow=True)
    assert "Alias production moved from v1 to v2." in response.content.decode()
    assert alias_versions(artifact)["production"] == "v2"


def test_the_move_form_previews_the_versions_and_their_differences(
    browser, bob, artifact, django_assert_max_num_queries
):
    log(bob, artifact, {"a": b"same", "b": b"old", "d": b"1"}, "production")
    log(bob, artifact, {"a": b"same", "c": b"new!", "d": b"2"})
    client = browser(bob)

    with django_assert_max_num_queries(12):
        text = client.get(f"{PAGE}/production/move", headers=htmx_headers(PAGE)).content.decode()

    plain_text = " ".join(re.sub(r"<[^>]*>", " ", text).split())
    assert "production v1 → v2 (1 version newer)" in plain_text
    for count in ("1 added", "1 removed", "1 changed", "1 unchanged", "8 B → 9 B"):
        assert count in plain_text
    assert f"{ARTIFACT_URL}/compare?base=v1&amp;head=v2" in text and "<html" not in text
    assert ">Move</button>" in text


def test_the_form_asks_again_what_would_change(browser, bob, artifact, v1, v2, django_assert_max_num_queries):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    client = browser(bob)

    def preview(**fields: str) -> str:
        fields = {"plan": "1", "version": "v2"} | fields
        text = client.get(f"{ARTIFACT_URL}/add-alias", fields, headers=htmx_headers(PAGE)).content.decode()
        assert "<form" not in text
        return " ".join(re.sub(r"<[^>]*>", " ", text).split()) + re.search('data-submit-label="([^"]*)"', text)[1]

    with django_assert_max_num_queries(12):
        response = preview(name="production")
    assert "exists and moves: v1 → v2" in response and response.endswith("Move")
    assert "best will be created at v2" in preview(name="best") and preview(name="best").endswith("Add")
    assert "production already points to v1" in preview(name="production", version="v1")
    assert "production already points to v1" in preview(name="production", version="1")
    assert "production already points to v1" in preview(name="production", version="production")
    assert "production currently points to v1" in preview(name="production", version="99")
    assert "will be created" not in preview(name="")
    assert "data:v1 will still mean version v1" in preview(name="v1")
    assert "will still mean" not in preview(name="v2") + preview(name="v1.0.0")
    outdated = {"expected": str(v2.pk), "expected_of": "production"}
    assert "Someone else moved it: it now points to v1." in preview(name="production", **outdated)
    assert "Someone else deleted it." in preview(name="gone", expected=str(v2.pk), expected_of="gone")
    assert "meanwhile" not in preview(name="best", **outdated)


def test_without_script_a_move_is_previewed_first(browser, bob, artifact, v1, v2):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    body = {"version": "v2", "preview": "1"}

    response = browser(bob).post(f"{PAGE}/production/move", body)

    assert response.status_code == 200 and "(1 version newer)" in response.content.decode()
    assert alias_versions(artifact)["production"] == "v1"


def test_a_move_is_refused_once_somebody_else_has_moved_the_alias(browser, alice, bob, artifact, v1, v2):
    v3 = log(bob, artifact, {"three": b"3"})
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    client = browser(bob)
    form = expected_fields(client.get(f"{PAGE}/production/move", headers=htmx_headers(PAGE)).content.decode())
    aliases.move(Actor(alice, Channel.SDK), artifact, "production", v2)
    body = {"version": "v3", "reason": "kept"}

    for headers in ({}, htmx_headers(PAGE)):
        response = client.post(f"{PAGE}/production/move", body | form, headers=headers)
        text = response.content.decode()
        assert response.status_code == 422
        assert "was moved in the meantime: it now points to v2." in text and "kept</textarea>" in text
        assert 'name="version" value="v3"' in text
        assert alias_versions(artifact)["production"] == "v2"

    again = expected_fields(text)
    assert again == {"expected": str(v2.pk), "expected_of": "production"}
    assert client.post(f"{PAGE}/production/move", body | again).status_code == 302
    assert alias_versions(artifact)["production"] == v3.version


def test_an_alias_is_deleted_by_who_means_it(browser, alice, bob, artifact, v1, v2):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    client = browser(bob)
    text = client.get(f"{PAGE}/production/delete", headers=htmx_headers(PAGE)).content.decode()
    assert "Are you sure you want to delete alias &#x27;production&#x27;?" in text and ">Delete</button>" in text
    form = expected_fields(text) | {"reason": "over"}
    aliases.move(Actor(alice, Channel.SDK), artifact, "production", v2)

    response = client.post(f"{PAGE}/production/delete", form, headers=htmx_headers(PAGE))
    assert response.status_code == 422 and "it now points to v2" in response.content.decode()

    form |= expected_fields(response.content.decode())
    response = client.post(f"{PAGE}/production/delete", form, headers=htmx_headers(PAGE))
    assert "production" not in rows(response.content.decode())
    assert alias_versions(artifact) == {"latest": "v2"}
    assert AliasChange.objects.of(artifact, "production").first().reason == "over"
    assert client.get(f"{PAGE}/production/delete").status_code == 404
    assert client.post(f"{PAGE}/production/delete", form).status_code == 404


def test_an_alias_is_rolled_back(browser, bob, artifact, v1, v2):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    client = browser(bob)
    assert client.get(f"{PAGE}/production/rollback").status_code == 409
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v2)

    text = client.get(f"{PAGE}/production/rollback").content.decode()
    assert "1 version older" in text and ">Roll back</button>" in text
    response = client.post(f"{PAGE}/production/rollback", expected_fields(text) | {"reason": "it failed"}, follow=True)

    assert "Alias production rolled back to v1." in response.content.decode()
    assert alias_versions(artifact)["production"] == "v1"
    response = client.post(f"{PAGE}/production/rollback", expected_fields(text), headers=htmx_headers(PAGE))
    assert response.status_code == 422 and "it now points to v1" in response.content.decode()


def test_an_alias_that_was_deleted_comes_back(browser, bob, artifact, v1, v2):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    aliases.remove(Actor(bob, Channel.SDK), artifact, "production")
    client = browser(bob)

    drawer = client.get(f"{PAGE}/production/history").content.decode()
    assert "This alias no longer exists." in drawer and f"{PAGE}/production/rollback" in drawer
    text = client.get(f"{PAGE}/production/rollback").content.decode()
    assert client.post(f"{PAGE}/production/rollback", expected_fields(text)).status_code == 302
    assert alias_versions(artifact)["production"] == "v1"


def test_two_aliases_are_swapped(browser, alice, bob, artifact, v1, v2):
    aliases.move(Actor(bob, Channel.SDK), artifact, "blue", v1)
    aliases.move(Actor(bob, Channel.SDK), artifact, "green", v2)
    client = browser(bob)
    form = client.get(f"{PAGE}/swap?one=blue").content.decode()
    assert '<option value="green">v2</option>' in form and 'value="blue"' in form

    for body, message in [
        ({"one": "blue", "other": "blue"}, "cannot be swapped with itself"),
        ({"one": "blue", "other": ""}, "required"),
    ]:
        response = client.post(f"{PAGE}/swap", body)
        assert response.status_code == 422 and message in response.content.decode()
    assert client.post(f"{PAGE}/swap", {"one": "blue", "other": "red"}, headers=htmx_headers(PAGE)).status_code == 404

    body = {"one": "blue", "other": "green", "reason": "switch"}
    response = client.post(f"{PAGE}/swap", body, follow=True)
    assert "Swapped: blue → v2, green → v1." in response.content.decode()
    assert alias_versions(artifact) == {"blue": "v2", "green": "v1", "latest": "v2"}
