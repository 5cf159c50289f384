"""A user finds an invitation in the inbox, and decides."""

import re

from playwright.sync_api import expect

from tests.browser.page_objects import unique_name


def test_an_invited_user_accepts_one_and_declines_another(person, call_api):
    joined, declined = unique_name("guild"), unique_name("guild")
    for team in (joined, declined):
        call_api("POST", "/teams", {"name": team})
        call_api("POST", f"/teams/{team}/members", {"username": "mallory", "role": "editor"})
    page = person("mallory").page
    page.goto("/")
    expect(page.get_by_role("link", name=re.compile("Inbox, 2 unread"))).to_be_visible()

    page.goto("/inbox")
    page.get_by_role("button", name=f"Decline team {declined}").click()
    expect(page.get_by_text(f"You declined the invitation to team {declined}.")).to_be_visible()
    page.get_by_role("button", name=f"Accept team {joined}").click()
    expect(page.get_by_text(f"You joined team {joined}.")).to_be_visible()
    page.wait_for_url(f"**/teams/{joined}")
    page.goto("/inbox")
    expect(page.get_by_text("No notifications")).to_be_visible()
