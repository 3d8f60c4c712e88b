// 24 exports of one AI call each. Argument: `http` (JSON) or `proto`, the exporter of OpenTelemetry JS.
import { endpoint, providerOf } from "./tracing.js";

const { OTLPTraceExporter } = await import(`@opentelemetry/exporter-trace-otlp-${process.argv[2]}`);
const { provider, exports } = providerOf(new OTLPTraceExporter(endpoint));
const tracer = provider.getTracer("a host");

for (let call = 1; call <= 24; call++) {
  const span = tracer.startSpan("chat", {
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "gpt-5",
      "gen_ai.usage.input_tokens": call,
    },
  });
  span.end();
  await provider.forceFlush();
}
await provider.shutdown();
console.log(JSON.stringify({ exports }));
