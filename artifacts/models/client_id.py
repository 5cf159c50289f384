"""Ids that clients give to versions and artifacts before the server knows them."""

from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

MAX_CLIENT_ID_LENGTH = 200


class ClientId(models.Model):
    """What a client calls a version, or an artifact: random characters, by which it refers to it later."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    value = models.CharField(max_length=MAX_CLIENT_ID_LENGTH, unique=True)
    version = models.ForeignKey(
        "artifacts.ArtifactVersion", on_delete=models.CASCADE, null=True, related_name="client_ids"
    )
    artifact = models.ForeignKey("artifacts.Artifact", on_delete=models.CASCADE, null=True, related_name="client_ids")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(version__isnull=False, artifact__isnull=True)
                | Q(version__isnull=True, artifact__isnull=False),
                name="client_id_names_one",
            ),
        ]

    def __str__(self) -> str:
        return self.value
