from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_former_numbers_from_zero"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="is_service_account",
            field=models.BooleanField(
                default=False, editable=False, help_text="For programs: belongs to one team, and cannot sign in."
            ),
        ),
    ]
