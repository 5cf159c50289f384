"""URLs of the pages about aliases, the rules that protect them, and proposals to move them."""

from django.urls import path

from web.aliases.views import aliases, live_updates, proposals, rules
from web.converters import ARTIFACT, PROJECT

_ALIAS = f"{ARTIFACT}/aliases/<str:alias>"
_PROPOSAL = f"{ARTIFACT}/proposals/<uuid:proposal_id>"

urlpatterns = [
    path("teams/<str:team>/rules", rules.team_rules, name="team-rules"),
    path("teams/<str:team>/rules/new", rules.team_rule_new, name="team-rule-new"),
    path("teams/<str:team>/rules/<uuid:rule_id>/edit", rules.edit, name="rule-edit"),
    path("teams/<str:team>/rules/<uuid:rule_id>/delete", rules.delete, name="rule-delete"),
    path(f"{PROJECT}/rules", rules.project_rules, name="project-rules"),
    path(f"{PROJECT}/rules/new", rules.project_rule_new, name="project-rule-new"),
    path(f"{ARTIFACT}/aliases", aliases.alias_list, name="artifact-aliases"),
    path(f"{ARTIFACT}/aliases/swap", aliases.swap, name="alias-swap"),
    path(f"{ARTIFACT}/add-alias", aliases.add, name="alias-add"),
    path(f"{_ALIAS}/history", aliases.history, name="alias-history"),
    path(f"{_ALIAS}/move", aliases.move, name="alias-move"),
    path(f"{_ALIAS}/rollback", aliases.rollback, name="alias-rollback"),
    path(f"{_ALIAS}/delete", aliases.delete, name="alias-delete"),
    path(f"{_PROPOSAL}/approve", proposals.approve, name="proposal-approve"),
    path(f"{_PROPOSAL}/reject", proposals.reject, name="proposal-reject"),
    path(f"{_PROPOSAL}/withdraw", proposals.withdraw, name="proposal-withdraw"),
    path(f"{ARTIFACT}/rules/new", rules.artifact_rule_new, name="artifact-rule-new"),
    path(f"{ARTIFACT}/live", live_updates.live, name="artifact-live"),
]
