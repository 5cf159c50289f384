"""Django admin in a real browser, under the policy that lets it run, and nothing else."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.page_objects import unique_name


@pytest.fixture(scope="module")
def olga(stack_with_data) -> str:
    """The operator: a superuser who is in no team."""
    make = "from accounts import users; users.create('olga', 'olga has a long password', is_superuser=True)"
    stack_with_data.manage("shell", "--no-imports", "--command", make)
    return "olga"


def saved(page: Page, message: str) -> None:
    expect(page.get_by_text(message)).to_be_visible()


def test_an_alias_is_searched_moved_and_removed_with_reasons(olga, person, call_api):
    name = unique_name("admin")
    made = call_api("POST", "/artifacts", {"project": "acme/recommender", "name": name, "type": "model"})
    versions = []
    for _ in range(2):
        begun = call_api("POST", f"/artifacts/{made['id']}/versions")
        call_api("POST", f"/artifacts/versions/{begun['id']}/finalize", {"aliases": ["stable"]})
        versions.append(begun["version"])
    call_api(
        "POST", "/alias-rules", {"artifact": made["id"], "pattern": "stable", "role": "admin", "needs_approval": True}
    )

    page = person(olga).page
    page.goto("/admin/artifacts/artifactalias/")
    page.get_by_role("searchbox").or_(page.locator("[name=q]")).first.fill(f"stable {name}")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=**")
    page.locator("#result_list").get_by_role("link", name="stable").click()
    page.get_by_label("Version").select_option(label=versions[0])
    page.get_by_label("Reason").fill("The second one forgets whom it has seen")
    page.get_by_role("button", name="Save and continue editing").click()
    saved(page, "was changed successfully")
    first = page.locator("section tbody tr").first
    expect(first).to_contain_text(re.compile(r"v2\s+v1\s+olga\s+Admin\s+–\s+The second one forgets whom it has seen"))

    page.get_by_role("link", name="Delete").click()
    page.get_by_label("Reason").fill("Nobody asks for it")
    page.get_by_role("button", name="Yes, I’m sure").click()
    saved(page, "was deleted successfully")
    [removed, *_] = call_api("GET", f"/artifacts/{made['id']}/aliases/stable/history")["items"]
    assert (removed["to_version"], removed["changed_by"], removed["face"], removed["reason"]) == (
        None, "olga", "admin", "Nobody asks for it",
    )  # fmt: skip


def test_a_rule_is_made_for_a_team(olga, person):
    pattern = f"{unique_name('gold')}-*"
    page = person(olga).page
    page.goto("/admin/artifacts/aliasrule/add/")
    page.locator("#id_team").locator("xpath=..").locator(".select2-selection").click()
    page.locator(".select2-search__field").fill("acme")
    page.locator(".select2-results__option", has_text="acme").first.click()
    page.get_by_label("Pattern").fill(pattern)
    page.get_by_role("button", name="Save", exact=True).click()
    saved(page, "was added successfully")
    expect(page.get_by_role("row").filter(has_text=pattern)).to_contain_text("team acme")


@pytest.mark.parametrize("model", ["artifactalias", "aliaschange", "aliasrule", "aliasproposal"])
def test_lists_keep_to_the_policy(olga, person, model):
    """Whatever console and policy have to say, the window complains of when it is closed."""
    page = person(olga).page
    page.goto(f"/admin/artifacts/{model}/")
    expect(page.locator("#result_list, #changelist").first).to_be_visible()
    page.wait_for_load_state("networkidle")
