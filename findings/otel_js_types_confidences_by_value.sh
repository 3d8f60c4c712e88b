#!/usr/bin/env bash
# npm: @opentelemetry/sdk-trace-base 2.12.1, @opentelemetry/otlp-transformer 0.223.1, @opentelemetry/api 1.9.1 (Node 20);
# pip: opentelemetry-proto 1.45.2, protobuf 7.36.2 as the reader.
#
# What happens: JavaScript has one kind of number, and the exporter guesses the wire's type from the value. A confidence of
# 0.95 is sent as a double and one of 1 or 0 as an integer, also within one array. A NaN arrives as NaN over protobuf; over
# JSON it is written as `null`, which a reader of protobuf's JSON takes for an attribute without a value.
# Why it matters: one attribute has two types, and the surest answers are in the other one: a store or a filter that reads
# the attribute as a float misses what was stated at exactly 1. And whether "not a number" can be told from "not stated"
# depends on the encoding that an operator chose.
# Output seen on 2026-11-30: protobuf: 0.95 double_value, 1 int_value, NaN double_value, list double_value int_value; json:
# 0.95 double_value, 1 int_value, NaN None, list double_value int_value
# Source: measured.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-fund --no-audit @opentelemetry/sdk-trace-base@2.12.1 \
  @opentelemetry/otlp-transformer@0.223.1 @opentelemetry/api@1.9.1
python3 -m venv venv
venv/bin/pip install --quiet opentelemetry-proto==1.45.2 protobuf==7.36.2
cat > export.js <<'JS'
const fs = require("fs");
const trace = require("@opentelemetry/sdk-trace-base");
const { JsonTraceSerializer, ProtobufTraceSerializer } = require("@opentelemetry/otlp-transformer");

const kept = new trace.InMemorySpanExporter();
const provider = new trace.BasicTracerProvider({ spanProcessors: [new trace.SimpleSpanProcessor(kept)] });
const span = provider.getTracer("gate").startSpan("decide");
span.setAttributes({ "0.95": 0.95, "1": 1.0, NaN: Number.NaN, list: [0.95, 1.0] });
span.end();
fs.writeFileSync("spans.json", JsonTraceSerializer.serializeRequest(kept.getFinishedSpans()));
fs.writeFileSync("spans.protobuf", ProtobufTraceSerializer.serializeRequest(kept.getFinishedSpans()));
JS
node export.js
venv/bin/python - <<'PY'
from pathlib import Path

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def kinds(request):
    (span,) = request.resource_spans[0].scope_spans[0].spans
    for attribute in span.attributes:
        kind = attribute.value.WhichOneof("value")
        values = attribute.value.array_value.values
        yield attribute.key, " ".join(value.WhichOneof("value") for value in values) if values else kind


binary = dict(kinds(ExportTraceServiceRequest.FromString(Path("spans.protobuf").read_bytes())))
text = dict(kinds(json_format.Parse(Path("spans.json").read_text(), ExportTraceServiceRequest())))
print("protobuf:", binary)
print("json:", text)
assert binary["0.95"] == text["0.95"] == "double_value"
assert binary["1"] == text["1"] == "int_value"
assert binary["list"] == text["list"] == "double_value int_value"
assert binary["NaN"] == "double_value" and text["NaN"] is None
PY
