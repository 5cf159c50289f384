"""Drift: whether what references lead to still is what it was when it was logged. What workers do about it.

A row of `ReferenceCheck` says that a version waits. One worker at a time takes turns with them, so that no host is
asked more often than `HostRate` lets it, whoever's references lead there; between two turns other versions have theirs.
Only HEAD is sent, by the guarded client. When all references were asked for, the version gets its worst state, and one
event says what became of them, in the same transaction.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from artifacts import errors, events
from artifacts.models import AliasRule, ArtifactAlias, ArtifactFile, ArtifactVersion, ReferenceCheck, ReferenceState
from artifacts.references import external_stores, inspection, presigned_urls, uris
from artifacts.references.external_stores import Access
from artifacts.references.inspection import Finding, Recorded
from artifacts.references.uris import Provider
from core import url_policy
from core.guarded_http import Limits
from core.host_rate import HostRate

# After so long other versions have their turn.
TURN_SECONDS = 20
_THREADS = 8
_BATCH = 100
# Longer than a batch takes whose hosts are all silent.
_LEASE = timedelta(minutes=10)
# A host that gave no response so often in a row is left alone until the next turn.
_SILENCES = 3
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
_UNREACHABLE = {
    Provider.FILE: "The server does not see the files of other machines.",
    Provider.OTHER: "The server does not know this kind of URI.",
}


def check_next() -> bool:
    """Take a turn with the version that waits longest for one. Whether there are others to go on with."""
    check = _claim()
    if check is None:
        return False
    try:
        _take_turn(check)
    except Exception:
        # Others have their turns all the same.
        _pass_turn(check)
        raise
    return is_waiting()


def _take_turn(check: ReferenceCheck) -> None:
    turn = _Turn(external_stores.accesses(check.version.artifact.project.team_id))
    until = time.monotonic() + TURN_SECONDS
    with ThreadPoolExecutor(_THREADS) as pool:
        while files := _next_files(check):
            if not _record(check, files, list(pool.map(turn.examine, files))):
                return
            if time.monotonic() >= until:
                _pass_turn(check)
                return
    _finish(check)


def _pass_turn(check: ReferenceCheck) -> None:
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
    ).order_by("pk")
    count, columns = 0, ("pk", "alias", "version", "artifact", "artifact__project", "artifact__project__team")
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


class _Turn:
    """What the threads of one turn share: the stores of the team, and which hosts are silent. They ask no database."""

    def __init__(self, accesses: list[Access]) -> None:
        self._accesses = accesses
        self._limits = Limits(
            settings.REFERENCE_CONNECT_TIMEOUT, settings.REFERENCE_READ_TIMEOUT, settings.REFERENCE_TOTAL_TIMEOUT
        )
        self._silences: Counter[str] = Counter()
        self._lock = Lock()

    def examine(self, file: ArtifactFile) -> Finding:
        """What is found out about one reference."""
        try:
            location = uris.check_reference(file.reference_uri)
        except errors.RegistryError as refusal:
            return Finding.unknown(str(refusal))
        access = external_stores.access_for(self._accesses, location)
        if access is not None and access.problem:
            return Finding.unknown(access.problem)
        recorded = Recorded(file.reference_identity, file.reference_version_id or location.version_id, file.size)
        if access is not None:
            query = {"x_amz_checksum_mode": "ENABLED"} if _wants_checksum(location.provider, recorded) else {}
            stored = access.stored(location.key, recorded.version_id)
            url = presigned_urls.read_url(stored, access.credentials, method="HEAD", **query)
            return self._ask(url, access, recorded)
        if urlsplit(location.uri).scheme in ("http", "https"):
            return self._ask(location.uri, None, recorded)
        return Finding.unknown(_UNREACHABLE.get(location.provider, "No external store of the team covers it."))

    def _ask(self, url: str, access: Access | None, recorded: Recorded) -> Finding:
        server = urlsplit(url).netloc.lower()
        if self._silences[server] >= _SILENCES:
            return Finding.unknown("The server did not respond to other requests just before.")

        def wait(target: str) -> None:
            # A redirect may lead from a store to the web.
            is_store = access is not None and _host_of(target) == _host_of(url)
            _rates()[is_store].wait(_host_of(target))

        wait(url)
        policy_of = access.policy_of if access else lambda _: url_policy.for_references()
        finding = inspection.inspect(url, policy_of, self._limits, recorded, wait)
        with self._lock:
            self._silences[server] = self._silences[server] + 1 if finding.is_silent else 0
        return finding


@cache
def _rates() -> dict[bool, HostRate]:
    """Of external stores, and of the web."""
    return {True: HostRate(settings.STORE_CHECKS_A_SECOND), False: HostRate(settings.WEB_CHECKS_A_SECOND)}


def _host_of(url: str) -> str:
    """A host by one name, so that it gets no more requests for having several ports."""
    return (urlsplit(url).hostname or "").removesuffix(".")


def _wants_checksum(provider: Provider, recorded: Recorded) -> bool:
    return provider == Provider.S3 and recorded.identity.startswith("sha256:")


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
        check.busy_until = now + _LEASE
        check.save(update_fields=["busy_until"])
    return check


def _next_files(check: ReferenceCheck) -> list[ArtifactFile]:
    references = ArtifactFile.objects.filter(version=check.version_id, reference_uri__isnull=False)
    if check.position:
        references = references.filter(pk__gt=check.position)
    return list(references.order_by("pk")[:_BATCH])


@transaction.atomic
def _record(check: ReferenceCheck, files: list[ArtifactFile], findings: list[Finding]) -> bool:
    """Write down what was found of these files; False where the check is no longer this worker's."""
    row = ReferenceCheck.objects.select_for_update().filter(pk=check.pk, busy_until=check.busy_until).first()
    if row is None:
        return False
    now = timezone.now()
    for finding, group in _grouped(files, findings):
        columns: dict[str, Any] = {"reference_reason": finding.reason or None}
        if finding.state is not None:
            columns |= {"reference_state": finding.state, "reference_checked_at": now}
            _note(row.found, finding.state, [file for file in group if file.reference_state != finding.state])
        ArtifactFile.objects.filter(pk__in=[file.pk for file in group]).update(**columns)
    row.position, row.checked_count = files[-1].pk, row.checked_count + len(files)
    row.busy_until = check.busy_until = now + _LEASE
    row.save(update_fields=["position", "checked_count", "found", "busy_until"])
    check.position = row.position
    return True


def _grouped(files: list[ArtifactFile], findings: list[Finding]) -> Iterator[tuple[Finding, list[ArtifactFile]]]:
    groups: dict[Finding, list[ArtifactFile]] = defaultdict(list)
    for file, finding in zip(files, findings, strict=True):
        groups[finding._replace(is_silent=False)].append(file)
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
    """The version's worst state, and the event, with which the row goes."""
    row = ReferenceCheck.objects.select_for_update().filter(pk=check.pk, busy_until=check.busy_until).first()
    if row is None:
        return
    references = ArtifactFile.objects.filter(version=check.version_id, reference_uri__isnull=False)
    worst = (state for state in WORST_FIRST if references.filter(reference_state=state).exists())
    version = ArtifactVersion.objects.filter(pk=check.version_id, state=ArtifactVersion.State.FINALIZED)
    # It may have been deleted meanwhile.
    is_there = version.update(reference_state=next(worst, None), references_checked_at=timezone.now())
    if row.found and is_there:
        events.references_changed(check.version, row.found)
    row.delete()
