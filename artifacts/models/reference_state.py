"""What is known of references: of one, and of all of a version."""

from django.db import models


class ReferenceState(models.TextChoices):
    """What the last check of a reference found: whether the object is what it was when it was logged."""

    UNCHECKED = "unchecked", "Unchecked"
    UNCHANGED = "unchanged", "Unchanged"
    CHANGED = "changed", "Changed"
    MISSING = "missing", "Missing"
    DENIED = "denied", "Denied"
