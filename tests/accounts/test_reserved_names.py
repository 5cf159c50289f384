"""Names that became words of our own URLs after teams had them."""

from django.core import checks

from accounts.models import Team


def test_an_upgrade_names_the_teams_to_rename(alice, acme):
    assert checks.run_checks(tags=["database"], databases=["default"]) == []
    Team.objects.create(name="Lineage", display_name="", created_by=alice)

    [warning] = checks.run_checks(tags=["database"], databases=["default"])
    assert (warning.id, "'Lineage'" in warning.msg, "/admin/" in warning.hint) == ("accounts.W001", True, True)
    # Others are not asked about the database.
    assert "accounts.W001" not in {one.id for one in checks.run_checks()}
