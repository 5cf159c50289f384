"""The WSGI application that the web server serves."""

import gc
import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wanllmdb.settings")

django = get_wsgi_application()
application = import_string("api.fast_path.wsgi.AliasFastPath")(django)
# All views are loaded before the first request. What is loaded stays, so the garbage collector need not walk it again:
# doing so stopped a worker for 80 ms every twenty lists of artifacts.
import_module(settings.ROOT_URLCONF)
gc.collect()
gc.freeze()
