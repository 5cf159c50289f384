"""What a run was started with: the command, and the versions of Python and its packages."""

from django.db import models

from projects.validators import validate_packages


class RunEnvironment(models.Model):
    """A row of its own, since lists of runs need none of it."""

    run = models.OneToOneField("projects.Run", on_delete=models.CASCADE, primary_key=True, related_name="environment")
    command = models.CharField(max_length=4096, blank=True)
    python_version = models.CharField(max_length=64, blank=True)
    packages = models.JSONField(default=dict, blank=True, validators=[validate_packages], help_text="Version by name.")

    def __str__(self) -> str:
        return self.command
