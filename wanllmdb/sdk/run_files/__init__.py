"""The files of a run: what `save` keeps, and the media that `log` is given."""
