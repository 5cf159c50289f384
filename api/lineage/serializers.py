"""Lineage and impact: their query strings, and their bodies, built by hand since a graph has thousands of nodes."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from api.pagination import CursorQuery
from artifacts.lineage import graph, impact
from artifacts.lineage.graph import Direction, Edge, EdgeKind, Graph, Node, NodeKind
from artifacts.lineage.impact import Affected, Group, Page
from artifacts.models import ArtifactVersion
from core.bounded_count import COUNT_LIMIT
from projects.models import Run


class ArtifactLineageQuery(serializers.Serializer):
    direction = serializers.ChoiceField([str(value) for value in Direction], default=str(Direction.BOTH))
    depth = serializers.IntegerField(
        min_value=1, max_value=graph.MAX_DEPTH, default=graph.DEFAULT_DEPTH, help_text="How many edges away."
    )
    limit = serializers.IntegerField(
        min_value=1, max_value=graph.MAX_NODES, default=graph.DEFAULT_NODES, help_text="Nodes, the nearest first."
    )
    siblings = serializers.IntegerField(
        required=False, min_value=1, max_value=graph.MAX_NODES, help_text="New nodes next to one node, in a direction."
    )


class LineageQuery(ArtifactLineageQuery):
    fold = serializers.BooleanField(default=False, help_text="Show artifacts, each for all its versions.")


class MoreSerializer(serializers.Serializer):
    upstream = serializers.IntegerField()
    downstream = serializers.IntegerField()


class NodeSerializer(serializers.Serializer):
    id = serializers.CharField(help_text="Of a private node only good for the edges of this answer.")
    kind = serializers.ChoiceField([str(kind) for kind in NodeKind])
    name = serializers.CharField(
        allow_null=True, help_text="Of the artifact or the run; null of a private node, like all that follows."
    )
    display_name = serializers.CharField(allow_null=True, help_text="What people call a run.")
    type = serializers.CharField(allow_null=True, help_text="Of an artifact or version.")
    url = serializers.CharField(allow_null=True, help_text="Its page; null of a version that was deleted, too.")
    project = serializers.CharField(allow_null=True)
    version = serializers.CharField(allow_null=True, help_text="`v3`.")
    aliases = serializers.ListField(child=serializers.CharField())
    size = serializers.IntegerField(allow_null=True, help_text="Bytes of a version.")
    state = serializers.CharField(
        allow_null=True, help_text="Of a version `finalized`, `draft` or `deleted`; of a run its own."
    )
    job_type = serializers.CharField(allow_null=True, help_text="Of a run.")
    created_at = serializers.DateTimeField(allow_null=True)
    distance = serializers.IntegerField(help_text="Edges from the root; negative upstream.")
    more = MoreSerializer(
        help_text="How many neighbours the graph leaves out, in the directions that were asked for; "
        f"{COUNT_LIMIT + 1} for any that are more. Its own lineage has them."
    )


class EdgeSerializer(serializers.Serializer):
    """Data went from the source to the target."""

    source = serializers.CharField()
    target = serializers.CharField()
    kind = serializers.ChoiceField([str(kind) for kind in EdgeKind])
    requested_as = serializers.ListField(
        child=serializers.CharField(), help_text="The aliases or versions by which the source was asked for, then."
    )


class GraphSerializer(serializers.Serializer):
    root = serializers.UUIDField()
    nodes = NodeSerializer(many=True)
    edges = EdgeSerializer(many=True)
    truncated = serializers.BooleanField(help_text="Whether `depth`, `limit` or `siblings` left something out.")


class ImpactQuery(CursorQuery):
    limit = serializers.IntegerField(min_value=1, max_value=impact.MAX_PAGE, default=impact.DEFAULT_PAGE)
    scan_limit = serializers.IntegerField(
        required=False, min_value=1, max_value=impact.MAX_SCAN,
        help_text="How many versions and runs are looked at, the nearest ones: by default "
        f"{impact.DEFAULT_SCAN:,}, and with a filter {impact.MAX_SCAN:,}, at most half of them next to one of them; "
        f"as `csv` {impact.MAX_SCAN:,}.",
    )  # fmt: skip
    group = serializers.MultipleChoiceField(
        choices=[str(group) for group in Group], required=False, help_text="Only these; more than one can be given."
    )
    project = serializers.CharField(required=False, max_length=200, help_text="Only of this one: `team/project`.")
    team = serializers.CharField(required=False, max_length=100, help_text="Only of this one, by its name.")
    format = serializers.ChoiceField(
        ["json", "csv"], default="json", help_text="`csv` has all of it, whatever cursor and limit."
    )


class SummarySerializer(serializers.Serializer):
    versions = serializers.IntegerField()
    runs = serializers.IntegerField()
    protected = serializers.IntegerField(help_text="Versions with a protected alias.")
    aliased = serializers.IntegerField(help_text="Versions with any alias but a `latest` that follows by itself.")
    running = serializers.IntegerField(help_text="Runs that are running.")
    projects = serializers.IntegerField()
    teams = serializers.IntegerField()
    private = serializers.IntegerField(help_text="Versions and runs that you may not see, counted nowhere else.")
    is_complete = serializers.BooleanField(help_text="False where there is more than was looked at.")


class AffectedSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(["version", "run"])
    group = serializers.ChoiceField([str(group) for group in Group], help_text="They are sorted by it.")
    id = serializers.UUIDField()
    name = serializers.CharField(help_text="Of the artifact or the run.")
    display_name = serializers.CharField(allow_null=True, help_text="What people call a run.")
    type = serializers.CharField(allow_null=True)
    version = serializers.CharField(allow_null=True)
    aliases = serializers.ListField(child=serializers.CharField())
    protected_aliases = serializers.ListField(child=serializers.CharField())
    project = serializers.CharField()
    team = serializers.CharField()
    owner = serializers.CharField(allow_null=True, help_text="Who made it.")
    state = serializers.CharField()
    job_type = serializers.CharField(allow_null=True)
    distance = serializers.IntegerField(help_text="Steps from the version.")
    created_at = serializers.DateTimeField()
    url = serializers.CharField()


class ProjectCountSerializer(serializers.Serializer):
    project = serializers.CharField()
    team = serializers.CharField()
    versions = serializers.IntegerField()
    runs = serializers.IntegerField()


class TeamOwnersSerializer(serializers.Serializer):
    team = serializers.CharField()
    owners = serializers.ListField(
        child=serializers.CharField(), help_text=f"Its admins, at most {impact.MAX_OWNERS}, if you are in it."
    )


class ImpactSerializer(serializers.Serializer):
    summary = SummarySerializer()
    results = AffectedSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    projects = ProjectCountSerializer(many=True)
    teams = TeamOwnersSerializer(many=True)


def filter_of(query: dict[str, Any]) -> impact.Filter:
    """Of a validated `ImpactQuery`."""
    groups = tuple(Group(group) for group in query.get("group", ()))
    return impact.Filter(groups, query.get("project", ""), query.get("team", ""))


def graph_body(found: Graph) -> dict[str, Any]:
    """The data of `GraphSerializer`."""
    return {
        "root": found.root,
        "nodes": [_node(node) for node in found.nodes],
        "edges": [_edge(edge) for edge in found.edges],
        "truncated": found.truncated,
    }


def impact_body(page: Page) -> dict[str, Any]:
    """The data of `ImpactSerializer`."""
    return {
        "summary": SummarySerializer(page.summary).data,
        "results": [_affected(row) for row in page.results],
        "next_cursor": page.next_cursor,
        "projects": [row._asdict() for row in page.projects],
        "teams": [row._asdict() for row in page.teams],
    }


def _node(node: Node) -> dict[str, Any]:
    run = node.thing if isinstance(node.thing, Run) else None
    return {
        "id": node.id,
        "kind": node.kind,
        "name": (run.name if run else node.name) or None,
        "display_name": run.title if run else None,
        "type": node.type or None,
        "url": settings.BASE_URL + node.url if node.url else None,
        "project": node.project or None,
        "version": node.version,
        "aliases": node.aliases,
        "size": node.size,
        "state": node.state or None,
        "job_type": node.job_type or None,
        "created_at": node.created_at,
        "distance": node.distance,
        "more": node.more._asdict(),
    }


def _edge(edge: Edge) -> dict[str, Any]:
    return {
        "source": edge.source,
        "target": edge.target,
        "kind": edge.kind,
        "requested_as": list(edge.requested_as),
    }


def _affected(row: Affected) -> dict[str, Any]:
    thing = row.thing
    if isinstance(thing, ArtifactVersion):
        own = {"name": thing.artifact.name, "type": thing.artifact.type, "version": thing.version}
    else:
        own = {"name": thing.name, "display_name": thing.title, "job_type": thing.job_type or None}
    nothing = dict.fromkeys(("display_name", "type", "version", "job_type"))
    return (
        nothing
        | own
        | {
            "kind": row.kind,
            "group": row.group,
            "id": thing.pk,
            "aliases": row.aliases,
            "protected_aliases": row.protected_aliases,
            "project": row.project.full_name,
            "team": row.project.team.name,
            "owner": row.owner or None,
            "state": thing.state,
            "distance": row.distance,
            "created_at": row.created_at,
            "url": settings.BASE_URL + thing.get_absolute_url(),
        }
    )
