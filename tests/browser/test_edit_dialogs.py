"""What people change in dialogs: artifacts, versions, projects, members, keys, passwords."""

import re

from playwright.sync_api import Page, expect

from tests.browser.page_objects import choose, dialog, drop, expect_toast, unique_name, wait_until_verified

PROJECT = "/acme/recommender"


def new_project(page: Page) -> str:
    """The name of a project of acme's that was made in the browser; the page of it is open then."""
    name = unique_name("project")
    page.goto("/")
    page.keyboard.press("n")
    dialog(page).get_by_label("Team").select_option("acme")
    dialog(page).get_by_label("Name").fill(name)
    dialog(page).get_by_role("button", name="Create").click()
    page.wait_for_url(f"**/acme/{name}")
    return name


def test_an_artifact_is_made_edited_and_deleted(person):
    page = person("alice").page
    project = new_project(page)
    page.keyboard.press("n")
    expect(dialog(page).get_by_label("Project")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    opener = page.get_by_role("link", name="New artifact")
    opener.focus()
    page.keyboard.press("Enter")
    dialog(page).get_by_label("Name").fill("no such/name")
    dialog(page).get_by_role("button", name="Create").click()
    expect(dialog(page).get_by_role("alert").filter(has_text=re.compile("."))).to_be_visible()
    expect(dialog(page).get_by_label("Name")).to_have_value("no such/name")
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    opener.click()
    dialog(page).get_by_label("Name").fill("weights")
    dialog(page).get_by_label("Type").select_option("model")
    dialog(page).get_by_label("Tags").fill("small, fast")
    dialog(page).get_by_role("button", name="Create").click()
    page.wait_for_url(f"**/{project}/artifacts/model/weights")
    expect(page.locator("#overview")).to_contain_text("fast")

    page.keyboard.press("e")
    dialog(page).get_by_label("Metadata").fill("{not json")
    dialog(page).get_by_role("button", name="Save").click()
    expect(dialog(page).locator(".fault")).to_be_visible()
    dialog(page).get_by_label("Metadata").fill('{"depth": 7}')
    dialog(page).get_by_label("Name").fill("heavy")
    dialog(page).get_by_label("Description").fill("Now **described**.")
    dialog(page).get_by_role("button", name="Save").click()
    page.wait_for_url("**/model/heavy")
    expect_toast(page, "Saved.")
    expect(page.locator(".prose strong")).to_have_text("described")
    expect(page.locator("#overview .tree")).to_contain_text("depth")

    menu = page.get_by_label("More actions")
    menu.press("ArrowDown")
    expect(page.get_by_role("link", name="Delete artifact")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()
    expect(page.get_by_role("link", name="Delete artifact")).to_be_hidden()
    menu.click()
    page.get_by_role("heading", level=1).click()
    expect(page.get_by_role("link", name="Delete artifact")).to_be_hidden()
    choose(page, "Delete artifact")
    expect(dialog(page)).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()
    choose(page, "Delete artifact")
    dialog(page).get_by_label("Type the name to confirm").fill("weights")
    dialog(page).get_by_role("button", name="Delete").click()
    expect(dialog(page).get_by_text("Type heavy to confirm.")).to_be_visible()
    dialog(page).get_by_label("Type the name to confirm").fill("heavy")
    dialog(page).get_by_role("button", name="Delete").click()
    page.wait_for_url(f"**/{project}/artifacts")
    expect_toast(page, "Artifact heavy deleted.")


def test_a_draft_is_finalized_in_a_dialog_and_a_version_deleted_with_its_aliases(person, call_api):
    page = person("bob").page
    name = unique_name("draft")
    call_api("POST", "/artifacts", {"project": "acme/recommender", "name": name, "type": "model"})
    page.goto(f"{PROJECT}/artifacts/model/{name}/upload")
    drop(page, {"one.txt": "first"})
    wait_until_verified(page, 1)
    _, _, draft = page.url.partition("?version=")
    page.goto(f"{PROJECT}/artifacts/model/{name}/versions")
    drafts = page.get_by_role("region", name="Drafts")
    expect(drafts.get_by_role("link", name="Continue draft (1 file)")).to_be_visible()
    page.goto(f"{PROJECT}/artifacts/model/{name}/{draft}")
    page.get_by_role("link", name="Finalize").click()
    expect(dialog(page)).to_contain_text("This action cannot be undone.")
    dialog(page).get_by_label("Aliases").fill("candidate")
    dialog(page).get_by_role("button", name="Finalize").click()
    expect_toast(page, "v1 finalized.")
    expect(page.locator("#version-bar")).to_contain_text("Verified")
    page.keyboard.press("e")
    dialog(page).get_by_label("Notes").fill("Looked at.")
    dialog(page).get_by_role("button", name="Save").click()
    expect_toast(page, "Saved.")
    choose(page, "Delete version")
    dialog(page).get_by_role("button", name="Delete").click()
    expect(dialog(page).get_by_role("alert").filter(has_text="candidate")).to_be_visible()
    dialog(page).get_by_label("Also delete its aliases").check()
    dialog(page).get_by_role("button", name="Delete").click()
    page.wait_for_url("**/versions")
    expect(page.get_by_role("heading", name="No versions yet")).to_be_visible()


def test_a_project_is_renamed_and_deleted(person):
    page = person("alice").page
    project = new_project(page)
    page.get_by_role("link", name="Settings", exact=True).click()
    page.get_by_label("Name").fill(f"{project}-renamed")
    page.get_by_label("Visibility").select_option("internal")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(f"**/{project}-renamed/settings")
    expect_toast(page, "Saved.")
    expect(page.get_by_role("heading", level=1)).to_contain_text("internal")
    page.get_by_role("link", name="Delete project").click()
    dialog(page).get_by_role("textbox").fill(project)
    dialog(page).get_by_role("button", name="Delete").click()
    expect(dialog(page).locator(".fault")).to_be_visible()
    dialog(page).get_by_role("textbox").fill(f"acme/{project}-renamed")
    dialog(page).get_by_role("button", name="Delete").click()
    expect_toast(page, f"Project acme/{project}-renamed deleted.")


def test_members_come_change_and_go(person):
    page = person("alice").page
    page.goto(f"{PROJECT}/members")
    page.get_by_role("link", name="Add", exact=True).click()
    dialog(page).get_by_label("Username").fill("mallory")
    dialog(page).get_by_role("combobox").select_option("viewer")
    dialog(page).get_by_role("button", name="Invite").click()
    expect_toast(page, "Invitation for mallory created. If this user exists, it is in their inbox.")
    invited = person("mallory").page
    invited.goto("/inbox")
    invited.get_by_role("button", name="Accept team acme").click()
    invited.wait_for_url("**/teams/acme")
    page.reload()
    page.get_by_role("link", name="Role of mallory").click()
    dialog(page).get_by_role("combobox").select_option("editor")
    dialog(page).get_by_role("button", name="Change").click()
    expect_toast(page, "The role of mallory is now editor.")
    page.get_by_role("link", name="Remove mallory").click()
    dialog(page).get_by_role("button", name="Remove").click()
    expect_toast(page, "mallory removed from team acme.")
    expect(page.get_by_role("row", name="mallory")).to_have_count(0)


def test_an_invited_visitor_joins_makes_a_key_and_changes_the_password(person):
    page = person("alice").page
    page.goto(f"{PROJECT}/members")
    page.keyboard.press("i")
    dialog(page).get_by_role("combobox").select_option("viewer")
    dialog(page).get_by_role("button", name="Create link").click()
    link = page.locator("#invitation-link").text_content()

    visitor = person(None)
    name = unique_name("guest")
    guest = visitor.page
    guest.goto(link)
    guest.get_by_label("Username").fill(name)
    guest.get_by_label("New password").fill("quite a long one, 1")
    guest.get_by_label("Confirm password").fill("quite another")
    guest.get_by_role("button", name="Create account").click()
    expect(guest.get_by_text("The passwords do not match.")).to_be_visible()
    guest.get_by_label("New password").fill("quite a long one, 1")
    guest.get_by_label("Confirm password").fill("quite a long one, 1")
    guest.get_by_role("button", name="Create account").click()
    expect_toast(guest, f"Welcome, {name}.")
    guest.goto(PROJECT)
    expect(guest.get_by_role("heading", level=1)).to_contain_text("recommender")

    guest.goto("/profile")
    guest.keyboard.press("n")
    dialog(guest).get_by_label("Name").fill("laptop")
    dialog(guest).get_by_role("button", name="Create").click()
    value = guest.locator("#key-value").text_content()
    assert len(value) > 30
    dialog(guest).get_by_role("link", name="Done").click()
    expect(guest.get_by_role("row", name="laptop")).to_be_visible()
    expect(guest.locator("#key-value")).to_have_count(0)
    assert value not in guest.content()
    guest.get_by_role("link", name="Revoke laptop").click()
    dialog(guest).get_by_role("button", name="Revoke").click()
    expect_toast(guest, 'API key "laptop" revoked.')
    expect(guest.get_by_role("heading", name="No API keys yet")).to_be_visible()

    guest.get_by_role("link", name="Change password").click()
    dialog(guest).get_by_label("Current password").fill("quite a long one, 1")
    dialog(guest).get_by_label("New password").fill("quite a new one, 2")
    dialog(guest).get_by_label("Confirm password").fill("quite a new one, 2")
    dialog(guest).get_by_role("button", name="Change").click()
    expect_toast(guest, "Password changed.")
    guest.locator("summary", has_text=name).click()
    guest.get_by_role("button", name="Sign out").click()
    guest.wait_for_url("**/login*")
    visitor.sign_in(name, "quite a new one, 2")
