import { ADMIN_STATES, WEIGHT_MAX } from '../model/admin-state.ts'
import { CHECK_STATUS } from '../model/check.ts'
import { STATE_CAUSES } from '../upstream/server-state.ts'

/** JSON Schema, as OpenAPI 3.1 takes it. */
type Schema = Readonly<Record<string, unknown>>

const TEXT: Schema = { type: 'string' }
const COUNT: Schema = { type: 'integer', minimum: 0 }
const AMOUNT: Schema = { type: 'number', minimum: 0 }
const WEIGHT: Schema = { type: 'integer', minimum: 0, maximum: WEIGHT_MAX }
const ADMIN_STATE: Schema = { enum: ADMIN_STATES }

const CHECK = object({
  status: { enum: Object.keys(CHECK_STATUS) },
  code: COUNT,
  info: TEXT,
  durationMs: AMOUNT,
  lastChangeSeconds: COUNT,
  failuresTotal: COUNT,
})

const SERVER = object({
  backend: TEXT,
  server: TEXT,
  address: TEXT,
  state: { enum: ['UP', 'DOWN', 'DRAIN', 'MAINT'] },
  cause: { enum: [...STATE_CAUSES, null] },
  reason: TEXT,
  lastChangeSeconds: COUNT,
  changesTotal: COUNT,
  adminState: ADMIN_STATE,
  weight: WEIGHT,
  setAtRunTime: list({ enum: ['state', 'weight'] }),
  sessions: COUNT,
  check: { oneOf: [CHECK, { type: 'null' }] },
})

const SCHEMAS = {
  Info: object({
    name: { const: 'sluice' },
    version: TEXT,
    nodeVersion: TEXT,
    pid: COUNT,
    uptimeSeconds: AMOUNT,
    configVersion: COUNT,
  }),
  Server: SERVER,
  Servers: object({ servers: list({ $ref: '#/components/schemas/Server' }) }),
  ServerChange: {
    type: 'object',
    properties: { state: ADMIN_STATE, weight: WEIGHT },
    minProperties: 1,
    additionalProperties: false,
  },
  Error: object({ code: TEXT, message: TEXT, hint: TEXT }),
}

const PARAMETERS = ['backend', 'name'].map((name) => {
  return { name, in: 'path', required: true, schema: TEXT }
})

/**
 * The admin API, described for programs (OpenAPI Specification 3.1). `api-contract.ts` says what
 * each member means.
 *
 * @param version of the daemon
 */
export function openApi(version: string): Readonly<Record<string, unknown>> {
  return {
    openapi: '3.1.0',
    info: { title: 'Sluice admin API', version },
    paths: {
      '/api/v1/info': { get: operation('What the daemon is', 'Info') },
      '/api/v1/servers': { get: operation('All servers', 'Servers') },
      '/api/v1/servers/{backend}/{name}': {
        parameters: PARAMETERS,
        get: operation('One server', 'Server'),
        patch: {
          ...operation("Set a server's state or weight", 'Server'),
          requestBody: { required: true, content: contentOf('ServerChange') },
          security: [{ token: [] }],
        },
      },
    },
    components: {
      schemas: SCHEMAS,
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  }
}

function operation(summary: string, answer: keyof typeof SCHEMAS): Schema {
  return {
    summary,
    responses: {
      200: { description: 'Done', content: contentOf(answer) },
      default: { description: 'Refused', content: contentOf('Error') },
    },
  }
}

function contentOf(schema: keyof typeof SCHEMAS): Schema {
  return { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } }
}

/** An object that has all of these; later versions may add members. */
function object(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: 'object', properties, required: Object.keys(properties) }
}

function list(items: Schema): Schema {
  return { type: 'array', items }
}
