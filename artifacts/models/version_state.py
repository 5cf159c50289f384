"""What a version goes through."""

from django.db import models


class VersionState(models.TextChoices):
    DRAFT = "draft", "Draft"
    FINALIZED = "finalized", "Finalized"
    DELETED = "deleted", "Deleted"
