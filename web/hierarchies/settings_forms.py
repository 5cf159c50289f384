"""Forms of a hierarchy's settings. What is allowed is for the verbs to say."""

from typing import Any

from django import forms

from core.bounded_count import COUNT_LIMIT
from hierarchies.models import MAX_LEVEL, Hierarchy, RetentionRule
from hierarchies.models.retention import MAX_DAYS
from web.forms import RetryForm

_OTHERS = ""


class RetentionRuleForm(RetryForm):
    level = forms.TypedChoiceField(
        required=False, coerce=int, empty_value=None, help_text="A level has one rule; all others share one."
    )
    keep_last = forms.IntegerField(
        required=False, min_value=1, max_value=COUNT_LIMIT, label="Keep the newest",
        help_text="How many of each parent stay; on level 0, of all.",
    )  # fmt: skip
    older_than_days = forms.IntegerField(
        required=False, min_value=1, max_value=MAX_DAYS, label="Older than, in days",
        help_text="With both, a record goes only by both.",
    )  # fmt: skip
    archive = forms.BooleanField(
        required=False, initial=True, label="Archive first", help_text="As JSON Lines in the object store."
    )

    def __init__(self, hierarchy: Hierarchy, *args: Any, rule: RetentionRule | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if rule is not None:
            del self.fields["level"]
            return
        levels = [(str(level), f"{level} ({hierarchy.label_of(level)})") for level in range(MAX_LEVEL + 1)]
        self.fields["level"].choices = [(_OTHERS, "All levels without a rule of their own"), *levels]

    @classmethod
    def initial_of(cls, rule: RetentionRule) -> dict[str, Any]:
        return {name: getattr(rule, name) for name in ("keep_last", "older_than_days", "archive")}


class DataIndexForm(RetryForm):
    path = forms.CharField(
        max_length=256,
        widget=forms.TextInput(
            attrs={"autofocus": True, "autocomplete": "off", "spellcheck": "false", "autocapitalize": "none",
                   "placeholder": "metrics.accuracy"}
        ),
        help_text="Keys of the data from the outside in, with dots between.",
    )  # fmt: skip
