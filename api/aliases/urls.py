"""URLs of aliases, their rules and proposals under /api/v1/."""

from django.urls import path

from api.aliases.views.aliases import AliasDetail, AliasesSwap, AliasList, AliasRollback, AliasSuggestions
from api.aliases.views.history import AliasesHistory, AliasHistory
from api.aliases.views.proposals import (
    ProposalApprove,
    ProposalDetail,
    ProposalList,
    ProposalReject,
    ProposalWithdraw,
)
from api.aliases.views.rules import RuleDetail, RuleList

_ALIASES = "artifacts/<uuid:artifact_id>/aliases"
_PROPOSAL = "alias-proposals/<uuid:proposal_id>"

urlpatterns = [
    path(_ALIASES, AliasList.as_view(), name="alias-list"),
    path(f"{_ALIASES}/history", AliasesHistory.as_view(), name="aliases-history"),
    path(f"{_ALIASES}/suggestions", AliasSuggestions.as_view(), name="aliases-suggestions"),
    path(f"{_ALIASES}/swap", AliasesSwap.as_view(), name="aliases-swap"),
    path(f"{_ALIASES}/<str:alias>", AliasDetail.as_view(), name="alias-detail"),
    path(f"{_ALIASES}/<str:alias>/history", AliasHistory.as_view(), name="aliases-history-of-one"),
    path(f"{_ALIASES}/<str:alias>/rollback", AliasRollback.as_view(), name="aliases-rollback"),
    path("artifacts/<uuid:artifact_id>/alias-proposals", ProposalList.as_view(), name="proposal-list"),
    path(_PROPOSAL, ProposalDetail.as_view(), name="proposal-detail"),
    path(f"{_PROPOSAL}/approve", ProposalApprove.as_view(), name="proposals-approve"),
    path(f"{_PROPOSAL}/reject", ProposalReject.as_view(), name="proposals-reject"),
    path(f"{_PROPOSAL}/withdraw", ProposalWithdraw.as_view(), name="proposals-withdraw"),
    path("alias-rules", RuleList.as_view(), name="rule-list"),
    path("alias-rules/<uuid:rule_id>", RuleDetail.as_view(), name="rule-detail"),
]
