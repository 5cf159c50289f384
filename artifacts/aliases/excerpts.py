"""The first aliases of each artifact of a page, with the versions that they point to, however many it has."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from django.db.models import CharField, F, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat

from artifacts.aliases import order, protection
from artifacts.models import AliasRule, Artifact, ArtifactAlias
from core.bounded_count import BoundedCount
from core.compiled_queries import StringAgg

# What is looked at of each artifact, besides what was looked for and what rules name; lists show fewer.
MAX_ALIASES = 50
_MAX_SORTED = 200


class Pointer(NamedTuple):
    """An alias, and the version that it points to, such as `v3`."""

    alias: str
    version: str


class Excerpt(NamedTuple):
    """The first aliases of an artifact, and how many it has: at most one more than `bounded_count.COUNT_LIMIT`."""

    first: list[Pointer]
    count: int


def attach(
    artifacts: Iterable[Artifact], *, sought: str = "", rules: dict[UUID, list[AliasRule]] | None = None
) -> None:
    """Set `alias_excerpt` of artifacts that were loaded with project and team, in the order of `order`. Two queries.

    `sought` is the alias that the list was filtered by, which comes first. Where the `rules_by_artifact` are at hand,
    it is one query.
    """
    rows = list(artifacts)
    _attach(rows, protection.rules_by_artifact(rows) if rules is None else rules, sought)


def attach_to_one(artifact: Artifact, rules: list[AliasRule]) -> None:
    """The same for an artifact whose rules are at hand. One query."""
    _attach([artifact], {artifact.pk: rules})


def page(artifact: Artifact, rules: list[AliasRule], start: int, stop: int) -> list[ArtifactAlias]:
    """The aliases from `start` to `stop`, ready to be shown, of an artifact with its `alias_excerpt`.

    One query; of an artifact with very many aliases, for which the database has to sort them, two.
    """
    rows = artifact.alias_set.for_display().order_by("sort_key")
    position = order.AliasOrder(rules)
    if artifact.alias_excerpt.count <= _MAX_SORTED:
        return sorted(rows, key=lambda row: position(row.alias))[start:stop]
    names = [pointer.alias for pointer in artifact.alias_excerpt.first if position.comes_early(pointer.alias)]
    first = sorted(rows.filter(alias__in=names[start:stop]), key=lambda row: names.index(row.alias))
    rest = rows.exclude(alias__in=names)
    return [*first, *rest[max(0, start - len(names)) : max(0, stop - len(names))]]


def _attach(rows: list[Artifact], rules: dict[UUID, list[AliasRule]], sought: str = "") -> None:
    named = {name for own in rules.values() for name in order.plain_names(own)} | {sought}
    found = _read(rows, sorted(named - {""})[: order.MAX_NAMES])
    for artifact in rows:
        artifact.alias_excerpt = _excerpt(*found.get(artifact.pk, ("", "", 0)), rules[artifact.pk], sought)


def _read(artifacts: list[Artifact], named: list[str]) -> dict[UUID, tuple[str, str, int]]:
    if not artifacts:
        return {}
    aliases = ArtifactAlias.objects.filter(artifact=OuterRef("pk"))
    lines = _lines(aliases)
    rows = Artifact.objects.filter(pk__in={artifact.pk for artifact in artifacts}).order_by().values_list(
        "pk",
        StringAgg(lines.order_by("sort_key")[:MAX_ALIASES], "line_of_excerpt"),
        StringAgg(lines.filter(alias__in=named).order_by("sort_key"), "line_of_excerpt") if named else Value(""),
        BoundedCount(aliases),
    )  # fmt: skip
    return {pk: (first, found, count) for pk, first, found, count in rows}


def _lines(aliases: QuerySet[ArtifactAlias]) -> QuerySet[ArtifactAlias]:
    number = Cast(F("version__number"), CharField())
    return aliases.annotate(line_of_excerpt=Concat("alias", Value(" v"), number, output_field=CharField()))


def _excerpt(first: str, named: str, count: int, rules: list[AliasRule], sought: str) -> Excerpt:
    pointers = {Pointer(*line.rsplit(" ", 1)) for line in f"{first}\n{named}".split("\n") if line}
    position = order.AliasOrder(rules, sought)
    return Excerpt(sorted(pointers, key=lambda pointer: position(pointer.alias)), count)
