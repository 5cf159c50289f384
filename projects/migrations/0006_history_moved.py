from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("projects", "0005_runs_of_the_official_client"), ("tracking", "0002_move_history")]

    operations = [
        migrations.DeleteModel("HistoryBatch"),
        migrations.DeleteModel("HistoryWriter"),
        migrations.RemoveField("run", "history_size"),
    ]
