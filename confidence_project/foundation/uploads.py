"""Uploaded files: none is read beyond the limit, whatever page it is sent to, and whoever sends it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest

_MARK = "upload_was_too_large"


class LimitedUploadHandler(FileUploadHandler):
    """Drops a file above `CONFIDENCE_IMPORT_MAX_BYTES` while it comes in; the fields of its form are kept."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        if start + len(raw_data) > settings.CONFIDENCE_IMPORT_MAX_BYTES:
            setattr(self.request, _MARK, True)
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> Any:
        """Leave the file to the handlers after this one."""


def was_too_large(request: HttpRequest) -> bool:
    """True when a file of the request was dropped because of its size."""
    return hasattr(request, _MARK)
