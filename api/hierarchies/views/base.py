"""What all views of one hierarchy share: it is found, and its operation is on, before they begin."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.actor import Actor
from core.client_ip import client_network
from hierarchies import access
from hierarchies.models import Hierarchy


def person(request: Request) -> str:
    """Whose slots a long response takes: visitors of one network share theirs."""
    return str(request.user.pk) if request.user.is_authenticated else f"visitor {client_network(request.META)}"


class HierarchyView(APIView):
    """`operations` has what a method does, by which it can be switched off; `only_reads` is for POST that reads."""

    operations: ClassVar[dict[str, str]] = {}
    only_reads: ClassVar[bool] = False
    # By the permission.
    hierarchy: Hierarchy | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # What is switched off is known by now.
        self.headers = self.default_response_headers
        if operation := self._operation(request.method):
            access.require(Actor.from_api(request), self.hierarchy, operation)

    @property
    def allowed_methods(self) -> list[str]:
        """For the header `Allow`: without those that are switched off."""
        methods = super().allowed_methods
        if self.hierarchy is None:
            return methods
        return [name for name in methods if not (done := self._operation(name)) or self.hierarchy.is_on(done)]

    def _operation(self, method: str) -> str | None:
        return self.operations.get("GET" if method == "HEAD" else method)
