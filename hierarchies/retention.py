"""What of a hierarchy's records goes by its retention rules, and how workers delete it, a bounded step at a time.

A record goes when the rule of its level says so, when all below it goes too, and when it refers to no version of an
artifact, which it protects. Of siblings those are newer whose ids are greater: an id begins with the time.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.actor import Actor, Channel
from core import bounded_count
from core.bounded_count import COUNT_LIMIT, BoundedCount
from hierarchies import archives, records
from hierarchies.models import Hierarchy, Record, RecordReference, RetentionRule

STEP_SIZE = 1_000
MAX_EXAMPLES = 5
_CHUNK = 500
# Longer than a step takes: by then, whoever claimed the rules has ended without a word.
_CLAIM_LIFE = timedelta(minutes=30)
# The rules are what admins of the team decided, so no role is asked for.
_WORKER = Actor(None, Channel.WORKER, is_staff=True)


@dataclass(frozen=True, slots=True)
class LevelPlan:
    """What of one level goes, by ids. Without `is_complete` there is more than was looked at.

    `with_children` and `with_version` are how many stay though the rule lets them go: for what stays below them, and
    for the version that they refer to. At most one more than `COUNT_LIMIT`.
    """

    level: int
    label: str
    rule: RetentionRule
    ids: list[str]
    size: int
    is_complete: bool
    with_children: int = 0
    with_version: int = 0

    @property
    def examples(self) -> list[str]:
        return self.ids[:MAX_EXAMPLES]


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes now, from the deepest level up."""

    levels: list[LevelPlan] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return [pk for level in self.levels for pk in level.ids]

    @property
    def record_count(self) -> int:
        return sum(len(level.ids) for level in self.levels)

    @property
    def size(self) -> int:
        """Bytes of data as JSON, without payloads."""
        return sum(level.size for level in self.levels)

    @property
    def is_complete(self) -> bool:
        return all(level.is_complete for level in self.levels)


def dry_run(hierarchy: Hierarchy, limit: int = COUNT_LIMIT) -> Plan:
    """What a worker would delete now, at most `limit` records of each level. Nothing is changed."""
    now, found = timezone.now(), []
    for plan in _plan(hierarchy, now, limit):
        rows = _candidates(hierarchy, plan.rule, plan.level, now, is_scan=True)
        referring = RecordReference.objects.filter(record__hierarchy=hierarchy, version_hold__is_protecting=True)
        versions = bounded_count.count(rows.filter(pk__in=referring.values("record")))
        with_children = _count_parents(hierarchy, plan, now)
        found.append(replace(plan, with_children=with_children, with_version=versions))
    return Plan(found)


def _count_parents(hierarchy: Hierarchy, plan: LevelPlan, now: datetime) -> int:
    """How many stay for what is below them. Nothing is below most levels that have many records."""
    if not hierarchy.records.filter(level=plan.level + 1).exists():
        return 0
    rows = _candidates(hierarchy, plan.rule, plan.level, now, is_scan=True)
    count = bounded_count.count(rows.filter(_has_children()).exclude(_refers()))
    parents = Record.objects.filter(_has_children())
    going = sum(1 for chunk in _chunks(plan.ids) for _ in parents.filter(pk__in=chunk).values_list("pk"))
    return max(0, count - going)


def due_hierarchies() -> list[UUID]:
    """Those with a rule, whose turn it is longest since."""
    rules = RetentionRule.objects.order_by(F("applied_at").asc(nulls_first=True), "pk")
    return list(dict.fromkeys(rules.values_list("hierarchy", flat=True)))


def apply(hierarchy_id: str | UUID, max_steps: int | None = None) -> int:
    """Delete what goes by the rules of the hierarchy, step by step; returns how many records that were.

    For workers and commands, in no transaction: what is archived is written to the object store before. Two at once do
    not hinder each other: only one of them works, the other returns 0. Raises `StoreUnavailable`, after which what was
    deleted is deleted, and nothing without having been archived.
    """
    claim = _claim(hierarchy_id)
    if claim is None:
        return 0
    total, steps = 0, 0
    try:
        while max_steps is None or steps < max_steps:
            hierarchy = Hierarchy.objects.select_related("project__team").filter(pk=hierarchy_id).first()
            count = _step(hierarchy) if hierarchy else 0
            if not count:
                break
            total, steps = total + count, steps + 1
            RetentionRule.objects.filter(pk=claim.pk).update(busy_until=timezone.now() + _CLAIM_LIFE)
    finally:
        RetentionRule.objects.filter(pk=claim.pk).update(busy_until=None)
        RetentionRule.objects.filter(hierarchy=hierarchy_id).update(applied_at=timezone.now())
    return total


def _step(hierarchy: Hierarchy) -> int:
    plans, left = [], STEP_SIZE
    for plan in _plan(hierarchy, timezone.now(), STEP_SIZE, total=STEP_SIZE):
        plans.append(plan)
        left -= len(plan.ids)
    rows = _load([pk for plan in plans for pk in plan.ids])
    archived = {pk for plan in plans if plan.rule.archive for pk in plan.ids} & rows.keys()
    # Roots first, so that parents are there before their children when they are restored.
    kept = sorted((rows[pk] for pk in archived), key=lambda row: (row.level, row.pk))
    file = archives.write(hierarchy, kept) if kept else None
    return _delete(hierarchy, plans, rows, file)


@transaction.atomic
def _delete(
    hierarchy: Hierarchy,
    plans: Sequence[LevelPlan],
    rows: dict[str, Record],
    file: "archives.ArchiveFile | None",
) -> int:
    """Under the lock of the hierarchy, with one more look: what was changed meanwhile stays."""
    hierarchy = records.lock(hierarchy)
    doomed = _still_doomed(hierarchy, plans, rows)
    if not doomed:
        return 0
    if file and not doomed.isdisjoint(file.ids):
        archives.record(hierarchy, file)
    return records.delete_many(_WORKER, hierarchy, sorted(doomed))


def _still_doomed(hierarchy: Hierarchy, plans: Sequence[LevelPlan], rows: dict[str, Record]) -> set[str]:
    now = timezone.now()
    locked = {
        row.pk: row
        for chunk in _chunks(sorted(rows))
        for row in Record.objects.select_for_update(no_key=True).filter(pk__in=chunk).defer("data").order_by("pk")
    }
    doomed: set[str] = set()
    for plan in plans:
        rule = RetentionRule.objects.filter(pk=plan.rule.pk).first()
        if rule is None or (rule.archive and not plan.rule.archive):
            continue
        ids = [pk for pk in plan.ids if pk in locked and _is_same(rows[pk], locked[pk])]
        for chunk in _chunks(ids):
            free = _candidates(hierarchy, rule, plan.level, now).filter(pk__in=chunk).exclude(_refers())
            doomed |= set(free.values_list("pk", flat=True))
    return _without_parents_of_others(hierarchy, doomed, locked)


def _without_parents_of_others(hierarchy: Hierarchy, doomed: set[str], locked: dict[str, Record]) -> set[str]:
    """From the deepest level up: a record with a child that stays, stays."""
    children: Counter[str] = Counter()
    for chunk in _chunks(sorted(doomed)):
        parents = hierarchy.records.filter(parent__in=chunk).order_by().values_list("parent", "pk")
        children.update(parent for parent, pk in parents if pk not in doomed)
    for pk in sorted(doomed, key=lambda pk: -locked[pk].level):
        if children[pk]:
            doomed.discard(pk)
            if parent := locked[pk].parent_id:
                children[parent] += 1
    return doomed


def _plan(hierarchy: Hierarchy, now: datetime, limit: int, total: int | None = None) -> Iterator[LevelPlan]:
    """From the deepest level up, at most `limit` of each, and `total` of all."""
    rules = {rule.level: rule for rule in hierarchy.retention_rules.all()}
    deepest = hierarchy.records.aggregate(deepest=Max("level"))["deepest"] if rules else None
    # Of parents, how many of their children go.
    going: dict[int, Counter[str]] = defaultdict(Counter)
    for level in range(-1 if deepest is None else deepest, -1, -1):
        rule = rules.get(level, rules.get(None))
        most = limit if total is None else min(limit, total)
        if rule is None or most <= 0:
            continue
        found = _doomed_of_level(hierarchy, rule, level, now, going[level], most + 1)
        is_complete, found = len(found) <= most, found[:most]
        going[level - 1].update(parent for _, parent, _ in found if parent)
        total = None if total is None else total - len(found)
        size = sum(size for _, _, size in found)
        yield LevelPlan(level, hierarchy.label_of(level), rule, [pk for pk, *_ in found], size, is_complete)


def _doomed_of_level(
    hierarchy: Hierarchy, rule: RetentionRule, level: int, now: datetime, going: Counter[str], limit: int
) -> list[tuple[str, str | None, int]]:
    """Id, parent and size of those without children, and of those whose children all go."""
    columns = ("pk", "parent", "data_size")
    leaves = _candidates(hierarchy, rule, level, now, is_scan=True).exclude(_refers()).exclude(_has_children())
    found = list(leaves.order_by("pk").values_list(*columns)[:limit])
    rows = _candidates(hierarchy, rule, level, now).exclude(_refers())
    children = Record.objects.filter(hierarchy=hierarchy, parent=OuterRef("pk"))
    for chunk in _chunks(sorted(going)):
        if len(found) >= limit:
            break
        parents = rows.filter(pk__in=chunk).annotate(count=BoundedCount(children)).order_by("pk")
        for *row, count in parents.values_list(*columns, "count"):
            if count == going[row[0]] and len(found) < limit:
                found.append((row[0], row[1], row[2]))
    return found


def _candidates(
    hierarchy: Hierarchy, rule: RetentionRule, level: int, now: datetime, *, is_scan: bool = False
) -> QuerySet[Record]:
    """Those of the level that the rule lets go. Where all of the level is looked at, and not some by their ids, it
    begins with the parents that have more children than are kept: an index knows them.
    """
    rows = hierarchy.records.filter(level=level)
    if rule.older_than_days is not None:
        rows = rows.filter(created_at__lt=now - timedelta(days=rule.older_than_days))
    if rule.keep_last is not None:
        siblings = Record.objects.filter(hierarchy=hierarchy, pk__gt=OuterRef("pk"))
        siblings = siblings.filter(parent=OuterRef("parent")) if level else siblings.filter(parent__isnull=True)
        nth = rule.keep_last
        if is_scan and level:
            children = Record.objects.filter(hierarchy=hierarchy, parent__isnull=False).order_by()
            crowded = children.values("parent").annotate(count=Count("pk")).filter(count__gt=nth)
            rows = rows.filter(parent__in=crowded.values("parent"))
        # The index of parents is read by as many entries as are kept, however many siblings there are.
        rows = rows.filter(Exists(siblings.order_by("pk")[nth - 1 : nth]))
    return rows


def _has_children() -> Exists:
    return Exists(Record.objects.filter(hierarchy=OuterRef("hierarchy"), parent=OuterRef("pk")))


def _refers() -> Exists:
    return Exists(RecordReference.objects.filter(record=OuterRef("pk"), version_hold__is_protecting=True))


def _load(ids: Sequence[str]) -> dict[str, Record]:
    return {
        row.pk: row
        for chunk in _chunks(ids)
        for row in Record.objects.filter(pk__in=chunk).prefetch_related("payloads__blob_hold__blob__object")
    }


def _is_same(before: Record, now: Record) -> bool:
    return (before.parent_id, before.level, before.updated_at) == (now.parent_id, now.level, now.updated_at)


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))


def _is_free(now: datetime) -> Q:
    return Q(busy_until=None) | Q(busy_until__lt=now)


def _claim(hierarchy_id: str | UUID) -> RetentionRule | None:
    """The oldest rule stands for all of them: one worker has it at a time."""
    now = timezone.now()
    rule = RetentionRule.objects.filter(hierarchy=hierarchy_id).order_by("pk").first()
    if rule is None or not RetentionRule.objects.filter(_is_free(now), pk=rule.pk).update(busy_until=now + _CLAIM_LIFE):
        return None
    return rule
