"""Every error as application/problem+json (RFC 9457): what happened, and for input which field."""

import logging
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import DataError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from licensing.cssm.errors import CssmError, CssmRefused
from licensing.refusals import Refusal
from licensing.tasks import BrokerUnavailable

log = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler."""
    if isinstance(error, Refusal):
        set_rollback()
        if error.field:
            return problem(HTTPStatus.BAD_REQUEST, str(error), errors={error.field: [str(error)]})
        return problem(HTTPStatus.CONFLICT, error.message, next_step=error.next_step)
    if isinstance(error, CssmError):
        set_rollback()
        refused = isinstance(error, CssmRefused)
        status = HTTPStatus.CONFLICT if refused else HTTPStatus.SERVICE_UNAVAILABLE
        return problem(status, error.message, next_step=error.next_step)
    if isinstance(error, BrokerUnavailable):
        set_rollback()
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, error.message, next_step=error.next_step)
    if isinstance(error, DataError):
        set_rollback()
        return problem(HTTPStatus.BAD_REQUEST, "A value is too large or holds characters that cannot be stored.")
    response = exception_handler(error, context)
    if response is None:
        log.error("REST call failed", exc_info=error)
        set_rollback()
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "The portal made an error. It has been logged.")
    return _from_drf(error, response)


def problem(status: int, detail: str, **members: Any) -> Response:
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": int(status), "detail": detail}
    return Response({**body, **members}, status=status, content_type=CONTENT_TYPE)


def _from_drf(error: Exception, response: Response) -> Response:
    headers = {name: value for name, value in response.headers.items() if name.lower() != "content-type"}
    if isinstance(error, exceptions.ValidationError):
        errors = response.data if isinstance(response.data, dict) else {"non_field_errors": response.data}
        answer = problem(HTTPStatus.BAD_REQUEST, "The input is not accepted.", errors=errors)
    elif isinstance(error, Http404):
        answer = problem(HTTPStatus.NOT_FOUND, "There is no such object.")
    elif isinstance(error, PermissionDenied):
        answer = problem(HTTPStatus.FORBIDDEN, "Your role, or the scope of this token, does not allow this.")
    else:
        answer = problem(response.status_code, str(getattr(error, "detail", "")))
    for name, value in headers.items():
        answer[name] = value
    return answer
