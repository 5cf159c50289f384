"""Drift: whether what references lead to still is what it was when it was logged. What workers do about it.

A row of `ReferenceCheck` says that a version waits. One worker at a time takes turns with them, so that no host is
asked more often than `HostRate` lets it, whoever's references lead there; between two turns other versions have theirs.
When all references were asked for, the version gets its worst state, and one event says what became of them, in the
same transaction. Of a draft nothing is compared: `identification` records what its references are.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from artifacts import events
from artifacts.models import AliasRule, ArtifactAlias, ArtifactFile, ArtifactVersion, ReferenceCheck, ReferenceState
from artifacts.references import external_stores, identification, inspection, uris
from artifacts.references.inspection import Finding, Recorded
from artifacts.references.object_requests import ObjectRequests
from core.guarded_http import MAX_REDIRECTS, Response

# After so long other versions have their turn.
TURN_SECONDS = 20
_THREADS = 8
_BATCH = 100
# Longer than a batch takes whose hosts are all silent; waiting for turns comes on top of it.
_LEASE = timedelta(minutes=10)
_SCHEDULED_AT_ONCE = 500
# Of those that changed, an event names the first.
MAX_NAMED = 20
WORST_FIRST = (
    ReferenceState.MISSING,
    ReferenceState.CHANGED,
    ReferenceState.DENIED,
    ReferenceState.UNCHECKED,
    ReferenceState.UNCHANGED,
)
_BAD = frozenset(WORST_FIRST[:3])


def check_next() -> bool:
    """Take a turn with the version that waits longest for one. Whether there are others to go on with."""
    check = _claim()
    if check is None:
        return False
    try:
        _take_turn(check)
    finally:
        # Whatever went wrong, others have their turns.
        _pass_turn(check)
    return is_waiting()


def _take_turn(check: ReferenceCheck) -> None:
    requests = ObjectRequests(external_stores.accesses(check.version.artifact.project.team_id))
    until = time.monotonic() + TURN_SECONDS
    with ThreadPoolExecutor(_THREADS) as pool:
        while files := _next_files(check):
            if not _record(check, files, list(pool.map(requests.ask, files))) or time.monotonic() >= until:
                return
    _finish(check)


def _pass_turn(check: ReferenceCheck) -> None:
    """Nothing where the check is done, or is another worker's."""
    rows = ReferenceCheck.objects.filter(pk=check.pk, busy_until=check.busy_until)
    rows.update(busy_until=None, turn_at=timezone.now())


def is_waiting() -> bool:
    """Whether there is a check to go on with, and no worker at one."""
    now = timezone.now()
    return ReferenceCheck.objects.waiting(now).exists() and not ReferenceCheck.objects.running(now).exists()


def schedule() -> int:
    """Line up the finalized versions with a protected alias that were not checked for `REFERENCE_CHECK_INTERVAL`."""
    if not settings.REFERENCE_CHECK_INTERVAL:
        return 0
    before = timezone.now() - settings.REFERENCE_CHECK_INTERVAL
    aliases = ArtifactAlias.objects.filter(
        Q(version__references_checked_at=None) | Q(version__references_checked_at__lt=before),
        version__reference_count__gt=0,
        version__state=ArtifactVersion.State.FINALIZED,
        version__reference_checks=None,
        version__linked_version__reference_checks=None,
    ).order_by("pk")
    columns = ("pk", "alias", "contents", "artifact", "artifact__project", "artifact__project__team")
    aliases = aliases.annotate(contents=Coalesce("version__linked_version", "version"))
    count = 0
    rows: list[Any] = list(aliases.values_list(*columns)[:_SCHEDULED_AT_ONCE])
    while rows:
        rules = _rules_of(rows)
        due = {row[2] for row in rows if _is_protected(row, rules)}
        checks = [ReferenceCheck(version_id=pk) for pk in sorted(due)]
        ReferenceCheck.objects.bulk_create(checks, ignore_conflicts=True)
        count += len(checks)
        rows = list(aliases.filter(pk__gt=rows[-1][0]).values_list(*columns)[:_SCHEDULED_AT_ONCE])
    return count


def _rules_of(rows: Iterable[Sequence[Any]]) -> list[AliasRule]:
    artifacts, projects, teams = ({row[column] for row in rows} for column in (3, 4, 5))
    return list(AliasRule.objects.filter(Q(artifact__in=artifacts) | Q(project__in=projects) | Q(team__in=teams)))


def _is_protected(row: Sequence[Any], rules: Iterable[AliasRule]) -> bool:
    _, alias, _, artifact, project, team = row
    scopes = {artifact, project, team}
    return any(rule.covers(alias) for rule in rules if (rule.artifact_id or rule.project_id or rule.team_id) in scopes)


@transaction.atomic
def _claim() -> ReferenceCheck | None:
    """The check whose turn it is, for this worker alone; None where another worker is at one."""
    # Of all who claim at the same time, one goes on.
    list(ReferenceCheck.objects.order_by("id").select_for_update(of=("self",))[:1])
    now = timezone.now()
    if ReferenceCheck.objects.running(now).exists():
        return None
    rows = ReferenceCheck.objects.waiting(now).select_related("version__artifact__project__team")
    check = rows.first()
    if check is not None:
        check.busy_until = now + _lease()
        check.save(update_fields=["busy_until"])
    return check


def _lease() -> timedelta:
    """For how long a batch is one worker's: all its references may be at one host, and be redirected."""
    slowest = min(settings.WEB_CHECKS_A_SECOND, settings.STORE_CHECKS_A_SECOND)
    return _LEASE + timedelta(seconds=_BATCH * (MAX_REDIRECTS + 1) / slowest)


def _next_files(check: ReferenceCheck) -> list[ArtifactFile]:
    if not check.version.is_finalized:
        return list(check.version.files.unidentified().order_by("pk")[:_BATCH])
    references = ArtifactFile.objects.filter(version=check.version_id, reference_uri__isnull=False)
    if check.position:
        references = references.filter(pk__gt=check.position)
    return list(references.order_by("pk")[:_BATCH])


@transaction.atomic
def _record(check: ReferenceCheck, files: list[ArtifactFile], responses: list[Response]) -> bool:
    """Write down what the responses say of these files; False where the check is no longer this worker's."""
    row = _lock(check)
    if row is None:
        return False
    if row.version.is_finalized:
        _record_states(row, files, responses)
    else:
        identification.record(row.version, files, responses)
    row.position, row.checked_count = files[-1].pk, row.checked_count + len(files)
    row.busy_until = check.busy_until = timezone.now() + _lease()
    row.save(update_fields=["position", "checked_count", "found", "busy_until"])
    check.position = row.position
    return True


def _lock(check: ReferenceCheck) -> ReferenceCheck | None:
    """The row, if it still is this worker's. That of a draft after the draft, as by those who add to it."""
    version = check.version
    if not version.is_finalized:
        version = ArtifactVersion.objects.select_for_update(no_key=True).filter(pk=version.pk).first() or version
    row = ReferenceCheck.objects.select_for_update().filter(pk=check.pk, busy_until=check.busy_until).first()
    if row is not None:
        row.version = version
    return row


def _record_states(row: ReferenceCheck, files: list[ArtifactFile], responses: list[Response]) -> None:
    now = timezone.now()
    findings = (inspection.judge(response, _recorded(file)) for file, response in zip(files, responses, strict=True))
    for finding, group in _grouped(files, findings):
        columns: dict[str, Any] = {"reference_reason": finding.reason or None}
        if finding.state is not None:
            columns |= {"reference_state": finding.state, "reference_checked_at": now}
            _note(row.found, finding.state, [file for file in group if file.reference_state != finding.state])
        ArtifactFile.objects.filter(pk__in=[file.pk for file in group]).update(**columns)


def _recorded(file: ArtifactFile) -> Recorded:
    return Recorded(file.reference_identity or "", file.reference_version_id or "", file.size)


def _grouped(files: list[ArtifactFile], findings: Iterable[Finding]) -> Iterator[tuple[Finding, list[ArtifactFile]]]:
    groups: dict[Finding, list[ArtifactFile]] = defaultdict(list)
    for file, finding in zip(files, findings, strict=True):
        groups[finding].append(file)
    yield from groups.items()


def _note(found: dict[str, Any], state: ReferenceState, files: list[ArtifactFile]) -> None:
    """Remember, for the event, that these became so; only what is bad news."""
    if state not in _BAD or not files:
        return
    found[state.value] = found.get(state.value, 0) + len(files)
    named = found.setdefault("references", [])
    for file in files[: MAX_NAMED - len(named)]:
        named.append({"path": file.path, "uri": uris.without_secrets(file.reference_uri or ""), "state": state.value})


@transaction.atomic
def _finish(check: ReferenceCheck) -> None:
    """The row goes: with the version's worst state, and the event, unless more was added to a draft meanwhile."""
    row = _lock(check)
    if row is None:
        return
    if row.version.is_finalized:
        _conclude(row)
    elif row.version.files.unidentified().exists():
        return
    row.delete()


def _conclude(row: ReferenceCheck) -> None:
    references = ArtifactFile.objects.filter(version=row.version_id, reference_uri__isnull=False)
    worst = (state for state in WORST_FIRST if references.filter(reference_state=state).exists())
    # It may have been deleted meanwhile.
    versions = ArtifactVersion.objects.finalized()
    columns = {"reference_state": next(worst, None), "references_checked_at": timezone.now()}
    versions.update_contents(row.version_id, **columns)
    rows = versions.with_contents_of(row.version_id).select_related("artifact__project__team")
    for version in rows if row.found else ():
        events.references_changed(version, row.found)
