"""Serve statements in REST: issue, read, download, and make expiring links."""

from typing import Any

import django_filters
from django.http import HttpResponse
from django.urls import path, reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ReadOnlyModelViewSet

from kit.files import XLSX_TYPE
from kit.rest.fields import Link, Strict
from kit.rest.filters import LinkFilter
from licensing.fleet.models import Customer
from licensing.statements import issuing, links
from licensing.statements.models import Statement
from licensing.statements.pages.statements import file_of
from people import audit
from people.gate import Need

FIELDS = ("id", "number", "customer", "customer_name", "period_start", "period_end", "issued_at", "issued_by_name")
FILES = ("pdf", "xlsx", "csv", "txt")


class FilesSerializer(serializers.Serializer[Any]):
    """Addresses that answer to the same token. `txt` holds HCM-F's service-inventory lines."""

    pdf = serializers.URLField()
    xlsx = serializers.URLField()
    csv = serializers.URLField()
    txt = serializers.URLField()


class StatementSerializer(serializers.ModelSerializer[Statement]):
    corrected_by = serializers.SerializerMethodField()
    files = serializers.SerializerMethodField()

    class Meta:
        model = Statement
        fields = [*FIELDS, "sha256", "corrects", "corrected_by", "reason", "files"]
        read_only_fields = fields
        extra_kwargs: dict[str, Any] = {"sha256": {"help_text": "That of the PDF."}}

    @extend_schema_field({"type": "integer", "nullable": True})
    def get_corrected_by(self, statement: Statement) -> int | None:
        later = getattr(statement, "corrected_by", None)
        return later.pk if later else None

    @extend_schema_field(FilesSerializer)
    def get_files(self, statement: Statement) -> dict[str, str]:
        request = self.context["request"]
        return {
            name: request.build_absolute_uri(reverse(f"api-statement-{name}", args=[statement.pk])) for name in FILES
        }


class NewStatementSerializer(Strict, serializers.Serializer[Any]):
    """A customer and a period of UTC days, both included. With `corrects`, it replaces that statement."""

    customer = Link(Customer)
    period_start = serializers.DateField()
    period_end = serializers.DateField()
    corrects = Link(Statement, required=False, allow_null=True)
    reason = serializers.CharField(max_length=issuing.REASON_LENGTH, required=False, allow_blank=True, default="")


class NewLinkSerializer(Strict, serializers.Serializer[Any]):
    expires_after_days = serializers.IntegerField(min_value=1, max_value=links.MOST_DAYS, default=links.DEFAULT_DAYS)


class LinkSerializer(serializers.Serializer[Any]):
    """The address is shown this one time: the portal keeps only a digest of its secret."""

    id = serializers.IntegerField()
    statement = serializers.IntegerField()
    address = serializers.URLField()
    expires_at = serializers.DateTimeField()


class StatementFilters(django_filters.FilterSet):
    customer = LinkFilter()
    number = django_filters.CharFilter()
    corrects = LinkFilter()
    period_start = django_filters.DateFilter()
    period_end = django_filters.DateFilter()


class Statements(ReadOnlyModelViewSet[Statement]):
    """What a customer used, held and owed over a period. A statement never changes; correct it with a new one."""

    queryset = Statement.objects.plain().select_related("corrected_by").defer("content", "corrected_by__content")
    serializer_class = StatementSerializer
    filterset_class = StatementFilters
    write_need = Need.OPERATE

    @extend_schema(request=NewStatementSerializer, responses={201: StatementSerializer})
    def create(self, request: Request) -> Response:
        """Issue a statement, or with `corrects` a new one that replaces an earlier one of the same customer."""
        new = NewStatementSerializer(data=request.data)
        new.is_valid(raise_exception=True)
        values = new.validated_data
        made = issuing.issue(
            audit.actor_of(request),
            values["customer"],
            values["period_start"],
            values["period_end"],
            values.get("corrects"),
            values["reason"],
        )
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=NewLinkSerializer, responses={201: LinkSerializer})
    @action(detail=True, methods=["post"])
    def link(self, request: Request, pk: int) -> Response:
        """Make an address that shows this statement without a sign-in, until it expires."""
        new = NewLinkSerializer(data=request.data)
        new.is_valid(raise_exception=True)
        days = new.validated_data["expires_after_days"]
        link, where = links.make(audit.actor_of(request), self.get_object(), days)
        answer = {
            "id": link.pk,
            "statement": link.statement_id,
            "address": request.build_absolute_uri(where),
            "expires_at": link.expires_at,
        }
        return Response(LinkSerializer(answer).data, status=status.HTTP_201_CREATED)


class AsItIs(BaseContentNegotiation):
    """Answer a file whatever a program says it accepts. Errors are problems in JSON, as everywhere."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class StatementFiles(GenericViewSet[Statement]):
    queryset = Statement.objects.all()
    serializer_class = StatementSerializer
    content_negotiation_class = AsItIs
    filter_backends = ()
    pagination_class = None

    def _file(self, format_: str) -> HttpResponse:
        return file_of(self.get_object(), format_)

    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    def pdf(self, request: Request, pk: int) -> HttpResponse:
        """Return the PDF, byte for byte as it was issued."""
        return self._file("pdf")

    @extend_schema(responses={(200, XLSX_TYPE): OpenApiTypes.BINARY})
    def xlsx(self, request: Request, pk: int) -> HttpResponse:
        """Return the frozen figures as a spreadsheet."""
        return self._file("xlsx")

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.BINARY})
    def csv(self, request: Request, pk: int) -> HttpResponse:
        """Return the frozen figures as CSV."""
        return self._file("csv")

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.BINARY})
    def txt(self, request: Request, pk: int) -> HttpResponse:
        """Return the frozen figures as lines of HCM-F's service inventory."""
        return self._file("txt")


ROUTES = [
    path(f"statements/<int:pk>/{name}/", StatementFiles.as_view({"get": name}), name=f"api-statement-{name}")
    for name in FILES
]
