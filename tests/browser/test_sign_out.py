"""After signing out, the browser shows nothing of what was seen before."""

from playwright.sync_api import expect


def test_back_after_signing_out_shows_no_page(person):
    """In a session of its own: the one that other tests share goes on."""
    alice = person(None)
    alice.sign_in("alice", "alice has a long password")
    page = alice.page
    page.goto("/profile")
    expect(page.get_by_role("heading", name="API keys")).to_be_visible()
    page.goto("/acme/recommender")
    page.goto("/artifacts")
    page.evaluate("document.querySelector('form[action=\"/logout\"]').requestSubmit()")
    page.wait_for_url("**/login*")

    for _ in range(3):
        page.go_back()
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        assert "/login" in page.url
