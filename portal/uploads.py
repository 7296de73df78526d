"""How much of an uploaded file is kept. Django itself writes whatever comes to disk, before any view is asked."""

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler


class BoundedUploadHandler(FileUploadHandler):
    """Stands before Django's own: they get the first bytes of a file, and what is beyond the bound is dropped.

    What is kept is larger than any view allows, so that the view says so.
    """

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        return raw_data if start <= settings.UPLOAD_MAX_BYTES else None

    def file_complete(self, file_size: int) -> Any:
        return None
