"""Serve positions in REST, of all and of one customer or cluster."""

import zlib
from collections.abc import Sequence
from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from kit.rest.fields import MAX_ID
from kit.rest.filters import PAGING, check_known
from licensing.allocation.engine import license_of
from licensing.allocation.license_names import CURRENT
from licensing.figures.dates import open_books_of
from licensing.figures.positions import Books, By, Position
from licensing.fleet.models import Cluster, Customer

HELP = "How each figure is counted: docs/figures.md of the portal. Null: not defined for this kind of row."
FIGURES = (
    "owned",
    "ordered",
    "delivered",
    "undelivered",
    "used",
    "covered_by_own",
    "covered_by_higher",
    "covered_by_dual_parenting",
    "lent",
    "short_by_cisco",
    "short_with_borrowing",
    "true_forward",
    "used_by_cisco",
    "unexplained_use",
)
NULLABLE = {"owned", "ordered", "delivered", "undelivered", "true_forward", "used_by_cisco", "unexplained_use"}


class PositionSerializer(serializers.Serializer[Any]):
    by = serializers.ChoiceField([(by.value, by.value) for by in By])
    id = serializers.IntegerField(allow_null=True, help_text="Of the customer, cluster, virtual account or license.")
    name = serializers.CharField()
    license_name = serializers.CharField(help_text="Spellings of one license count together.")
    as_of = serializers.DateTimeField(allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        as_of = fields.pop("as_of")
        for name in FIGURES:
            fields[name] = serializers.IntegerField(allow_null=name in NULLABLE)
        return {**fields, "as_of": as_of}


class AskedSerializer(serializers.Serializer[Any]):
    by = serializers.ChoiceField([(by.value, by.value) for by in By], default=By.LICENSE.value)
    as_of = serializers.DateField(required=False, help_text="The end of this UTC day. Left out: now.")
    smart_account = serializers.IntegerField(min_value=1, max_value=MAX_ID, required=False)
    virtual_account = serializers.IntegerField(min_value=1, max_value=MAX_ID, required=False)
    customer = serializers.IntegerField(min_value=1, max_value=MAX_ID, required=False)
    license_name = serializers.CharField(required=False, help_text="In any spelling.")


class AsOfSerializer(serializers.Serializer[Any]):
    as_of = serializers.DateField(required=False, help_text="The end of this UTC day. Left out: now.")


class Numbered:
    """Position rows in the form that the cursor of REST pages through: each has a number that stays."""

    def __init__(self, rows: Sequence[Position]) -> None:
        self._rows = sorted(((number_of(row), row) for row in rows), key=lambda pair: pair[0])

    def filter(self, *, id__gt: int | None = None, id__lt: int | None = None) -> "Numbered":
        kept = Numbered(())
        kept._rows = [
            (number, row)
            for number, row in self._rows
            if (id__gt is None or number > id__gt) and (id__lt is None or number < id__lt)
        ]
        return kept

    def order_by(self, column: str) -> list["NumberedRow"]:
        return [NumberedRow(*pair) for pair in (reversed(self._rows) if column.startswith("-") else self._rows)]


class NumberedRow:
    def __init__(self, number: int, row: Position) -> None:
        self.pk, self.row = number, row

    def __getattr__(self, name: str) -> Any:
        return getattr(self.row, name)


def number_of(row: Position) -> int:
    """Return the number of a row: its owner's id, then what the name of its license makes."""
    return ((row.id or 0 if row.by != By.LICENSE else 0) << 32) + zlib.crc32(row.license.encode()) + 1


class Positions(GenericViewSet[Any]):
    """List what each customer, cluster, virtual account or license holds, uses and owes.

    For each license, `used` of every `by` adds up to the same total. The row whose `id` is null holds what belongs to
    no customer or cluster.
    """

    serializer_class = PositionSerializer
    filter_backends = ()
    queryset = Customer.objects.none()

    @extend_schema(parameters=[AskedSerializer], responses=PositionSerializer(many=True))
    def list(self, request: Request) -> Response:
        check_known(request, PAGING | set(AskedSerializer().fields))
        asked = AskedSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        books = open_books_of(
            wanted.get("as_of"),
            smart_account=wanted.get("smart_account"),
            virtual_account=wanted.get("virtual_account"),
        )
        rows = _chosen(books, By(wanted["by"]), wanted.get("customer"), wanted.get("license_name"))
        page = self.paginate_queryset(Numbered(rows))  # type: ignore[arg-type]
        return self.get_paginated_response(PositionSerializer(page, many=True).data)


class CustomerPosition(GenericViewSet[Any]):
    serializer_class = PositionSerializer
    queryset = Customer.objects.all()
    pagination_class = None
    filter_backends = ()

    @extend_schema(
        operation_id="customers_position_list", parameters=[AsOfSerializer], responses=PositionSerializer(many=True)
    )
    def retrieve(self, request: Request, pk: int) -> Response:
        """Return the position of one customer, a row for each license."""
        found = get_object_or_404(Customer, pk=pk)
        return Response(PositionSerializer(_books(request, found.pk).of_customer(found.pk), many=True).data)


class ClusterPosition(GenericViewSet[Any]):
    serializer_class = PositionSerializer
    queryset = Cluster.objects.all()
    pagination_class = None
    filter_backends = ()

    @extend_schema(
        operation_id="clusters_position_list", parameters=[AsOfSerializer], responses=PositionSerializer(many=True)
    )
    def retrieve(self, request: Request, pk: int) -> Response:
        """Return the position of one cluster, a row for each license."""
        found = get_object_or_404(Cluster, pk=pk)
        return Response(PositionSerializer(_books(request, found.customer_id).of_cluster(found.pk), many=True).data)


def _books(request: Request, customer: int) -> Books:
    check_known(request, {"as_of"})
    asked = AsOfSerializer(data=request.query_params)
    asked.is_valid(raise_exception=True)
    return open_books_of(asked.validated_data.get("as_of"), customer=customer)


def _chosen(books: Books, by: By, customer: int | None, license_name: str | None) -> Sequence[Position]:
    rows = books.positions(by) if customer is None else books.of_customer_by(customer, by)
    if license_name is None:
        return rows
    tag = license_of(license_name, CURRENT)
    return [row for row in rows if row.license == tag]


ROUTES = [
    path("customers/<int:pk>/position/", CustomerPosition.as_view({"get": "retrieve"})),
    path("clusters/<int:pk>/position/", ClusterPosition.as_view({"get": "retrieve"})),
]
