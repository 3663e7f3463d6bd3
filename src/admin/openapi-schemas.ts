import { DURATION_MS_MAX } from '../base/quantities.ts'
import { ADMIN_STATES, WEIGHT_MAX } from '../model/admin-state.ts'
import { COMMENT_LENGTH_MAX, CONFIRM_MIN_MS } from '../model/change-limits.ts'
import { PROBE_STATUS } from '../model/probe-state.ts'
import { STATE_CAUSES } from '../model/state-cause.ts'

/** JSON Schema, as OpenAPI 3.1 takes it. */
export type Schema = Readonly<Record<string, unknown>>

/** Any text. */
export const TEXT: Schema = { type: 'string' }

/** The number of a config version. */
export const VERSION: Schema = { type: 'integer', minimum: 1 }

const COUNT: Schema = { type: 'integer', minimum: 0 }
const AMOUNT: Schema = { type: 'number', minimum: 0 }
const FLAG: Schema = { type: 'boolean' }
const TIME: Schema = { type: 'string', format: 'date-time' }
const WEIGHT: Schema = { type: 'integer', minimum: 0, maximum: WEIGHT_MAX }
const ADMIN_STATE: Schema = { enum: ADMIN_STATES }

const CHECK = object({
  status: { enum: Object.keys(PROBE_STATUS) },
  code: COUNT,
  info: TEXT,
  durationMs: AMOUNT,
  lastChangeSeconds: COUNT,
  failuresTotal: COUNT,
})

const SERVER = object({
  backend: TEXT,
  server: TEXT,
  added: FLAG,
  address: TEXT,
  state: { enum: ['UP', 'DOWN', 'DRAIN', 'MAINT'] },
  cause: { enum: [...STATE_CAUSES, null] },
  reason: TEXT,
  lastChangeSeconds: COUNT,
  changesTotal: COUNT,
  adminState: ADMIN_STATE,
  weight: WEIGHT,
  throttlePercent: { type: ['integer', 'null'], minimum: 1, maximum: 100 },
  setAtRunTime: list({ enum: ['state', 'weight', 'address'] }),
  sessions: COUNT,
  check: { oneOf: [CHECK, { type: 'null' }] },
})

const VERSION_MEMBERS = {
  version: VERSION,
  time: TIME,
  author: TEXT,
  comment: TEXT,
  cause: { enum: ['seed', 'apply', 'rollback', 'expiry'] },
  result: { enum: ['active', 'unconfirmed', 'superseded', 'rolled-back'] },
}

const CONFIRMATION = orNull(object({ version: VERSION, previous: COUNT, deadline: TIME }))

const CLUSTER_NODE = object({
  name: TEXT,
  address: TEXT,
  role: {
    enum: ['leader', 'candidate', 'follower', 'learner', 'outsider', 'invited', 'unknown'],
  },
  reachable: FLAG,
  epoch: orNull(COUNT),
  appliedIndex: orNull(COUNT),
  lagEntries: orNull(COUNT),
  configVersion: orNull(COUNT),
  formatMin: orNull(COUNT),
  formatMax: orNull(COUNT),
  configHash: orNull(TEXT),
  stateHash: orNull(TEXT),
  uptimeSeconds: orNull(AMOUNT),
  note: TEXT,
})

const CERTIFICATE = object({
  file: TEXT,
  names: list(TEXT),
  subject: TEXT,
  issuer: TEXT,
  serial: TEXT,
  sha256: TEXT,
  keyType: TEXT,
  notBefore: TIME,
  notAfter: TIME,
  daysLeft: { type: 'integer' },
  chain: list(TEXT),
  usedBy: list(TEXT),
})

/** What is asked and answered; the types are in `operations/contract/`. */
export const SCHEMAS = {
  Info: object({
    name: { const: 'sluice' },
    version: TEXT,
    nodeVersion: TEXT,
    pid: COUNT,
    uptimeSeconds: AMOUNT,
    configVersion: COUNT,
  }),
  Server: SERVER,
  Servers: object({ servers: list(SERVER) }),
  ServerChange: {
    ...change({ state: ADMIN_STATE, weight: WEIGHT, address: TEXT }),
    minProperties: 1,
  },
  ServerAddition: change({ name: TEXT, address: TEXT, weight: WEIGHT }, ['name', 'address']),
  Config: object({ ...VERSION_MEMBERS, text: TEXT }),
  ActiveConfig: object({
    ...VERSION_MEMBERS,
    text: TEXT,
    confirmation: CONFIRMATION,
    running: object({ version: COUNT, note: TEXT }),
  }),
  ConfigHistory: object({
    active: COUNT,
    confirmation: CONFIRMATION,
    versions: list(object(VERSION_MEMBERS)),
  }),
  ConfigDiff: object({ from: COUNT, to: COUNT, diff: TEXT }),
  ConfigApplication: change(
    {
      text: TEXT,
      ifVersion: COUNT,
      comment: { type: 'string', maxLength: COMMENT_LENGTH_MAX },
      confirmMs: { type: 'integer', minimum: CONFIRM_MIN_MS, maximum: DURATION_MS_MAX },
    },
    ['text'],
  ),
  VersionChoice: change({ version: VERSION }),
  ConfigOutcome: object({
    version: VERSION,
    changed: FLAG,
    warnings: TEXT,
    nodes: list(object({ name: TEXT, result: { enum: ['prepared', 'unreachable'] } })),
  }),
  Confirmed: object({ version: VERSION }),
  Certificates: object({ node: TEXT, certificates: list(CERTIFICATE) }),
  CertificateReload: change({ trial: FLAG }),
  CertificateReloadOutcome: object({ node: TEXT, changed: list(TEXT) }),
  Cluster: object({
    engine: TEXT,
    clusterId: orNull(TEXT),
    node: TEXT,
    leader: orNull(TEXT),
    epoch: COUNT,
    hasQuorum: FLAG,
    missing: list(TEXT),
    configVersion: COUNT,
    format: COUNT,
    alarms: list(object({ code: TEXT, node: TEXT, since: TIME, message: TEXT, hint: TEXT })),
    nodes: list(CLUSTER_NODE),
  }),
  Member: change({ name: TEXT, address: TEXT }, ['name', 'address']),
  Transfer: change({ node: TEXT }, ['node']),
  Error: object({ code: TEXT, message: TEXT, hint: TEXT }),
}

/** An object that has all of these; later versions may add members. */
function object(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: 'object', properties, required: Object.keys(properties) }
}

/** An object that has none but these, and all that are required. */
function change(
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[] = [],
): Schema {
  return { type: 'object', properties, required, additionalProperties: false }
}

function list(items: Schema): Schema {
  return { type: 'array', items }
}

function orNull(schema: Schema): Schema {
  return { oneOf: [schema, { type: 'null' }] }
}
