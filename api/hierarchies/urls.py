"""URLs of hierarchies under /api/v1/."""

from django.urls import path

from api.hierarchies.views import hierarchies

urlpatterns = [
    path("hierarchies", hierarchies.HierarchyList.as_view(), name="hierarchies"),
    path("hierarchies/<uuid:hierarchy_id>", hierarchies.HierarchyDetail.as_view(), name="hierarchy"),
]
