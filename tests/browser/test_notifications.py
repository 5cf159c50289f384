"""Being told: a webhook from its form to its log, and an inbox from the bell to the thing, by mouse and by keyboard."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import seed_data
from tests.browser.page_objects import choose, dialog, expect_toast, unique_name
from tests.browser.urls import ARTIFACT
from tests.notifications.receiver import Receiver, status


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    listening = Receiver()
    yield listening
    listening.close()


@pytest.fixture
def project(call_api) -> str:
    """The URL of a new project."""
    return f"/acme/{call_api('POST', '/projects', {'team': 'acme', 'name': unique_name('news')})['name']}"


def test_a_webhook_from_its_form_to_its_log(person, project, receiver):
    receiver.answers = [status(200, b"thank you")]
    page = person("alice").page
    page.goto(project)
    page.get_by_role("link", name="Webhooks").click()
    page.get_by_role("link", name="Add the first webhook").click()
    form = dialog(page)
    form.get_by_label("URL").fill("https://10.0.0.1/hook")
    form.get_by_role("button", name="Create").click()
    expect(form.get_by_role("alert").first).to_contain_text("private network")
    form.get_by_label("URL").fill(receiver.url)
    form.get_by_label("Description").fill("Deployment")
    form.get_by_label("Version finalized").check()
    form.get_by_role("button", name="Create").click()
    secret = dialog(page).locator("#secret-value")
    expect(secret).to_contain_text("whsec_")
    signed_with = secret.inner_text().strip()
    dialog(page).get_by_role("link", name="Done").click()

    page.wait_for_url("**/webhooks/*")
    expect(page.get_by_text("whsec_")).to_have_count(0)
    page.get_by_role("button", name="Send a test").click()
    expect_toast(page, "Test event queued.")
    # The log follows by itself.
    row = page.locator("#deliveries tbody tr")
    expect(row).to_contain_text("Delivered")
    assert receiver.sent[0].verify(signed_with)["type"] == "webhook.test"
    row.get_by_role("link", name="webhook.test").click()
    expect(dialog(page)).to_contain_text("thank you")
    dialog(page).get_by_role("button", name="Redeliver").click()
    expect_toast(page, "Delivery queued again.")
    expect(row).to_contain_text("2")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("heading", name="Deployment")).to_contain_text("Off")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("heading", name="Deployment")).to_contain_text("Active")
    choose(page, "Delete webhook")
    dialog(page).get_by_role("button", name="Delete").click()
    expect_toast(page, "Webhook deleted.")


def test_a_webhook_without_script(person, project, receiver):
    alice = person(None, java_script_enabled=False)
    alice.sign_in("alice", "alice has a long password")
    page = alice.page
    page.goto(f"{project}/webhooks")
    page.get_by_role("link", name="Add the first webhook").click()
    page.get_by_label("URL").fill(receiver.url)
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#secret-value")).to_contain_text("whsec_")
    page.get_by_role("link", name="Done").click()
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator("#deliveries").get_by_role("link", name="webhook.test")).to_be_visible()
    seed_data.until(lambda: page.reload().ok and page.locator("#deliveries").get_by_text("Delivered").count())
    page.locator("#deliveries").get_by_role("link", name="webhook.test").click()
    page.get_by_role("button", name="Redeliver").click()
    seed_data.until(lambda: len(receiver.sent) > 1)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()


def test_from_the_bell_to_the_thing(person, stack_with_data):
    page = person("vera").page
    page.goto(ARTIFACT)
    page.get_by_role("link", name="Watch", exact=True).click()
    dialog(page).get_by_label("Aliases").fill("news-*")
    dialog(page).get_by_role("button", name="Watch", exact=True).click()
    expect(page.get_by_role("link", name="Watching")).to_be_visible()
    for number in (1, 2, 3):
        make_alias(stack_with_data, f"news-{number}")
        # Two workers may tell of two events in either order.
        seed_data.until(
            lambda number=number: seed_data.call_api(stack_with_data, "vera", "GET", "/inbox")["unread"] == number
        )
    # The page that is open asks by itself.
    expect(bell(page)).to_have_accessible_name("Inbox, 3 unread")

    page.goto("/")
    expect(bell(page)).to_have_accessible_name("Inbox, 3 unread")
    page.keyboard.press("i")
    page.wait_for_url("**/inbox")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{ARTIFACT}/aliases/news-3/history")
    expect(bell(page)).to_have_accessible_name("Inbox, 2 unread")
    page.keyboard.press("i")
    page.wait_for_url("**/inbox")
    page.get_by_role("button", name="Read bob assigned news-2").click()
    expect(bell(page)).to_have_accessible_name("Inbox, 1 unread")
    page.get_by_role("button", name="Mark all as read").click()
    expect(bell(page)).to_have_accessible_name("Inbox")
    page.get_by_role("link", name="Watching").click()
    page.get_by_role("button", name="Unwatch acme/recommender/ranker").click()
    expect_toast(page, "You are no longer watching acme/recommender/ranker.")
    expect(page.get_by_role("heading", name="You are not watching anything yet")).to_be_visible()


def make_alias(stack: seed_data.Stack, alias: str) -> None:
    """Bob's work."""
    ranker = seed_data.call_api(stack, "bob", "GET", "/artifacts/resolve?name=acme/recommender/ranker:v2")
    alerts = {"alias": alias, "version_id": ranker["version"]["id"]}
    seed_data.call_api(stack, "bob", "POST", f"/artifacts/{ranker['artifact']['id']}/aliases", alerts)


def bell(page: Page) -> Locator:
    return page.locator("#bell")
