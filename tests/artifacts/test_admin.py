"""Django admin: everything can be looked at, and what is done there is done by the same verbs."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.actor import Actor, Channel
from accounts.models import Role, User
from artifacts import artifacts, health
from artifacts.aliases import aliases, proposals, protection
from artifacts.content import deletions, downloads, reconciliation
from artifacts.lineage import usages
from artifacts.models import (
    AliasChange,
    AliasProposal,
    AliasRule,
    Artifact,
    ArtifactAlias,
    ArtifactVersion,
    ExternalStore,
    ReferenceCheck,
    VersionSource,
)
from artifacts.references import external_stores
from projects import projects
from tests.artifacts.client import begin, log

MODELS = [model for model in admin.site._registry if model._meta.app_label == "artifacts"]
EDITABLE_MODELS = (Artifact, ArtifactAlias, AliasRule, ExternalStore)
REASON = "The new one answers in Latin"


@pytest.fixture
def olga(db) -> User:
    """The operator: a superuser who is in no team."""
    return User.objects.create_superuser("olga", "olga@example.org", "a good long password")


@pytest.fixture
def admin_client(olga) -> Client:
    client = Client()
    client.force_login(olga)
    return client


@pytest.fixture
def rows(alice, bob, acme, artifact, run, v1, v2) -> Artifact:
    """A row of each kind at least."""
    artifacts.update(Actor(bob), artifact, tags=["raw"])
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    usages.use(Actor(bob), run, "data:v1")
    downloads.presigned_url(Actor(bob, Channel.SDK), v1.files.get())
    begin(bob, artifact, {"draft": b"draft"})
    proposals.propose(Actor(bob, Channel.SDK), artifact, "production", v2)
    for obj in (acme, artifact.project, artifact):
        protection.create(Actor(alice), obj, "prod*")
    health.record_heartbeat()
    deletions.owe_keys(["projects/gone"])
    reconciliation.run()
    external_stores.create(Actor(alice), acme, name="Data", prefix="s3://data", reads_as="nobody")
    ReferenceCheck.objects.create(version=v1)
    VersionSource.objects.create(version=v2, source=v1)
    return artifact


@pytest.fixture
def production(rows) -> ArtifactAlias:
    """It is at v1, and protected."""
    return ArtifactAlias.objects.get(alias="production")


def page(row, what: str = "change") -> str:
    return reverse(f"admin:artifacts_{row._meta.model_name}_{what}", args=[row.pk])


def changelist(model: type) -> str:
    return reverse(f"admin:artifacts_{model._meta.model_name}_changelist")


def move_form(to: ArtifactVersion, seen: ArtifactVersion, reason: str = REASON) -> dict:
    """What the form of an alias sends."""
    return {"version": to.pk, "seen": seen.pk, "reason": reason}


def last_change(alias: str = "production") -> AliasChange:
    return AliasChange.objects.filter(alias=alias).order_by("-number").first()


def act(admin_client: Client, model: type, action: str, *chosen) -> None:
    """Choose rows of a list, an action, and say yes where it asks."""
    url = changelist(model)
    body = {"action": action, "_selected_action": [row.pk for row in chosen]}
    answer = admin_client.post(url, body, follow=True)
    assert answer.status_code == 200
    if b'name="post"' in answer.content:
        assert admin_client.post(url, body | {"post": "yes", "reason": REASON}, follow=True).status_code == 200


def test_everything_can_be_looked_at(admin_client, rows):
    for model in MODELS:
        assert admin_client.get(changelist(model), {"q": "data"}).status_code == 200, model
        for row in model.objects.all():
            assert admin_client.get(page(row)).status_code == 200, model
            assert str(row), model


def test_a_list_costs_the_same_however_long_it_is(admin_client, alice, bob, acme, project, rows, run):
    # What is new is not protected, or bob could not log it.
    AliasRule.objects.exclude(artifact=rows).delete()

    def costs() -> dict[type, int]:
        found = {}
        for model in MODELS:
            admin_client.get(changelist(model))
            with CaptureQueriesContext(connection) as queries:
                assert admin_client.get(changelist(model)).status_code == 200, model
            found[model] = len(queries)
        return found

    before = costs()
    for number in range(3):
        more = artifacts.create(Actor(bob), project, f"more-{number}", "model", tags=["a"])
        version = log(bob, more, {"x": f"{number}".encode()}, "production")
        usages.use(Actor(bob), run, f"more-{number}")
        downloads.presigned_url(Actor(bob, Channel.SDK), version.files.get())
        proposals.propose(Actor(bob, Channel.SDK), more, "production", None)
        protection.create(Actor(alice), more, "staging")
    assert costs() == before


def test_what_only_verbs_write_is_written_nowhere_else(admin_client, rows):
    models = [model for model in MODELS if model not in EDITABLE_MODELS]
    assert len(models) > 10
    for model in models:
        row = model.objects.first()
        assert admin_client.get(reverse(f"admin:artifacts_{model._meta.model_name}_add")).status_code == 403, model
        assert admin_client.post(page(row), {"state": "deleted"}).status_code == 403, model
        assert admin_client.post(page(row, "delete"), {"post": "yes"}).status_code == 403, model
        assert model.objects.filter(pk=row.pk).exists(), model


def test_versions_are_deleted_but_not_under_a_name(admin_client, rows, v1, v2):
    act(admin_client, ArtifactVersion, "delete_versions", v1, v2)

    v1.refresh_from_db()
    v2.refresh_from_db()
    assert (v1.state, v2.state) == ("finalized", "deleted")
    rows.refresh_from_db()
    assert (rows.version_count, rows.latest_version) == (1, "v1")


def test_an_alias_is_moved_with_a_reason(admin_client, olga, production, v1, v2):
    """By the verb, which asks no rule of the operator, and in whose record are who, where and why."""
    answer = admin_client.post(page(production), move_form(v2, v1), headers={"User-Agent": "Desk/1"}, follow=True)

    assert answer.status_code == 200
    production.refresh_from_db()
    change = last_change()
    assert (production.version, change.number, change.before, change.after) == (v2, 2, "v1", "v2")
    assert (change.changed_by, change.changed_by_name, change.channel, change.reason) == (olga, "olga", "admin", REASON)


def test_an_alias_is_not_moved_without_a_reason(admin_client, production, v1, v2):
    for reason in ("", "   ", "x" * 1001):
        answer = admin_client.post(page(production), move_form(v2, v1, reason))
        assert answer.status_code == 200
        assert answer.context["adminform"].errors.keys() == {"reason"}
    assert last_change().number == 1


def test_an_alias_goes_to_finalized_versions_of_its_artifact_alone(admin_client, bob, production, other, v1, v2):
    draft = ArtifactVersion.objects.drafts().get()
    gone = log(bob, production.artifact, {"gone": b"gone"})
    ArtifactVersion.objects.filter(pk=gone.pk).update(state="deleted")
    form = admin_client.get(page(production)).context["adminform"].form
    assert [str(version) for version in form.fields["version"].queryset] == ["data:v2", "data:v1"]
    assert "v1 (production)" in str(form["version"])

    for target in (draft, gone, log(bob, other, {"a": b"a"}), v1):
        assert admin_client.post(page(production), move_form(target, v1)).context["adminform"].errors.keys() == {
            "version"
        }
    assert last_change().number == 1


def test_an_alias_that_was_moved_meanwhile_is_not_moved_in_django_admin(admin_client, alice, bob, production, v1, v2):
    AliasRule.objects.all().delete()
    v3 = log(bob, production.artifact, {"three": b"3"})
    aliases.move(Actor(bob, Channel.SDK), production.artifact, "production", v3)

    answer = admin_client.post(page(production), move_form(v2, v1), follow=True)
    assert "was moved in the meantime: it now points to v" in answer.content.decode()
    production.refresh_from_db()
    assert (production.version, last_change().number) == (v3, 2)


def test_an_alias_is_listed_with_its_history(admin_client, production, v1, v2):
    for _ in range(2):
        admin_client.post(page(production), move_form(v2, v1, "<b>Forth</b>"))
        admin_client.post(page(production), move_form(v1, v2, "Back"))
    answer = admin_client.get(page(production))

    assert [change.number for change in answer.context["changes"]] == [5, 4, 3, 2, 1]
    assert "&lt;b&gt;Forth&lt;/b&gt;" in answer.content.decode()
    assert "olga" in answer.content.decode()
    assert not answer.context["has_more_changes"]


def test_a_page_of_an_alias_costs_the_same_however_long_its_history(admin_client, production, v1, v2):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert admin_client.get(page(production)).status_code == 200
        return len(queries)

    cost()
    before = cost()
    for _ in range(30):
        admin_client.post(page(production), move_form(v2, v1))
        admin_client.post(page(production), move_form(v1, v2))
    assert cost() == before
    answer = admin_client.get(page(production))
    assert (len(answer.context["changes"]), answer.context["has_more_changes"]) == (50, True)
    more = changelist(AliasChange) + "?q=production%20acme/demo/data"
    assert more in answer.content.decode()
    assert admin_client.get(more).context["cl"].result_count == 61


def test_aliases_are_searched_across_projects(admin_client, alice, bob, acme, production):
    elsewhere = artifacts.create(Actor(alice), projects.create(Actor(alice), acme, "demo-2"), "data", "dataset")
    AliasRule.objects.all().delete()
    log(bob, elsewhere, {"a": b"a"}, "production")

    def found(texts: str) -> set[tuple[str, str]]:
        answer = admin_client.get(changelist(ArtifactAlias), {"q": texts})
        return {(row.artifact.full_name, row.alias) for row in answer.context["cl"].result_list}

    for texts in ("production", "data", "demo", "acme", "production acme", "PROD dat"):
        assert {("acme/demo/data", "production"), ("acme/demo-2/data", "production")} <= found(texts), texts
        assert found(f"{texts} nothing") == set()


def test_an_alias_is_removed_with_a_reason(admin_client, olga, production, v1):
    confirmation = admin_client.get(page(production, "delete"))
    assert 'name="reason" required' in confirmation.content.decode()
    assert "Its version v1 stays" in " ".join(confirmation.content.decode().split())

    admin_client.post(page(production, "delete"), {"post": "yes", "reason": REASON})
    assert not ArtifactAlias.objects.filter(alias="production").exists()
    change = last_change()
    assert (change.changed_by, change.channel, change.after, change.reason) == (olga, "admin", None, REASON)
    v1.refresh_from_db()
    assert v1.is_finalized


def test_an_alias_is_not_removed_without_a_reason(admin_client, production):
    for reason in ("", "  ", "x" * 1001):
        answer = admin_client.post(page(production, "delete"), {"post": "yes", "reason": reason}, follow=True)
        assert "Enter a reason" in answer.content.decode()

        chosen = {"action": "delete_selected", "_selected_action": [production.pk], "post": "yes", "reason": reason}
        answer = admin_client.post(changelist(ArtifactAlias), chosen, follow=True)
        assert "Enter a reason" in answer.content.decode()
    assert last_change().number == 1


def test_several_aliases_are_removed_with_their_history(admin_client, olga, rows):
    act(admin_client, ArtifactAlias, "delete_selected", *ArtifactAlias.objects.all())

    assert not ArtifactAlias.objects.exists()
    for alias in ("production", "latest"):
        change = last_change(alias)
        assert (change.changed_by, change.channel, change.to_version, change.reason) == (olga, "admin", None, REASON)


def test_the_record_of_what_is_gone_is_readable(admin_client, olga, rows, alice):
    AliasRule.objects.all().delete()
    artifacts.delete(Actor(alice, Channel.SDK), rows)

    listed = admin_client.get(changelist(AliasChange), {"q": "acme/demo/data production"})
    assert listed.context["cl"].result_count == 2
    change = last_change()
    assert (change.before, change.after) == ("v1", None)
    assert "acme/demo/data" in admin_client.get(page(change)).content.decode()


def test_no_button_changes_the_record(admin_client, rows):
    listed = admin_client.get(changelist(AliasChange))
    assert listed.context["action_form"] is None
    text = admin_client.get(page(AliasChange.objects.first())).content.decode()
    assert 'name="_save"' not in text
    assert "/delete/" not in text


@pytest.mark.parametrize("obj", ["team", "project", "artifact"])
def test_a_rule_is_made_changed_and_deleted(admin_client, olga, acme, project, artifact, obj):
    chosen = {"team": acme, "project": project, "artifact": artifact}[obj]
    body = {obj: chosen.pk, "pattern": "stag*", "role": "editor", "needs_approval": "on"}
    answer = admin_client.post(reverse("admin:artifacts_aliasrule_add"), body, follow=True)
    assert answer.status_code == 200

    rule = AliasRule.objects.for_display().get()
    assert (getattr(rule, obj), rule.pattern, rule.role, rule.needs_approval) == (chosen, "stag*", "editor", True)
    assert rule.created_by == olga
    # Where it is does not change, whatever is sent.
    admin_client.post(page(rule), {"team": "", "pattern": "staging", "role": "admin"})
    rule = AliasRule.objects.for_display().get()
    assert (getattr(rule, obj), rule.pattern, rule.role, rule.needs_approval) == (chosen, "staging", "admin", False)

    admin_client.post(page(rule, "delete"), {"post": "yes"})
    assert not AliasRule.objects.exists()


def test_rules_that_make_no_sense(admin_client, acme, project):
    url = reverse("admin:artifacts_aliasrule_add")
    for body in (
        {"pattern": "x", "role": "admin"},
        {"team": acme.pk, "project": project.pk, "pattern": "x", "role": "admin"},
        {"team": acme.pk, "pattern": "a b", "role": "admin"},
        {"team": acme.pk, "pattern": "x", "role": "viewer"},
        {"team": acme.pk, "pattern": "", "role": "admin"},
    ):
        answer = admin_client.post(url, body)
        assert answer.status_code == 200
        assert answer.context["errors"]
    assert not AliasRule.objects.exists()

    admin_client.post(url, {"team": acme.pk, "pattern": "x", "role": "admin"})
    assert admin_client.post(url, {"team": acme.pk, "pattern": "x", "role": "editor"}).context["errors"]
    assert [rule.role for rule in AliasRule.objects.all()] == [Role.ADMIN]


def test_proposals_are_looked_at(admin_client, rows):
    answer = admin_client.get(changelist(AliasProposal), {"q": "production acme", "state": "open"})

    assert [str(row) for row in answer.context["cl"].result_list] == ["production: v1 → v2 (open)"]
    assert "acme/demo/data" in admin_client.get(page(AliasProposal.objects.get())).content.decode()


def test_versions_can_be_read_again(admin_client, rows, v1):
    act(admin_client, ArtifactVersion, "verify_again", v1)


def test_artifacts_are_deleted_with_all_that_is_in_them(admin_client, rows):
    act(admin_client, Artifact, "delete_selected", rows)

    assert (Artifact.objects.count(), ArtifactVersion.objects.count()) == (0, 0)


def test_people_without_the_right_do_nothing(bob, rows, v2):
    bob.is_staff = True
    bob.save()
    admin_client = Client()
    admin_client.force_login(bob)

    for model in MODELS:
        assert admin_client.get(changelist(model)).status_code == 403
    v2.refresh_from_db()
    assert v2.is_finalized


def test_who_may_only_look_looks(bob, rows, v1, v2):
    bob.is_staff = True
    bob.save()
    bob.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    admin_client = Client()
    admin_client.force_login(bob)

    for model in MODELS:
        row = model.objects.first()
        assert admin_client.get(changelist(model)).status_code == 200
        assert admin_client.get(page(row)).status_code == 200
        assert admin_client.post(page(row), move_form(v2, v1)).status_code == 403
        assert admin_client.post(page(row, "delete"), {"post": "yes", "reason": REASON}).status_code == 403
    assert last_change().number == 1
