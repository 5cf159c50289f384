"""The Aliases tab by hand: every dialog, the moments where two people meet, and what each role may do.

The first tests bear the names of what the alias system promised of its pages.
"""

import hashlib
import re
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.hands import dialog, fresh, told
from tests.browser.places import ARTIFACT
from tests.browser.test_every_page import _hard_to_use, _is_wide

SOON = 3_000


@dataclass
class Thing:
    """An artifact of acme's with some versions and aliases."""

    id: str
    name: str
    here: str
    versions: list[str]
    ask: Callable[..., Any]

    @property
    def aliases(self) -> str:
        return f"{self.here}/aliases"

    def move(self, alias: str, number: int) -> None:
        """As alice's scripts would, meanwhile."""
        self.ask("POST", f"/artifacts/{self.id}/aliases", {"alias": alias, "version_id": self.versions[number - 1]})

    def where(self) -> dict[str, str]:
        listed = self.ask("GET", f"/artifacts/{self.id}/aliases", None)["items"]
        return {each["alias"]: each["version"] for each in listed}


def logged(ask: Callable[..., Any], artifact: str, content: bytes) -> str:
    """The id of a new version with one file. The bytes are sent once: the project knows them from then on."""
    sha256 = hashlib.sha256(content).hexdigest()
    file = {"path": "notes.txt", "size": len(content), "sha256": sha256}
    draft = ask("POST", f"/artifacts/{artifact}/versions", {"files": [file]})
    if draft["missing"]:
        wanted = {"kind": "file", "sha256": sha256, "size": len(content)}
        [put] = ask("POST", f"/artifacts/versions/{draft['id']}/uploads", {"objects": [wanted]})["objects"]
        request = urllib.request.Request(put["url"], method="PUT", data=content, headers=put["headers"])
        urllib.request.urlopen(request, timeout=60).close()
    return ask("POST", f"/artifacts/versions/{draft['id']}/finalize")["id"]


@pytest.fixture
def make(ask) -> Callable[..., Thing]:
    """`make(3, production=1)`: an artifact with three versions, and production at the first."""

    def artifact(count: int, rule: dict[str, object] | None = None, **aliases: int) -> Thing:
        name = fresh("thing")
        body = {"project": "acme/recommender", "name": name, "type": "model", "auto_latest": False}
        made = ask("POST", "/artifacts", body)
        versions = [logged(ask, made["id"], f"version {number}".encode()) for number in range(count)]
        thing = Thing(made["id"], name, f"/acme/recommender/artifacts/model/{name}", versions, ask)
        for alias, number in aliases.items():
            thing.move(alias, number)
        if rule:
            ask("POST", "/alias-rules", {"artifact": made["id"]} | rule)
        return thing

    return artifact


def row(page: Page, alias: str) -> Locator:
    return page.get_by_role("row").filter(has=page.locator(".badge.alias", has_text=re.compile(f"^{alias}")))


def at(page: Page, alias: str, version: str, **options: float) -> None:
    expect(row(page, alias).locator(".badge.version")).to_have_text(version, **options)


def press(page: Page, name: str) -> None:
    dialog(page).get_by_role("button", name=name, exact=True).click()


def gone(page: Page) -> None:
    expect(page.locator("dialog[open]")).to_have_count(0)


def mark(page: Page) -> None:
    """From now on a reload would be seen."""
    page.evaluate("window.isTheSamePage = true")


def stayed(page: Page) -> None:
    assert page.evaluate("window.isTheSamePage === true")


# What was promised of the pages, one by one.


def test_aliases_tab_shows_all_aliases(person, make):
    thing = make(3, production=1, staging=2, candidate=3)
    thing.move("production", 3)
    page = person("vera").page
    page.goto(thing.here)
    page.get_by_role("link", name=re.compile("^Aliases")).click()
    expect(page.locator("#alias-count")).to_contain_text("(3)")
    at(page, "production", "v3")
    expect(row(page, "production")).to_contain_text("2 versions ahead of before")
    expect(row(page, "production")).to_contain_text("alice")
    expect(row(page, "production").locator("time")).to_have_count(2)
    at(page, "staging", "v2")
    expect(row(page, "candidate").locator(".badge.version")).to_have_class(re.compile("newest"))
    row(page, "staging").get_by_role("link", name="v2").click()
    page.wait_for_url("**/v2")


def test_add_alias_modal_works_correctly(person, make):
    thing = make(3, production=1)
    page = person("bob").page
    page.goto(thing.aliases)
    mark(page)
    page.get_by_role("link", name="Add alias").click()
    expect(dialog(page).get_by_label("Alias", exact=True)).to_be_focused()
    expect(dialog(page).get_by_label("Version").locator("option").first).to_have_text(re.compile("^v3"))
    dialog(page).get_by_label("Alias", exact=True).fill("staging")
    expect(dialog(page)).to_contain_text("staging is new, at v3")
    dialog(page).get_by_label("Version").select_option("v2")
    expect(dialog(page)).to_contain_text("staging is new, at v2")
    dialog(page).get_by_label("Reason").fill("for the weekend")
    press(page, "Add")
    told(page, "Alias staging is at v2.")
    gone(page)
    at(page, "staging", "v2")
    expect(page.locator("#alias-count")).to_contain_text("(2)")
    stayed(page)

    page.get_by_role("link", name="Add alias").click()
    dialog(page).get_by_label("Alias", exact=True).fill("production")
    expect(dialog(page)).to_contain_text("production exists: it moves from v1 to v3")
    press(page, "Move")
    told(page, "Alias production has moved from v1 to v3.")
    at(page, "production", "v3")
    expect(page.locator("#head-aliases")).to_contain_text("production")
    stayed(page)


def test_delete_alias_with_confirmation(person, make):
    thing = make(2, production=1, staging=2)
    page = person("bob").page
    page.goto(thing.aliases)
    mark(page)
    page.get_by_role("link", name="Delete production").click()
    expect(dialog(page).get_by_role("heading")).to_have_text("Are you sure you want to delete alias 'production'?")
    dialog(page).get_by_role("link", name="Cancel").click()
    gone(page)
    expect(page.get_by_role("link", name="Delete production")).to_be_focused()
    page.get_by_role("link", name="Delete production").click()
    dialog(page).get_by_label("Reason").fill("nobody asks for it")
    press(page, "Delete")
    told(page, "Alias production is deleted.")
    expect(row(page, "production")).to_have_count(0)
    expect(page.get_by_role("link", name="Add alias")).to_be_focused()
    stayed(page)
    assert thing.where() == {"staging": "v2"}


def test_real_time_updates(person, make):
    """A second browser sees what the first one does, on whichever page of the artifact it is, in three seconds."""
    thing = make(3, production=1)
    bob = person("bob").page
    lists, overview, versions, version, history = (person("vera").page for _ in range(5))
    lists.goto(thing.aliases)
    overview.goto(thing.here)
    versions.goto(f"{thing.here}/versions")
    version.goto(f"{thing.here}/v3")
    history.goto(f"{thing.aliases}/production/history")
    for page in (lists, overview, versions, version, history):
        mark(page)
    bob.goto(thing.aliases)
    bob.get_by_role("link", name="Move of production").click()
    dialog(bob).get_by_label("Version").select_option("v3")
    press(bob, "Move")
    at(bob, "production", "v3")

    at(lists, "production", "v3", timeout=SOON)
    expect(overview.locator("#overview-aliases")).to_contain_text("production → v3", timeout=SOON)
    expect(overview.locator("#head-aliases")).to_contain_text("production", timeout=SOON)
    expect(versions.get_by_role("row", name=re.compile("^v3"))).to_contain_text("production", timeout=SOON)
    expect(version.locator("#version-aliases")).to_contain_text("production", timeout=SOON)
    expect(history.locator("#moments li").first).to_contain_text("From v1 to v3", timeout=SOON)
    for page in (lists, overview, versions, version, history):
        stayed(page)


def test_form_validation(person, make):
    thing = make(1, production=1)
    page = person("bob").page
    page.goto(thing.aliases)
    page.get_by_role("link", name="Add alias").click()
    field = dialog(page).get_by_label("Alias", exact=True)
    field.press_sequentially("new prod")
    expect(
        dialog(page).get_by_role("alert").filter(has_text="Only letters, digits, dots, underscores and hyphens")
    ).to_be_visible()
    expect(field).to_have_attribute("aria-invalid", "true")
    press(page, "Add")
    expect(dialog(page)).to_be_visible()
    field.fill("-prod")
    expect(dialog(page).get_by_text("starts with a letter or digit")).to_be_visible()
    field.fill("new-prod_1.0")
    expect(dialog(page).get_by_text("Only letters")).to_have_count(0)
    field.fill("history")
    press(page, "Add")
    expect(dialog(page).locator(".refusal")).to_contain_text("is a word of our addresses")
    expect(dialog(page).get_by_label("Alias", exact=True)).to_have_value("history")
    assert thing.where() == {"production": "v1"}


def test_empty_state_for_no_aliases(person, make):
    thing = make(1)
    looker, page = person("vera").page, person("bob").page
    looker.goto(thing.aliases)
    expect(looker.get_by_role("heading", name="No aliases yet")).to_be_visible()
    expect(looker.get_by_role("link", name="Add first alias")).to_have_count(0)
    page.goto(thing.aliases)
    page.get_by_role("link", name="Add first alias").click()
    dialog(page).get_by_label("Alias", exact=True).fill("production")
    press(page, "Add")
    at(page, "production", "v1")
    expect(page.get_by_role("heading", name="No aliases yet")).to_have_count(0)
    at(looker, "production", "v1", timeout=SOON)


# What people do besides.


def test_before_a_move_one_sees_what_is_different(person):
    page = person("alice").page
    page.goto(f"{ARTIFACT}/aliases")
    page.get_by_role("link", name="Move of production").click()
    dialog(page).get_by_label("Version").select_option("v5")
    expect(dialog(page)).to_contain_text("production moves from v6 to v5, 1 version behind where it is")
    expect(dialog(page)).to_contain_text("3 changed")
    expect(dialog(page)).to_contain_text("Protected by the rule production")
    expect(dialog(page).get_by_role("link", name="Compare")).to_have_attribute(
        "href", f"{ARTIFACT}/compare?base=v6&head=v5"
    )
    page.keyboard.press("Escape")
    gone(page)
    at(page, "production", "v6")


def test_the_conflict_is_told_in_the_dialog_and_the_move_made_from_the_new_place(person, make):
    thing = make(8, production=1)
    page = person("bob").page
    page.goto(thing.aliases)
    page.get_by_role("link", name="Move of production").click()
    dialog(page).get_by_label("Version").select_option("v8")
    dialog(page).get_by_label("Reason").fill("measured twice")
    expect(dialog(page)).to_contain_text("moves from v1 to v8")
    thing.move("production", 7)
    press(page, "Move")
    expect(dialog(page).get_by_role("alert").first).to_contain_text("was moved meanwhile: it is at v7 now")
    expect(dialog(page).get_by_label("Reason")).to_have_value("measured twice")
    expect(dialog(page).get_by_label("Version")).to_have_value("v8")
    expect(dialog(page)).to_contain_text("moves from v7 to v8")
    expect(dialog(page).get_by_role("button", name="Move")).to_be_focused()
    assert thing.where()["production"] == "v7"
    press(page, "Move")
    told(page, "Alias production has moved from v7 to v8.")
    at(page, "production", "v8")


def test_a_move_by_others_is_told_while_one_still_chooses(person, make):
    thing = make(3, production=1)
    page = person("bob").page
    page.goto(thing.aliases)
    page.get_by_role("link", name="Move of production").click()
    thing.move("production", 2)
    dialog(page).get_by_label("Version").select_option("v3")
    expect(
        dialog(page).get_by_role("alert").filter(has_text="Somebody moved it meanwhile: it is at v2 now.")
    ).to_be_visible()
    # The page behind the dialog waits, and follows once the dialog is gone.
    expect(row(page, "production").locator(".badge.version")).to_have_text("v1")
    page.keyboard.press("Escape")
    at(page, "production", "v2", timeout=SOON)


def test_a_version_that_is_not_offered_is_typed(person, make):
    thing = make(2)
    page = person("bob").page
    # As if there were more versions than are offered: the field is there then.
    page.goto(f"{thing.here}/add-alias?typed=v1")
    page.get_by_label("Alias", exact=True).fill("old")
    expect(page.locator("#alias-plan")).to_contain_text("old is new, at v1")
    page.get_by_label("Or another version").fill("7")
    expect(page.locator("#alias-plan")).not_to_contain_text("is new, at")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("There is no finalized version '7'.")).to_be_visible()
    page.get_by_label("Or another version").fill("1")
    page.get_by_role("button", name="Add").click()
    page.wait_for_url(f"**{thing.aliases}")
    at(page, "old", "v1")


def test_names_are_suggested(person, make):
    thing = make(1)
    page = person("bob").page
    page.goto(f"{thing.here}/add-alias")
    options = page.locator("#alias-suggestions option").evaluate_all("all => all.map((each) => each.value)")
    assert {"staging", "production", "candidate", "v0.1.0"} <= set(options)


def test_rollback_from_the_timeline(person, make):
    thing = make(3, production=1)
    thing.move("production", 2)
    thing.move("production", 3)
    page = person("bob").page
    page.goto(thing.aliases)
    mark(page)
    page.get_by_role("link", name="History of production").click()
    moments = dialog(page).locator("#moments li")
    expect(moments).to_have_count(3)
    expect(moments.first).to_contain_text("From v2 to v3")
    expect(moments.first).to_contain_text("alice · API with key first key")
    expect(moments.first.get_by_role("link")).to_have_count(0)
    moments.last.get_by_role("link", name="Back to v1").click()
    expect(dialog(page)).to_contain_text("production moves from v3 to v1")
    dialog(page).get_by_label("Reason").fill("it was slow")
    press(page, "Move")
    at(page, "production", "v1")

    page.get_by_role("link", name="History of production").click()
    expect(dialog(page).locator("#moments li").first).to_contain_text("it was slow")
    dialog(page).get_by_role("link", name="Roll back").click()
    expect(dialog(page)).to_contain_text("production moves from v1 to v3")
    press(page, "Roll back")
    told(page, "production is back at v3.")
    at(page, "production", "v3")
    stayed(page)


def test_an_alias_that_was_deleted_comes_back_from_the_history_of_the_artifact(person, make):
    thing = make(2, production=2)
    thing.ask("PUT", f"/artifacts/{thing.id}/aliases", {"aliases": {"production": None}})
    page = person("bob").page
    page.goto(f"{thing.here}/history")
    page.get_by_role("link", name="production").first.click()
    expect(dialog(page)).to_contain_text("It does not exist now.")
    dialog(page).get_by_role("link", name="Roll back").click()
    press(page, "Roll back")
    told(page, "production is back at v2.")
    expect(page.locator("#history li").first).to_contain_text("production was put on v2")
    assert thing.where() == {"production": "v2"}


def test_two_aliases_change_places(person, make):
    thing = make(2, blue=1, green=2)
    page = person("bob").page
    page.goto(thing.aliases)
    page.get_by_role("link", name="Swap two").click()
    dialog(page).get_by_label("Alias", exact=True).fill("blue")
    dialog(page).get_by_label("changes places with").fill("red")
    press(page, "Swap")
    expect(dialog(page).locator(".refusal")).to_contain_text("Alias 'red' not found")
    dialog(page).get_by_label("changes places with").fill("green")
    press(page, "Swap")
    told(page, "blue is at v2 and green is at v1 now.")
    at(page, "blue", "v2")
    at(page, "green", "v1")


def test_an_alias_is_added_on_the_page_of_its_version(person, make):
    thing = make(2)
    page = person("bob").page
    page.goto(f"{thing.here}/v1")
    mark(page)
    page.get_by_role("link", name="Add alias").click()
    dialog(page).get_by_label("Alias", exact=True).fill("stable")
    expect(dialog(page)).to_contain_text("stable is new, at v1")
    press(page, "Add")
    expect(page.locator("#version-aliases")).to_have_text("stable")
    page.locator("#version-aliases").get_by_role("link", name="stable").click()
    expect(dialog(page)).to_contain_text("It is at v1 now.")
    stayed(page)


# Protected aliases.


def test_a_protected_alias_as_viewer_editor_and_admin(person, make):
    thing = make(2, rule={"pattern": "prod*", "role": "admin"}, production=1)
    vera, bob, alice = (person(name).page for name in ("vera", "bob", "alice"))
    for page in (vera, bob, alice):
        page.goto(thing.aliases)
        lock = row(page, "production").get_by_role("img", name=re.compile("Protected by the rule prod"))
        expect(lock).to_be_visible()
        expect(page.get_by_role("heading", name="Protected by")).to_be_visible()
    expect(row(vera, "production").get_by_role("link", name="History of production")).to_be_visible()
    expect(
        vera.locator("main").get_by_role("link", name=re.compile("Move|Propose|Delete|Roll back|Add"))
    ).to_have_count(0)

    row(bob, "production").get_by_role("link", name="Propose move of production").click()
    expect(dialog(bob)).to_contain_text("an admin moves it. You can propose it.")
    expect(dialog(bob).get_by_role("button")).to_have_text(["Propose move"])
    bob.keyboard.press("Escape")
    bob.get_by_role("link", name="Add alias").click()
    dialog(bob).get_by_label("Alias", exact=True).fill("prod-eu")
    expect(dialog(bob).get_by_role("button", name="Propose alias")).to_be_visible()
    dialog(bob).get_by_label("Alias", exact=True).fill("eu")
    expect(dialog(bob).get_by_role("button", name="Add")).to_be_visible()
    bob.keyboard.press("Escape")

    row(alice, "production").get_by_role("link", name="Move of production").click()
    dialog(alice).get_by_label("Version").select_option("v2")
    press(alice, "Move")
    at(alice, "production", "v2")
    at(bob, "production", "v2", timeout=SOON)


def test_a_rule_made_while_the_form_was_open_is_told_in_it(person, make):
    thing = make(2, production=1)
    page = person("bob").page
    page.goto(thing.aliases)
    page.get_by_role("link", name="Move of production").click()
    expect(dialog(page)).to_contain_text("moves from v1 to v2")
    thing.ask("POST", "/alias-rules", {"artifact": thing.id, "pattern": "production", "role": "admin"})
    press(page, "Move")
    expect(dialog(page).locator(".refusal")).to_contain_text("is protected by the rule production")
    press(page, "Propose move")
    told(page, "Proposed: production to v2.")
    assert thing.where() == {"production": "v1"}


def test_approval_by_a_second_person(person, make):
    thing = make(3, rule={"pattern": "production", "role": "editor", "needs_approval": True}, production=1)
    bob, alice = person("bob").page, person("alice").page
    alice.goto(thing.aliases)
    mark(alice)
    bob.goto(thing.aliases)
    bob.get_by_role("link", name="Propose move of production").click()
    dialog(bob).get_by_label("Version").select_option("v3")
    dialog(bob).get_by_label("Reason").fill("better by a tenth")
    press(bob, "Propose move")
    told(bob, "Proposed: production to v3.")
    expect(bob.get_by_role("link", name="Approve")).to_have_count(0)
    expect(bob.get_by_text("Somebody else, an editor of the team, decides about it.")).to_be_visible()

    expect(alice.get_by_role("heading", name="Waiting for a decision")).to_be_visible(timeout=SOON)
    expect(alice.locator("#alias-count .badge")).to_contain_text("1")
    alice.get_by_role("link", name="Approve the move of production").click()
    expect(dialog(alice)).to_contain_text("better by a tenth")
    dialog(alice).get_by_label("Comment").fill("seen it")
    press(alice, "Approve")
    told(alice, "Approved: production is at v3 now.")
    at(alice, "production", "v3")
    expect(alice.get_by_role("heading", name="Waiting for a decision")).to_have_count(0)
    stayed(alice)
    at(bob, "production", "v3", timeout=SOON)
    bob.get_by_role("link", name="History of production").click()
    expect(dialog(bob)).to_contain_text("Proposed by bob, approved by alice: seen it")


def test_a_proposal_is_rejected_and_another_withdrawn(person, make):
    thing = make(2, rule={"pattern": "production", "role": "admin"}, production=1)
    bob, alice = person("bob").page, person("alice").page
    for page in (bob, alice):
        page.goto(thing.aliases)
    for _ in range(2):
        bob.get_by_role("link", name="Propose move of production").click()
        dialog(bob).get_by_label("Version").select_option("v2")
        press(bob, "Propose move")
        expect(bob.get_by_role("heading", name="Waiting for a decision")).to_be_visible()
        if _ == 0:
            alice.get_by_role("link", name="Reject the move of production").click(timeout=SOON)
            dialog(alice).get_by_label("Comment").fill("not on a Friday")
            press(alice, "Reject")
            told(alice, "Rejected: production stays where it is.")
            expect(bob.get_by_role("heading", name="Waiting for a decision")).to_have_count(0, timeout=SOON)
    bob.get_by_role("link", name="Withdraw the move of production").click()
    press(bob, "Withdraw")
    told(bob, "Withdrawn: production stays where it is.")
    at(bob, "production", "v1")


def test_a_proposal_that_came_too_late_is_told_where_the_alias_is(person, make):
    thing = make(3, production=1)
    body = {"alias": "production", "version_id": thing.versions[1]}
    thing.ask("POST", f"/artifacts/{thing.id}/alias-proposals", body)
    bob = person("bob").page
    bob.goto(thing.aliases)
    bob.get_by_role("link", name="Approve the move of production").click()
    thing.move("production", 3)
    press(bob, "Approve")
    expect(dialog(bob).locator(".refusal")).to_contain_text("was moved meanwhile: it is at v3 now")
    bob.keyboard.press("Escape")
    expect(bob.get_by_text("It has moved to v3 meanwhile")).to_be_visible(timeout=SOON)
    expect(bob.get_by_role("link", name="Approve the move of production")).to_have_count(0)


def test_rules_are_made_changed_and_deleted_where_they_hold(person, make):
    thing = make(1, production=1)
    page = person("alice").page
    page.goto(thing.aliases)
    mark(page)
    page.get_by_role("link", name="Protect an alias").click()
    dialog(page).get_by_label("Aliases", exact=True).fill("prod uction")
    expect(dialog(page).get_by_text("Only letters, digits, dots, underscores and hyphens, *")).to_be_visible()
    dialog(page).get_by_label("Aliases", exact=True).fill("production")
    dialog(page).get_by_label("A second person").check()
    press(page, "Protect")
    told(page, "production is protected in artifact")
    gone(page)
    expect(row(page, "production").get_by_role("link", name="Propose move of production")).to_be_visible()
    page.get_by_role("link", name=re.compile("^Edit the rule production")).click()
    dialog(page).get_by_label("A second person").uncheck()
    press(page, "Save")
    told(page, "Saved.")
    expect(row(page, "production").get_by_role("link", name="Move of production", exact=True)).to_be_visible()
    page.get_by_role("link", name=re.compile("^Delete the rule production")).click()
    press(page, "Delete")
    expect(page.get_by_role("heading", name="Nothing is protected")).to_be_visible()
    stayed(page)

    pattern = fresh("only")
    page.goto("/acme/recommender")
    page.keyboard.press("6")
    page.wait_for_url("**/rules")
    page.keyboard.press("r")
    dialog(page).get_by_label("Aliases", exact=True).fill(pattern)
    press(page, "Protect")
    expect(page.get_by_role("row", name=pattern)).to_contain_text("this project")
    vera = person("vera").page
    vera.goto("/acme/recommender/rules")
    expect(vera.get_by_role("row", name=pattern)).to_be_visible()
    expect(vera.get_by_role("link", name=re.compile("^(New rule|Edit|Delete)"))).to_have_count(0)

    page.goto("/teams/acme")
    page.locator("#team-rules").get_by_role("link", name="New rule").click()
    dialog(page).get_by_label("Aliases", exact=True).fill(f"{pattern}-team")
    press(page, "Protect")
    expect(page.locator("#team-rules li").filter(has_text=f"{pattern}-team")).to_be_visible()
    page.get_by_role("link", name=f"Delete the rule {pattern}-team").click()
    press(page, "Delete")
    expect(page.locator("#team-rules li").filter(has_text=f"{pattern}-team")).to_have_count(0)


# How it is used.


def test_everything_by_keyboard(person, make):
    thing = make(2, production=1, staging=2)
    page = person("bob").page
    page.goto(f"{thing.here}/history")
    page.keyboard.press("3")
    page.wait_for_url("**/aliases")
    page.keyboard.press("n")
    expect(dialog(page).get_by_label("Alias", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    gone(page)
    page.wait_for_function("document.activeElement === document.body")
    page.keyboard.press("n")
    expect(dialog(page).get_by_label("Alias", exact=True)).to_be_focused()
    page.keyboard.type("best")
    expect(dialog(page)).to_contain_text("best is new, at v2")
    page.keyboard.press("Enter")
    at(page, "best", "v2")
    page.keyboard.press("j")
    expect(row(page, "best").get_by_role("link", name="v2")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#move-best")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog(page).get_by_label("Version")).to_be_focused()
    expect(dialog(page).locator(".htmx-added")).to_have_count(0)
    page.keyboard.press("ArrowDown")
    expect(dialog(page)).to_contain_text("moves from v2 to v1")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(dialog(page).get_by_role("button", name="Move")).to_be_focused()
    page.keyboard.press("Enter")
    at(page, "best", "v1")
    expect(page.locator("#move-best")).to_be_focused()


def test_a_change_by_others_takes_neither_the_focus_nor_the_place_on_the_page(person, make):
    thing = make(2, **{f"alias-{number:02}": 1 for number in range(30)})
    page = person("bob").page
    page.goto(thing.aliases)
    page.locator("#move-alias-25").focus()
    page.locator("#move-alias-25").scroll_into_view_if_needed()
    before = page.evaluate("window.scrollY")
    thing.move("alias-25", 2)
    at(page, "alias-25", "v2", timeout=SOON)
    expect(page.locator("#move-alias-25")).to_be_focused()
    assert page.evaluate("window.scrollY") == before


def test_a_page_in_the_background_does_not_ask(person, make):
    thing = make(1, production=1)
    page = person("vera").page
    page.goto(thing.aliases)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/live?" in request.url else None)
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    page.wait_for_timeout(4_500)
    assert asked == []
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(500)
    assert len(asked) >= 1


def test_no_dialog_is_hard_to_use_or_too_wide(person, make):
    thing = make(2, rule={"pattern": "staging", "role": "admin", "needs_approval": True}, production=1, staging=1)
    body = {"alias": "staging", "version_id": thing.versions[1], "reason": "because"}
    alice, faults = person("alice", reduced_motion="reduce").page, []
    thing.ask("POST", f"/artifacts/{thing.id}/alias-proposals", body)
    bob = person("bob", reduced_motion="reduce").page
    for page, opener in [
        (alice, "#add-alias"), (alice, "#move-production"), (alice, "#move-staging"), (alice, "#delete-production"),
        (alice, "#rollback-production"), (alice, "#history-production"), (alice, "#swap-aliases"), (alice, "#rule-new"),
        (alice, "[id^=withdraw-]"), (alice, "[id^=rule-edit-]"), (alice, "[id^=rule-delete-]"),
        (bob, "#move-staging"),
    ]:  # fmt: skip
        if opener == "#rollback-production":
            thing.move("production", 2)
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(thing.aliases)
        page.locator(opener).first.click()
        dialog(page)
        faults += [f"{opener}: {fault}" for fault in _hard_to_use(page)]
        for width in (390, 1440):
            faults += [f"{opener} at {width}"] if _is_wide(page, width) else []
            wide = "document.querySelector('dialog').scrollWidth > document.querySelector('dialog').clientWidth"
            faults += [f"inside {opener} at {width}"] if page.evaluate(wide) else []
    for page in (alice, bob):
        page.set_viewport_size({"width": 390, "height": 900})
        page.goto(thing.aliases)
        is_cut = "[...document.querySelectorAll('.scroll')].some((each) => each.scrollWidth > each.clientWidth)"
        faults += ["the list at 390"] if page.evaluate(is_cut) else []
    assert faults == []


def test_aliases_without_script(person, make):
    thing = make(3, production=1)
    bob = person(None, java_script_enabled=False)
    bob.sign_in("bob", "bob has a long password")
    page = bob.page
    page.goto(thing.aliases)
    page.get_by_role("link", name="Add alias").click()
    page.get_by_label("Alias", exact=True).fill("history")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="is a word of our addresses")).to_be_visible()
    page.get_by_label("Alias", exact=True).fill("staging")
    page.get_by_label("Version", exact=True).select_option("v2")
    page.get_by_role("button", name="Add", exact=True).click()
    page.wait_for_url(f"**{thing.aliases}")
    told(page, "Alias staging is at v2.")
    page.get_by_role("link", name="Move of staging").click()
    page.get_by_label("Version", exact=True).select_option("v3")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("1 version ahead of where it is")).to_be_visible()
    page.get_by_role("button", name="Move", exact=True).click()
    at(page, "staging", "v3")
    page.get_by_role("link", name="History of staging").click()
    page.locator("#moments").get_by_role("link", name="Back to v2").click()
    page.get_by_role("button", name="Move", exact=True).click()
    at(page, "staging", "v2")
    page.get_by_role("link", name="Roll back staging").click()
    page.get_by_role("button", name="Roll back").click()
    at(page, "staging", "v3")
    page.get_by_role("link", name="Swap two").click()
    page.get_by_label("Alias", exact=True).fill("staging")
    page.get_by_label("changes places with").fill("production")
    page.get_by_role("button", name="Swap").click()
    at(page, "production", "v3")
    page.get_by_role("link", name="Move of production").click()
    page.get_by_label("Version", exact=True).select_option("v2")
    thing.move("production", 1)
    page.get_by_role("button", name="Move", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="was moved meanwhile: it is at v1 now")).to_be_visible()
    page.get_by_role("button", name="Move", exact=True).click()
    at(page, "production", "v2")
    page.get_by_role("link", name="Delete staging").click()
    page.get_by_role("button", name="Delete").click()
    told(page, "Alias staging is deleted.")
    assert thing.where() == {"production": "v2"}
