"""Answer the list of collections, the schema, its page, and every unknown address under /api/."""

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
    """List the collections with their addresses."""

    names: tuple[str, ...] = ()
    write_need = Need.READ  # nothing is written here, so readers learn that (405)

    @extend_schema(responses={200: {"type": "object", "additionalProperties": {"type": "string", "format": "uri"}}})
    def get(self, request: Request) -> Response:
        return Response({name: reverse(f"api-{name}-list", request=request) for name in self.names})


class SchemaPage(SpectacularAPIView):  # type: ignore[misc]
    """Return the schema to programs with a token and to signed-in users. It holds no data, but is not public."""

    authentication_classes = [TokenAuthentication, SessionAuthentication]


class DocsPage(SpectacularSwaggerSplitView):  # type: ignore[misc]
    """Show the documentation in two answers, page and script, because the content policy allows no inline script."""

    authentication_classes = [TokenAuthentication, SessionAuthentication]
    url_name = "schema"

    def handle_exception(self, error: Exception) -> Any:
        if isinstance(error, NotAuthenticated):
            return redirect_to_login(self.request.get_full_path())
        return super().handle_exception(error)


@extend_schema(exclude=True)
class Nowhere(APIView):
    """Redirect an address that lacks its closing slash, with its body. Answer any other address with a 404."""

    write_need = Need.READ  # readers learn that nothing is here

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
