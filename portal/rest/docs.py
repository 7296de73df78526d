"""The list of collections, the schema, its page, and what answers under /api/ where nothing is."""

from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpResponse
from django.urls import Resolver404, resolve
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from people.gate import Need
from people.tokens import TokenAuthentication


class Collections(APIView):
    """The collections and where they are."""

    names: tuple[str, ...] = ()
    write_need = Need.READ  # nothing is written here: whoever may read is told so

    @extend_schema(responses={200: {"type": "object", "additionalProperties": {"type": "string", "format": "uri"}}})
    def get(self, request: Request) -> Response:
        return Response({name: reverse(f"api-{name}-list", request=request) for name in self.names})


class SchemaPage(SpectacularAPIView):  # type: ignore[misc]
    """For a program's token and for a signed-in person: it shows no partner's data, but strangers need not read it."""

    authentication_classes = [TokenAuthentication, SessionAuthentication]


class DocsPage(SpectacularSwaggerSplitView):  # type: ignore[misc]
    """In two answers, page and script: the policy of content allows no script within a page."""

    authentication_classes = [TokenAuthentication, SessionAuthentication]
    url_name = "schema"

    def handle_exception(self, error: Exception) -> Any:
        if isinstance(error, NotAuthenticated):
            return redirect_to_login(self.request.get_full_path())
        return super().handle_exception(error)


@extend_schema(exclude=True)
class Nowhere(APIView):
    """An address without its closing slash is sent on, body and all; any other is a 404 like all errors here."""

    write_need = Need.READ  # whoever may read is told that nothing is here

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise Http404

    def handle_exception(self, error: Exception) -> Any:
        path = self.request.path
        if isinstance(error, Http404) and not path.endswith("/") and _is_somewhere(f"{path}/"):
            query = self.request.META.get("QUERY_STRING", "")
            target = f"{path}/?{query}" if query else f"{path}/"
            return HttpResponse(status=308, headers={"Location": target})
        return super().handle_exception(error)


def _is_somewhere(path: str) -> bool:
    try:
        return getattr(resolve(path).func, "cls", None) is not Nowhere
    except Resolver404:
        return False
