// 24 exports of one AI call each. Argument: `http` (JSON) or `proto`, which exporter of OpenTelemetry JS.
import { providerOf, Watched } from "./tracing.js";

const { OTLPTraceExporter } = await import(`@opentelemetry/exporter-trace-otlp-${process.argv[2]}`);
const exporter = new Watched(new OTLPTraceExporter());
const provider = providerOf(exporter);
const tracer = provider.getTracer("a host");

for (let call = 1; call <= 24; call++) {
  const attributes = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.response.model": "gpt-5",
    "gen_ai.usage.input_tokens": call,
    "gen_ai.usage.output_tokens": 2,
  };
  tracer.startSpan("chat gpt-5", { attributes }).end();
  await provider.forceFlush();
}
await provider.shutdown();
console.log(JSON.stringify(exporter.results));
