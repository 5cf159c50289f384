"""A foreign key of several columns stays in its table, also where SQLite makes that anew for a migration."""

import pytest
from django.db import IntegrityError, connection, models, transaction
from django.test.utils import isolate_apps

from core import straight_deletes
from core.composite_foreign_keys import CompositeForeignKey

KEY = CompositeForeignKey(
    relation="parent", fields=["owner", "parent"], to_fields=["owner", "id"], name="row_is_with_its_parent"
)


UNIQUE = models.UniqueConstraint(fields=["owner", "id"], name="row_owner_unique")


def is_kept(rows):
    """Whether the database refuses a parent of another owner."""
    try:
        with transaction.atomic():
            parent = rows.objects.create(owner=1)
            rows.objects.create(owner=1, parent=parent)
            connection.check_constraints()
            rows.objects.create(owner=2, parent=parent)
            connection.check_constraints()
    except IntegrityError:
        return True
    straight_deletes.delete(rows.objects.all())
    return False


@pytest.mark.django_db(transaction=True)
@isolate_apps("core")
def test_it_is_made_with_the_table_added_later_and_removed_again():
    class Row(models.Model):
        owner = models.IntegerField()
        parent = models.ForeignKey("self", models.PROTECT, null=True, db_constraint=False)

        class Meta:
            app_label = "core"
            constraints = [UNIQUE, KEY]

    def change(act, *what, constraints=(UNIQUE, KEY)):
        """SQLite makes the table anew for most of these, with the constraints that the model has then."""
        Row._meta.constraints = list(constraints)
        with connection.schema_editor() as editor:
            getattr(editor, act)(Row, *what)

    change("create_model")
    try:
        assert is_kept(Row)
        longer = models.BigIntegerField()
        longer.set_attributes_from_name("owner")
        longer.model = Row
        change("alter_field", Row._meta.get_field("owner"), longer)
        assert is_kept(Row)
        change("remove_constraint", KEY, constraints=[UNIQUE])
        assert not is_kept(Row)
        change("add_constraint", KEY)
        assert is_kept(Row)
    finally:
        change("delete_model")


def test_two_of_the_same_arguments_are_the_same():
    """Otherwise each `makemigrations` would write it once more."""
    path, args, kwargs = KEY.deconstruct()
    assert path == "core.composite_foreign_keys.CompositeForeignKey"
    assert CompositeForeignKey(*args, **kwargs) == KEY
    assert CompositeForeignKey(**kwargs | {"name": "other"}) != KEY
