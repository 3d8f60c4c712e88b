"""`track_ai_call` and `record_interaction`: what is kept of a call, and that telemetry never stands in its way."""

from __future__ import annotations

import logging
from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID

import openai
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from confidence_project.foundation.errors import Conflict, InvalidInput
from governance.models import Workspace
from governance.tests.factories import WorkspaceFactory
from telemetry.models import AIInteraction
from telemetry.recorder import record_interaction, track_ai_call
from telemetry.tests.openai_server import SECRET, running_server, stream

pytestmark = pytest.mark.django_db(transaction=True)

RESPONSE = SimpleNamespace(
    id="resp_1",
    model="model-2026",
    usage=SimpleNamespace(
        input_tokens=9,
        output_tokens=4,
        input_tokens_details=SimpleNamespace(cached_tokens=2),
        output_tokens_details=SimpleNamespace(reasoning_tokens=0),
    ),
)


class ModelIsTired(Exception):
    pass


@pytest.fixture
def workspace():
    return WorkspaceFactory()


def the_interaction():
    return AIInteraction.objects.get()


class TestContextManager:
    def test_with__a_call_that_ends_well__all_kept(self, workspace):
        before = timezone.now()

        with track_ai_call(
            workspace=workspace,
            feature_id="auto_send",
            prompt_key="auto_send.evaluate.v1",
            provider="openai",
            model="alias",
            operation="chat",
            metadata={"followupParse": {"proposedTimesCount": 1}, "text": SECRET},
        ) as call:
            call.observe(RESPONSE)

        kept = the_interaction()
        assert call.interaction == kept
        assert kept.workspace == workspace
        assert (kept.feature_id, kept.prompt_key) == ("auto_send", "auto_send.evaluate.v1")
        assert (kept.provider, kept.model, kept.operation) == ("openai", "model-2026", "chat")
        assert (kept.status, kept.error_type, kept.response_id) == ("ok", "", "resp_1")
        assert (kept.input_tokens, kept.output_tokens, kept.cached_tokens, kept.reasoning_tokens) == (9, 4, 2, 0)
        assert before <= kept.created_at <= timezone.now()
        assert kept.duration_ms >= 0
        assert kept.metadata == {"followupParse": {"proposedTimesCount": 1}}
        assert kept.metadata_removed == {"unknown_key": 1}
        assert UUID(kept.external_id).version == 7

    def test_with__a_call_that_raises__the_class_is_kept_and_the_error_goes_on(self, workspace):
        error = ModelIsTired(SECRET)

        def host():
            with track_ai_call(workspace=workspace, model="m") as call:
                call.input_tokens = 7
                raise error

        with pytest.raises(ModelIsTired) as raised:
            host()

        assert raised.value is error
        kept = the_interaction()
        assert (kept.status, kept.error_type, kept.input_tokens) == ("error", "ModelIsTired", 7)

    @pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
    def test_with__the_process_is_told_to_stop__recorded(self, workspace, kind):
        with pytest.raises(kind), track_ai_call(workspace=workspace):
            raise kind

        assert the_interaction().error_type == kind.__name__

    def test_with__a_class_whose_name_is_no_name__recorded_as_an_exception(self, workspace):
        strange = type(SECRET, (Exception,), {})

        with pytest.raises(strange), track_ai_call(workspace=workspace):
            raise strange

        assert the_interaction().error_type == "Exception"

    @pytest.mark.parametrize(
        "response",
        [
            None,
            "text",
            object(),
            {},
            {"usage": None, "model": None},
            {"usage": {"prompt_tokens": -1, "completion_tokens": "9"}, "model": SECRET, "id": SECRET},
            {"usage": {"input_tokens": True, "output_tokens": 2**31}, "model": 5},
        ],
    )
    def test_observe__a_response_of_another_form__nothing_taken(self, workspace, response):
        with track_ai_call(workspace=workspace, model="asked-for") as call:
            call.observe(response)

        kept = the_interaction()
        assert (kept.model, kept.response_id, kept.input_tokens, kept.output_tokens) == ("asked-for", "", None, None)

    def test_observe__a_response_as_a_dict__taken(self, workspace):
        with track_ai_call(workspace=workspace) as call:
            call.observe({"id": "c1", "model": "m1", "usage": {"prompt_tokens": 3, "completion_tokens": 0}})

        kept = the_interaction()
        assert (kept.model, kept.response_id, kept.input_tokens, kept.output_tokens) == ("m1", "c1", 3, 0)

    def test_observe__a_response_that_raises_when_it_is_read__the_call_goes_on(self, workspace, caplog):
        class Lazy:
            @property
            def usage(self):
                raise ModelIsTired(SECRET)

        with track_ai_call(workspace=workspace) as call:
            call.observe(Lazy())

        assert the_interaction().status == "ok"
        assert "ModelIsTired" in caplog.text
        assert SECRET not in caplog.text

    def test_async_with__a_call_that_raises__recorded(self, workspace):
        async def call_the_model():
            async with track_ai_call(workspace=workspace, model="m") as call:
                call.observe(RESPONSE)
                raise ModelIsTired(SECRET)

        with pytest.raises(ModelIsTired):
            async_to_sync(call_the_model)()

        assert (the_interaction().error_type, the_interaction().input_tokens) == ("ModelIsTired", 9)


class TestDecorator:
    def test_decorator__a_function_with_a_workspace__recorded_in_it(self, workspace):
        @track_ai_call(provider="openai", operation="chat")
        def ask(question: str, workspace: Workspace) -> object:
            """Ask."""
            return RESPONSE

        assert ask(SECRET, workspace) is RESPONSE

        assert (ask.__name__, ask.__doc__) == ("ask", "Ask.")
        kept = the_interaction()
        assert (kept.workspace, kept.provider, kept.model, kept.input_tokens) == (workspace, "openai", "model-2026", 9)

    def test_decorator__a_given_workspace__each_call_is_a_record(self, workspace):
        @track_ai_call(workspace=workspace)
        def ask(fail: bool) -> None:
            if fail:
                raise ModelIsTired

        ask(False)
        with pytest.raises(ModelIsTired):
            ask(True)

        assert sorted(AIInteraction.objects.values_list("status", flat=True)) == ["error", "ok"]

    def test_decorator__a_coroutine__recorded(self, workspace):
        @track_ai_call(model="alias")
        async def ask(*, workspace: Workspace) -> object:
            return RESPONSE

        assert async_to_sync(ask)(workspace=workspace) is RESPONSE
        assert (the_interaction().model, the_interaction().output_tokens) == ("model-2026", 4)

    def test_decorator__called_in_itself__two_records(self, workspace):
        @track_ai_call()
        def ask(workspace: Workspace, depth: int) -> None:
            if depth:
                ask(workspace, depth - 1)

        ask(workspace, 1)

        inner, outer = AIInteraction.objects.order_by("id")
        assert inner.duration_ms <= outer.duration_ms
        assert outer.created_at <= inner.created_at

    def test_decorator__a_generator__refused_at_once(self, workspace):
        def chunks():
            yield 1

        async def async_chunks():
            yield 1

        for function in (chunks, async_chunks):
            with pytest.raises(TypeError, match="context manager"):
                track_ai_call(workspace=workspace)(function)

    def test_decorator__no_workspace_anywhere__refused_at_once(self):
        with pytest.raises(TypeError, match="workspace"):
            track_ai_call()(lambda question: None)


class TestStreams:
    @pytest.fixture
    def client(self):
        with running_server() as server, openai.OpenAI(base_url=server.url, api_key="k", max_retries=0) as client:
            self.server = server
            yield client

    def read(self, client, workspace):
        with track_ai_call(workspace=workspace, provider="local", operation="chat") as call:
            for chunk in client.chat.completions.create(model="m", messages=[], stream=True):
                call.observe(chunk)

    def test_stream__to_its_end__recorded_with_its_tokens(self, client, workspace):
        self.server.plan(stream(cut=False))

        self.read(client, workspace)

        kept = the_interaction()
        assert (kept.status, kept.input_tokens, kept.output_tokens) == ("ok", 120, 30)

    def test_stream__cut_off__recorded_as_an_error_with_what_was_seen(self, client, workspace):
        self.server.plan(stream(cut=True))

        with pytest.raises(Exception, match=r".") as cut:
            self.read(client, workspace)

        kept = the_interaction()
        assert (kept.status, kept.error_type) == ("error", type(cut.value).__name__)
        assert kept.model == "local-model-2026-01-31"


class TestTelemetryFails:
    @pytest.mark.parametrize("broken", [{"model": SECRET}, {"provider": "x" * 201}])
    def test_track__a_name_that_nobody_declared__is_left_out_and_the_log_names_the_field_alone(
        self, workspace, caplog, broken
    ):
        with track_ai_call(workspace=workspace, **broken):
            pass

        kept = the_interaction()
        assert (kept.provider, kept.model) == ("", "")
        assert f"without its {next(iter(broken))}" in caplog.text
        assert next(iter(broken.values())) not in caplog.text

    @pytest.mark.parametrize("broken", [{"feature_id": SECRET}, {"operation": "two words"}])
    def test_track__a_label_that_is_text__the_call_goes_on_and_the_log_names_the_field_alone(
        self, workspace, caplog, broken
    ):
        with track_ai_call(workspace=workspace, **broken) as call:
            answer = "the answer"

        assert (answer, call.interaction) == ("the answer", None)
        assert not AIInteraction.objects.exists()
        assert next(iter(broken)) in caplog.text
        assert SECRET not in caplog.text

    def test_track__the_table_is_gone__the_call_goes_on(self, workspace, caplog):
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE telemetry_aiinteraction RENAME TO telemetry_elsewhere")
        try:
            with track_ai_call(workspace=workspace, metadata={"note": SECRET}) as call:
                pass
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ALTER TABLE telemetry_elsewhere RENAME TO telemetry_aiinteraction")

        assert call.interaction is None
        assert "AI call not recorded" in caplog.text
        assert SECRET not in caplog.text

    def test_track__a_failed_insert_inside_a_transaction__the_transaction_goes_on(self, workspace):
        with transaction.atomic():
            record_interaction(workspace=workspace, external_id="call-1")
            with pytest.raises(Conflict):
                record_interaction(workspace=workspace, external_id="call-1")
            with track_ai_call(workspace=workspace, operation="two words"):
                pass
            workspace.name = "Renamed"
            workspace.save()

        assert Workspace.objects.get(pk=workspace.pk).name == "Renamed"
        assert AIInteraction.objects.count() == 1

    def test_track__inside_a_broken_transaction__the_error_of_the_call_is_the_one_that_is_seen(self, workspace):
        def broken():
            with transaction.atomic(), track_ai_call(workspace=workspace), connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM nowhere")

        with pytest.raises(DatabaseError, match="nowhere"):
            broken()

    def test_track__without_a_workspace__the_call_goes_on(self, caplog):
        with track_ai_call(workspace=None) as call:
            pass

        assert call.interaction is None
        assert caplog.records[-1].levelno == logging.WARNING

    def test_track__the_sync_form_inside_a_loop__the_call_goes_on(self, workspace):
        async def host():
            with track_ai_call(workspace=workspace) as call:
                pass
            return call.interaction, await sync_to_async(AIInteraction.objects.count)()

        assert async_to_sync(host)() == (None, 0)


class TestRecordInteraction:
    def test_record__minimal__stored_with_the_defaults(self, workspace):
        kept = record_interaction(workspace=workspace)

        kept.refresh_from_db()
        assert (kept.status, kept.metadata, kept.metadata_removed, kept.input_tokens) == ("ok", None, None, None)

    def test_record__the_same_external_id_twice__conflict(self, workspace):
        record_interaction(workspace=workspace, external_id="call-1")

        with pytest.raises(Conflict):
            record_interaction(workspace=workspace, external_id="call-1")
        assert record_interaction(workspace=WorkspaceFactory(), external_id="call-1").pk

    @pytest.mark.parametrize(
        "field, value",
        [
            ("provider", "two words"),
            ("model", "m\x00"),
            ("error_type", "a" * 201),
            ("status", "fine"),
            ("input_tokens", -1),
            ("output_tokens", 1.5),
            ("reasoning_tokens", 2**31),
            ("duration_ms", float("nan")),
            ("trace_id", "xyz"),
            ("external_id", "two words"),
        ],
    )
    def test_record__a_value_of_another_form__refused_by_name_without_the_value(self, workspace, field, value):
        with pytest.raises(InvalidInput) as refused:
            record_interaction(workspace=workspace, **{field: value})

        assert field in refused.value.detail
        assert str(value) not in refused.value.detail
        assert [problem.pointer for problem in refused.value.problems] == [f"/{field}"]

    def test_record__an_unknown_field__refused_without_repeating_it(self, workspace):
        with pytest.raises(InvalidInput) as refused:
            record_interaction(workspace=workspace, **{SECRET: 1})

        assert SECRET not in refused.value.detail

    def test_record__a_time_in_the_future__refused(self, workspace):
        with pytest.raises(InvalidInput, match="future"):
            record_interaction(workspace=workspace, created_at=timezone.now() + timedelta(hours=1))
