"""Whether the aliases and proposals of an artifact have changed since a page was rendered."""

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from artifacts.models import AliasChange, AliasProposal, Artifact


def annotate_alias_state(artifacts: QuerySet[Artifact]) -> QuerySet[Artifact]:
    """Each with what `state_token` needs, and the number of its `open_proposals`. No further query."""
    last = AliasChange.objects.filter(artifact=OuterRef("pk")).order_by("-created_at", "-id")
    opened = AliasProposal.objects.open().filter(artifact=OuterRef("pk")).order_by()
    count = opened.values("artifact").annotate(count=Count("*")).values("count")
    return artifacts.annotate(
        last_change=Subquery(last.values("pk")[:1]),
        last_proposal=Subquery(opened.order_by("-id").values("pk")[:1]),
        open_proposals=Coalesce(Subquery(count), 0),
    )


def state_token(artifact: Artifact) -> str:
    """A token that changes with the aliases and proposals of an artifact with `annotate_alias_state`."""
    ids = (artifact.last_change, artifact.last_proposal)
    return "-".join([*(str(id)[-12:] if id else "0" for id in ids), str(artifact.open_proposals)])
