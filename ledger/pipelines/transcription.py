"""Speech to text through a server that speaks the OpenAI protocol (`/v1/audio/transcriptions`)."""

from __future__ import annotations

from typing import Any, TypedDict

import openai
from django.conf import settings

from governance.models import Workspace
from telemetry.recorder import track_ai_call


class TranscriptionFailed(Exception):
    """There is no transcript; nothing may be decided."""


class Transcriber(TypedDict):
    """Who transcribes, by the names that block lists may hold; see `TrackedCall.settle_names` for what is kept."""

    provider: str
    model: str


def transcriber() -> Transcriber:
    """Return who transcribes, by the settings."""
    return {
        "provider": settings.CONFIDENCE_TRANSCRIPTION_PROVIDER,
        "model": settings.CONFIDENCE_TRANSCRIPTION_MODEL,
    }


async def transcribe(*, workspace: Workspace, audio: bytes, filename: str) -> str:
    """Return what was said, "" for silence. The call is recorded, the audio and the words are not.

    Raises
    ------
    TranscriptionFailed
        The server did not answer, or not with a transcript.
    """
    call = track_ai_call(workspace=workspace, feature_id="audio.pipeline", operation="transcription", **transcriber())
    try:
        async with openai.AsyncOpenAI(**_connection()) as client, call as tracked:
            transcription = await client.audio.transcriptions.create(
                model=settings.CONFIDENCE_TRANSCRIPTION_MODEL, file=(filename, audio), response_format="json"
            )
            tracked.observe(transcription)
            text = getattr(transcription, "text", None)
    except (openai.OpenAIError, ValueError):
        # Not chained: the server's message may repeat what was said.
        raise TranscriptionFailed from None
    if not isinstance(text, str):
        raise TranscriptionFailed
    return text.strip()


def _connection() -> dict[str, Any]:
    return {
        "base_url": settings.CONFIDENCE_TRANSCRIPTION_BASE_URL,
        # Servers on one's own machine want no key, and the SDK refuses an empty one.
        "api_key": settings.CONFIDENCE_TRANSCRIPTION_API_KEY or "none",
        "timeout": settings.CONFIDENCE_AI_TIMEOUT_SECONDS,
        "max_retries": settings.CONFIDENCE_AI_MAX_RETRIES,
    }
