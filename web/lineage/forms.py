"""The query strings of the pages about lineage and impact."""

from django import forms

from artifacts.lineage.graph import DEFAULT_DEPTH, MAX_DEPTH
from artifacts.lineage.impact import ORDERS, Filter, Group
from web.forms import FilterForm

DIRECTIONS = {"upstream": "Upstream", "both": "Both", "downstream": "Downstream"}
DEPTHS = (1, 2, 3, 5, 10, 20, MAX_DEPTH)
NODES = {"versions": "Versions", "artifacts": "Artifacts"}
VIEWS = {"picture": "Picture", "list": "List"}
# What the table of impact shows, by groups.
SHOWN: dict[str, tuple[str, tuple[Group, ...]]] = {
    "": ("Everything", ()),
    "protected": ("Versions with protected aliases", (Group.PROTECTED,)),
    "aliases": ("Versions with aliases", (Group.PROTECTED, Group.ALIASED)),
    "versions": ("Versions", (Group.PROTECTED, Group.ALIASED, Group.VERSION)),
    "running": ("Running runs", (Group.RUNNING,)),
    "runs": ("Runs", (Group.RUNNING, Group.RUN)),
}


class LineageFilter(FilterForm):
    """`nodes` and `view` are empty where the page is to choose."""

    direction = forms.ChoiceField(required=False, choices=list(DIRECTIONS.items()))
    depth = forms.IntegerField(required=False, min_value=1, max_value=MAX_DEPTH)
    nodes = forms.ChoiceField(required=False, choices=list(NODES.items()))
    view = forms.ChoiceField(required=False, choices=list(VIEWS.items()))

    def values(self) -> dict[str, str]:
        values = super().values()
        return values | {"direction": values["direction"] or "both", "depth": values["depth"] or DEFAULT_DEPTH}


class ImpactFilter(FilterForm):
    """`all` looks at as many as can be."""

    show = forms.ChoiceField(required=False, choices=[(value, label) for value, (label, _) in SHOWN.items()])
    project = forms.CharField(required=False, max_length=200)
    all = forms.BooleanField(required=False)
    sort = forms.ChoiceField(required=False, choices=[(f"{sign}{name}", name) for name in ORDERS for sign in ("", "-")])
    cursor = forms.CharField(required=False, max_length=1000)

    def impact_filter(self) -> Filter:
        values = self.values()
        return Filter(groups=SHOWN[values["show"]][1], project=values["project"])
