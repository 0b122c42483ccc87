// One agent of Mastra: its job comes on standard input, records and tool calls go out on standard output, a line each.
// Tools are PanCode's: a call is sent out, and its answer comes in. What Mastra prints by itself goes to standard error.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const TOO_MANY = 429
const SERVER = 500
const out = process.stdout.write.bind(process.stdout)
const say = (record) => out(`${JSON.stringify(record)}\n`)
process.stdout.write = process.stderr.write.bind(process.stderr)
console.error = console.warn = () => {} // errors are told as records

const waiting = new Map()
let begin
const job = new Promise((resolve) => { begin = resolve })
const lines = createInterface({ input: process.stdin })
lines.on('line', (line) => {
  const message = JSON.parse(line)
  if (message.job) begin(message.job)
  else waiting.get(message.id)?.(message.text)
})
lines.on('close', () => process.exit(1))

function call(id, tool, args) {
  say({ call: { id, tool, args } })
  return new Promise((resolve) => waiting.set(id, resolve))
}

// Mastra asks for no usage in streams, and tells nobody that it tries again.
function watch(of) {
  const send = globalThis.fetch
  let attempt = 0
  globalThis.fetch = async (url, options = {}) => {
    if (typeof options.body === 'string' && String(url).endsWith('/chat/completions')) {
      const body = JSON.parse(options.body)
      if (body.stream) options = { ...options, body: JSON.stringify({ ...body, stream_options: { include_usage: true } }) }
    }
    const response = await send(url, options)
    const again = response.status === TOO_MANY || response.status >= SERVER
    attempt = again ? attempt + 1 : 0
    if (again && attempt <= of) {
      say({ record: { kind: 'retrying', attempt, of, wait_s: null, http: response.status, why: response.statusText } })
    }
    return response
  }
}

function usage(found) {
  const cached = found.cachedInputTokens ?? 0
  const input = found.inputTokens === undefined ? null : Math.max(found.inputTokens - cached, 0)
  const rest = { output: found.outputTokens ?? null, cache_read: cached, cache_write: null }
  return { kind: 'usage', scope: 'step', input, ...rest, reasoning: found.reasoningTokens ?? null }
}

function failure(error) {
  const cause = error?.cause?.message ?? error?.cause?.code ?? ''
  const status = error?.statusCode >= 400 ? error.statusCode : null
  say({ failed: { message: String(error?.message ?? error), cause: String(cause), http: status } })
  process.exitCode = 1
}

function tool(createTool, each) {
  return createTool({
    id: each.name,
    description: each.says,
    inputSchema: each.schema,
    execute: (input, context) => call(context?.agent?.toolCallId ?? `${each.name}-${waiting.size}`, each.name, input),
  })
}

async function work(given) {
  const require = createRequire(`${given.base}/package.json`)
  const { Agent } = require('@mastra/core/agent')
  const { createTool } = require('@mastra/core/tools')
  watch(given.retries)
  const tools = Object.fromEntries(given.tools.map((each) => [each.name, tool(createTool, each)]))
  const model = { id: `pancode/${given.model}`, url: given.url, apiKey: given.key }
  const agent = new Agent({ id: 'pancode', name: 'pancode', instructions: given.instructions, model, tools })
  const options = { maxSteps: given.maxSteps, modelSettings: { maxRetries: given.retries } }
  if (given.effort) options.providerOptions = { pancode: { reasoningEffort: given.effort } }
  const stream = await agent.stream(given.messages, options)
  let turns = 0
  let failed = null
  let reason = ''
  for await (const chunk of stream.fullStream) {
    const payload = chunk.payload ?? {}
    if (chunk.type === 'step-start') {
      turns += 1
      say({ record: { kind: 'turn', model: given.model } })
    } else if (chunk.type === 'text-delta') {
      say({ record: { kind: 'text', text: payload.text, delta: true } })
    } else if (chunk.type === 'tool-call' && !(payload.toolName in tools)) {
      await call(payload.toolCallId, payload.toolName, payload.args)
    } else if (chunk.type === 'step-finish') {
      reason = payload.stepResult?.reason ?? ''
      if (reason !== 'error') say({ record: usage(payload.output?.usage ?? {}) })
    } else if (chunk.type === 'error') {
      failed = payload.error?.error ?? payload.error ?? new Error('the stream has an error without words')
    }
  }
  if (failed) return failure(failed)
  const said = (await stream.response)?.messages ?? []
  if (reason === 'tool-calls') return say({ ended: { messages: said, turns, limit: true } })
  return say({ ended: { messages: said, turns, result: await stream.text } })
}

work(await job).catch(failure).finally(() => process.exit())
