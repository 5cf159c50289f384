"""URLs of the pages about runs."""

from django.urls import path

from web.converters import PROJECT
from web.runs.views import charts, compare, console, files, media, run, run_list

urlpatterns = [
    path(f"{PROJECT}/runs", run_list.run_list, name="project-runs"),
    path(f"{PROJECT}/run-tags", run_list.tag_selected, name="runs-tag"),
    path(f"{PROJECT}/run-deletion", run_list.delete_selected, name="runs-delete"),
    path(f"{PROJECT}/run-columns", run_list.columns, name="run-columns"),
    path(f"{PROJECT}/run-grouping", run_list.grouping, name="run-grouping"),
    path(f"{PROJECT}/run-comparison", compare.compare, name="runs-compare"),
    path(f"{PROJECT}/runs.csv", run_list.runs_csv, name="runs-csv"),
    path(f"{PROJECT}/runs/<str:name>", run.run_page, name="run"),
    path(f"{PROJECT}/runs/<str:name>/charts", charts.charts, name="run-charts"),
    path(f"{PROJECT}/runs/<str:name>/chart", charts.chart, name="run-chart"),
    path(f"{PROJECT}/runs/<str:name>/system", charts.system, name="run-system"),
    path(f"{PROJECT}/runs/<str:name>/system-chart", charts.system_chart, name="run-system-chart"),
    path(f"{PROJECT}/runs/<str:name>/edit", run.edit, name="run-edit"),
    path(f"{PROJECT}/runs/<str:name>/stop", run.stop, name="run-stop"),
    path(f"{PROJECT}/runs/<str:name>/delete", run.delete, name="run-delete"),
    path(f"{PROJECT}/runs/<str:name>/console", console.console_page, name="run-console"),
    path(f"{PROJECT}/runs/<str:name>/console/download", console.download, name="run-console-download"),
    path(f"{PROJECT}/runs/<str:name>/media", media.media_page, name="run-media"),
    path(f"{PROJECT}/runs/<str:name>/files", files.file_list, name="run-files"),
    path(f"{PROJECT}/runs/<str:name>/file-deletion", files.delete_selected, name="run-files-delete"),
    path(f"{PROJECT}/runs/<str:name>/files/<path:path>", files.file_page, name="run-file"),
    path(f"{PROJECT}/runs/<str:name>/download/<path:path>", files.file_download, name="run-file-download"),
    path(f"{PROJECT}/runs/<str:name>/image/<path:path>", files.file_image, name="run-file-image"),
    path(f"{PROJECT}/runs/<str:name>/raw/<path:path>", files.file_raw, name="run-file-raw"),
    path(f"{PROJECT}/runs/<str:name>/frame/<path:path>", files.file_frame, name="run-file-frame"),
]
