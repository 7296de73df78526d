"""Serve the usage report in REST."""

from rest_framework import mixins, serializers
from rest_framework.viewsets import GenericViewSet

from kit.rest.fields import AsOf
from kit.rest.filters import LinkFilter
from kit.rest.paging import PastCursor
from licensing.mirror.filters import UsageFilter
from licensing.mirror.models import InstanceUsage


def link(source: str, allow_null: bool = False) -> serializers.IntegerField:
    return serializers.IntegerField(source=source, read_only=True, allow_null=allow_null)


def name(source: str, allow_null: bool = False) -> serializers.CharField:
    return serializers.CharField(source=source, read_only=True, allow_null=allow_null)


USE_FIELDS = ("id", "license", "license_name", "quantity")
CONSUMER_FIELDS = ("product_instance", "host_name")
POOL_FIELDS = ("virtual_account", "virtual_account_name", "smart_account", "smart_account_name")
OWNER_FIELDS = ("cluster", "cluster_name", "customer", "customer_name")


class UsageSerializer(serializers.ModelSerializer[InstanceUsage]):
    """One use of a license. It has names as well as links, so that the report can be read on its own."""

    license = link("license_id", allow_null=True)
    product_instance = link("product_instance_id", allow_null=True)
    host_name = name("product_instance.host_name")
    virtual_account = link("product_instance.virtual_account_id")
    virtual_account_name = name("product_instance.virtual_account.name")
    smart_account = link("product_instance.virtual_account.smart_account_id")
    smart_account_name = name("product_instance.virtual_account.smart_account.name")
    cluster = link("product_instance.cluster_id", allow_null=True)
    cluster_name = name("product_instance.cluster.name", allow_null=True)
    customer = link("product_instance.cluster.customer_id", allow_null=True)
    customer_name = name("product_instance.cluster.customer.name", allow_null=True)
    as_of = AsOf("product_instance.virtual_account.smart_account")

    class Meta:
        model = InstanceUsage
        fields = [*USE_FIELDS, *CONSUMER_FIELDS, *POOL_FIELDS, *OWNER_FIELDS, "as_of"]


class UsageFilters(UsageFilter):
    """The filters of the page, and one for every link of a row."""

    license = LinkFilter()
    product_instance = LinkFilter()
    virtual_account = LinkFilter(field_name="product_instance__virtual_account")
    smart_account = LinkFilter(field_name="product_instance__virtual_account__smart_account")
    cluster = LinkFilter(field_name="product_instance__cluster")
    customer = LinkFilter(field_name="product_instance__cluster__customer")


class Usage(mixins.ListModelMixin, GenericViewSet[InstanceUsage]):
    """List which products use which licenses now, over all smart accounts.

    An id ends when a sync finds the usage of its product changed; what changes between two pages may come twice.
    At a day in the past, `as_of`, a row is what one cluster used of a license in a virtual account. Its
    `product_instance` is null and its `host_name` empty: use is recorded by cluster.
    """

    queryset = InstanceUsage.objects.current()
    serializer_class = UsageSerializer
    filterset_class = UsageFilters
    pagination_class = PastCursor
