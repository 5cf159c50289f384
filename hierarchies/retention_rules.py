"""The verbs of retention rules: what of a hierarchy's records goes, as admins of the team decide."""

from typing import Any

from django.db import transaction

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from core.bounded_count import COUNT_LIMIT
from hierarchies import errors, retention, tasks
from hierarchies.models import MAX_LEVEL, Hierarchy, RetentionRule
from hierarchies.models.retention import MAX_DAYS
from hierarchies.retention import Plan


@transaction.atomic
def create(
    actor: Actor,
    hierarchy: Hierarchy,
    *,
    level: int | None = None,
    keep_last: int | None = None,
    older_than_days: int | None = None,
    archive: bool = True,
) -> RetentionRule:
    """A rule for a level, or without one for all levels that have none of their own. For admins of the team.

    Raises `Invalid` where it says of nothing that it goes, `LevelRuleTaken` where the level has a rule.
    """
    permissions.require(actor, hierarchy.project.team, Role.ADMIN)
    rule = RetentionRule(
        hierarchy=hierarchy,
        level=level,
        keep_last=keep_last,
        older_than_days=older_than_days,
        archive=archive,
        created_by=actor.user,
    )
    _check(rule)
    where = "all levels" if level is None else f"level {level} ({hierarchy.label_of(level)})"
    taken = errors.LevelRuleTaken(f"There is a retention rule for {where} already: change that one.")
    with errors.refuse(retention_level_unique=taken, retention_default_unique=taken):
        rule.save(force_insert=True)
    return rule


@transaction.atomic
def update(actor: Actor, rule: RetentionRule, **changes: Any) -> RetentionRule:
    """Change keep_last, older_than_days or archive; None for a limit that it no longer has. For admins of the team."""
    permissions.require(actor, rule.hierarchy.project.team, Role.ADMIN)
    for column, value in changes.items():
        setattr(rule, column, value)
    _check(rule)
    rule.save(update_fields=[*changes, "updated_at"])
    return rule


@transaction.atomic
def delete(actor: Actor, rule: RetentionRule) -> None:
    """What it deleted stays deleted. For admins of the team."""
    permissions.require(actor, rule.hierarchy.project.team, Role.ADMIN)
    rule.delete()


def preview(actor: Actor, hierarchy: Hierarchy) -> Plan:
    """What the rules would delete now: a dry run, which changes nothing. For editors."""
    permissions.require(actor, hierarchy.project.team, Role.EDITOR)
    return retention.dry_run(hierarchy)


@transaction.atomic
def apply_soon(actor: Actor, hierarchy: Hierarchy) -> None:
    """Have a worker apply the rules now instead of within the hour. For admins of the team."""
    permissions.require(actor, hierarchy.project.team, Role.ADMIN)
    tasks.apply_retention.delay_on_commit(str(hierarchy.pk))


def _check(rule: RetentionRule) -> None:
    if rule.keep_last is None and rule.older_than_days is None:
        raise errors.Invalid("Say what goes: give keep_last, older_than_days or both.")
    for name, value, least, most in (
        ("level", rule.level, 0, MAX_LEVEL),
        ("keep_last", rule.keep_last, 1, COUNT_LIMIT),
        ("older_than_days", rule.older_than_days, 1, MAX_DAYS),
    ):
        if value is not None and not least <= value <= most:
            text = f"Give {least} to {most:,}."
            raise errors.Invalid(f"{name}: {text}", errors={name: [text]})
