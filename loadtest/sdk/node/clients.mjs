// The SDKs of Node. Each client has a name, the format it speaks, and
//
//   answer(model, ask)          one answer, the tool loop included: {text, thought, calls, parsed, usage}
//   read(model, prompt, each)   a stream, each piece of text given to each; throws if the stream breaks
//   status(error)               the HTTP status of an error of the SDK's own, undefined for any other error
//
// ask is {prompt, stream, system, png, schema, tools, reason}; tools is what the results are taken from.

import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { APICallError, Output, generateText, stepCountIs, streamText, tool } from 'ai';
import OpenAI from 'openai';
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';

const reading = z.object({ degrees: z.number().int(), sky: z.enum(['clear', 'cloudy']) });
const report = z.object({ city: z.string(), now: reading, days: z.array(reading) });
const weather = {
  name: 'get_weather',
  description: 'The weather of a city in the coming days',
  input: z.object({ city: z.string(), days: z.number().int(), note: z.string().optional() }),
};
const weatherSchema = {
  type: 'object',
  properties: { city: { type: 'string' }, days: { type: 'integer' }, note: { type: 'string' } },
  required: ['city', 'days'],
};

// OpenAI's SDK, Chat Completions.
export function openaiChat(base, key) {
  const sdk = new OpenAI({ baseURL: `${base}/v1`, apiKey: key, maxRetries: 0 });
  const body = (model, ask) => ({
    model,
    messages: [
      ...(ask.system ? [{ role: 'system', content: ask.system }] : []),
      {
        role: 'user',
        content: ask.png
          ? [
              { type: 'text', text: ask.prompt },
              { type: 'image_url', image_url: { url: `data:image/png;base64,${ask.png}` } },
            ]
          : ask.prompt,
      },
    ],
    ...(ask.tools && { tools: [{ type: 'function', function: { name: weather.name, description: weather.description, parameters: weatherSchema } }] }),
    ...(ask.reason && { reasoning_effort: 'low' }),
    ...(ask.schema && { response_format: zodResponseFormat(report, 'report') }),
  });
  return {
    name: 'openai-node chat',
    inbound: 'chat',
    async answer(model, ask) {
      const request = body(model, ask);
      const calls = [];
      for (;;) {
        const completion = ask.stream
          ? await sdk.chat.completions.stream({ ...request, stream_options: { include_usage: true } }).finalChatCompletion()
          : await sdk.chat.completions[ask.schema ? 'parse' : 'create'](request);
        const { message } = completion.choices[0];
        if (!message.tool_calls?.length) {
          const { prompt_tokens, prompt_tokens_details, completion_tokens } = completion.usage;
          const usage = { prompt: prompt_tokens, cached: prompt_tokens_details?.cached_tokens, output: completion_tokens };
          return { text: message.content, calls, parsed: message.parsed, usage };
        }
        request.messages.push(message);
        for (const call of message.tool_calls) {
          const input = JSON.parse(call.function.arguments);
          calls.push(input);
          request.messages.push({ role: 'tool', tool_call_id: call.id, content: ask.tools(input) });
        }
      }
    },
    async read(model, prompt, each) {
      for await (const chunk of await sdk.chat.completions.create({ ...body(model, { prompt }), stream: true })) {
        for (const choice of chunk.choices) each(choice.delta.content ?? '');
      }
    },
    status: (error) => (error instanceof OpenAI.APIError ? (error.status ?? 0) : undefined),
  };
}

// OpenAI's SDK, Responses.
export function openaiResponses(base, key) {
  const sdk = new OpenAI({ baseURL: `${base}/v1`, apiKey: key, maxRetries: 0 });
  const body = (model, ask) => ({
    model,
    store: false,
    input: [
      {
        role: 'user',
        content: [
          { type: 'input_text', text: ask.prompt },
          ...(ask.png ? [{ type: 'input_image', image_url: `data:image/png;base64,${ask.png}`, detail: 'auto' }] : []),
        ],
      },
    ],
    ...(ask.system && { instructions: ask.system }),
    ...(ask.tools && { tools: [{ type: 'function', name: weather.name, description: weather.description, parameters: weatherSchema, strict: false }] }),
    ...(ask.reason && { reasoning: { effort: 'low', summary: 'auto' }, include: ['reasoning.encrypted_content'] }),
    ...(ask.schema && { text: { format: zodTextFormat(report, 'report') } }),
  });
  return {
    name: 'openai-node responses',
    inbound: 'responses',
    shows: true,
    async answer(model, ask) {
      const request = body(model, ask);
      const calls = [];
      let thought = '';
      for (;;) {
        const response = ask.stream ? await sdk.responses.stream(request).finalResponse() : await sdk.responses.parse(request);
        request.input.push(...response.output);
        for (const item of response.output) {
          if (item.type === 'reasoning') thought += item.summary.map((part) => part.text).join('');
        }
        const wanted = response.output.filter((item) => item.type === 'function_call');
        if (!wanted.length) {
          const { input_tokens, input_tokens_details, output_tokens } = response.usage;
          const usage = { prompt: input_tokens, cached: input_tokens_details.cached_tokens, output: output_tokens };
          return { text: response.output_text, thought, calls, parsed: response.output_parsed, usage };
        }
        for (const call of wanted) {
          const input = JSON.parse(call.arguments);
          calls.push(input);
          request.input.push({ type: 'function_call_output', call_id: call.call_id, output: ask.tools(input) });
        }
      }
    },
    async read(model, prompt, each) {
      for await (const event of await sdk.responses.create({ ...body(model, { prompt }), stream: true })) {
        if (event.type === 'response.output_text.delta') each(event.delta);
        // Errors are events like the others: the SDK leaves it to its caller to throw.
        if (event.type === 'error' || event.type === 'response.failed') throw new OpenAI.APIError(undefined, event, JSON.stringify(event), undefined);
        if (event.type === 'response.completed') return;
      }
      throw new Error('the stream ended without an end and without an error');
    },
    status: (error) => (error instanceof OpenAI.APIError ? (error.status ?? 0) : undefined),
  };
}

// Vercel's AI SDK through one of its providers.
function aiSDK(name, inbound, model, providerOptions, shows) {
  const request = (id, ask) => ({
    model: model(id),
    maxRetries: 0,
    system: ask.system,
    messages: [
      {
        role: 'user',
        content: [{ type: 'text', text: ask.prompt }, ...(ask.png ? [{ type: 'image', image: Buffer.from(ask.png, 'base64'), mediaType: 'image/png' }] : [])],
      },
    ],
    ...(ask.reason && { providerOptions }),
    ...(ask.schema && { output: Output.object({ schema: report }) }),
  });
  return {
    name,
    inbound,
    shows,
    async answer(id, ask) {
      const calls = [];
      const options = request(id, ask);
      if (ask.tools) {
        const execute = (input) => (calls.push(input), ask.tools(input));
        options.tools = { [weather.name]: tool({ description: weather.description, inputSchema: weather.input, execute }) };
        options.stopWhen = stepCountIs(3);
      }
      let result;
      if (ask.stream) {
        result = streamText({ ...options, onError: () => {} });
        await orThrow(result.fullStream);
      } else {
        result = await generateText(options);
      }
      const { inputTokens, inputTokenDetails, outputTokens } = await result.usage;
      const steps = await result.steps;
      return {
        text: await result.text,
        thought: steps.map((step) => step.reasoningText ?? '').join(''),
        calls,
        parsed: ask.schema ? await result.output : undefined,
        usage: { prompt: inputTokens, cached: inputTokenDetails.cacheReadTokens, output: outputTokens },
      };
    },
    async read(id, prompt, each) {
      const result = streamText({ ...request(id, { prompt }), onError: () => {} });
      await orThrow(result.fullStream, each);
    },
    status: (error) => (APICallError.isInstance(error) ? (error.statusCode ?? 0) : undefined),
  };
}

// The AI SDK gives errors of a stream as parts of it.
async function orThrow(stream, each = () => {}) {
  for await (const part of stream) {
    if (part.type === 'error') throw part.error;
    if (part.type === 'text-delta') each(part.text);
  }
}

export const clients = [
  openaiChat,
  openaiResponses,
  (base, key) => {
    const sdk = createOpenAI({ baseURL: `${base}/v1`, apiKey: key });
    // The SDK drops reasoning for models that it does not know by name.
    return aiSDK('ai-sdk openai chat', 'chat', (id) => sdk.chat(id), { openai: { reasoningEffort: 'low', forceReasoning: true } }, false);
  },
  (base, key) => {
    const sdk = createOpenAI({ baseURL: `${base}/v1`, apiKey: key });
    const options = { reasoningEffort: 'low', reasoningSummary: 'auto', forceReasoning: true, store: false, include: ['reasoning.encrypted_content'] };
    return aiSDK('ai-sdk openai responses', 'responses', (id) => sdk.responses(id), { openai: options }, true);
  },
  (base, key) => {
    const sdk = createAnthropic({ baseURL: `${base}/v1`, apiKey: key });
    return aiSDK('ai-sdk anthropic', 'messages', (id) => sdk(id), { anthropic: { thinking: { type: 'enabled', budgetTokens: 1024 } } }, true);
  },
  (base, key) => {
    const sdk = createGoogleGenerativeAI({ baseURL: `${base}/v1beta`, apiKey: key });
    return aiSDK('ai-sdk google', 'gemini', (id) => sdk(id), { google: { thinkingConfig: { includeThoughts: true, thinkingLevel: 'low' } } }, true);
  },
];
