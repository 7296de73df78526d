"""Describe the calls in OpenAPI, with the errors that each may answer."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from portal.rest.problems import CONTENT_TYPE

MEANINGS = {
    "400": "The input is invalid. `errors` names the fields and says why.",
    "401": "The token is missing, unknown here, expired or revoked.",
    "403": "The role of the token's user, or the token's scope, does not allow this.",
    "404": "There is no such object.",
    "406": "The API answers JSON only.",
    "409": "A rule or the present state forbids this. `detail` says why, `next_step` what to do.",
    "413": "The body is too large.",
    "415": "The API reads JSON only.",
    "503": "A server that this call needs does not answer. `detail` says which.",
}


class ProblemSerializer(serializers.Serializer[Any]):
    """Describe a problem (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What happened, and why.")
    next_step = serializers.CharField(required=False, allow_blank=True, help_text="What to do next.")
    blockers = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="What blocks a deletion, for 409."
    )
    steps = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="How to clear the blockers, in order."
    )
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="Messages by field, for 400.",
    )


class Schema(AutoSchema):  # type: ignore[misc]
    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        content = {CONTENT_TYPE: {"schema": self.resolve_serializer(ProblemSerializer(), "response").ref}}
        for status in sorted(self._problems()):
            bodies.setdefault(status, {"description": MEANINGS[status], "content": content})
        return bodies

    def _problems(self) -> set[str]:
        found = {"400", "401", "403", "406"}
        action = getattr(self.view, "action", "")
        if self.method != "GET":
            found |= {"409", "413", "415"}
        if action in getattr(self.view, "refuses_in", ()):
            found.add("409")
        if "{" in self.path:
            found.add("404")
        if action in getattr(self.view, "waits_in", ()):
            found.add("503")
        return found
