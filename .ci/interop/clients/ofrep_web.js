// All flags at once, as a page asks: they are fetched, polled until the server has answered twice, and read in between.
// Prints the statuses that the server answered, and the details of each flag that is named in the arguments.
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";
import { OpenFeature } from "@openfeature/web-sdk";

const statuses = [];
let answered;
const twice = new Promise((resolve) => (answered = resolve));

async function fetchImplementation(...request) {
  const reply = await fetch(...request);
  if (statuses.push(reply.status) === 2) {
    answered();
  }
  return reply;
}

const provider = new OFREPWebProvider({
  baseUrl: process.env.CONFIDENCE_URL,
  headers: [["Authorization", `Bearer ${process.env.CONFIDENCE_API_KEY}`]],
  pollInterval: 200,
  cacheMode: "disabled",
  disableVisibilityRefresh: true,
  fetchImplementation,
});
await OpenFeature.setProviderAndWait(provider, { targetingKey: "case-7", provider: "openai", model: "gpt-5" });
await twice;
await new Promise((resolve) => setImmediate(resolve));
const client = OpenFeature.getClient();
const details = process.argv
  .slice(2)
  .map((flag) => (flag.endsWith(".enabled") ? client.getBooleanDetails(flag, false) : client.getNumberDetails(flag, 2.0)));
await OpenFeature.close();
console.log(JSON.stringify({ statuses: statuses.slice(0, 2), details }));
