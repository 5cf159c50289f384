"""Versions are linked in collections, and found in the registry, by mouse and by keyboard."""

import re

from playwright.sync_api import expect

from tests.browser.page_objects import choose, dialog, expect_toast, unique_name


def test_a_version_is_linked_found_and_unlinked(person, make):
    page, artifact, name = person("alice").page, make(2), unique_name("picks")
    page.goto(f"{artifact.url}/v1")
    choose(page, "Link to collection")
    dialog(page).get_by_text("New collection").click()
    dialog(page).get_by_label("Name").fill(name)
    dialog(page).get_by_role("button", name="Link").click()
    expect(dialog(page).get_by_text("Choose the project of the new collection.")).to_be_visible()
    dialog(page).get_by_label("Project").select_option(label="acme/recommender")
    dialog(page).get_by_label("Aliases").fill("production")
    dialog(page).get_by_role("button", name="Link").click()
    page.wait_for_url(f"**/{name}/v0")
    expect_toast(page, f"{artifact.name}:v1 is linked as acme/recommender/{name}:v0.")
    page.get_by_role("link", name=f"{artifact.name}:v1").first.click()
    page.get_by_role("region", name="Linked in").get_by_role("link", name=f"{name}:v0").click()
    page.wait_for_url(f"**/{name}/v0")

    page.keyboard.press("g")
    page.wait_for_url("**/registry")
    page.get_by_label("Filter collections").fill(name)
    expect(page.locator("#list tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile(rf"q={name}"))
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{name}")
    page.keyboard.press("u")
    field = dialog(page).get_by_label("Version", exact=True)
    expect(field).to_be_focused()
    field.fill(f"acme/recommender/{artifact.name[:-1]}")
    expect(page.locator(f"#choices option[value='acme/recommender/{artifact.name}:v2']")).to_have_count(1)
    field.fill(f"acme/recommender/{artifact.name}:v2")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{name}/v1")

    choose(page, "Unlink")
    dialog(page).get_by_role("button", name="Unlink").click()
    page.wait_for_url(f"**/{name}/versions")
    expect(page.locator("#list tbody tr")).to_have_count(1)


def test_without_script_a_collection_is_made_and_a_version_linked(person, make):
    artifact, name = make(1), unique_name("plain-picks")
    alice = person(None, java_script_enabled=False)
    alice.sign_in("alice", "alice has a long password")
    page = alice.page
    page.get_by_role("link", name="Registry").click()
    page.get_by_role("link", name="New collection").click()
    page.get_by_label("Project", exact=True).select_option(label="acme/recommender")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Type", exact=True).select_option("model")
    page.get_by_role("button", name="Create").click()
    page.get_by_role("link", name="Link a version").first.click()
    page.get_by_label("Version", exact=True).fill(f"{artifact.name}:nothing")
    page.get_by_role("button", name="Link").click()
    expect(page.get_by_role("alert").filter(has_text="nothing")).to_be_visible()
    page.get_by_label("Version", exact=True).fill(f"{artifact.name}:v1")
    page.get_by_role("button", name="Link").click()
    page.wait_for_url(f"**/{name}/v0")
    page.goto("/registry?sort=name")
    page.get_by_label("Filter collections").fill(name)
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("#list tbody tr")).to_have_count(1)
