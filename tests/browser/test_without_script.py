"""The main forms in a browser that runs no script."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.page_objects import choose, unique_name
from tests.browser.urls import ARTIFACT, KINDS


@pytest.fixture
def page(person) -> Page:
    """Alice's, who has just signed in by the form."""
    alice = person(None, java_script_enabled=False)
    alice.sign_in("alice", "alice has a long password")
    return alice.page


def project(page: Page) -> str:
    name = unique_name("plain")
    page.goto("/")
    page.get_by_role("link", name="New project").click()
    page.get_by_label("Team").select_option("acme")
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Create").click()
    page.wait_for_url(f"**/acme/{name}")
    return name


def test_lists_are_filtered_sorted_and_paged(page, call_api):
    name = project(page)
    for number in range(51):
        call_api("POST", "/artifacts", {"project": f"acme/{name}", "name": f"item-{number:02}", "type": "file"})
    page.goto(f"/acme/{name}/artifacts")
    rows = page.locator("#list tbody tr")
    expect(rows).to_have_count(50)
    page.get_by_role("link", name="Next").click()
    expect(rows).to_have_count(1)
    page.get_by_label("Filter artifacts").fill("item-1")
    page.get_by_role("button", name="Filter").click()
    expect(rows).to_have_count(10)
    page.get_by_role("columnheader", name="Name").get_by_role("link").click()
    expect(page).to_have_url(re.compile(r"q=item-1.*sort=name|sort=name.*q=item-1"))
    expect(rows.first).to_contain_text("item-10")


def test_an_artifact_is_made_edited_and_deleted(page):
    name = project(page)
    page.get_by_role("link", name="New artifact").click()
    page.get_by_label("Project", exact=True).select_option(label=f"acme/{name}")
    page.get_by_label("Name").fill("no such/name")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("is not an artifact name")).to_be_visible()
    page.get_by_label("Name").fill("plain")
    page.get_by_role("button", name="Create").click()
    page.wait_for_url("**/artifacts/*/plain")
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Tags").fill("slow")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#overview")).to_contain_text("slow")
    choose(page, "Delete artifact")
    page.get_by_label("Type the name to confirm").fill("plain")
    page.get_by_role("button", name="Delete").click()
    page.wait_for_url(f"**/{name}/artifacts")


def test_a_draft_is_finalized_and_deleted(page, call_api):
    name = unique_name("draft")
    artifact = call_api("POST", "/artifacts", {"project": "acme/recommender", "name": name, "type": "model"})
    call_api("POST", f"/artifacts/{artifact['id']}/versions")
    page.goto(f"/acme/recommender/artifacts/model/{name}/v1")
    page.get_by_role("link", name="Finalize").click()
    expect(page.get_by_text("This action cannot be undone.")).to_be_visible()
    page.get_by_label("Description").fill("Nothing in it.")
    page.get_by_role("button", name="Finalize").click()
    page.wait_for_url(f"**/{name}/v1")
    expect(page.locator("#facts")).to_contain_text("Finalized")
    choose(page, "Delete version")
    page.get_by_role("button", name="Delete").click()
    page.wait_for_url(f"**/{name}/versions")


def test_members_and_keys(page, person):
    page.goto("/acme/recommender/members")
    page.get_by_role("link", name="Add", exact=True).click()
    page.get_by_label("Username").fill("mallory")
    page.get_by_role("button", name="Invite").click()
    invited = person("mallory", java_script_enabled=False).page
    invited.goto("/inbox")
    invited.get_by_role("button", name="Accept team acme").click()
    invited.wait_for_url("**/teams/acme")
    page.reload()
    page.get_by_role("link", name="Remove mallory").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("row", name="mallory")).to_have_count(0)
    page.goto("/profile")
    page.get_by_role("link", name="New key").click()
    page.get_by_label("Name").fill("plain key")
    page.get_by_role("button", name="Create").click()
    assert len(page.locator("#key-value").text_content()) > 30
    page.get_by_role("link", name="Done").click()
    page.get_by_role("link", name="Revoke plain key").click()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("row", name="plain key")).to_have_count(0)


def test_reading_comparing_and_leaving(page):
    page.goto(f"{ARTIFACT}/compare?base=v1&head=v2")
    page.get_by_label("to", exact=True).select_option("v4")
    page.get_by_role("button", name="Compare").click()
    expect(page).to_have_url(re.compile("base=v1&head=v4$"))
    page.locator("[data-path='train.py'] summary").click()
    page.locator("[data-path='train.py']").get_by_role("link", name="Compare contents").click()
    expect(page.locator("ins")).to_have_text("4")
    page.goto(f"{ARTIFACT}/versions")
    for version in ("v4", "v1"):
        page.get_by_label(f"Select ranker:{version}", exact=True).check()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page).to_have_url(re.compile("base=v1&head=v4$"))
    page.goto(f"{KINDS}/v1?path=many/")
    page.get_by_role("link", name="Load more").click()
    expect(page.locator("#files a[data-row]")).to_have_count(30)
    page.get_by_label("Select part-129").check()
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download selected").click()
    assert downloading.value.suggested_filename == "kinds-v1-selection.zip"
    page.goto(f"{ARTIFACT}/upload")
    expect(page.locator("noscript p").first).to_be_visible()
    page.get_by_role("searchbox", name="Search artifacts").fill("rank")
    page.get_by_role("searchbox", name="Search artifacts").press("Enter")
    expect(page.get_by_role("heading", name="Artifacts", exact=True)).to_be_visible()
    page.locator("summary", has_text="alice").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login*")
