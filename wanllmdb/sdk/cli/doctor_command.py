"""`wanllmdb doctor`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from wanllmdb.sdk.cli.options import Json, connect
from wanllmdb.sdk.cli.output import print_result
from wanllmdb.sdk.console import Console
from wanllmdb.sdk.diagnosis import Diagnosis, Finding, configured_mode

_MARKS = {"ok": "✓", "warning": "!", "failed": "×", "skipped": "-"}


def diagnose(
    project: Annotated[
        str | None, typer.Argument(help="team/project: also look at what you may do there. Default: of the settings.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Find out what keeps this machine from working with the server. Nothing is left behind.

    Exit code 1 if something failed; warnings alone are no failure.
    """
    findings = []
    for finding in [configured_mode(), *Diagnosis(connect(as_json), project).run()]:
        if finding is not None:
            findings.append(finding)
            if not as_json:
                _print(finding)
    if as_json:
        is_ok = not _has_failed(findings)
        print_result({"ok": is_ok, "findings": [asdict(finding) for finding in findings]}, as_json, [])
    if _has_failed(findings):
        raise typer.Exit(1)


def _has_failed(findings: list[Finding]) -> bool:
    return any(finding.status == "failed" for finding in findings)


def _print(finding: Finding) -> None:
    reason = f"skipped: {finding.message}" if finding.status == "skipped" else finding.message
    Console().info(f"{_MARKS[finding.status]} {finding.check:12}{reason}")
    if finding.advice:
        Console().info(f"  {'':12}→ {finding.advice}")
