"""Uploaded files: none is kept beyond the limit, whatever page it is sent to, and whoever sends it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest

_MARK = "upload_was_too_large"


class LimitedUploadHandler(FileUploadHandler):
    """Drops the file with which a request exceeds `CONFIDENCE_IMPORT_MAX_BYTES`; the fields of its form are kept."""

    received = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self.received += len(raw_data)
        if self.received > settings.CONFIDENCE_IMPORT_MAX_BYTES:
            setattr(self.request, _MARK, True)
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> Any:
        """Leave the file to the handlers after this one."""


def was_too_large(request: HttpRequest) -> bool:
    """True when a file of the request was dropped because of its size."""
    return hasattr(request, _MARK)
