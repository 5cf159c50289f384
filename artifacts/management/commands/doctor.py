"""`manage.py doctor`: what keeps this server from working well, and what to change."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from artifacts import diagnosis

_MARKS = {"ok": "✓", "warning": "!", "failed": "×"}


class Command(BaseCommand):
    help = "Find out what keeps this server from working well. Leaves nothing behind; exit code 1 if something failed."
    # It says by itself what is wrong with the settings, and with the tables.
    requires_system_checks: tuple = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = []
        for finding in diagnosis.run():
            findings.append(finding)
            if not options["json"]:
                self.stdout.write(f"{_MARKS[finding.status]} {finding.check:17}{finding.message}")
                if finding.advice:
                    self.stdout.write(f"  {'':17}→ {finding.advice}")
        has_failed = any(finding.status == "failed" for finding in findings)
        if options["json"]:
            payload = {"ok": not has_failed, "findings": [asdict(finding) for finding in findings]}
            self.stdout.write(json.dumps(payload, indent=2))
        if has_failed:
            sys.exit(1)
