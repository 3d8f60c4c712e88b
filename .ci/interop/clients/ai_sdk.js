// Calls of a mock model through the AI SDK, under its OpenTelemetry package. Argument: what is called, a key of CALLS.
import { OpenTelemetry } from "@ai-sdk/otel";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { embed, experimental_decide, generateText, isStepCount, registerTelemetry, streamText, tool } from "ai";
import {
  convertArrayToReadableStream,
  Experimental_DecisionMockModelV4,
  MockEmbeddingModelV4,
  MockLanguageModelV4,
} from "ai/test";
import { z } from "zod";
import { providerOf, Watched } from "./tracing.js";

const SECRET = process.argv[3];
const named = { provider: "openai.responses", modelId: "gpt-alias" };
const response = { id: "resp_1", modelId: "gpt-2026-01-31", timestamp: new Date() };
const usage = {
  inputTokens: { total: 12, noCache: 8, cacheRead: 4, cacheWrite: 0 },
  outputTokens: { total: 5, text: 3, reasoning: 2 },
};
const stop = { unified: "stop", raw: "stop" };
const answer = { content: [{ type: "text", text: SECRET }], finishReason: stop, usage, warnings: [], response };
const asks_a_tool = {
  ...answer,
  content: [{ type: "tool-call", toolCallId: "1", toolName: "look_up", input: "{}" }],
  finishReason: { unified: "tool-calls", raw: "tool_calls" },
};

const CALLS = {
  generateText: () =>
    generateText({
      model: new MockLanguageModelV4({ ...named, doGenerate: [asks_a_tool, answer] }),
      prompt: SECRET,
      tools: { look_up: tool({ inputSchema: z.object({}), execute: () => SECRET }) },
      stopWhen: isStepCount(3),
    }),
  streamText: async () => {
    const chunks = [
      { type: "stream-start", warnings: [] },
      { type: "response-metadata", ...response },
      { type: "text-start", id: "1" },
      { type: "text-delta", id: "1", delta: SECRET },
      { type: "text-end", id: "1" },
      { type: "finish", finishReason: stop, usage },
    ];
    const stream = convertArrayToReadableStream(chunks);
    const model = new MockLanguageModelV4({ ...named, doStream: { stream } });
    await streamText({ model, prompt: SECRET }).consumeStream();
  },
  embed: () => {
    const doEmbed = { embeddings: [[0.1, 0.2]], usage: { tokens: 12 }, warnings: [] };
    return embed({ model: new MockEmbeddingModelV4({ ...named, doEmbed }), value: SECRET });
  },
  decide: () => {
    const answers = { is_refund: { type: "boolean", probability: 0.93 } };
    const doDecide = async () => ({ answers, usage: { inputTokens: 12, outputTokens: 5 }, warnings: [], response });
    const model = new Experimental_DecisionMockModelV4({ ...named, supportedQuestionTypes: ["boolean"], doDecide });
    return experimental_decide({
      model,
      state: SECRET,
      questions: { is_refund: { type: "boolean", instructions: SECRET } },
    });
  },
};

const exporter = new Watched(new OTLPTraceExporter());
const provider = providerOf(exporter);
registerTelemetry(new OpenTelemetry({ tracer: provider.getTracer("ai") }));
await CALLS[process.argv[2]]();
await provider.shutdown();
console.log(JSON.stringify(exporter.results));
