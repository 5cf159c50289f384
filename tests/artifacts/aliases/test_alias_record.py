"""The record of aliases: every change for ever, in one unbroken chain, whatever becomes of what it tells of."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib import admin
from django.db import DatabaseError, connection, models, transaction
from django.test import RequestFactory
from django.utils import timezone

from accounts import keys
from accounts.actor import Actor, Channel
from accounts.models import ApiKey, User
from artifacts import artifacts, versions
from artifacts.aliases import aliases, history, lock
from artifacts.errors import AliasNotFound, NothingBefore
from artifacts.models import AliasChange, Artifact, ArtifactVersion
from core import errors
from harness import servers
from projects import projects
from tests.artifacts.client import log

TABLE = "artifacts_aliaschange"
MOMENT = timedelta(microseconds=1)


@pytest.fixture
def recorded(alice, bob, artifact, v1, v2) -> list[AliasChange]:
    """`production` was made at v1, moved to v2, removed, and made at v1 again."""
    key, _ = keys.create(Actor(bob), "robot")
    aliases.move(Actor(bob, Channel.SDK, key=key, reason="It won"), artifact, "production", v1)
    aliases.move(Actor(alice, Channel.WEB, reason="Better"), artifact, "production", v2)
    aliases.remove(Actor(bob, Channel.SDK), artifact, "production")
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    return of("production")


def of(alias: str) -> list[AliasChange]:
    return list(AliasChange.objects.filter(alias=alias).order_by("number"))


def rows() -> list[tuple[Any, ...]]:
    """All there is in the table, column by column, but for what nobody knows of old changes."""
    columns = [field.attname for field in AliasChange._meta.fields if field.name != "is_rollback"]
    return list(AliasChange.objects.order_by("artifact_id", "alias", "number").values_list(*columns))


def next_of(change: AliasChange, **columns: Any) -> AliasChange:
    """A row, not saved, that would go on where the change ends and put the alias on a version of its own invention."""
    recorded = {
        field.attname: getattr(change, field.attname) for field in AliasChange._meta.fields if field.name != "id"
    }
    recorded |= {"number": change.number + 1, "from_version_id": change.to_version_id, "from_number": change.to_number}
    recorded |= {"to_version_id": uuid4(), "to_number": 7, "created_at": max(timezone.now(), change.created_at)}
    return AliasChange(**recorded | columns)


def refused(act: Any, *arguments: Any, by: str = "") -> None:
    before = rows()
    with pytest.raises(DatabaseError) as refusal, transaction.atomic():
        act(*arguments)
    diagnosis = getattr(refusal.value.__cause__, "diag", None)
    assert by in (str(refusal.value) if diagnosis is None else diagnosis.constraint_name)
    assert rows() == before


def sql(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def test_every_change_is_complete_by_itself(recorded, alice, bob, artifact, v1, v2):
    made, moved, removed, again = recorded

    assert [(change.number, change.before, change.after) for change in recorded] == [
        (1, None, "v1"), (2, "v1", "v2"), (3, "v2", None), (4, None, "v1"),
    ]  # fmt: skip
    assert {change.artifact_name for change in recorded} == {"acme/demo/data"}
    assert (made.changed_by, made.changed_by_name, made.key_name, made.channel) == (bob, "bob", "robot", "sdk")
    assert (made.reason, made.to_version, made.from_version) == ("It won", v1, None)
    assert (moved.changed_by_name, moved.key, moved.key_name, moved.channel) == ("alice", None, "", "web")
    assert (removed.from_version, removed.to_version, again.from_version) == (v2, None, None)


def test_what_workers_do_by_themselves_is_by_nobody(bob, artifact, v1):
    with transaction.atomic():
        aliases.put_alias(Actor(None), lock.acquire(artifact), "nightly", v1)

    [change] = of("nightly")
    assert (change.changed_by, change.changed_by_name, change.channel) == (None, "", "worker")


def test_no_column_is_ever_changed(recorded):
    columns = [field.column for field in AliasChange._meta.fields if not isinstance(field, models.BooleanField)]
    assert len(columns) > 10
    for column in columns:
        refused(sql, f"UPDATE {TABLE} SET {column} = {column}", by="alias_change_is_final")
        refused(sql, f"UPDATE {TABLE} SET {column} = NULL WHERE number = 2", by="alias_change_is_final")


def test_nothing_is_changed_through_models(recorded):
    change = recorded[1]
    change.reason = "I never did that"

    refused(change.save, by="alias_change_is_final")
    refused(lambda: AliasChange.objects.update(reason=""), by="alias_change_is_final")
    refused(lambda: AliasChange.objects.bulk_update([change], ["reason"]), by="alias_change_is_final")


def test_nothing_is_deleted(recorded):
    refused(sql, f"DELETE FROM {TABLE}", by="alias_change_is_final")
    refused(sql, f"DELETE FROM {TABLE} WHERE number = 4", by="alias_change_is_final")
    refused(recorded[3].delete, by="alias_change_is_final")
    refused(AliasChange.objects.all().delete, by="alias_change_is_final")
    refused(AliasChange.objects.filter(number=1).delete, by="alias_change_is_final")


def test_no_row_replaces_another(recorded):
    columns = ", ".join(field.column for field in AliasChange._meta.fields)
    forged = ", ".join("'forged'" if field.name == "reason" else field.column for field in AliasChange._meta.fields)
    copy = f"INTO {TABLE} ({columns}) SELECT {forged} FROM {TABLE} WHERE alias = 'production' AND number = 4"

    refused(sql, f"INSERT {copy}")
    refused(sql, f"INSERT {copy} ON CONFLICT (id) DO UPDATE SET reason = 'forged'", by="alias_change_is_final")
    if not servers.on_postgres():
        refused(sql, f"INSERT OR REPLACE {copy}", by="alias_change_is_final")
        other_id = copy.replace("SELECT id", f"SELECT '{uuid4().hex}'")
        refused(sql, f"INSERT OR REPLACE {other_id}", by="alias_change_is_final")


def test_the_table_is_not_emptied(recorded):
    refused(sql, f"TRUNCATE {TABLE}" if servers.on_postgres() else f"DELETE FROM {TABLE}", by="alias_change_is_final")


@pytest.mark.parametrize(
    "columns",
    [
        {"from_version_id": UUID(int=7), "from_number": 1},
        {"from_version_id": None, "from_number": None},
        {"from_number": 2},
        {"number": 6},
        {"number": 0},
        {"number": 0, "from_version_id": None, "from_number": None},
        {"number": 1},
        {"alias": "another"},
        {"alias": "another", "number": 1},
        {"artifact_id": UUID(int=7)},
        {"artifact_id": UUID(int=7), "number": 1},
        {"created_at": datetime(2020, 5, 3, tzinfo=UTC)},
    ],
    ids=str,
)
def test_no_row_breaks_the_chain(recorded, columns):
    refused(next_of(recorded[-1], **columns).save, by="alias_change_chain")


def test_a_change_changes(recorded):
    last = recorded[-1]

    refused(next_of(last, to_version_id=last.to_version_id, to_number=last.to_number).save, by="alias_change_chain")
    refused(next_of(last, alias="x", number=1, from_version_id=None, from_number=None, to_version_id=None).save)


def test_several_rows_at_once_are_a_chain_too(recorded):
    first = next_of(recorded[-1])
    refused(lambda: AliasChange.objects.bulk_create([first, next_of(recorded[-1], number=6)]), by="alias_change_chain")

    AliasChange.objects.bulk_create([first, next_of(first)])
    assert [change.number for change in of("production")] == [1, 2, 3, 4, 5, 6]


def test_time_never_goes_back(recorded, bob, artifact, v1, v2):
    """A process whose clock is fast wrote the last row."""
    fast = next_of(recorded[-1], to_version_id=v2.pk, to_number=2, created_at=timezone.now() + timedelta(minutes=3))
    fast.save(force_insert=True)
    artifact.alias_set.filter(alias="production").update(version=v2)

    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    assert [change.created_at for change in of("production")[-2:]] == [fast.created_at, fast.created_at]
    assert history.get_change_at(artifact, "production", fast.created_at).after == "v1"
    assert history.get_change_at(artifact, "production", fast.created_at - MOMENT).after == "v1"


def test_the_record_outlives_all_it_refers_to(recorded, alice, bob, project, artifact):
    def recorded_rows() -> list[tuple]:
        return [row for row in rows() if row[0] in {change.pk for change in recorded}]

    before = recorded_rows()
    keys.revoke(Actor(bob), ApiKey.objects.get(name="robot"))
    User.objects.filter(pk=bob.pk).update(username="robert", is_active=False)
    artifacts.delete(Actor(alice, Channel.SDK), artifact)
    assert (recorded_rows(), Artifact.objects.count(), ArtifactVersion.objects.count()) == (before, 0, 0)

    projects.delete(Actor(alice), project)
    assert recorded_rows() == before
    names = [change.changed_by_name for change in of("production")]
    assert names == ["bob", "alice", "bob", "bob", "alice"]


def test_it_ends_with_the_artifact(recorded, alice, bob, artifact):
    rows = {row.alias: row.version.version for row in artifact.alias_set.select_related("version")}
    artifacts.delete(Actor(alice, Channel.SDK), artifact)

    for alias, version in rows.items():
        last, before = AliasChange.objects.filter(alias=alias).order_by("-number")[:2]
        assert (last.before, last.after, last.changed_by, last.channel) == (version, None, alice, Channel.SDK)
        assert (last.number, last.from_version_id) == (before.number + 1, before.to_version_id)


def test_the_record_outlives_the_project_alone(recorded, alice, project):
    projects.delete(Actor(alice), project)

    assert [(change.artifact_name, change.after) for change in of("production")] == [
        ("acme/demo/data", "v1"), ("acme/demo/data", "v2"), ("acme/demo/data", None), ("acme/demo/data", "v1"),
    ]  # fmt: skip


def test_a_namesake_begins_a_record_of_its_own(recorded, alice, bob, project, artifact):
    artifacts.delete(Actor(alice, Channel.SDK), artifact)
    namesake = artifacts.create(Actor(alice), project, "data", "dataset")
    version = log(bob, namesake, {"new": b"new"}, "production")

    assert [change.number for change in AliasChange.objects.of(namesake, "production")] == [1]
    assert len(of("production")) == 6
    with pytest.raises(NothingBefore):
        aliases.rollback(Actor(bob, Channel.SDK), namesake, "production")
    assert aliases.get(namesake, "production").version == version


def test_renaming_changes_no_row(recorded, bob, artifact):
    before = rows()
    artifacts.update(Actor(bob), artifact, name="renamed")
    assert rows() == before

    aliases.rollback(Actor(bob, Channel.SDK), artifact, "production")
    assert [change.artifact_name for change in of("production")[-2:]] == ["acme/demo/data", "acme/demo/renamed"]


def test_where_an_alias_was_at_a_moment(recorded, artifact):
    made, moved, removed, again = recorded

    def at(moment: datetime) -> str | None:
        return history.get_change_at(artifact, "production", moment).after

    assert (at(made.created_at), at(moved.created_at - MOMENT)) == ("v1", "v1")
    assert (at(moved.created_at), at(removed.created_at - MOMENT)) == ("v2", "v2")
    assert (at(again.created_at), at(timezone.now() + timedelta(days=9))) == ("v1", "v1")
    for moment in (made.created_at - MOMENT, removed.created_at, again.created_at - MOMENT):
        with pytest.raises(AliasNotFound) as refusal:
            at(moment)
        assert "had no alias 'production' at 20" in str(refusal.value)
    with pytest.raises(AliasNotFound):
        history.get_change_at(artifact, "never", timezone.now())


def test_zones_make_no_difference(recorded, artifact):
    moved = recorded[1]
    for hours in (-11, 2, 14):
        zone = timezone.get_fixed_timezone(timedelta(hours=hours))
        assert history.get_change_at(artifact, "production", moved.created_at.astimezone(zone)) == moved


def test_what_was_there_then_is_known_of_versions_that_are_gone(bob, artifact, v1, v2):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    moment = of("production")[0].created_at
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v2)
    versions.delete(Actor(bob, Channel.SDK), v1)

    assert history.get_change_at(artifact, "production", moment).after == "v1"


def test_no_page_of_the_admin_changes_the_record(recorded):
    request = RequestFactory().get("/admin/")
    request.user = User.objects.create_superuser("olga", "olga@example.org", "a good long password")
    admin_client = admin.site._registry[AliasChange]

    assert not admin_client.has_add_permission(request)
    assert not admin_client.has_change_permission(request, recorded[0])
    assert not admin_client.has_delete_permission(request, recorded[0])
    assert "delete_selected" not in admin_client.get_actions(request)


@pytest.mark.parametrize("url", ["aliases/history", "aliases/production/history"])
def test_the_api_has_no_way_to_change_the_record(recorded, api, alice, artifact, url):
    url, before = f"/api/v1/artifacts/{artifact.pk}/{url}", rows()
    client = api(alice)

    assert client.get(url).status_code == 200
    for method in (client.post, client.put, client.patch, client.delete):
        assert method(url, {}).status_code == 405
    assert rows() == before


def test_people_without_the_right_write_nothing_down(vera, mallory, artifact, v1, v2):
    before = rows()
    for user in (vera, mallory):
        for act in (
            lambda user=user: aliases.move(Actor(user, Channel.SDK), artifact, "production", v1),
            lambda user=user: aliases.remove(Actor(user, Channel.SDK), artifact, "latest"),
            lambda user=user: aliases.rollback(Actor(user, Channel.SDK), artifact, "latest"),
            lambda user=user: aliases.swap(Actor(user, Channel.SDK), artifact, "latest", "production"),
        ):
            with pytest.raises(errors.Denied):
                act()
    assert rows() == before
