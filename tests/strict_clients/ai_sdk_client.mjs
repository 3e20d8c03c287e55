// The AI SDK (npm `ai` and `@ai-sdk/openai`) as a program: a line of JSON asks, a line answers.
//
// Its packages are outside the checkout: the first argument is the folder that has them.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const found = createRequire(pathToFileURL(`${process.argv[2]}/`));
const load = (name) => import(pathToFileURL(found.resolve(name)));
const { generateObject, generateText, stepCountIs, streamText, tool } = await load("ai");
const { createOpenAI } = await load("@ai-sdk/openai");
const { z } = await load("zod");

const ROOMS = { hall: "a coat", attic: "a cat and a trunk" };
const Found = z.object({ thing: z.string(), room: z.string() });

function settings({ base_url, key, arguments: { prompt, store } }, used) {
  const provider = createOpenAI({ baseURL: base_url, apiKey: key });
  return {
    model: provider.responses("scripted"),
    prompt,
    maxRetries: 0,
    stopWhen: stepCountIs(5),
    providerOptions: { openai: { store, strictJsonSchema: true } },
    tools: {
      look: tool({
        description: "Return what is in a room.",
        inputSchema: z.object({ room: z.string() }),
        execute: async ({ room }) => {
          used.push(["look", room]);
          return ROOMS[room];
        },
      }),
      count: tool({
        description: "Return how many things there are.",
        inputSchema: z.object({ things: z.array(z.string()) }),
        execute: async ({ things }) => {
          used.push(["count", things]);
          return things.length;
        },
      }),
    },
  };
}

const functions = {
  async generate(asked) {
    const used = [];
    const result = await generateText(settings(asked, used));
    const { text, totalUsage, warnings, finishReason } = result;
    return { output: text, used, usage: totalUsage, warnings, finish: finishReason };
  },

  async stream(asked) {
    const used = [];
    const errors = [];
    const onError = ({ error }) => errors.push(error.message ?? JSON.stringify(error));
    const result = streamText({ ...settings(asked, used), onError });
    const parts = [];
    for await (const part of result.fullStream) parts.push(part.type);
    const [output, usage, finish] = [result.text, result.totalUsage, result.finishReason];
    return { output: await output, used, usage: await usage, finish: await finish, parts, errors };
  },

  async object(asked) {
    const { model, prompt, maxRetries, providerOptions } = settings(asked, []);
    const wanted = { model, prompt, maxRetries, providerOptions, schema: Found };
    const result = await generateObject(wanted);
    return { output: result.object, warnings: result.warnings };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  let answer;
  try {
    answer = { ok: await functions[asked.do](asked) };
  } catch (error) {
    const refused = { is: error.name, status_code: error.statusCode, message: error.message };
    const broken = `${error.stack} ${JSON.stringify(error.cause)}`;
    answer = error.statusCode ? { refused } : { broken };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
