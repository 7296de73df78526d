"""Limit what browsers may load and run: one header on every answer, strict unless its address is listed here."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

HEADER = "Content-Security-Policy"
HERE_ALONE = "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
STRICT = f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; {HERE_ALONE}"
# Pages that others draw: Unfold evaluates its attributes, and both it and Swagger set styles on elements.
SWAGGER = f"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; {HERE_ALONE}"
UNFOLD = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline';"
    f" img-src 'self' data:; font-src 'self'; {HERE_ALONE}"
)
LOOSER = {"/admin/": UNFOLD, "/api/docs/": SWAGGER}


class ContentPolicyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers[HEADER] = policy_of(request.path)
        return response


def policy_of(path: str) -> str:
    return next((policy for start, policy in LOOSER.items() if path.startswith(start)), STRICT)
