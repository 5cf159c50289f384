"""Uploads that were begun before, and whose signed URL could replace the bytes for an hour, arrive elsewhere now.

What such a URL brings to the old key is deleted; who goes on with the upload is given another URL.
"""

from typing import Any

from django.db import migrations
from uuid_utils.compat import uuid7


def move(apps: Any, schema_editor: Any) -> None:
    stored_objects = apps.get_model("artifacts", "StoredObject")
    pending_deletions = apps.get_model("artifacts", "PendingDeletion")
    open_urls = stored_objects.objects.filter(
        state="expected", is_bound=False, incoming_key="", part_size=None, version__isnull=False
    )
    for obj in open_urls.iterator():
        obj.incoming_key = f"incoming/{obj.project_id}/{obj.version_id}/{uuid7()}"
        obj.save(update_fields=["incoming_key"])
        pending_deletions.objects.create(key=obj.key)


class Migration(migrations.Migration):
    dependencies = [("artifacts", "0010_pending_deletion")]

    operations = [migrations.RunPython(move, migrations.RunPython.noop, elidable=True)]
