"""All tables of the app in one step, for new databases."""

import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models

import accounts.models.user
import accounts.validators


class Migration(migrations.Migration):
    replaces = [
        ("accounts", "0001_initial"),
        ("accounts", "0002_invitations"),
        ("accounts", "0003_former_names"),
        ("accounts", "0004_sign_in_limits"),
        ("accounts", "0005_invitations_by_name"),
        ("accounts", "0006_first_steps"),
    ]

    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="User",
            fields=[
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                ("first_name", models.CharField(blank=True, max_length=150, verbose_name="first name")),
                ("last_name", models.CharField(blank=True, max_length=150, verbose_name="last name")),
                ("email", models.EmailField(blank=True, max_length=254, verbose_name="email address")),
                (
                    "is_staff",
                    models.BooleanField(
                        default=False,
                        help_text="Designates whether the user can log into this admin site.",
                        verbose_name="staff status",
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        help_text="Designates whether this user should be treated as active. "
                        "Unselect this instead of deleting accounts.",
                        verbose_name="active",
                    ),
                ),
                ("date_joined", models.DateTimeField(default=django.utils.timezone.now, verbose_name="date joined")),
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "username",
                    models.CharField(
                        help_text="Also the name of the user's personal team.",
                        max_length=64,
                        validators=[accounts.validators.validate_owner_name, accounts.validators.validate_not_reserved],
                    ),
                ),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to "
                        "each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
                (
                    "first_steps_hidden_at",
                    models.DateTimeField(
                        blank=True, editable=False, help_text="Since then home has no list of first steps.", null=True
                    ),
                ),
            ],
            options={
                "verbose_name": "user",
                "verbose_name_plural": "users",
                "abstract": False,
                "indexes": [],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("username",), name="user_username_unique", violation_error_message="This name is taken."
                    ),
                    models.UniqueConstraint(
                        django.db.models.functions.text.Lower("username"),
                        name="user_username_folded",
                        violation_error_message="This name is taken.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("username__regex", "\\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\\Z")),
                        name="user_username_form",
                    ),
                ],
            },
            managers=[
                ("objects", accounts.models.user.UserManager()),
            ],
        ),
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
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                ("created", models.DateTimeField(auto_now_add=True)),
                ("expiry", models.DateTimeField(blank=True, null=True)),
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("digest", models.CharField(editable=False, max_length=128)),
                ("token_key", models.CharField(editable=False, max_length=25)),
                ("name", models.CharField(max_length=100)),
                (
                    "scope",
                    models.CharField(
                        choices=[("read", "Read"), ("write", "Read and write")], default="write", max_length=10
                    ),
                ),
                ("last_used_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_keys",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "indexes": [models.Index(fields=["token_key"], name="key_token_key")],
                "constraints": [
                    models.UniqueConstraint(fields=("digest",), name="key_digest_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("scope__in", ["read", "write"])), name="key_scope_known"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Team",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        max_length=64,
                        validators=[accounts.validators.validate_owner_name, accounts.validators.validate_not_reserved],
                    ),
                ),
                ("display_name", models.CharField(blank=True, max_length=200)),
                ("is_personal", models.BooleanField(default=False, editable=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "indexes": [],
                "constraints": [
                    models.UniqueConstraint(
                        django.db.models.functions.text.Lower("name"),
                        name="team_name_unique",
                        violation_error_message="This name is taken.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("is_personal", True)), fields=("created_by",), name="team_personal_unique"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("name__regex", "\\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\\Z")),
                        name="team_name_form",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="FormerName",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "scope",
                    models.UUIDField(help_text="The project of an artifact, the team of a project; zeros for a team."),
                ),
                ("name", models.CharField(help_text="Of a team in lower case.", max_length=128)),
                ("holder", models.UUIDField(help_text="What had the name.")),
                (
                    "last_assigned_number",
                    models.PositiveIntegerField(
                        default=0, help_text="Of an artifact: the last number of a version by then."
                    ),
                ),
                (
                    "is_reserved",
                    models.BooleanField(
                        default=True, help_text="For FORMER_NAME_LIFE_SECONDS nobody else can take it."
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        blank=True,
                        choices=[("viewer", "Viewer"), ("editor", "Editor"), ("admin", "Admin")],
                        default="",
                        help_text="The least role that may use the name of something deleted again.",
                        max_length=10,
                    ),
                ),
                ("freed_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "freed_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-freed_at", "-id"],
                "indexes": [models.Index(fields=["holder"], name="former_name_by_holder")],
                "constraints": [
                    models.UniqueConstraint(fields=("scope", "name", "holder"), name="former_name_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["", "viewer", "editor", "admin"])),
                        name="former_name_role_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("name", ""), _negated=True), name="former_name_is_a_name"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[("viewer", "Viewer"), ("editor", "Editor"), ("admin", "Admin")], max_length=10
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to="accounts.team",
                    ),
                ),
            ],
            options={
                "indexes": [],
                "constraints": [
                    models.UniqueConstraint(fields=("team", "user"), name="membership_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["viewer", "editor", "admin"])), name="membership_role_known"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[("viewer", "Viewer"), ("editor", "Editor"), ("admin", "Admin")], max_length=10
                    ),
                ),
                (
                    "email",
                    models.EmailField(blank=True, help_text="Whom it is for, if one person alone.", max_length=254),
                ),
                (
                    "digest",
                    models.CharField(editable=False, help_text="Of the token of a link.", max_length=64, null=True),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(editable=False, null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="invitations", to="accounts.team"
                    ),
                ),
                (
                    "used_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "invitee",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "username",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="Of the user it is for.",
                        max_length=64,
                        validators=[accounts.validators.validate_owner_name],
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("digest",), name="invitation_digest_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["viewer", "editor", "admin"])), name="invitation_role_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("used_at", None), ("used_by", None)),
                            models.Q(("used_at__isnull", False), ("used_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="invitation_use_is_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("digest__isnull", False), ("invitee", None), ("username", "")),
                            models.Q(("digest", None), models.Q(("username", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="invitation_link_or_name",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("used_at", None), models.Q(("username", ""), _negated=True)),
                        fields=("team", "username"),
                        name="invitation_of_name_unique",
                    ),
                ],
                "indexes": [],
            },
        ),
    ]
