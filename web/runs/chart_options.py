"""How readers want charts: what the query string of their pages says."""

from typing import Any, NamedTuple

from django import forms
from django.http import QueryDict

from web.forms import FilterForm

MAX_SMOOTHING = 99
STEP, RELATIVE, TIME = "step", "relative", "time"
X_AXES = {"": "Automatic", STEP: "Step", RELATIVE: "Relative time", TIME: "Wall time"}
# Beside these, `x` is the name of a metric.
METRIC = "metric:"


class Options(NamedTuple):
    smoothing: int
    is_log: bool
    x: str
    low: float | None
    high: float | None

    @property
    def weight(self) -> float:
        """Of the average before, in the next one."""
        return self.smoothing / 100

    @property
    def x_metric(self) -> str:
        return self.x.removeprefix(METRIC) if self.x.startswith(METRIC) else ""


class ChartForm(FilterForm):
    q = forms.CharField(required=False, max_length=200)
    smoothing = forms.IntegerField(required=False, min_value=0, max_value=MAX_SMOOTHING)
    scale = forms.ChoiceField(required=False, choices=[("log", "Logarithmic")])
    x = forms.CharField(required=False, max_length=len(METRIC) + 512)
    runs = forms.CharField(required=False, max_length=2000)
    section = forms.CharField(required=False, max_length=512, strip=False)
    low = forms.FloatField(required=False)
    high = forms.FloatField(required=False)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        self.given: dict[str, Any] = self.values()

    @property
    def options(self) -> Options:
        given = self.given
        x = given["x"] if given["x"] in X_AXES or given["x"].startswith(METRIC) else ""
        low, high = (value if isinstance(value, float) else None for value in (given["low"], given["high"]))
        return Options(given["smoothing"] or 0, given["scale"] == "log", x, low, high)

    @property
    def run_names(self) -> list[str]:
        """Of the runs beside the one that the page is about."""
        return list(dict.fromkeys(name.strip() for name in self.given["runs"].split(",") if name.strip()))
