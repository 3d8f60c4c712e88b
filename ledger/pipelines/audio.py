"""The audio pipeline: a spoken turn, its transcript, the agent's decision on it, and the gate's verdict.

Audio, transcript and the agent's texts pass through; they are neither stored nor logged.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Annotated

from asgiref.sync import async_to_sync, sync_to_async
from pydantic import StringConstraints, ValidationError

from confidence_project.foundation.errors import InvalidInput
from confidence_project.foundation.submissions import Stored
from governance.definitions import get_definition
from governance.models import Workspace
from governance.vocabulary import Probability
from governance.workspaces.names import WorkspaceNames
from ledger.contracts import DecisionEnvelope
from ledger.models import DecisionRecord
from ledger.pipelines.agent import AgentUnreachable, push_turn
from ledger.pipelines.decisions import build_payload, gate_over
from ledger.pipelines.gated import GatedRequest, find_decided, gate_once
from ledger.pipelines.transcription import TranscriptionFailed, transcribe, transcriber
from ledger.reasons import PipelineReason, ReasonCode

SessionId = Annotated[str, StringConstraints(strict=True, pattern=r"^[\x21-\x7e]{1,100}$")]
TurnId = Annotated[str, StringConstraints(strict=True, pattern=r"^[\x21-\x7e]{1,64}$")]


class AudioTurn(GatedRequest):
    """What identifies a turn; of the audio only its SHA-256."""

    session_id: SessionId
    turn_id: TurnId
    audio_sha256: str
    policy_key: str
    ml_risk_score: Probability | None

    @property
    def ledger_id(self) -> str:
        return f"audio:{self.session_id}:{self.turn_id}"


class AudioPipelineService:
    """Decides on spoken turns of one workspace under one policy key.

    Parameters
    ----------
    filename
        Tells the transcription server the audio's format by its ending.
    """

    def __init__(self, workspace: Workspace, *, policy_key: str = "decision_gate", filename: str = "audio.wav") -> None:
        self.workspace = workspace
        self.policy_key = policy_key
        self.filename = filename

    def process_audio(
        self, session_id: str, audio: bytes, *, ml_risk_score: float | None = None, turn_id: str | None = None
    ) -> Stored[DecisionRecord]:
        """Return the committed verdict on a turn; act on it only when it allows.

        A turn is decided once: the same again (the same `turn_id`, or without one the same audio in the same session)
        is answered with its first record, also when that was a block because something could not be reached.

        Parameters
        ----------
        ml_risk_score
            What the host's own risk model says, 0 to 1; without it a policy with a risk threshold blocks.

        Raises
        ------
        InvalidInput
            An id or the risk score is not what it must be, or the policy key cannot gate.
        Conflict
            Another turn was decided under this `turn_id`.
        """
        return async_to_sync(self.aprocess_audio)(session_id, audio, ml_risk_score=ml_risk_score, turn_id=turn_id)

    async def aprocess_audio(
        self, session_id: str, audio: bytes, *, ml_risk_score: float | None = None, turn_id: str | None = None
    ) -> Stored[DecisionRecord]:
        """`process_audio` for async hosts."""
        turn = self._turn(session_id, audio, ml_risk_score, turn_id)
        known = await sync_to_async(find_decided)(self.workspace, turn.ledger_id, turn.body_sha256)
        if known is not None:
            return Stored(known, created=False)
        decision, failure = await self._ask(turn, audio)
        return await sync_to_async(self._gate)(turn, decision, failure)

    def _turn(self, session_id: str, audio: bytes, ml_risk_score: float | None, turn_id: str | None) -> AudioTurn:
        audio_sha256 = hashlib.sha256(audio).hexdigest()
        try:
            return AudioTurn(
                session_id=session_id,
                turn_id=audio_sha256 if turn_id is None else turn_id,
                audio_sha256=audio_sha256,
                policy_key=self.policy_key,
                ml_risk_score=ml_risk_score,
            )
        except ValidationError:
            raise InvalidInput(
                "A session_id has 1 to 100 and a turn_id 1 to 64 visible ASCII characters; ml_risk_score is a number "
                "from 0 to 1 or None."
            ) from None

    async def _ask(self, turn: AudioTurn, audio: bytes) -> tuple[object, ReasonCode | None]:
        """Return the agent's decision as it came, or why there is none. Each is asked only while it may count."""
        blocked = await self._block_whatever_is_said(turn, **transcriber())
        if blocked is not None:
            return None, blocked
        if not audio:
            return None, PipelineReason.EMPTY_AUDIO
        try:
            text = await transcribe(workspace=self.workspace, audio=audio, filename=self.filename)
            if not text:
                return None, PipelineReason.EMPTY_AUDIO
            # Who the agent will ask is not known yet.
            blocked = await self._block_whatever_is_said(turn)
            if blocked is not None:
                return None, blocked
            return await push_turn(session_id=turn.session_id, text=text), None
        except TranscriptionFailed:
            return None, PipelineReason.TRANSCRIPTION_FAILED
        except AgentUnreachable:
            return None, PipelineReason.AGENT_UNREACHABLE

    async def _block_whatever_is_said(self, turn: AudioTurn, **source: str) -> ReasonCode | None:
        gate = await sync_to_async(gate_over)(self.workspace, turn.policy_key)
        return gate.context.block(**source)

    def _gate(self, turn: AudioTurn, decision: object, failure: ReasonCode | None) -> Stored[DecisionRecord]:
        asked = DecisionEnvelope(
            external_id=turn.ledger_id,
            policy_key=turn.policy_key,
            decision=decision,
            ml_risk_score=turn.ml_risk_score,
            confidence_kind="self_reported",
            channel="audio",
        )
        definition = get_definition(turn.policy_key)
        payload = replace(build_payload(asked, definition, WorkspaceNames(self.workspace)), precheck=failure)
        return gate_once(
            self.workspace,
            payload,
            ledger_id=turn.ledger_id,
            body_sha256=turn.body_sha256,
            case_key=turn.session_id,
        )
