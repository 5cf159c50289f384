"""The Aliases tab for whoever has no mouse, no script, or no eyes for it just now."""

from playwright.sync_api import expect

from tests.browser.alias_page_objects import alias_row, expect_at, expect_no_dialog
from tests.browser.page_objects import accessibility_problems, dialog, expect_toast, misfits


def test_everything_by_keyboard(person, make):
    artifact = make(2, production=1, staging=2)
    page = person("bob").page
    page.goto(f"{artifact.url}/history")
    page.keyboard.press("3")
    page.wait_for_url("**/aliases")
    page.keyboard.press("n")
    expect(dialog(page).get_by_label("Alias", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect_no_dialog(page)
    page.wait_for_function("document.activeElement === document.body")
    page.keyboard.press("n")
    expect(dialog(page).get_by_label("Alias", exact=True)).to_be_focused()
    page.keyboard.type("best")
    expect(dialog(page)).to_contain_text("best will be created at v2")
    page.keyboard.press("Enter")
    expect_at(page, "best", "v2")
    for alias, version in (("production", "v1"), ("staging", "v2"), ("best", "v2")):
        page.keyboard.press("j")
        expect(alias_row(page, alias).get_by_role("link", name=version)).to_be_focused()
    page.keyboard.press("Tab")
    expect(alias_row(page, "best").get_by_role("link", name="bob")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#move-best")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog(page).get_by_label("Version")).to_be_focused()
    expect(dialog(page).locator(".htmx-added")).to_have_count(0)
    page.keyboard.type("v1")
    expect(dialog(page)).to_contain_text("v2 → v1 (1 version older)")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(dialog(page).get_by_role("button", name="Move")).to_be_focused()
    page.keyboard.press("Enter")
    expect_at(page, "best", "v1")
    expect(page.locator("#move-best")).to_be_focused()


def test_a_change_by_others_keeps_focus_and_scroll_position(person, make):
    artifact = make(2, **{f"alias-{number:02}": 1 for number in range(30)})
    page = person("bob").page
    page.goto(artifact.aliases)
    page.locator("#move-alias-25").focus()
    page.locator("#move-alias-25").scroll_into_view_if_needed()
    before = page.evaluate("window.scrollY")
    artifact.move("alias-25", 2)
    expect_at(page, "alias-25", "v2")
    expect(page.locator("#move-alias-25")).to_be_focused()
    assert page.evaluate("window.scrollY") == before


def test_a_page_in_the_background_does_not_ask(person, make):
    artifact = make(1, production=1)
    page = person("vera").page
    page.goto(artifact.aliases)
    requested: list[str] = []
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    page.on("request", lambda request: requested.append(request.url) if "/live?" in request.url else None)
    page.wait_for_timeout(4_500)
    assert requested == []
    with page.expect_request("**/live?*"):
        page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")


def test_no_dialog_is_hard_to_use_or_too_wide(person, make):
    artifact = make(2, rule={"pattern": "staging", "role": "admin", "needs_approval": True}, production=1, staging=1)
    body = {"alias": "staging", "version_id": artifact.versions[1], "reason": "because"}
    alice, problems = person("alice", reduced_motion="reduce").page, []
    artifact.call_api("POST", f"/artifacts/{artifact.id}/alias-proposals", body)
    bob = person("bob", reduced_motion="reduce").page
    for page, opener in [
        (alice, "#add-alias"), (alice, "#move-production"), (alice, "#move-staging"), (alice, "#delete-production"),
        (alice, "#rollback-production"), (alice, "#history-production"), (alice, "#swap-aliases"), (alice, "#rule-new"),
        (alice, "[id^=withdraw-]"), (alice, "[id^=rule-edit-]"), (alice, "[id^=rule-delete-]"),
        (bob, "#move-staging"),
    ]:  # fmt: skip
        if opener == "#rollback-production":
            artifact.move("production", 2)
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(artifact.aliases)
        page.locator(opener).first.click()
        dialog(page)
        problems += [f"{opener}: {problem}" for problem in accessibility_problems(page)]
        for width in (390, 1440):
            problems += [f"{opener} at {width}: {what}" for what in misfits(page, width)]
            wide = "document.querySelector('dialog').scrollWidth > document.querySelector('dialog').clientWidth"
            problems += [f"inside {opener} at {width}"] if page.evaluate(wide) else []
    for page in (alice, bob):
        page.set_viewport_size({"width": 390, "height": 900})
        page.goto(artifact.aliases)
        is_cut = "[...document.querySelectorAll('.scroll')].some((each) => each.scrollWidth > each.clientWidth)"
        problems += ["the list at 390"] if page.evaluate(is_cut) else []
    assert problems == []


def test_aliases_without_script(person, make):
    artifact = make(3, production=1)
    bob = person(None, java_script_enabled=False)
    bob.sign_in("bob", "bob has a long password")
    page = bob.page
    page.goto(artifact.aliases)
    page.get_by_role("link", name="Add alias").click()
    page.get_by_label("Alias", exact=True).fill("history")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="the name is reserved")).to_be_visible()
    page.get_by_label("Alias", exact=True).fill("staging")
    page.get_by_label("Version", exact=True).fill("v2")
    page.get_by_role("button", name="Add", exact=True).click()
    page.wait_for_url(f"**{artifact.aliases}")
    expect_toast(page, "Alias staging assigned to v2.")
    page.get_by_role("link", name="Move of staging").click()
    page.get_by_label("Version", exact=True).fill("v3")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("1 version newer")).to_be_visible()
    page.get_by_role("button", name="Move", exact=True).click()
    expect_at(page, "staging", "v3")
    page.get_by_role("link", name="History of staging").click()
    page.locator("#alias-changes").get_by_role("link", name="Back to v2").click()
    page.get_by_role("button", name="Move", exact=True).click()
    expect_at(page, "staging", "v2")
    page.get_by_role("link", name="Roll back staging").click()
    page.get_by_role("button", name="Roll back").click()
    expect_at(page, "staging", "v3")
    page.get_by_role("link", name="Swap aliases").click()
    page.get_by_label("Alias", exact=True).fill("staging")
    page.get_by_label("With").fill("production")
    page.get_by_role("button", name="Swap").click()
    expect_at(page, "production", "v3")
    page.get_by_role("link", name="Move of production").click()
    page.get_by_label("Version", exact=True).fill("v2")
    artifact.move("production", 1)
    page.get_by_role("button", name="Move", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="was moved in the meantime: it now points to v1")).to_be_visible()
    page.get_by_role("button", name="Move", exact=True).click()
    expect_at(page, "production", "v2")
    page.get_by_role("link", name="Delete staging").click()
    page.get_by_role("button", name="Delete").click()
    expect_toast(page, "Alias staging deleted.")
    assert artifact.alias_versions() == {"production": "v2"}
