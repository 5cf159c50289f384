"""Users are invited by name too, and decide for themselves."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.validators


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_sign_in_limits"),
    ]

    operations = [
        migrations.AddField(
            model_name="invitation",
            name="invitee",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="invitation",
            name="username",
            field=models.CharField(
                blank=True,
                default="",
                help_text="Of the user it is for.",
                max_length=64,
                validators=[accounts.validators.validate_owner_name],
            ),
        ),
        migrations.AlterField(
            model_name="invitation",
            name="digest",
            field=models.CharField(editable=False, help_text="Of the token of a link.", max_length=64, null=True),
        ),
        migrations.AddConstraint(
            model_name="invitation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("digest__isnull", False), ("invitee", None), ("username", "")),
                    models.Q(("digest", None), models.Q(("username", ""), _negated=True)),
                    _connector="OR",
                ),
                name="invitation_link_or_name",
            ),
        ),
        migrations.AddConstraint(
            model_name="invitation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("used_at", None), models.Q(("username", ""), _negated=True)),
                fields=("team", "username"),
                name="invitation_of_name_unique",
            ),
        ),
    ]
