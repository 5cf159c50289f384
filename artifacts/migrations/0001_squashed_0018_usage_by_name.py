"""All tables of the app in one step, for new databases. What guards them, and indexes their texts, is as it was."""

from importlib import import_module

import django.db.models.deletion
import django.utils.timezone
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models

import artifacts.models.alias_sort_key
import artifacts.models.path_fields

_record_is_final = import_module("artifacts.migrations.0006_record_is_final")
_search = import_module("artifacts.migrations.0014_search")


class Migration(migrations.Migration):
    replaces = [
        ("artifacts", "0001_nouns"),
        ("artifacts", "0002_alias_change_by_time"),
        ("artifacts", "0003_pulse"),
        ("artifacts", "0004_incoming"),
        ("artifacts", "0005_protected_aliases"),
        ("artifacts", "0006_record_is_final"),
        ("artifacts", "0007_move_alias"),
        ("artifacts", "0008_artifacts_by_column"),
        ("artifacts", "0009_standard_names"),
        ("artifacts", "0010_pending_deletion"),
        ("artifacts", "0011_unbound_uploads_arrive_elsewhere"),
        ("artifacts", "0012_executable_files"),
        ("artifacts", "0013_file_order"),
        ("artifacts", "0014_search"),
        ("artifacts", "0015_index_by_project"),
        ("artifacts", "0016_alias_sort_key"),
        ("artifacts", "0017_number_on_finalize"),
        ("artifacts", "0018_usage_by_name"),
    ]

    initial = True

    dependencies = [
        ("accounts", "0006_first_steps"),
        ("projects", "0004_run_environment"),
    ]

    operations = [
        migrations.CreateModel(
            name="Artifact",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=128)),
                ("type", models.CharField(max_length=64)),
                ("description", models.TextField(blank=True, default="")),
                ("metadata", models.JSONField(blank=True, default=dict)),
                (
                    "auto_latest",
                    models.BooleanField(default=True, help_text="`latest` follows the newest finalized version."),
                ),
                (
                    "version_count",
                    models.PositiveIntegerField(default=0, editable=False, help_text="Finalized versions."),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="artifacts",
                        to="projects.project",
                    ),
                ),
                (
                    "latest_version_number",
                    models.PositiveIntegerField(editable=False, help_text="The newest finalized version.", null=True),
                ),
                (
                    "last_assigned_number",
                    models.PositiveIntegerField(default=0, editable=False, help_text="The last number handed out."),
                ),
            ],
            options={
                "ordering": ["name"],
                "indexes": [
                    models.Index(fields=["project", "-updated_at"], name="artifact_recent"),
                    models.Index(fields=["-updated_at"], name="artifact_recent_anywhere"),
                    models.Index(fields=["project", "type", "name"], name="artifact_by_type"),
                    models.Index(fields=["name"], name="artifact_by_name"),
                    models.Index(fields=["type", "name"], name="artifact_by_type_anywhere"),
                    models.Index(fields=["type", "-updated_at"], name="artifact_recent_of_type"),
                    models.Index(fields=["version_count", "name"], name="artifact_by_version_count"),
                    models.Index(fields=["project", "id"], name="artifact_project_newest"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("project", "name"), name="artifact_name_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("name__regex", "\\A[A-Za-z0-9][A-Za-z0-9._-]{0,127}\\Z")),
                        name="artifact_name_is_valid",
                        violation_error_message="An artifact name has 1 to 128 letters, digits, dots, underscores and "
                        "hyphens, and starts with a letter or digit.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("type__regex", "\\A[A-Za-z0-9._-]{1,64}\\Z")), name="artifact_type_is_valid"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("latest_version_number__isnull", True),
                            ("latest_version_number__lte", models.F("last_assigned_number")),
                            _connector="OR",
                        ),
                        name="artifact_latest_is_handed_out",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WorkerHeartbeat",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=64)),
                ("last_seen_at", models.DateTimeField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("name",), name="pulse_name_unique")],
                "indexes": [],
                "db_table": "artifacts_pulse",
                "verbose_name": "heartbeat",
            },
        ),
        migrations.CreateModel(
            name="PendingDeletion",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("key", models.CharField(max_length=1400)),
                ("is_prefix", models.BooleanField(default=False, help_text="Everything whose key begins so.")),
                (
                    "upload_id",
                    models.CharField(blank=True, default="", help_text="A multipart upload to abort.", max_length=1024),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("next_attempt_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "failures",
                    models.PositiveIntegerField(default=0, help_text="Attempts since the last one that succeeded."),
                ),
                ("last_error", models.TextField(blank=True, default="")),
            ],
            options={
                "indexes": [models.Index(fields=["next_attempt_at"], name="pending_deletion_due")],
                "constraints": [
                    models.UniqueConstraint(fields=("key",), name="pending_deletion_key_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("key", ""), _negated=True), name="pending_deletion_has_key"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Reconciliation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("object_count", models.PositiveIntegerField(help_text="Objects in the bucket.")),
                (
                    "stray_count",
                    models.PositiveIntegerField(help_text="Objects and unfinished multipart uploads without a row."),
                ),
                ("missing_count", models.PositiveIntegerField(help_text="Rows whose bytes are not in the bucket.")),
                ("examples", models.JSONField(default=list, help_text="Some of their keys.")),
            ],
            options={
                "ordering": ["-id"],
                "get_latest_by": "id",
                "indexes": [],
                "constraints": [],
            },
        ),
        migrations.CreateModel(
            name="ArtifactTag",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("tag", models.CharField(max_length=64)),
                (
                    "artifact",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tag_set",
                        to="artifacts.artifact",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "indexes": [models.Index(fields=["tag", "artifact"], name="artifact_tag_by_tag")],
                "constraints": [models.UniqueConstraint(fields=("artifact", "tag"), name="artifact_tag_unique")],
            },
        ),
        migrations.CreateModel(
            name="ArtifactVersion",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "number",
                    models.PositiveIntegerField(
                        editable=False,
                        help_text="Some drafts have none: they get it when they are finalized.",
                        null=True,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Draft"), ("finalized", "Finalized"), ("deleted", "Deleted")],
                        default="draft",
                        editable=False,
                        max_length=16,
                    ),
                ),
                (
                    "integrity",
                    models.CharField(
                        choices=[("pending", "Pending"), ("verified", "Verified"), ("corrupt", "Corrupt")],
                        default="pending",
                        editable=False,
                        max_length=16,
                    ),
                ),
                ("description", models.TextField(blank=True, default="")),
                ("notes", models.TextField(blank=True, default="")),
                ("metadata", models.JSONField(blank=True, default=dict)),
                (
                    "digest",
                    models.CharField(
                        editable=False,
                        help_text="sha256 of the sorted file list; stated in a draft.",
                        max_length=64,
                        null=True,
                    ),
                ),
                ("file_count", models.PositiveIntegerField(default=0, editable=False)),
                ("total_size", models.BigIntegerField(default=0, editable=False, help_text="Bytes of all files.")),
                (
                    "storage_path",
                    models.CharField(editable=False, help_text="The prefix of its keys in the store.", max_length=300),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "touched_at",
                    models.DateTimeField(auto_now=True, help_text="A draft untouched for long is given up."),
                ),
                ("finalized_at", models.DateTimeField(editable=False, null=True)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                (
                    "artifact",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="versions",
                        to="artifacts.artifact",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="logged_versions",
                        to="projects.run",
                    ),
                ),
                (
                    "executable_digest",
                    models.CharField(
                        blank=True,
                        default="",
                        editable=False,
                        help_text="sha256 of the paths of executable files.",
                        max_length=64,
                    ),
                ),
            ],
            options={
                "ordering": ["-number"],
                "indexes": [
                    models.Index(fields=["artifact", "state", "-number"], name="version_by_state"),
                    models.Index(fields=["state", "touched_at"], name="version_untouched"),
                    models.Index(fields=["state", "integrity", "id"], name="version_unverified"),
                    models.Index(fields=["artifact", "file_count", "id"], name="version_by_file_count"),
                    models.Index(fields=["artifact", "total_size", "id"], name="version_by_total_size"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("artifact", "number"), name="version_number_unique"),
                    models.CheckConstraint(condition=models.Q(("number__gte", 1)), name="version_number_is_positive"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["draft", "finalized", "deleted"])),
                        name="version_state_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "finalized"), _negated=True),
                            ("finalized_at__isnull", False),
                            _connector="OR",
                        ),
                        name="version_final_has_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("integrity__in", ["pending", "verified", "corrupt"])),
                        name="version_integrity_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "finalized"), _negated=True), ("number__isnull", False), _connector="OR"
                        ),
                        name="version_final_has_number",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AliasRule",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "pattern",
                    models.CharField(help_text="An alias; `*` stands for any characters, `?` for one.", max_length=100),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[("editor", "Editor"), ("admin", "Admin")],
                        default="admin",
                        help_text="The least role that may move such an alias.",
                        max_length=10,
                    ),
                ),
                (
                    "needs_approval",
                    models.BooleanField(default=False, help_text="A second person of that role has to approve."),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "artifact",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alias_rules",
                        to="artifacts.artifact",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alias_rules",
                        to="projects.project",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alias_rules",
                        to="accounts.team",
                    ),
                ),
            ],
            options={
                "ordering": ["pattern", "id"],
                "indexes": [],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("artifact__isnull", True), ("project__isnull", True), ("team__isnull", False)),
                            models.Q(("artifact__isnull", True), ("project__isnull", False), ("team__isnull", True)),
                            models.Q(("artifact__isnull", False), ("project__isnull", True), ("team__isnull", True)),
                            _connector="OR",
                        ),
                        name="rule_has_one_place",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("pattern__regex", "\\A[A-Za-z0-9*?][A-Za-z0-9._*?-]{0,99}\\Z")),
                        name="rule_pattern_is_valid",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["editor", "admin"])), name="rule_role_is_known"
                    ),
                    models.UniqueConstraint(fields=("team", "pattern"), name="rule_unique_in_team"),
                    models.UniqueConstraint(fields=("project", "pattern"), name="rule_unique_in_project"),
                    models.UniqueConstraint(fields=("artifact", "pattern"), name="rule_unique_in_artifact"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ArtifactUsage",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="usages",
                        to="projects.run",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="usages",
                        to="artifacts.artifactversion",
                    ),
                ),
                (
                    "requested_as",
                    models.JSONField(
                        blank=True, default=list, help_text="How it was asked for: aliases, or versions such as `v3`."
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [],
                "constraints": [models.UniqueConstraint(fields=("run", "version"), name="usage_unique")],
            },
        ),
        migrations.CreateModel(
            name="ArtifactAlias",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("alias", models.CharField(max_length=100)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "artifact",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alias_set",
                        to="artifacts.artifact",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="aliases",
                        to="artifacts.artifactversion",
                    ),
                ),
                ("sort_key", artifacts.models.alias_sort_key.AliasSortKeyField(default=b"", max_length=400)),
            ],
            options={
                "verbose_name_plural": "artifact aliases",
                "ordering": ["sort_key"],
                "indexes": [
                    models.Index(fields=["alias", "artifact"], name="alias_by_name"),
                    models.Index(fields=["artifact", "sort_key"], name="alias_in_order"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("artifact", "alias"), name="alias_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("alias__regex", "\\A[A-Za-z0-9][A-Za-z0-9._-]{0,99}\\Z")),
                        name="alias_is_valid",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StoredObject",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("key", models.CharField(max_length=1400)),
                ("kind", models.CharField(choices=[("file", "File"), ("pack", "Pack")], max_length=8)),
                ("size", models.BigIntegerField()),
                ("sha256", models.CharField(help_text="What a single PUT is bound to.", max_length=64, null=True)),
                (
                    "is_bound",
                    models.BooleanField(
                        default=False, help_text="The store refuses other bytes than the stated sha256's."
                    ),
                ),
                (
                    "part_size",
                    models.BigIntegerField(help_text="Bytes of each part but the last, when sent in parts.", null=True),
                ),
                ("part_hashes", models.JSONField(default=list, help_text="sha256 of each part, when sent in parts.")),
                ("upload_id", models.CharField(blank=True, default="", max_length=1024)),
                (
                    "state",
                    models.CharField(
                        choices=[("expected", "Expected"), ("uploaded", "Uploaded")], default="expected", max_length=16
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.project"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="objects_brought",
                        to="artifacts.artifactversion",
                    ),
                ),
                (
                    "incoming_key",
                    models.CharField(blank=True, default="", help_text="Where the bytes arrive first.", max_length=200),
                ),
                (
                    "reserved_key",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="The key that clients know it by, where it is another.",
                        max_length=1400,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["created_at"], name="object_by_age")],
                "constraints": [
                    models.UniqueConstraint(fields=("key",), name="object_key_unique"),
                    models.CheckConstraint(condition=models.Q(("size__gte", 0)), name="object_size_is_natural"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["file", "pack"])), name="object_kind_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["expected", "uploaded"])), name="object_state_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("sha256__isnull", True), ("sha256__regex", "\\A[0-9a-f]{64}\\Z"), _connector="OR"
                        ),
                        name="object_sha256_is_hex",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("reserved_key", ""), _negated=True),
                        fields=("reserved_key",),
                        name="object_reserved_key_unique",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AliasProposal",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("alias", models.CharField(max_length=100)),
                ("reason", models.TextField(blank=True, default="")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("approved", "Approved"),
                            ("rejected", "Rejected"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="open",
                        max_length=16,
                    ),
                ),
                ("comment", models.TextField(blank=True, default="", help_text="Of who decided.")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("decided_at", models.DateTimeField(null=True)),
                (
                    "artifact",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alias_proposals",
                        to="artifacts.artifact",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "from_version",
                    models.ForeignKey(
                        help_text="Where the alias was; null: it did not exist.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="artifacts.artifactversion",
                    ),
                ),
                (
                    "proposed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "to_version",
                    models.ForeignKey(
                        help_text="Null: the alias is to go.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="artifacts.artifactversion",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["artifact", "state", "-id"], name="proposal_by_state")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "open")), fields=("artifact", "alias"), name="proposal_one_open"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["open", "approved", "rejected", "withdrawn"])),
                        name="proposal_state_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_at__isnull", True), ("decided_by__isnull", True), ("state", "open")),
                            models.Q(
                                models.Q(("state", "open"), _negated=True),
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="proposal_decided_by_somebody",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="FolderSummary",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("path", artifacts.models.path_fields.PathField(blank=True, max_length=1024)),
                ("entry_count", models.PositiveIntegerField(help_text="Files and folders that lie in it directly.")),
                ("file_count", models.PositiveIntegerField(help_text="All files below it.")),
                ("total_size", models.BigIntegerField(help_text="Bytes of all files below it.")),
                (
                    "version",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="folders",
                        to="artifacts.artifactversion",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("version", "path"), name="folder_path_unique")],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="SearchDocument",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "part",
                    models.CharField(
                        choices=[
                            ("text", "Names, descriptions, tags, keys and texts"),
                            ("files", "Paths of files, each in a line"),
                            ("reason", "The reason of a change of an alias"),
                        ],
                        max_length=8,
                    ),
                ),
                ("text", models.TextField(help_text="Case-folded.")),
                (
                    "artifact",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="artifacts.artifact",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.project"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.run"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="artifacts.artifactversion",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "indexes": [],
                "constraints": [],
            },
        ),
        migrations.CreateModel(
            name="SearchValue",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key", models.CharField(help_text="Case-folded.", max_length=200)),
                ("number", models.FloatField(null=True)),
                ("text", models.CharField(help_text="Case-folded, and cut.", max_length=200)),
                (
                    "artifact",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="artifacts.artifact",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.project"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.run"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="artifacts.artifactversion",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["project", "key", "number"], name="search_value_by_number"),
                    models.Index(fields=["project", "key", "text"], name="search_value_by_text"),
                ],
                "constraints": [],
            },
        ),
        migrations.CreateModel(
            name="AliasChange",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("alias", models.CharField(max_length=100)),
                ("number", models.PositiveIntegerField(help_text="The nth change of this alias.")),
                ("reason", models.TextField(blank=True, default="")),
                ("created_at", models.DateTimeField(help_text="Never before that of the change before.")),
                (
                    "changed_by",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "key",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.KNOX_TOKEN_MODEL,
                    ),
                ),
                (
                    "artifact",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="alias_changes",
                        to="artifacts.artifact",
                    ),
                ),
                (
                    "from_version",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="artifacts.artifactversion",
                    ),
                ),
                (
                    "to_version",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="artifacts.artifactversion",
                    ),
                ),
                ("artifact_name", models.CharField(help_text="`team/project/name` as it was.", max_length=300)),
                ("changed_by_name", models.CharField(blank=True, default="", max_length=64)),
                ("from_number", models.PositiveIntegerField(null=True)),
                ("key_name", models.CharField(blank=True, default="", max_length=100)),
                ("to_number", models.PositiveIntegerField(null=True)),
                (
                    "proposal",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="artifacts.aliasproposal",
                    ),
                ),
                (
                    "channel",
                    models.CharField(
                        choices=[
                            ("sdk", "SDK"),
                            ("api", "API"),
                            ("web", "Web"),
                            ("admin", "Admin"),
                            ("worker", "Worker"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "is_rollback",
                    models.BooleanField(help_text="Back to the version before; unknown of old changes.", null=True),
                ),
            ],
            options={
                "ordering": ["artifact_id", "alias", "-number"],
                "indexes": [models.Index(fields=["artifact", "-created_at"], name="alias_change_by_time")],
                "constraints": [
                    models.UniqueConstraint(fields=("artifact", "alias", "number"), name="alias_change_number_unique"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("from_number__isnull", False), ("to_number__isnull", False), _connector="OR"
                        ),
                        name="alias_change_is_a_change",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("from_number__isnull", True), ("from_version__isnull", True)),
                            models.Q(("from_number__isnull", False), ("from_version__isnull", False)),
                            _connector="OR",
                        ),
                        name="alias_change_from_is_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("to_number__isnull", True), ("to_version__isnull", True)),
                            models.Q(("to_number__isnull", False), ("to_version__isnull", False)),
                            _connector="OR",
                        ),
                        name="alias_change_to_is_whole",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Blob",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("size", models.BigIntegerField()),
                ("sha256", models.CharField(max_length=64, null=True)),
                ("md5", models.CharField(max_length=32, null=True)),
                ("offset", models.BigIntegerField(default=0)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("expected", "Expected"),
                            ("uploaded", "Uploaded"),
                            ("verified", "Verified"),
                            ("corrupt", "Corrupt"),
                        ],
                        default="expected",
                        max_length=16,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "claimed_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, help_text="When a file last asked for these bytes."
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="projects.project",
                    ),
                ),
                (
                    "object",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="blobs",
                        to="artifacts.storedobject",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["project", "sha256"], name="blob_by_sha256"),
                    models.Index(fields=["claimed_at"], name="blob_by_claim"),
                    models.Index(
                        condition=models.Q(
                            ("state", "uploaded"),
                            models.Q(("md5__isnull", True), ("state", "verified")),
                            _connector="OR",
                        ),
                        fields=["object"],
                        name="blob_unread",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "verified")),
                        fields=("project", "sha256", "size"),
                        name="blob_verified_unique",
                    ),
                    models.CheckConstraint(condition=models.Q(("size__gte", 0)), name="blob_size_is_natural"),
                    models.CheckConstraint(condition=models.Q(("offset__gte", 0)), name="blob_offset_is_natural"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("sha256__isnull", True), ("sha256__regex", "\\A[0-9a-f]{64}\\Z"), _connector="OR"
                        ),
                        name="blob_sha256_is_hex",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("md5__isnull", True), ("md5__regex", "\\A[0-9a-f]{32}\\Z"), _connector="OR"
                        ),
                        name="blob_md5_is_hex",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["expected", "uploaded", "verified", "corrupt"])),
                        name="blob_state_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state", "expected"), ("object__isnull", False), _connector="OR"),
                        name="blob_bytes_have_a_place",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "verified"), _negated=True), ("sha256__isnull", False), _connector="OR"
                        ),
                        name="blob_verified_is_hashed",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ArtifactFile",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("path", artifacts.models.path_fields.PathField(max_length=1024)),
                ("name", models.CharField(max_length=1024)),
                ("size", models.BigIntegerField()),
                ("mime_type", models.CharField(max_length=255)),
                ("reference_uri", models.CharField(max_length=2048, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "version",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="files",
                        to="artifacts.artifactversion",
                    ),
                ),
                (
                    "blob",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="files",
                        to="artifacts.blob",
                    ),
                ),
                (
                    "is_executable",
                    models.BooleanField(default=False, help_text="On the disk that it came from, for its owner."),
                ),
                ("sort_key", artifacts.models.path_fields.SortKeyField(default="", editable=False, max_length=3000)),
            ],
            options={
                "ordering": ["path"],
                "indexes": [models.Index(fields=["version", "sort_key"], name="file_by_sort_key")],
                "constraints": [
                    models.UniqueConstraint(fields=("version", "path"), name="file_path_unique"),
                    models.CheckConstraint(condition=models.Q(("size__gte", 0)), name="file_size_is_natural"),
                    models.CheckConstraint(
                        condition=models.Q(("path", ""), _negated=True), name="file_path_is_not_empty"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("blob__isnull", False), ("reference_uri__isnull", True)),
                            models.Q(("blob__isnull", True), ("reference_uri__isnull", False)),
                            _connector="OR",
                        ),
                        name="file_is_blob_or_reference",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ArtifactDownload",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("ip_address", models.GenericIPAddressField(null=True)),
                ("user_agent", models.CharField(blank=True, default="", max_length=300)),
                ("downloaded_at", models.DateTimeField(auto_now_add=True)),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "file",
                    models.ForeignKey(
                        help_text="None for a whole version.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="artifacts.artifactfile",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="downloads",
                        to="artifacts.artifactversion",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["version", "-downloaded_at"], name="download_by_version")],
                "constraints": [],
            },
        ),
        migrations.RunPython(_record_is_final.guard, _record_is_final.unguard),
        migrations.RunPython(_search.index_texts, _search.drop_index),
    ]
