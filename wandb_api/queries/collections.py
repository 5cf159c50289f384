"""Collections, which are our artifacts, and their types: by name and in lists."""

from datetime import UTC, datetime
from typing import Any

from django.db.models import Min, QuerySet
from graphql import GraphQLResolveInfo

from artifacts.models import Artifact, ArtifactAlias, ArtifactVersion
from core import errors
from projects.models import Project
from wandb_api import cursors, ids
from wandb_api.queries import memberships
from wandb_api.queries.memberships import Alias, Membership, Type
from wandb_api.resolvers import Resolvers

query = Resolvers("Query")
project = Resolvers("Project")
artifact_type = Resolvers("ArtifactType")
sequence = Resolvers("ArtifactSequence")
portfolio = Resolvers("ArtifactPortfolio")

# What `order` may name, with `+` or `-` before it, of collections and of versions.
_COLLECTION_COLUMNS = {"name": "name", "created_at": "id", "createdAt": "id", "updated_at": "updated_at"}
_VERSION_COLUMNS = {"created_at": "id", "createdAt": "id", "updated_at": "touched_at", "version_index": "number"}
_VERSION_COLUMNS |= {"versionIndex": "number", "size": "total_size"}


@query
def artifact_collection(root: Any, info: GraphQLResolveInfo, id: str) -> Artifact | None:
    rows = _rows(Artifact.objects.visible_to(info.context.user))
    return ids.find(rows, "ArtifactSequence", id) or ids.find(rows, "ArtifactPortfolio", id)


@project(name="artifact_collection")
def collection_by_name(row: Project, info: GraphQLResolveInfo, name: str) -> Artifact | None:
    return _named(row, name)


@project(name="artifact_collections")
def collections_of_project(
    row: Project,
    info: GraphQLResolveInfo,
    first: int | None = None,
    after: str | None = None,
    filters: Any = None,
    order: str | None = None,
) -> dict[str, Any]:
    """The newest first, unless `order` says otherwise."""
    return _page(info, row, row.artifacts.all(), filters, order, first, after)


@project(name="artifact_type")
def type_by_name(row: Project, info: GraphQLResolveInfo, name: str) -> Type | None:
    """`dataset`; or the type of `set:latest`, as clients ask before they log into an artifact."""
    if ":" in name:
        artifact = _named(row, name.partition(":")[0])
        return Type(row, artifact.type, artifact.created_at) if artifact else None
    return next(iter(_types(row, name)), None)


@project
def artifact_types(
    row: Project,
    info: GraphQLResolveInfo,
    first: int | None = None,
    after: str | None = None,
    include_all: bool | None = None,
) -> dict[str, Any]:
    """By their names."""
    size = info.context.page_size(first)
    found = [one for one in _types(row) if not after or one.name > cursors.decode_text(after)]
    nodes = found[:size]
    return cursors.connection(nodes, [one.name for one in nodes], len(found) > size)


@artifact_type
def artifact_sequence(row: Type, info: GraphQLResolveInfo, name: str) -> Artifact | None:
    found = _named(row.project, name, row.name)
    return None if found is None or found.is_collection else found


@artifact_type(name="artifact_collection")
def collection_of_type(row: Type, info: GraphQLResolveInfo, name: str) -> Artifact | None:
    """None for one of another type."""
    return _named(row.project, name, row.name)


@artifact_type
def artifact(row: Type, info: GraphQLResolveInfo, name: str) -> ArtifactVersion | None:
    found = memberships.find_member(info.context, row.project, name)
    return found.artifact if found and found.artifact_collection.type == row.name else None


@artifact_type(name="artifact_collections")
def collections_of_type(
    row: Type,
    info: GraphQLResolveInfo,
    first: int | None = None,
    after: str | None = None,
    filters: Any = None,
    order: str | None = None,
) -> dict[str, Any]:
    return _page(info, row.project, row.project.artifacts.filter(type=row.name), filters, order, first, after)


@portfolio(name="id")
@sequence(name="id")
def collection_id(row: Artifact, info: GraphQLResolveInfo) -> str:
    return ids.encode(wire_type(row), row.pk)


def wire_type(row: Artifact) -> str:
    return "ArtifactPortfolio" if row.is_collection else "ArtifactSequence"


@portfolio(name="project")
@sequence(name="project")
def project_of_collection(row: Artifact, info: GraphQLResolveInfo) -> Project | None:
    """None in place of one that the caller does not see."""
    return None if getattr(row, "is_stand_in", False) else row.project


@portfolio
@sequence
def description(row: Artifact, info: GraphQLResolveInfo) -> str | None:
    return row.description or None


@portfolio
@sequence
def state(row: Artifact, info: GraphQLResolveInfo) -> str:
    return "DELETED" if getattr(row, "is_deleted", False) else "READY"


@portfolio
@sequence
def default_artifact_type(row: Artifact, info: GraphQLResolveInfo) -> Type:
    return Type(row.project, row.type, row.created_at)


@portfolio
@sequence
def tags(row: Artifact, info: GraphQLResolveInfo) -> dict[str, Any]:
    nodes = memberships.tags(row.tags)
    return {"edges": [{"node": node, "cursor": None} for node in nodes]}


@portfolio
@sequence
def artifacts(
    row: Artifact,
    info: GraphQLResolveInfo,
    first: int | None = None,
    after: str | None = None,
    order: str | None = None,
    filters: Any = None,
) -> dict[str, Any]:
    """Its versions, the newest number first unless `order` says otherwise."""
    rows = _filter_versions(memberships.versions(row), filters)
    sort = _order(order, _VERSION_COLUMNS) if order else ["-number"]
    return memberships.page(info.context, rows.order_by(*sort), first, after, total_count=rows.count())


@portfolio
@sequence
def aliases(
    row: Artifact, info: GraphQLResolveInfo, first: int | None = None, after: str | None = None
) -> dict[str, Any]:
    page = cursors.offset_page(info.context, row.alias_set.order_by("sort_key"), first, after, default=1000)
    for edge in page["edges"]:
        found: ArtifactAlias = edge["node"]
        edge["node"] = Alias(found.pk, found.alias, row)
    return page


@portfolio
@sequence
def artifact_membership(row: Artifact, info: GraphQLResolveInfo, alias_name: str) -> Membership | None:
    version = memberships.find_version(row, alias_name)
    return memberships.membership(info.context, version) if version else None


@sequence
def latest_artifact(row: Artifact, info: GraphQLResolveInfo) -> ArtifactVersion | None:
    if row.latest_version_number is None:
        return None
    return memberships.versions(row).filter(number=row.latest_version_number).first()


@sequence
def digest_algorithm(row: Artifact, info: GraphQLResolveInfo) -> str:
    return "MANIFEST_MD5"


def _rows(rows: "QuerySet[Artifact]") -> "QuerySet[Artifact]":
    return rows.select_related("project__team").prefetch_related("tag_set").defer("metadata")


def _named(project: Project, name: str, type: str | None = None) -> Artifact | None:
    row = Artifact.objects.prefetch_related("tag_set").named(project, name.partition(":")[0])
    if row is None or type not in (None, row.type):
        return None
    row.project = project
    return row


def _types(project: Project, name: str | None = None) -> list[Type]:
    """The types of the project's artifacts, by name. One query, of an index."""
    rows = project.artifacts.order_by("type").values_list("type").annotate(created_at=Min("created_at"))
    rows = rows.filter(type=name) if name else rows
    return [Type(project, found, created_at) for found, created_at in rows]


def _page(
    info: GraphQLResolveInfo,
    project: Project,
    rows: "QuerySet[Artifact]",
    filters: Any,
    order: str | None,
    first: int | None,
    after: str | None,
) -> dict[str, Any]:
    rows = _filter_collections(rows, filters).prefetch_related("tag_set").defer("metadata")
    sort = _order(order, _COLLECTION_COLUMNS) if order else ["-id"]
    page = cursors.offset_page(info.context, rows.order_by(*sort), first, after, total_count=rows.count())
    for edge in page["edges"]:
        edge["node"].project = project
    return page


def _order(order: str, columns: dict[str, str]) -> list[str]:
    sign, name = ("-", order[1:]) if order.startswith("-") else ("", order.removeprefix("+"))
    if name not in columns:
        raise errors.Invalid(f"Lists cannot be ordered by {name!r}: use {', '.join(sorted(columns))}.")
    return list(dict.fromkeys([sign + columns[name], f"{sign}id"]))


def _conditions(filters: Any, known: dict[str, str]) -> list[tuple[str, Any]]:
    """`{"tags": "a", "name": {"$in": ["x", "y"]}}` as names, of which none is unknown, and values."""
    if not isinstance(filters, dict | None):
        raise errors.Invalid("`filters` is a JSON object.")
    unknown = [name for name in filters or {} if name not in known]
    if unknown:
        raise errors.Invalid(f"Lists cannot be filtered by {unknown[0]!r}: use {', '.join(sorted(known))}.")
    return [(known[name], value) for name, value in (filters or {}).items()]


def _filter_collections(rows: "QuerySet[Artifact]", filters: Any) -> "QuerySet[Artifact]":
    known = {"name": "name", "tags": "tag", "tag": "tag", "type": "type", "created_at": "created_at"}
    known |= {"createdAt": "created_at", "updated_at": "updated_at", "updatedAt": "updated_at"}
    for name, value in _conditions(filters, known):
        match name:
            case "tag":
                rows = rows.filter(pk__in=_by_tag(Artifact.objects.all(), value).values("pk"))
            case _:
                rows = rows.filter(**_lookup(name, value))
    return rows


def _filter_versions(rows: "QuerySet[ArtifactVersion]", filters: Any) -> "QuerySet[ArtifactVersion]":
    known = {"tags": "tag", "tag": "tag", "state": "state", "alias": "alias", "aliases": "alias"}
    known |= {"created_at": "created_at", "createdAt": "created_at", "version_index": "number"}
    for name, value in _conditions(filters, known):
        match name:
            case "tag":
                rows = rows.filter(pk__in=_by_tag(ArtifactVersion.objects.all(), value).values("pk"))
            case "state":
                # All that is listed is committed.
                rows = rows if "COMMITTED" in _values("state", value) else rows.none()
            case "alias":
                named = ArtifactAlias.objects.filter(alias__in=_values("alias", value))
                rows = rows.filter(pk__in=named.values("version"))
            case _:
                rows = rows.filter(**_lookup(name, value))
    return rows


def _by_tag(rows: QuerySet, value: Any) -> QuerySet:
    return rows.filter(tag_set__tag__in=_values("tags", value))


def _values(name: str, value: Any) -> list[str]:
    """A word, a list of words, or `{"$in": […]}`, any of which fits."""
    if isinstance(value, dict) and list(value) in (["$in"], ["$eq"]):
        [value] = value.values()
    values = value if isinstance(value, list) else [value]
    _require_few(name, values)
    if not all(isinstance(one, str) and one.isprintable() for one in values):
        raise errors.Invalid(f"The filter of {name!r} is a word, a list of words, or {{'$in': […]}}.")
    return values


def _require_few(name: str, values: list[Any]) -> None:
    if len(values) > _MAX_VALUES:
        raise errors.Invalid(f"The filter of {name!r} has over {_MAX_VALUES:,} values.")


_OPERATORS = {"$eq": "exact", "$gt": "gt", "$gte": "gte", "$lt": "lt", "$lte": "lte", "$in": "in"}
_OPERATORS |= {"$contains": "contains"}
_OF_TEXT = {"$eq", "$in", "$contains"}
_MAX_VALUES = 1_000
# More than any version has, and no more than databases count.
_MAX_NUMBER = 2**31 - 1


def _lookup(name: str, value: Any) -> dict[str, Any]:
    """A value, or one by operators of MongoDB, as lookups of a column."""
    by_operator = value if isinstance(value, dict) else {"$in": value} if isinstance(value, list) else {"$eq": value}
    is_time, is_number = name.endswith("_at"), name == "number"
    allowed = set(_OPERATORS) - {"$contains"} if is_time or is_number else _OF_TEXT
    lookups = {}
    for operator, operand in by_operator.items():
        if operator not in allowed:
            raise errors.Invalid(
                f"The filter of {name!r} has no operator {operator!r}: use {', '.join(sorted(allowed))}."
            )
        values = operand if operator == "$in" and isinstance(operand, list) else [operand]
        _require_few(name, values)
        read = [_read(name, one, is_time=is_time, is_number=is_number) for one in values]
        lookups[f"{name}__{_OPERATORS[operator]}"] = read if operator == "$in" else read[0]
    return lookups


def _read(name: str, value: Any, *, is_time: bool, is_number: bool) -> Any:
    try:
        if is_time:
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        if is_number and not isinstance(value, bool):
            # A list of numbers is not compared with the column's range, as a single one is.
            return max(-_MAX_NUMBER, min(int(value), _MAX_NUMBER))
    except (OverflowError, TypeError, ValueError) as error:
        raise errors.Invalid(f"{value!r} is not a value of {name!r}.") from error
    if not isinstance(value, str) or not value.isprintable() or len(value) > 256:
        raise errors.Invalid(f"{value!r} is not a value of {name!r}.")
    return value
