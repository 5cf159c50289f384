"""`manage.py apply_retention`: what workers do every hour, now, or only said."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat, pluralize

from hierarchies import errors, retention
from hierarchies.models import Hierarchy


class Command(BaseCommand):
    help = "Delete the records that go by the retention rules of hierarchies, archived before where the rules say so."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("hierarchy", nargs="?", help="team/project/name; all hierarchies with rules if left out")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be deleted")

    def handle(self, *args: Any, hierarchy: str | None, dry_run: bool, **options: Any) -> None:
        for row in _chosen(hierarchy):
            if dry_run:
                self._preview(row)
                continue
            try:
                count = retention.apply(row.pk)
            except errors.StoreUnavailable as error:
                raise CommandError(f"{row.full_name}: {error}") from error
            self.stdout.write(f"{row.full_name}: {count:,} record{pluralize(count)} deleted.")

    def _preview(self, hierarchy: Hierarchy) -> None:
        plan = retention.dry_run(hierarchy)
        least = "" if plan.is_complete else "at least "
        self.stdout.write(
            f"{hierarchy.full_name}: {least}{plan.record_count:,} record{pluralize(plan.record_count)} would be "
            f"deleted, {filesizeformat(plan.size)} of data."
        )
        for level in plan.levels:
            more = "" if level.is_complete else "+"
            kept = [
                f"{number:,} stay for {reason}"
                for number, reason in (
                    (level.with_children, "what is below them"),
                    (level.with_version, "the versions that they refer to"),
                )
                if number
            ]
            line = f"  level {level.level} ({level.label}): {len(level.ids):,}{more}, {level.rule.what_goes}"
            self.stdout.write("; ".join([line, *kept]))


def _chosen(name: str | None) -> list[Hierarchy]:
    rows = Hierarchy.objects.for_display()
    if name is None:
        found = {row.pk: row for row in rows.filter(retention_rules__isnull=False)}
        return [found[pk] for pk in retention.due_hierarchies() if pk in found]
    team, _, rest = name.partition("/")
    project, _, own = rest.partition("/")
    hierarchy = rows.filter(project__team__name=team, project__name=project, name=own).first()
    if hierarchy is None:
        raise CommandError(f"There is no hierarchy {name!r}: give team/project/name.")
    return [hierarchy]
