// One flag at a time, as a server asks: prints the details of each flag that is named in the arguments.
import { OFREPProvider } from "@openfeature/ofrep-provider";
import { OpenFeature } from "@openfeature/server-sdk";

const headers = { Authorization: `Bearer ${process.env.CONFIDENCE_API_KEY}` };
await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl: process.env.CONFIDENCE_URL, headers }));
const client = OpenFeature.getClient();
const context = { targetingKey: "case-7", provider: "openai", model: "gpt-5" };

const details = [];
for (const flag of process.argv.slice(2)) {
  details.push(
    flag.endsWith(".enabled")
      ? await client.getBooleanDetails(flag, false, context)
      : await client.getNumberDetails(flag, 2.0, context),
  );
}
await OpenFeature.close();
console.log(JSON.stringify(details));
