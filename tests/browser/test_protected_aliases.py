"""Rules and proposals by hand: what each role may do, and what takes two people."""

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
from tests.browser.page_objects import dialog, expect_toast, unique_name


def test_a_protected_alias_as_viewer_editor_and_admin(person, make):
    artifact = make(2, rule={"pattern": "prod*", "role": "admin"}, production=1)
    vera, bob, alice = (person(name).page for name in ("vera", "bob", "alice"))
    for page in (vera, bob, alice):
        page.goto(artifact.aliases)
        lock = alias_row(page, "production").get_by_role("img", name=re.compile("Protected by the rule prod"))
        expect(lock).to_be_visible()
        expect(page.get_by_role("heading", name="Protection rules")).to_be_visible()
    expect(alias_row(vera, "production").get_by_role("link", name="History of production")).to_be_visible()
    expect(
        vera.locator("main").get_by_role("link", name=re.compile("Move|Propose|Delete|Roll back|Add"))
    ).to_have_count(0)

    alias_row(bob, "production").get_by_role("link", name="Propose move of production").click()
    expect(dialog(bob)).to_contain_text("only admins can move it. You can propose the move.")
    expect(dialog(bob).get_by_role("button")).to_have_text(["Propose move"])
    bob.keyboard.press("Escape")
    bob.get_by_role("link", name="Add alias").click()
    dialog(bob).get_by_label("Alias", exact=True).fill("prod-eu")
    expect(dialog(bob).get_by_role("button", name="Propose alias")).to_be_visible()
    dialog(bob).get_by_label("Alias", exact=True).fill("eu")
    expect(dialog(bob).get_by_role("button", name="Add")).to_be_visible()
    bob.keyboard.press("Escape")

    alias_row(alice, "production").get_by_role("link", name="Move of production").click()
    dialog(alice).get_by_label("Version").fill("v2")
    press_button(alice, "Move")
    expect_at(alice, "production", "v2")
    expect_at(bob, "production", "v2")


def test_a_rule_made_while_the_form_was_open_appears_in_it(person, make):
    artifact = make(2, production=1)
    page = person("bob").page
    page.goto(artifact.aliases)
    page.get_by_role("link", name="Move of production").click()
    expect(dialog(page)).to_contain_text("v1 → v2 (1 version newer)")
    artifact.call_api("POST", "/alias-rules", {"artifact": artifact.id, "pattern": "production", "role": "admin"})
    press_button(page, "Move")
    expect(dialog(page).locator(".refusal")).to_contain_text("is protected by the rule production")
    press_button(page, "Propose move")
    expect_toast(page, "Proposed: production to v2.")
    assert artifact.alias_versions() == {"production": "v1"}


def test_approval_by_a_second_person(person, make):
    artifact = make(3, rule={"pattern": "production", "role": "editor", "needs_approval": True}, production=1)
    bob, alice = person("bob").page, person("alice").page
    alice.goto(artifact.aliases)
    mark_page(alice)
    bob.goto(artifact.aliases)
    bob.get_by_role("link", name="Propose move of production").click()
    dialog(bob).get_by_label("Version").fill("v3")
    dialog(bob).get_by_label("Reason").fill("better by a tenth")
    press_button(bob, "Propose move")
    expect_toast(bob, "Proposed: production to v3.")
    expect(bob.get_by_role("link", name="Approve")).to_have_count(0)
    expect(bob.get_by_text("Waiting for a reviewer: another editor of the team.")).to_be_visible()

    expect(alice.get_by_role("heading", name="Pending approval")).to_be_visible()
    expect(alice.locator("#alias-count .badge")).to_contain_text("1")
    alice.get_by_role("link", name="Approve the move of production").click()
    expect(dialog(alice)).to_contain_text("better by a tenth")
    dialog(alice).get_by_label("Comment").fill("seen it")
    press_button(alice, "Approve")
    expect_toast(alice, "Approved: production now points to v3.")
    expect_at(alice, "production", "v3")
    expect(alice.get_by_role("heading", name="Pending approval")).to_have_count(0)
    expect_same_page(alice)
    expect_at(bob, "production", "v3")
    bob.get_by_role("link", name="History of production").click()
    expect(dialog(bob)).to_contain_text("Proposed by bob, approved by alice: seen it")


def test_a_proposal_is_rejected_and_another_withdrawn(person, make):
    artifact = make(2, rule={"pattern": "production", "role": "admin"}, production=1)
    bob, alice = person("bob").page, person("alice").page
    for page in (bob, alice):
        page.goto(artifact.aliases)
    for _ in range(2):
        bob.get_by_role("link", name="Propose move of production").click()
        dialog(bob).get_by_label("Version").fill("v2")
        press_button(bob, "Propose move")
        expect(bob.get_by_role("heading", name="Pending approval")).to_be_visible()
        if _ == 0:
            alice.get_by_role("link", name="Reject the move of production").click()
            dialog(alice).get_by_label("Comment").fill("not on a Friday")
            press_button(alice, "Reject")
            expect_toast(alice, "Rejected: production has not changed.")
            expect(bob.get_by_role("heading", name="Pending approval")).to_have_count(0)
    bob.get_by_role("link", name="Withdraw the move of production").click()
    press_button(bob, "Withdraw")
    expect_toast(bob, "Withdrawn: production has not changed.")
    expect_at(bob, "production", "v1")


def test_an_outdated_proposal_shows_where_the_alias_is(person, make):
    artifact = make(3, production=1)
    body = {"alias": "production", "version_id": artifact.versions[1]}
    artifact.call_api("POST", f"/artifacts/{artifact.id}/alias-proposals", body)
    bob = person("bob").page
    bob.goto(artifact.aliases)
    bob.get_by_role("link", name="Approve the move of production").click()
    artifact.move("production", 3)
    press_button(bob, "Approve")
    expect(dialog(bob).locator(".refusal")).to_contain_text("was moved in the meantime: it now points to v3")
    bob.keyboard.press("Escape")
    expect(bob.get_by_text("The alias has moved to v3")).to_be_visible()
    expect(bob.get_by_role("link", name="Approve the move of production")).to_have_count(0)


def test_rules_are_made_changed_and_deleted_where_they_hold(person, make):
    artifact = make(1, production=1)
    page = person("alice").page
    page.goto(artifact.aliases)
    mark_page(page)
    page.get_by_role("link", name="Protect an alias").click()
    dialog(page).get_by_label("Aliases", exact=True).fill("prod uction")
    expect(dialog(page).get_by_text("Only letters, digits, dots, underscores and hyphens, *")).to_be_visible()
    dialog(page).get_by_label("Aliases", exact=True).fill("production")
    dialog(page).get_by_label("Require approval from a second person").check()
    press_button(page, "Protect")
    expect_toast(page, "production is protected in artifact")
    expect_no_dialog(page)
    expect(alias_row(page, "production").get_by_role("link", name="Propose move of production")).to_be_visible()
    page.get_by_role("link", name=re.compile("^Edit rule production")).click()
    dialog(page).get_by_label("Require approval from a second person").uncheck()
    press_button(page, "Save")
    expect_toast(page, "Saved.")
    expect(alias_row(page, "production").get_by_role("link", name="Move of production", exact=True)).to_be_visible()
    page.get_by_role("link", name=re.compile("^Delete rule production")).click()
    press_button(page, "Delete")
    expect_toast(page, "deleted.")
    expect(page.get_by_role("link", name=re.compile("(Edit|Delete) rule production"))).to_have_count(0)
    expect_same_page(page)

    pattern = unique_name("only")
    page.goto("/acme/recommender")
    page.keyboard.press("6")
    page.wait_for_url("**/rules")
    page.keyboard.press("r")
    dialog(page).get_by_label("Aliases", exact=True).fill(pattern)
    press_button(page, "Protect")
    expect(page.get_by_role("row", name=pattern)).to_contain_text("this project")
    vera = person("vera").page
    vera.goto("/acme/recommender/rules")
    expect(vera.get_by_role("row", name=pattern)).to_be_visible()
    expect(vera.get_by_role("link", name=re.compile("^(New rule|Edit|Delete)"))).to_have_count(0)

    page.goto("/teams/acme")
    page.locator("#team-rules").get_by_role("link", name="New rule").click()
    dialog(page).get_by_label("Aliases", exact=True).fill(f"{pattern}-team")
    press_button(page, "Protect")
    expect(page.locator("#team-rules li").filter(has_text=f"{pattern}-team")).to_be_visible()
    page.get_by_role("link", name=f"Delete rule {pattern}-team").click()
    press_button(page, "Delete")
    expect(page.locator("#team-rules li").filter(has_text=f"{pattern}-team")).to_have_count(0)


# How it is used.
