"""The names of files that `run_data` lets runs save, without all that saves them."""

CONFIG = "config.yaml"
NOTES = "notes.md"
TABLE = "media/table/predictions_11_0.table.json"
PAGE = "media/html/report_11_0.html"
IMAGE = "media/images/samples_11_0.png"
