"""A model gets the field's standard name; its table keeps the old one."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0001_who_is_told"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelTable("notice", "notifications_notice"),
        migrations.RenameModel("Notice", "InboxItem"),
        migrations.AlterModelOptions("inboxitem", {"ordering": ["-id"], "verbose_name": "notification"}),
        migrations.AlterField(
            "inboxitem",
            "event",
            models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="inbox_items", to="notifications.event"
            ),
        ),
        migrations.AlterField(
            "inboxitem",
            "user",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="inbox_items",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
    ]
