"""Pages of a list that counts no further than `COUNT_LIMIT`: what is behind it is found by a filter or a search."""

from django.core.paginator import Paginator
from django.utils.functional import cached_property

from core import bounded_count


class BoundedPaginator(Paginator):
    """Costs the same however many rows there are, provided that an index has them in the order of the list."""

    @cached_property
    def count(self) -> int:
        return min(bounded_count.count(self.object_list), bounded_count.COUNT_LIMIT)
