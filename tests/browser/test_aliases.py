"""The Aliases tab by hand: every dialog, and the moments where two people meet.

The first tests bear the names of what the alias system promised of its pages.
"""

import re

from playwright.sync_api import expect

from tests.browser.alias_page_objects import (
    alias_row,
    expect_at,
    expect_no_dialog,
    expect_same_page,
    mark_page,
    press_button,
)
from tests.browser.page_objects import dialog, expect_toast
from tests.browser.urls import ARTIFACT

# What was promised of the pages, one by one.


def test_aliases_tab_shows_all_aliases(person, make):
    artifact = make(3, production=1, staging=2, candidate=3)
    artifact.move("production", 3)
    page = person("vera").page
    page.goto(artifact.url)
    page.get_by_role("link", name=re.compile("^Aliases")).click()
    expect(page.locator("#alias-count")).to_contain_text("(3)")
    expect_at(page, "production", "v3")
    expect(alias_row(page, "production")).to_contain_text("+2 versions")
    expect(alias_row(page, "production")).to_contain_text("alice")
    expect(alias_row(page, "production").locator("time")).to_have_count(2)
    expect_at(page, "staging", "v2")
    expect(alias_row(page, "candidate").locator(".badge.version")).to_have_class(re.compile("newest"))
    alias_row(page, "staging").get_by_role("link", name="v2").click()
    page.wait_for_url("**/v2")


def test_add_alias_modal_works_correctly(person, make):
    artifact = make(3, production=1)
    page = person("bob").page
    page.goto(artifact.aliases)
    mark_page(page)
    page.get_by_role("link", name="Add alias").click()
    expect(dialog(page).get_by_label("Alias", exact=True)).to_be_focused()
    expect(dialog(page).get_by_label("Version")).to_have_value("v3")
    dialog(page).get_by_label("Alias", exact=True).fill("staging")
    expect(dialog(page)).to_contain_text("staging will be created at v3")
    dialog(page).get_by_label("Version").fill("v2")
    expect(dialog(page)).to_contain_text("staging will be created at v2")
    dialog(page).get_by_label("Reason").fill("for the weekend")
    press_button(page, "Add")
    expect_toast(page, "Alias staging assigned to v2.")
    expect_no_dialog(page)
    expect_at(page, "staging", "v2")
    expect(page.locator("#alias-count")).to_contain_text("(2)")
    expect_same_page(page)

    page.get_by_role("link", name="Add alias").click()
    dialog(page).get_by_label("Alias", exact=True).fill("production")
    expect(dialog(page)).to_contain_text("production exists and moves: v1 → v3")
    press_button(page, "Move")
    expect_toast(page, "Alias production moved from v1 to v3.")
    expect_at(page, "production", "v3")
    expect(page.locator("#head-aliases")).to_contain_text("production")
    expect_same_page(page)


def test_delete_alias_with_confirmation(person, make):
    artifact = make(2, production=1, staging=2)
    page = person("bob").page
    page.goto(artifact.aliases)
    mark_page(page)
    page.get_by_role("link", name="Delete production").click()
    expect(dialog(page).get_by_role("heading")).to_have_text("Are you sure you want to delete alias 'production'?")
    dialog(page).get_by_role("link", name="Cancel").click()
    expect_no_dialog(page)
    expect(page.get_by_role("link", name="Delete production")).to_be_focused()
    page.get_by_role("link", name="Delete production").click()
    dialog(page).get_by_label("Reason").fill("nobody asks for it")
    press_button(page, "Delete")
    expect_toast(page, "Alias production deleted.")
    expect(alias_row(page, "production")).to_have_count(0)
    expect(page.get_by_role("link", name="Add alias")).to_be_focused()
    expect_same_page(page)
    assert artifact.alias_versions() == {"staging": "v2"}


def test_real_time_updates(person, make):
    """A second browser sees what the first one does, on whichever page of the artifact it is: all ask every 2 s."""
    artifact = make(3, production=1)
    bob = person("bob").page
    lists, overview, versions, version, history = (person("vera").page for _ in range(5))
    lists.goto(artifact.aliases)
    overview.goto(artifact.url)
    versions.goto(f"{artifact.url}/versions")
    version.goto(f"{artifact.url}/v3")
    history.goto(f"{artifact.aliases}/production/history")
    for page in (lists, overview, versions, version, history):
        expect(page.locator("[data-live]")).to_have_attribute("hx-trigger", re.compile("every 2s"))
        mark_page(page)
    bob.goto(artifact.aliases)
    bob.get_by_role("link", name="Move of production").click()
    dialog(bob).get_by_label("Version").fill("v3")
    press_button(bob, "Move")
    expect_at(bob, "production", "v3")

    expect_at(lists, "production", "v3")
    expect(overview.locator("#overview-aliases")).to_contain_text("production → v3")
    expect(overview.locator("#head-aliases")).to_contain_text("production")
    row = versions.get_by_role("row").filter(has=versions.get_by_role("link", name="v3", exact=True))
    expect(row).to_contain_text("production")
    expect(version.locator("#version-aliases")).to_contain_text("production")
    expect(version.locator("#version-use")).to_have_text("In production")
    expect(history.locator("#alias-changes li").first).to_contain_text("From v1 to v3")
    for page in (lists, overview, versions, version, history):
        expect_same_page(page)


def test_form_validation(person, make):
    artifact = make(1, production=1)
    page = person("bob").page
    page.goto(artifact.aliases)
    page.get_by_role("link", name="Add alias").click()
    field = dialog(page).get_by_label("Alias", exact=True)
    field.press_sequentially("new prod")
    expect(
        dialog(page).get_by_role("alert").filter(has_text="Only letters, digits, dots, underscores and hyphens")
    ).to_be_visible()
    expect(field).to_have_attribute("aria-invalid", "true")
    press_button(page, "Add")
    expect(dialog(page)).to_be_visible()
    field.fill("-prod")
    expect(dialog(page).get_by_text("starting with a letter or digit")).to_be_visible()
    field.fill("new-prod_1.0")
    expect(dialog(page).get_by_text("Only letters")).to_have_count(0)
    field.fill("history")
    press_button(page, "Add")
    expect(dialog(page).locator(".refusal")).to_contain_text("the name is reserved")
    expect(dialog(page).get_by_label("Alias", exact=True)).to_have_value("history")
    assert artifact.alias_versions() == {"production": "v1"}


def test_empty_state_for_no_aliases(person, make):
    artifact = make(1)
    looker, page = person("vera").page, person("bob").page
    looker.goto(artifact.aliases)
    expect(looker.get_by_role("heading", name="No aliases yet")).to_be_visible()
    expect(looker.get_by_role("link", name="Add first alias")).to_have_count(0)
    page.goto(artifact.aliases)
    page.get_by_role("link", name="Add first alias").click()
    dialog(page).get_by_label("Alias", exact=True).fill("production")
    press_button(page, "Add")
    expect_at(page, "production", "v1")
    expect(page.get_by_role("heading", name="No aliases yet")).to_have_count(0)
    expect_at(looker, "production", "v1")


# What people do besides.


def test_before_a_move_one_sees_what_is_different(person):
    page = person("alice").page
    page.goto(f"{ARTIFACT}/aliases")
    page.get_by_role("link", name="Move of production").click()
    dialog(page).get_by_label("Version").fill("v5")
    expect(dialog(page)).to_contain_text("production v6 → v5 (1 version older)")
    expect(dialog(page)).to_contain_text("3 changed")
    expect(dialog(page)).to_contain_text("Protected by the rule production")
    expect(dialog(page).get_by_role("link", name="Compare")).to_have_attribute(
        "href", f"{ARTIFACT}/compare?base=v6&head=v5"
    )
    page.keyboard.press("Escape")
    expect_no_dialog(page)
    expect_at(page, "production", "v6")


def test_a_conflict_appears_in_the_dialog_and_the_move_is_made_from_the_new_version(person, make):
    artifact = make(8, production=1)
    page = person("bob").page
    page.goto(artifact.aliases)
    page.get_by_role("link", name="Move of production").click()
    # Nothing is chosen here: that would ask for the plan anew, perhaps after the move below, and be told of it early.
    expect(dialog(page).get_by_label("Version")).to_have_value("v8")
    dialog(page).get_by_label("Reason").fill("measured twice")
    expect(dialog(page)).to_contain_text("v1 → v8 (7 versions newer)")
    artifact.move("production", 7)
    press_button(page, "Move")
    expect(dialog(page).get_by_role("alert").first).to_contain_text("was moved in the meantime: it now points to v7")
    expect(dialog(page).get_by_label("Reason")).to_have_value("measured twice")
    expect(dialog(page).get_by_label("Version")).to_have_value("v8")
    expect(dialog(page)).to_contain_text("v7 → v8 (1 version newer)")
    expect(dialog(page).get_by_role("button", name="Move")).to_be_focused()
    assert artifact.alias_versions()["production"] == "v7"
    press_button(page, "Move")
    expect_toast(page, "Alias production moved from v7 to v8.")
    expect_at(page, "production", "v8")


def test_a_move_by_others_appears_in_the_open_form(person, make):
    artifact = make(3, production=1)
    page = person("bob").page
    page.goto(artifact.aliases)
    page.get_by_role("link", name="Move of production").click()
    expect(dialog(page)).to_contain_text("v1 → v3 (2 versions newer)")
    artifact.move("production", 2)
    dialog(page).get_by_label("Version").fill("3")
    alert = dialog(page).get_by_role("alert").filter(has_text="Someone else moved it: it now points to v2.")
    expect(alert).to_be_visible()
    # The page behind the dialog waits, and follows once the dialog is gone.
    expect(alias_row(page, "production").locator(".badge.version")).to_have_text("v1")
    page.keyboard.press("Escape")
    expect_at(page, "production", "v2")


def test_a_version_is_typed_by_number_or_alias(person, make):
    artifact = make(2, first=1)
    page = person("bob").page
    page.goto(f"{artifact.url}/add-alias")
    page.get_by_label("Version", exact=True).fill("first")
    page.get_by_label("Alias", exact=True).fill("old")
    expect(page.locator("#move-preview")).to_contain_text("old will be created at v1")
    page.get_by_label("Version", exact=True).fill("7")
    expect(page.locator("#move-preview")).not_to_contain_text("will be created at")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("No finalized version or alias is called '7'.")).to_be_visible()
    page.get_by_label("Version", exact=True).fill("1")
    page.get_by_role("button", name="Add").click()
    page.wait_for_url(f"**{artifact.aliases}")
    expect_at(page, "old", "v1")


def test_names_are_suggested(person, make):
    artifact = make(1)
    page = person("bob").page
    page.goto(f"{artifact.url}/add-alias")
    options = page.locator("#alias-suggestions option").evaluate_all("all => all.map((each) => each.value)")
    assert {"staging", "production", "candidate", "v0.1.0"} <= set(options)


def test_rollback_from_the_timeline(person, make):
    artifact = make(3, production=1)
    artifact.move("production", 2)
    artifact.move("production", 3)
    page = person("bob").page
    page.goto(artifact.aliases)
    mark_page(page)
    page.get_by_role("link", name="History of production").click()
    moments = dialog(page).locator("#alias-changes li")
    expect(moments).to_have_count(3)
    expect(moments.first).to_contain_text("From v2 to v3")
    expect(moments.first).to_contain_text("alice via API (key “first key”)")
    expect(moments.first.get_by_role("link", name="Back to")).to_have_count(0)
    moments.last.get_by_role("link", name="Back to v1").click()
    expect(dialog(page)).to_contain_text("production v3 → v1")
    dialog(page).get_by_label("Reason").fill("it was slow")
    press_button(page, "Move")
    expect_at(page, "production", "v1")

    page.get_by_role("link", name="History of production").click()
    expect(dialog(page).locator("#alias-changes li").first).to_contain_text("it was slow")
    dialog(page).get_by_role("link", name="Roll back").click()
    expect(dialog(page)).to_contain_text("production v1 → v3")
    press_button(page, "Roll back")
    expect_toast(page, "Alias production rolled back to v3.")
    expect_at(page, "production", "v3")
    expect_same_page(page)


def test_an_alias_that_was_deleted_comes_back_from_the_history_of_the_artifact(person, make):
    artifact = make(2, production=2)
    artifact.call_api("PUT", f"/artifacts/{artifact.id}/aliases", {"aliases": {"production": None}})
    page = person("bob").page
    page.goto(f"{artifact.url}/history")
    page.get_by_role("link", name="production").first.click()
    expect(dialog(page)).to_contain_text("This alias no longer exists.")
    dialog(page).get_by_role("link", name="Roll back").click()
    press_button(page, "Roll back")
    expect_toast(page, "Alias production rolled back to v2.")
    expect(page.locator("#history li").first).to_contain_text("production was assigned to v2")
    assert artifact.alias_versions() == {"production": "v2"}


def test_two_aliases_are_swapped(person, make):
    artifact = make(2, blue=1, green=2)
    page = person("bob").page
    page.goto(artifact.aliases)
    page.get_by_role("link", name="Swap aliases").click()
    dialog(page).get_by_label("Alias", exact=True).fill("blue")
    dialog(page).get_by_label("With").fill("red")
    press_button(page, "Swap")
    expect(dialog(page).locator(".refusal")).to_contain_text("Alias 'red' not found")
    dialog(page).get_by_label("With").fill("green")
    press_button(page, "Swap")
    expect_toast(page, "Swapped: blue → v2, green → v1.")
    expect_at(page, "blue", "v2")
    expect_at(page, "green", "v1")


def test_an_alias_is_added_on_the_page_of_its_version(person, make):
    artifact = make(2)
    page = person("bob").page
    page.goto(f"{artifact.url}/v1")
    mark_page(page)
    page.get_by_role("link", name="Add alias").click()
    dialog(page).get_by_label("Alias", exact=True).fill("stable")
    expect(dialog(page)).to_contain_text("stable will be created at v1")
    press_button(page, "Add")
    expect(page.locator("#version-aliases")).to_have_text("stable")
    page.locator("#version-aliases").get_by_role("link", name="stable").click()
    expect(dialog(page)).to_contain_text("Currently v1")
    expect_same_page(page)


# Protected aliases.
