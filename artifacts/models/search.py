"""What the search finds artifacts, versions, runs and projects by: texts, and the values of their JSON objects.

Written by `artifacts.search_index` in the transaction of the change. Each row names its project, so that a query is
limited to what its reader sees before anything is compared.
"""

import re
from functools import reduce
from operator import or_
from typing import Any, Self

from django.db import connection, models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce, Left, StrIndex

from artifacts.search_query import SHORTEST_INDEXED
from core.sqlite import full_text
from projects.models.project import Project

MAX_KEY_LENGTH = 200
MAX_VALUE_LENGTH = 200
# Names and tags come first in a text: what is too short for the index is looked for among so many characters.
BEGINNING_LENGTH = 200


class SearchQuerySet(models.QuerySet):
    def of_artifacts(self, yes: bool = True) -> Self:
        """Those about artifacts and their versions, or all others: about runs and projects."""
        return self.filter(artifact__isnull=not yes)

    def visible_to(self, user: Any) -> Self:
        return self.filter(project__in=Project.objects.visible_to(user))

    def version_ids(self) -> models.QuerySet:
        return self.filter(version__isnull=False).values_list("version_id", flat=True)

    def targets(self) -> models.QuerySet:
        """The ids of the artifacts, runs and projects that the rows are about, as `target`."""
        return self.annotate(target=Coalesce("artifact_id", "run_id", "project_id")).values_list("target", flat=True)


# PostgreSQL's triples are of letters and digits, and of the two ends of a word. SQLite's are of any characters.
_TRIPLE = re.compile(r"[^\W_]{3}|[\W_][^\W_]{2}|[^\W_]{2}[\W_]|[\W_][^\W_][\W_]")


class DocumentQuerySet(SearchQuerySet):
    @staticmethod
    def is_indexed(*texts: str) -> bool:
        """Whether the index on texts, where the database has one, finds rows that contain one of these."""
        is_made_of_triples = connection.vendor != "postgresql" or all(map(_TRIPLE.search, texts))
        return min(map(len, texts)) >= SHORTEST_INDEXED and is_made_of_triples

    def containing(self, *texts: str, of_artifacts: bool | None = None) -> Self:
        """Those with one of the texts, which are folded already; at their beginning, if one is not `SHORTEST_INDEXED`.

        Among those of artifacts, or all others, an index finds the few, in a query of its own; there are two so that a
        word that all artifacts have says nothing of runs. With None each row is looked at.
        """
        name = self.model._meta.db_table
        rows = self if of_artifacts is None else self.of_artifacts(of_artifacts)
        if min(map(len, texts)) < SHORTEST_INDEXED:
            rows = rows.alias(beginning=Left("text", BEGINNING_LENGTH))
            return rows.filter(reduce(or_, (Q(beginning__contains=text) for text in texts)))
        if of_artifacts is not None and full_text.exists(name):
            index = full_text.table(name, "artifacts" if of_artifacts else "others")
            return rows.extra(tables=[index]).filter(full_text.Matches("pk", index, full_text.pattern(texts)))
        if of_artifacts is None:
            # Without statistics of the table, PostgreSQL would ask the index on texts again for each row.
            positions = {f"position_{number}": StrIndex("text", Value(text)) for number, text in enumerate(texts)}
            return rows.alias(**positions).filter(reduce(or_, (Q(**{f"{name}__gt": 0}) for name in positions)))
        return rows.filter(reduce(or_, (Q(text__contains=text) for text in texts)))


class _About(models.Model):
    """A row about an artifact, one of its versions, a run, or else the project itself."""

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    artifact = models.ForeignKey("artifacts.Artifact", on_delete=models.CASCADE, null=True, related_name="+")
    version = models.ForeignKey("artifacts.ArtifactVersion", on_delete=models.CASCADE, null=True, related_name="+")
    run = models.ForeignKey("projects.Run", on_delete=models.CASCADE, null=True, related_name="+")

    class Meta:
        abstract = True


class SearchDocument(_About):
    class Part(models.TextChoices):
        TEXT = "text", "Names, descriptions, tags, keys and texts"
        FILES = "files", "Paths of files, each in a line"
        REASON = "reason", "The reason of a change of an alias"

    part = models.CharField(max_length=8, choices=Part)
    text = models.TextField(help_text="Case-folded.")
    # Null, not false: for a column that is never null SQLite makes the table anew, and loses its triggers.
    is_repeated = models.BooleanField(
        null=True,
        editable=False,
        help_text="Of a version: another row of the artifact has the same text, and is not repeated.",
    )

    objects = DocumentQuerySet.as_manager()

    class Meta:
        # What no index on texts serves is looked for among the newest of a project.
        indexes = [
            models.Index(fields=["project", "id"], name="search_document_newest"),
            # A project's own text, among those of all that is in it.
            models.Index(fields=["project"], condition=Q(artifact=None, run=None), name="search_document_of_project"),
            # Whether an artifact has a text: those of 100,000 versions are mostly the same.
            models.Index(fields=["artifact"], condition=Q(is_repeated=None), name="search_document_distinct"),
        ]

    def __str__(self) -> str:
        return f"{self.part} {self.pk}"


class SearchValue(_About):
    """One value of a JSON object: `metadata.optimizer.lr` is a key."""

    # The index below has it first.
    artifact = models.ForeignKey(
        "artifacts.Artifact", on_delete=models.CASCADE, null=True, related_name="+", db_index=False
    )
    key = models.CharField(max_length=MAX_KEY_LENGTH, help_text="Case-folded.")
    number = models.FloatField(null=True)
    text = models.CharField(max_length=MAX_VALUE_LENGTH, help_text="Case-folded, and cut.")

    objects = SearchQuerySet.as_manager()

    class Meta:
        # They begin with the project: what somebody does not see costs them nothing.
        indexes = [
            models.Index(fields=["project", "key", "number"], name="search_value_by_number"),
            models.Index(fields=["project", "key", "text"], name="search_value_by_text"),
            # Versions of one artifact; and the values of runs, which have none: PostgreSQL read 300,000 for a few.
            models.Index(fields=["artifact", "key", "number"], name="search_value_of_artifact"),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.text}"
