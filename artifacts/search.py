"""Search: what the terms of a query find among artifacts, versions, projects and runs, also by former names.

A term that few rows match is asked of its index first, among what the reader sees; the list is then read by their ids.
A term that many match finds its page soon in the order of the list, where each row is looked at. A text that many have
and the newest rows have not is in between: the index gathers all that match, and each row is looked up among them.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import Exists, Model, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import IsNull

from accounts.models import FormerName, User
from artifacts import search_query, validators
from artifacts.models import Artifact, ArtifactAlias, ArtifactVersion, SearchDocument
from artifacts.search_matches import OF_TEXTS, is_scanned, rows_about, target_ids
from artifacts.search_query import InvalidQuery, Term
from core import long_values
from core.bounded_count import SampleCount
from core.planner_fences import IsTrue
from projects.models import Project, Run

# So many ids a list is read by; a term that more rows match is one that many match.
MAX_IDS = 500
# A text that so many of the newest rows have fills a page soon.
SAMPLE_SIZE = 100
MAX_SAMPLED = 1_000
MIN_FREQUENT = 20
# So many rows an index gathers: PostgreSQL would not hash many more, and compare each row with all of them.
MAX_GATHERED = 100_000
# So many texts are looked at for what no index finds, the newest ones.
MAX_SCANNED = 10_000
Row = TypeVar("Row", bound=Model)

_OF_VERSIONS = ("text", "version", "metadata", "file", "by", "alias", "reason")
# What each kind can be found by.
APPLICABLE = {
    "artifacts": (*_OF_VERSIONS, "tag", "type"),
    "versions": _OF_VERSIONS,
    "projects": ("text", "by"),
    "runs": ("text", "config", "summary", "by", "tag", "state"),
}


class Group(NamedTuple):
    """The first hits of a kind, and whether there are more."""

    kind: str
    hits: list[Any]
    has_more: bool


class Found(NamedTuple):
    """What an index says of a term: the ids of all rows that match, or None where they are many.

    `is_frequent` where a page of them is found soon among the newest rows, or they are too many to be gathered.
    """

    ids: list[Any] | None
    is_frequent: bool


class Search:
    """The terms of a query, and who asks. Each method narrows rows down to those that all terms match.

    `within` is the `project` or `artifact` of the rows that are searched, where they all have the same.
    """

    def __init__(self, user: User, terms: Sequence[Term], **within: Any) -> None:
        self.user, self.terms, self._within = user, terms, within
        self._found: dict[tuple[str, Term], Found] = {}

    @classmethod
    def of(cls, user: User, text: str, **within: Any) -> "Search":
        """Raises `InvalidQuery`."""
        return cls(user, search_query.parse(text), **within)

    @property
    def limited_terms(self) -> list[str]:
        """The texts that were looked for among the newest `MAX_SCANNED` texts alone, because there are more."""
        scanned = [term.value for term in self.terms if is_scanned(term)]
        return scanned if scanned and self._oldest_scanned else []

    def applies_to(self, kind: str) -> bool:
        return all(term.field in APPLICABLE[kind] for term in self.terms)

    def narrow(self, kind: str, rows: QuerySet[Row]) -> QuerySet[Row]:
        """The rows of that kind that all terms match. Raises `InvalidQuery` for a term that the kind has not."""
        check_applies(kind, self.terms)
        found_few = False
        for term in sorted(self.terms, key=lambda term: term.field == "text"):
            condition, is_few = self._condition(kind, term, probe=not found_few)
            found_few = found_few or is_few
            rows = rows.filter(condition)
        return rows

    def _condition(self, kind: str, term: Term, probe: bool) -> tuple[Q, bool]:
        """What the rows have to meet, and whether few do."""
        if term.field in _COLUMNS:
            return _COLUMNS[term.field](kind, term), False
        if is_scanned(term):
            return self._among_newest(kind, term) | self._by_path(kind, term), False
        found = self._probe(kind, term) if probe else Found(None, is_frequent=True)
        if found.ids is not None:
            condition = Q(pk__in=found.ids)
        elif found.is_frequent or kind == "projects":
            condition = self._row_by_row(kind, term)
        else:
            condition = Q(IsTrue(Q(pk__in=target_ids(kind, term, self._indexed(kind, term)))))
        return condition | self._by_path(kind, term), found.ids is not None

    def _probe(self, kind: str, term: Term) -> Found:
        """One query. It reads of the index no more than it needs."""
        # An index has runs and projects alike.
        kind = "others" if kind in ("runs", "projects") else kind
        if (kind, term) not in self._found:
            rows = self._indexed(kind, term)
            is_of_texts = term.field in OF_TEXTS
            found = self._unless_frequent(kind, term, rows) if is_of_texts else target_ids(kind, term, rows)
            ids = list(found[: MAX_IDS + 1])
            is_frequent = not is_of_texts or self.user.pk in ids
            is_few = len(ids) <= MAX_IDS and self.user.pk not in ids
            self._found[kind, term] = Found(list(dict.fromkeys(ids)) if is_few else None, is_frequent)
        return self._found[kind, term]

    def _unless_frequent(self, kind: str, term: Term, rows: Any) -> QuerySet:
        """The ids; or that of the user, which is none of theirs, in place of them or before them."""
        frequency = SampleCount(self._newest(kind), self._has_text(kind, term), SAMPLE_SIZE)
        many = Q(frequency__gte=MIN_FREQUENT)
        few = rows
        # SQLite reads of an index no more rows than it is asked for, and has no limit to what it gathers.
        if connection.vendor == "postgresql":
            many |= Q(Exists(rows.order_by().values("pk")[MAX_GATHERED : MAX_GATHERED + 1]))
            few = rows.alias(frequency=frequency).filter(frequency__lt=MIN_FREQUENT)
        marker = User.objects.filter(pk=self.user.pk).alias(frequency=frequency).filter(many).order_by()
        return marker.values_list("pk", flat=True).union(target_ids(kind, term, few).order_by(), all=True)

    def _newest(self, kind: str) -> QuerySet:
        """The newest rows of a kind that the reader sees, or that are within the scope."""
        if "artifact" in self._within:
            return ArtifactVersion.objects.finalized().filter(**self._within).order_by("-number")
        if kind == "versions":
            rows = ArtifactVersion.objects.finalized().filter(artifact__project__in=self._visible_projects)
            return _among_newest(rows, "pk", UUID(int=0))
        model = Artifact if kind == "artifacts" else Run
        column, least = ("updated_at", datetime.min.replace(tzinfo=UTC)) if model is Artifact else ("pk", UUID(int=0))
        if self._within:
            return model.objects.filter(**self._within).order_by(f"-{column}")
        return _among_newest(model.objects.visible_to(self.user), column, least)

    def _indexed(self, kind: str, term: Term) -> Any:
        """The texts or values that match, among what the reader sees."""
        rows = rows_about(term, of_artifacts=kind in ("artifacts", "versions"))
        if kind == "artifacts" and term.field in OF_TEXTS:
            rows = rows.filter(is_repeated=None)
        return self._in_scope(rows, begin_with_text=term.field in OF_TEXTS)

    def _among_newest(self, kind: str, term: Term) -> Q:
        """Those with a text that no index finds: read from a bounded number of texts."""
        rows = self._in_scope(rows_about(term))
        if self._oldest_scanned:
            rows = rows.filter(pk__gte=self._oldest_scanned)
        return Q(pk__in=target_ids(kind, term, rows))

    @cached_property
    def _oldest_scanned(self) -> int | None:
        """The id of the last document that is looked at; None where all are."""
        rows = self._in_scope(SearchDocument.objects.all()).order_by("-pk").values_list("pk", flat=True)
        newest = list(rows[MAX_SCANNED - 1 : MAX_SCANNED + 1])
        return newest[0] if len(newest) > 1 else None

    def _in_scope(self, rows: Any, *, begin_with_text: bool = False) -> Any:
        """`begin_with_text` where an index on texts finds few rows: SQLite would ask it of each row of the scope."""
        if not self._within:
            return rows.visible_to(self.user)
        if not begin_with_text:
            return rows.filter(**self._within)
        return rows.filter(
            **{
                f"{name}__in": type(scope).objects.filter(pk=scope.pk).values("pk")
                for name, scope in self._within.items()
            }
        )

    def _row_by_row(self, kind: str, term: Term) -> Q:
        condition = self._has_text(kind, term)
        if term.field == "text" and kind != "versions":
            condition |= Q(pk__in=FormerName.objects.holders(name__icontains=term.value))
        return condition

    def _has_text(self, kind: str, term: Term) -> Q:
        """Or value."""
        rows = rows_about(term)
        if kind == "projects":
            own = rows.filter(project=OuterRef("pk"), artifact=None, run=None)
        else:
            own = rows.filter(**{{"others": "run"}.get(kind, kind.removesuffix("s")): OuterRef("pk")})
        if kind == "artifacts" and term.field in OF_TEXTS:
            own = own.filter(is_repeated=None)
        # Of an EXISTS, PostgreSQL reads all rows that match, for the fifty of a page, and once more to count them.
        return Q(IsNull(Subquery(own.values("pk")[:1]), False))

    def _by_path(self, kind: str, term: Term) -> Q:
        """Those that the text names as `team/project` or `team/project/name`, or a beginning of it."""
        if term.field != "text" or "/" not in term.value or kind not in ("artifacts", "projects"):
            return Q(pk__in=[])
        if kind == "projects":
            team, _, name = term.value.partition("/")
            return Q(pk__in=Project.objects.filter_by(team=team, search=name).order_by().values("pk"))
        project, _, name = term.value.rpartition("/")
        former = FormerName.objects.holders(name__icontains=name)
        named = Q(name__icontains=name) | Q(pk__in=former)
        return Q(project__in=self._visible_projects.by_any_name(project)) & named

    @cached_property
    def _visible_projects(self) -> Any:
        return Project.objects.visible_to(self.user)


def check_applies(kind: str, terms: Sequence[Term]) -> None:
    """Raise `InvalidQuery` where one of the terms says nothing of that kind."""
    for term in terms:
        if term.field not in APPLICABLE[kind]:
            field = "name:alias" if term.field == "version" else term.field
            known = ", ".join(name for name in APPLICABLE[kind] if name not in ("text", "version"))
            raise InvalidQuery(f"{kind.capitalize()} cannot be searched by {field}, only by text and by {known}.")


def search(parsed: Search, limit: int) -> list[Group]:
    """At most `limit` hits of each kind; kinds without a hit are left out. An empty query has none.

    Raises `InvalidQuery`.
    """
    if not parsed.terms:
        return []
    groups = []
    is_version = any(term.field == "version" for term in parsed.terms)
    for kind in ["versions"] if is_version else KINDS:
        if parsed.applies_to("artifacts" if kind == "versions" else kind):
            hits = list(KINDS[kind](parsed)[: limit + 1])
            groups.append(Group(kind, hits[:limit], len(hits) > limit))
    return [group for group in groups if group.hits]


def of_kind(parsed: Search, kind: str) -> QuerySet:
    """All hits of one kind, in the order of `search`. Raises `InvalidQuery`."""
    return KINDS[kind](parsed)


def artifacts(parsed: Search) -> QuerySet[Artifact]:
    """Last changed first."""
    rows = parsed.narrow("artifacts", Artifact.objects.visible_to(parsed.user))
    return long_values.defer(rows.with_tags(), "").order_by("-updated_at")


def versions(parsed: Search) -> QuerySet[ArtifactVersion] | QuerySet[ArtifactAlias]:
    """By one name, what `named_versions` says. By other terms, the versions that match those about versions, of the
    artifacts that match the others.
    """
    if len(parsed.terms) == 1 and parsed.terms[0].field in ("text", "version"):
        return named_versions(parsed.user, parsed.terms[0].value)
    of_artifacts = [term for term in parsed.terms if term.field in ("text", "tag", "type")]
    own = [term for term in parsed.terms if term not in of_artifacts]
    if all(term.field == "by" for term in own):
        return ArtifactVersion.objects.none()
    visible = ArtifactVersion.objects.finalized().filter(artifact__project__in=Project.objects.visible_to(parsed.user))
    rows = Search(parsed.user, own).narrow("versions", visible)
    if of_artifacts:
        named = Search(parsed.user, of_artifacts).narrow("artifacts", Artifact.objects.visible_to(parsed.user))
        rows = rows.filter(artifact__in=named.values("pk"))
    rows = rows.for_display()
    return long_values.defer(rows, "").order_by("-pk")


def named_versions(user: User, query: str) -> QuerySet[ArtifactVersion] | QuerySet[ArtifactAlias]:
    """By `name:v3`; or as aliases by `name:x` or x alone, where x is an alias or, if there is none, its beginning."""
    full_name, _, suffix = query.rpartition(":")
    project, _, name = full_name.rpartition("/")
    projects = Project.objects.visible_to(user)
    # A check of each row: for a list of projects, SQLite reads the aliases of all their artifacts to sort them.
    artifacts = Artifact.objects.filter(
        _called(name), project__in=projects.by_any_name(project) if project else projects
    )
    of_artifact = Q(Exists(artifacts.filter(pk=OuterRef("artifact"))))
    number = validators.version_number(suffix)
    if name and number is not None:
        rows = ArtifactVersion.objects.finalized().filter(of_artifact, number=number)
        return long_values.defer(rows.for_display(), "").order_by("-artifact_id")
    aliases = ArtifactAlias.objects.filter(of_artifact).select_related("version__created_by", "artifact__project__team")
    aliases = long_values.defer(aliases, "version", "artifact", "artifact__project")
    exact = aliases.filter(alias=suffix)
    # The order of an index, so that an alias that every artifact has costs no more than another.
    return exact.order_by("-alias", "-artifact_id") if exact.exists() else aliases.beginning_with(suffix)


def projects(parsed: Search) -> QuerySet[Project]:
    """Newest first."""
    rows = parsed.narrow("projects", Project.objects.visible_to(parsed.user))
    return rows.select_related("team").with_excerpt().order_by("-id")


def runs(parsed: Search) -> QuerySet[Run]:
    """Newest first."""
    projects = Project.objects.visible_to(parsed.user).filter(pk=OuterRef("project"))
    # A check of each row: for a list of projects, SQLite looks at all of their runs to sort those that match.
    rows = parsed.narrow("runs", Run.objects.filter(Exists(projects))).for_display()
    return long_values.defer(rows, "").order_by("-id")


KINDS: dict[str, Callable[[Search], QuerySet]] = {
    "versions": versions,
    "artifacts": artifacts,
    "projects": projects,
    "runs": runs,
}


def _among_newest(rows: QuerySet, column: str, least: Any) -> QuerySet:
    """Those that are among so many of the newest of all: whoever sees few would wait for all to be looked at."""
    others = rows.model.objects.order_by(f"-{column}").values(column)
    oldest = Coalesce(Subquery(others[MAX_SAMPLED : MAX_SAMPLED + 1]), Value(least))
    return rows.filter(**{f"{column}__gte": oldest}).order_by(f"-{column}")


def _called(name: str, artifact: str = "") -> Q:
    """Where the artifact that the relation leads to has this in its name or a former one."""
    if not name:
        return Q()
    prefix = f"{artifact}__" if artifact else ""
    former = FormerName.objects.holders(name__icontains=name)
    return Q(**{f"{prefix}name__icontains": name}) | Q(**{f"{prefix}pk__in": former})


def _by(kind: str, term: Term) -> Q:
    creators = User.objects.filter(username__iexact=term.value).values("pk")
    if kind != "artifacts":
        return Q(created_by__in=creators)
    logged = ArtifactVersion.objects.finalized().filter(created_by__in=creators)
    return Q(created_by__in=creators) | Q(pk__in=logged.values("artifact"))


def _version(kind: str, term: Term) -> Q:
    """`name:alias` or `name:v3`, of artifacts or versions."""
    full_name, _, suffix = term.value.rpartition(":")
    number = validators.version_number(suffix)
    name = full_name.rpartition("/")[2]
    if kind == "versions":
        return _called(name, "artifact") & (Q(aliases__alias=suffix) if number is None else Q(number=number))
    if number is not None:
        logged = ArtifactVersion.objects.finalized().filter(artifact=OuterRef("pk"), number=number)
        return _called(name) & Q(Exists(logged))
    return _called(name) & Q(Exists(ArtifactAlias.objects.filter(artifact=OuterRef("pk"), alias=suffix)))


def _alias(kind: str, term: Term) -> Q:
    column = "version" if kind == "versions" else "artifact"
    return Q(Exists(ArtifactAlias.objects.filter(**{column: OuterRef("pk")}, alias=term.value)))


_COLUMNS: dict[str, Callable[[str, Term], Q]] = {
    "by": _by,
    "version": _version,
    "alias": _alias,
    "type": lambda kind, term: Q(type__in={term.value, term.value.lower()}),
    "state": lambda kind, term: Q(state=term.value.lower()),
}
