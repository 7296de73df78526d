"""Limit how much of an uploaded file is kept. Django itself writes all of it to disk before any view runs."""

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler


class BoundedUploadHandler(FileUploadHandler):
    """Drop what exceeds the limit, before Django's own handlers see it.

    The limit is larger than any view allows, so that the view refuses the file itself.
    """

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        return raw_data if start <= settings.UPLOAD_MAX_BYTES else None

    def file_complete(self, file_size: int) -> Any:
        return None
