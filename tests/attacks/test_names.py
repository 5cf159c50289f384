"""An editor tries every way to let a name with a protected alias mean something else.

Each way is a way by the API, by a page's form and by the verbs. Whatever is refused or done: the names that were asked
before still lead to the version that they led to, for everybody, or to nothing else.
"""

from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import unquote

import pytest

from accounts import teams, users
from accounts.actor import Actor, Channel
from accounts.models import Role, User
from artifacts import artifacts, name_resolution, versions
from artifacts.aliases import aliases, protection
from artifacts.errors import RegistryError
from artifacts.models import Artifact
from projects import projects
from projects.models import Project
from tests.artifacts.client import fill, log
from tests.artifacts.conftest import artifact, other, store, v1, v2
from tests.conftest import HTMX

__all__ = ["artifact", "other", "store", "v1", "v2"]

NAMES = [
    "acme/demo/data:production",
    "acme/demo/data:latest",
    "acme/demo/data",
    "acme/demo/data:v1",
    "acme/demo/data:v2",
]
CHANNELS = ["api", "page", "part", "verb"]
Way = Callable[["Attacker"], Any]


class Attacker:
    """What one person does by one of the channels. Whatever is refused is passed over, as an attacker would."""

    def __init__(self, user: User, channel: str, api: Any, browser: Any) -> None:
        self.user, self.channel = user, channel
        self.api, self.browser = api(user), browser(user)
        self.actor = Actor(user, Channel.SDK)
        self.refusals: list[str] = []

    def verb(self, act: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return act(self.actor, *args, **kwargs)
        except RegistryError as refusal:
            self.refusals.append(str(refusal))
            return None

    def send(self, method: str, url: str, body: dict[str, Any]) -> None:
        answer = getattr(self.api, method)(f"/api/v1{url}", body)
        assert answer.status_code < 500
        if answer.status_code >= 400:
            self.refusals.append(answer.json()["detail"])

    def submit(self, url: str, fields: dict[str, Any]) -> None:
        answer = self.browser.post(url, fields, headers=HTMX if self.channel == "part" else {})
        assert answer.status_code < 500
        if answer.status_code >= 400:
            self.refusals.append(unquote(answer.get("X-Refusal", "")) or unescape(answer.content.decode()))

    def change_artifact(self, **changes: Any) -> None:
        row = Artifact.objects.select_related("project__team").filter(name="data").first()
        if row is None:
            return
        match self.channel:
            case "api":
                self.send("patch", f"/artifacts/{row.pk}", changes)
            case "verb":
                self.verb(artifacts.update, row, **changes)
            case _:
                fields = {"name": row.name, "description": "", "tags": "", "metadata": "{}"}
                fields |= {"auto_latest": "on"} if changes.get("auto_latest", row.auto_latest) else {}
                self.submit(
                    f"{row.get_absolute_url()}/edit", fields | {k: v for k, v in changes.items() if v is not True}
                )

    def change_project(self, **changes: Any) -> None:
        row = Project.objects.select_related("team").filter(name="demo").first()
        if row is None:
            return
        match self.channel:
            case "api":
                self.send("patch", f"/projects/{row.pk}", changes)
            case "verb":
                self.verb(projects.update, row, **changes)
            case _:
                fields = {"name": row.name, "description": "", "visibility": row.visibility}
                self.submit(f"{row.get_absolute_url()}/settings", fields | changes)

    def change_team(self, **changes: Any) -> None:
        match self.channel:
            case "api":
                self.send("patch", "/teams/acme", changes)
            case "verb":
                self.verb(teams.update, Project.objects.get(name="demo").team, **changes)
            case _:
                self.submit("/teams/acme/edit", {"name": "acme", "display_name": ""} | changes)

    def create_artifact(self, project: str, name: str) -> None:
        row = Project.objects.named(project)
        if row is None:
            return
        match self.channel:
            case "api":
                self.send("post", "/artifacts", {"project": project, "name": name, "type": "dataset"})
            case "verb":
                self.verb(artifacts.create, row, name, "dataset")
            case _:
                fields = {"project": str(row.pk), "name": name, "type": "dataset", "description": "", "tags": ""}
                self.submit("/artifacts/new", fields)

    def create_project(self, team: str, name: str) -> None:
        match self.channel:
            case "api":
                self.send("post", "/projects", {"team": team, "name": name})
            case "verb":
                row = teams.Team.objects.named(team)
                self.verb(projects.create, row, name) if row else None
            case _:
                self.submit("/projects/new", {"team": team, "name": name, "description": "", "visibility": "private"})

    def create_team(self, name: str) -> None:
        match self.channel:
            case "api":
                self.send("post", "/teams", {"name": name})
            case "verb":
                self.verb(teams.create, name)
            case _:
                self.submit("/teams/new", {"name": name, "display_name": ""})

    def delete_artifact(self) -> None:
        row = Artifact.objects.select_related("project__team").filter(name="data").first()
        match self.channel:
            case "api":
                self.send("delete", f"/artifacts/{row.pk}", {})
            case "verb":
                self.verb(artifacts.delete, row)
            case _:
                self.submit(f"{row.get_absolute_url()}/delete", {"name": "data"})

    def delete_version(self, number: int) -> None:
        row = Artifact.objects.get(name="data").versions.select_related("artifact__project__team").get(number=number)
        match self.channel:
            case "api":
                self.send("delete", f"/artifacts/versions/{row.pk}?delete_aliases=true", {})
            case "verb":
                self.verb(versions.delete, row, delete_aliases=True)
            case _:
                self.submit(f"{row.get_absolute_url()}/delete", {"delete_aliases": "on"})

    def finalize(self, *names: str) -> None:
        row = Artifact.objects.get(name="data").versions.drafts().select_related("artifact__project__team").first()
        if row is None:
            return
        match self.channel:
            case "api":
                self.send("post", f"/artifacts/versions/{row.pk}/finalize", {"aliases": list(names)})
            case "verb":
                self.verb(versions.finalize, row, aliases=names)
            case _:
                self.submit(f"{row.get_absolute_url()}/finalize", {"aliases": " ".join(names), "description": ""})

    def move(self, alias: str, number: int) -> None:
        row = Artifact.objects.select_related("project__team").get(name="data")
        version = row.versions.get(number=number)
        match self.channel:
            case "api":
                self.send("post", f"/artifacts/{row.pk}/aliases", {"alias": alias, "version_id": str(version.pk)})
            case "verb":
                self.verb(aliases.move, row, alias, version)
            case _:
                current = aliases.find(row, alias)
                fields = {"version": f"v{number}", "reason": "", "expected_of": alias}
                fields["expected"] = str(current.version_id) if current else ""
                self.submit(f"{row.get_absolute_url()}/aliases/{alias}/move", fields)

    def take_over(self, project: str, name: str) -> None:
        """An artifact by that name with a version of mine, under all the aliases."""
        self.create_artifact(project, name)
        row = Artifact.objects.select_related("project__team").filter(name=name, created_by=self.user).first()
        if row:
            self.verb(lambda actor: log(self.user, row, {"evil": b"evil"}, "production"))
            self.verb(lambda actor: log(self.user, row, {"evil": b"more"}, "latest"))


def rename_the_artifact(mallet: Attacker) -> None:
    mallet.change_artifact(name="old")
    mallet.take_over("acme/demo", "data")


def rename_the_artifact_and_another_to_it(mallet: Attacker) -> None:
    mallet.change_artifact(name="old")
    row = Artifact.objects.select_related("project__team").get(name="other")
    mallet.verb(artifacts.update, row, name="data")


def rename_the_project(mallet: Attacker) -> None:
    mallet.change_project(name="old")
    mallet.create_project("acme", "demo")
    mallet.take_over("acme/demo", "data")


def rename_the_team(mallet: Attacker) -> None:
    mallet.change_team(name="old")
    mallet.create_team("acme")
    mallet.create_project("acme", "demo")
    mallet.take_over("acme/demo", "data")


def delete_the_artifact(mallet: Attacker) -> None:
    mallet.delete_artifact()
    mallet.take_over("acme/demo", "data")


def delete_the_versions(mallet: Attacker) -> None:
    for number in (1, 2):
        mallet.delete_version(number)


def let_latest_follow(mallet: Attacker) -> None:
    mallet.change_artifact(auto_latest=True)
    mallet.finalize()


def finalize_under_the_alias(mallet: Attacker) -> None:
    mallet.finalize("production", "latest")
    mallet.finalize("production")


def call_an_alias_as_a_version(mallet: Attacker) -> None:
    for alias in ("v1", "v2"):
        mallet.move(alias, 2 if alias == "v1" else 1)
    mallet.move("v3", 1)


def move_it(mallet: Attacker) -> None:
    mallet.move("production", 2)
    mallet.move("latest", 1)


WAYS: list[Way] = [
    rename_the_artifact, rename_the_artifact_and_another_to_it, rename_the_project, rename_the_team,
    delete_the_artifact, delete_the_versions, let_latest_follow, finalize_under_the_alias, call_an_alias_as_a_version,
    move_it,
]  # fmt: skip


@pytest.fixture
def protected(alice, bob, acme, project, artifact, other, v1, v2) -> Artifact:
    """production is at v1 and latest at v2, which follows by hand; a draft is filled."""
    aliases.move(Actor(alice), artifact, "production", v1)
    artifact = artifacts.update(Actor(alice), artifact, auto_latest=False)
    fill(bob, artifact, {"draft": b"draft"})
    return artifact


def meanings(user: User) -> dict[str, Any]:
    """By name the version that it means; None for none."""
    versions_by_name = {}
    for name in NAMES:
        try:
            versions_by_name[name] = name_resolution.resolve(user, name).version.pk
        except RegistryError:
            versions_by_name[name] = None
    return versions_by_name


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize(("scope", "needs_approval"), [("team", False), ("project", True), ("artifact", False)])
def test_no_bypass_of_a_rule(
    api, browser, alice, bob, vera, acme, project, protected, way, channel, scope, needs_approval
):
    row = {"team": acme, "project": project, "artifact": protected}[scope]
    for pattern in ("production", "l?test", "v*"):
        protection.create(Actor(alice), row, pattern, role=Role.ADMIN, needs_approval=needs_approval)
    before = meanings(vera)
    assert all(before.values())

    mallet = Attacker(bob, channel, api, browser)
    way(mallet)

    assert meanings(vera) == before
    # The team is for admins to rename, whatever is protected in it.
    expected = "You need the Admin role" if way is rename_the_team else "is protected by the rule"
    assert any(expected in refusal for refusal in mallet.refusals), mallet.refusals


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_without_a_rule_a_version_still_is_what_it_was(api, browser, bob, vera, protected, way, channel):
    """What an editor may do to aliases changes no number's version: it is found, or it is gone."""
    before = meanings(vera)
    way(Attacker(bob, channel, api, browser))

    after = meanings(vera)
    for name in ("acme/demo/data:v1", "acme/demo/data:v2"):
        assert after[name] in (before[name], None)


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_stranger_gets_no_old_name_of_a_team(api, browser, alice, mallory, vera, acme, protected, channel):
    before = meanings(vera)
    teams.update(Actor(alice), acme, name="umbrella")
    mallet = Attacker(mallory, channel, api, browser)
    for name in ("acme", "ACME"):
        mallet.create_team(name)
        mallet.verb(lambda actor, name=name: users.create(name))

    assert meanings(vera) == before
    assert not teams.Team.objects.by_name("acme").exists()
    assert len(mallet.refusals) >= 2 and not any("umbrella" in refusal.lower() for refusal in mallet.refusals)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("member", ["bob", "vera", "mallory"])
def test_nobody_but_an_admin_opens_a_project(request, api, browser, project, artifact, mallory, member, channel):
    mallet = Attacker(request.getfixturevalue(member), channel, api, browser)
    mallet.change_project(visibility="internal")

    project.refresh_from_db()
    assert project.visibility == "private" and mallet.refusals
    assert not Artifact.objects.visible_to(mallory).exists()
