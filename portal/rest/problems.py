"""Answer every error as application/problem+json (RFC 9457): what happened, what to do next, and which field."""

import logging
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.signals import got_request_exception
from django.db import DataError, IntegrityError
from django.http import Http404, JsonResponse
from rest_framework import exceptions
from rest_framework.views import set_rollback

from kit.broker import BrokerUnavailable
from kit.refusals import Refusal
from kit.rest.parsing import TooLarge
from licensing.assignments.checks import NotAssignable
from licensing.cisco.errors import CssmError, CssmRefused
from people.gate import GatePermission

log = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"
WHOLE = "non_field_errors"


def handle(error: Exception, context: dict[str, Any]) -> JsonResponse:
    """Answer an error of REST. It is no response of DRF, so it reads the same whatever format was asked for."""
    set_rollback()
    if isinstance(error, exceptions.APIException):
        return _answer_rest_framework(error)
    if isinstance(error, Refusal):
        return _answer_refusal(error)
    if isinstance(error, CssmError):
        status = HTTPStatus.CONFLICT if isinstance(error, CssmRefused) else HTTPStatus.SERVICE_UNAVAILABLE
        return problem(status, error.message, next_step=error.next_step)
    if isinstance(error, BrokerUnavailable):
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, error.message, next_step=error.next_step)
    return _answer_django(error, context)


def problem(status: int, detail: str, **members: Any) -> JsonResponse:
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": int(status), "detail": detail}
    return JsonResponse({**body, **members}, status=status, content_type=CONTENT_TYPE)


def _answer_refusal(error: Refusal) -> JsonResponse:
    """Answer a refusal of one input as an error of that field, and any other as a conflict."""
    if isinstance(error, NotAssignable):
        return _answer_reasons(error)
    if error.field:
        errors = {error.field: [str(error)]}
        return problem(HTTPStatus.BAD_REQUEST, error.message, next_step=error.next_step, errors=errors)
    guarded = {"blockers": error.blockers, "steps": error.steps} if error.blockers else {}
    return problem(HTTPStatus.CONFLICT, error.message, next_step=error.next_step, **guarded)


def _answer_reasons(error: NotAssignable) -> JsonResponse:
    """Answer all reasons at once: as errors of fields if each concerns one, else as a conflict."""
    errors: dict[str, list[str]] = {}
    for reason in error.reasons:
        errors.setdefault(reason.field, []).append(str(reason))
    members = {"next_step": error.next_step, "reasons": [asdict(reason) for reason in error.reasons]}
    if "" in errors:
        return problem(HTTPStatus.CONFLICT, error.message, **members)
    return problem(HTTPStatus.BAD_REQUEST, error.message, errors=errors, **members)


def _answer_rest_framework(error: exceptions.APIException) -> JsonResponse:
    if isinstance(error, exceptions.ValidationError):
        errors = flat(error.detail)
        detail = "; ".join(f"{name}: {' '.join(messages)}" for name, messages in errors.items())
        return problem(HTTPStatus.BAD_REQUEST, detail[:1000], errors=errors)
    answer = problem(error.status_code, str(error.detail))
    if isinstance(error, exceptions.ParseError):
        answer = problem(HTTPStatus.BAD_REQUEST, str(error.detail), errors={})
    if scheme := getattr(error, "auth_header", None):
        answer["WWW-Authenticate"] = scheme
    if wait := getattr(error, "wait", None):
        answer["Retry-After"] = str(int(wait) + 1)
    return answer


def _answer_django(error: Exception, context: dict[str, Any]) -> JsonResponse:
    if isinstance(error, Http404):
        return problem(HTTPStatus.NOT_FOUND, "There is no such object.")
    if isinstance(error, PermissionDenied):
        return problem(HTTPStatus.FORBIDDEN, GatePermission.message)
    if isinstance(error, RequestDataTooBig):
        return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TooLarge.default_detail)
    if isinstance(error, DataError):
        detail = "A value is too large or holds characters that cannot be stored."
        return problem(HTTPStatus.BAD_REQUEST, detail, errors={WHOLE: [detail]})
    if isinstance(error, IntegrityError):
        detail = "Another request changed the same objects at this moment, so nothing was saved."
        return problem(HTTPStatus.CONFLICT, detail, next_step="Read them again, then repeat what still applies.")
    log.error("REST call failed", exc_info=error)
    # Error trackers listen to Django's own signal; so does the test client, which then raises.
    got_request_exception.send(sender=type(context.get("view")), request=context.get("request"))
    detail = "The portal failed. The error has been logged."
    step = "If it happens again, tell the people who run this portal."
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail, next_step=step)


def flat(detail: Any, path: str = "") -> dict[str, list[str]]:
    """Return DRF's nested errors as {"nodes.0.host_name": [messages]}."""
    if isinstance(detail, dict):
        parts = {name: (path if name == WHOLE else f"{path}.{name}".lstrip("."), part) for name, part in detail.items()}
    elif any(isinstance(part, dict | list) for part in detail):
        parts = {place: (f"{path}.{place}".lstrip("."), part) for place, part in enumerate(detail) if part}
    else:
        return {path or WHOLE: [str(message) for message in detail]}
    errors: dict[str, list[str]] = {}
    for below, part in parts.values():
        for name, messages in flat(part if isinstance(part, dict | list) else [part], below).items():
            errors.setdefault(name, []).extend(messages)
    return errors
