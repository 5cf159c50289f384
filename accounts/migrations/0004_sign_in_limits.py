"""Failed sign-ins, counted for all processes together."""

import django.utils.timezone
import uuid_utils.compat
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_former_names"),
    ]

    operations = [
        migrations.CreateModel(
            name="SignInLimit",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("key", models.CharField(max_length=64)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("last_failed_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "free_at",
                    models.DateTimeField(help_text="When the next attempt may be made; null: at any time.", null=True),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["last_failed_at"], name="sign_in_limit_by_age")],
                "constraints": [models.UniqueConstraint(fields=("key",), name="sign_in_limit_key_unique")],
            },
        ),
    ]
