import { accessTo, METHODS, type RouteName } from './access.ts'
import { SCHEMAS, type Schema, TEXT, VERSION } from './openapi-schemas.ts'

type SchemaName = keyof typeof SCHEMAS

const STALE = inQuery('stale', { type: 'boolean', default: false })
const FORCE = inQuery('force', { type: 'boolean', default: false })

const CONFIG_PATHS = {
  '/api/v1/config': {
    get: agreed(operation('The active config', 'ActiveConfig')),
    post: {
      ...changing(operation('Apply a config', 'ConfigOutcome'), 'ConfigApplication', {
        'application/yaml': { schema: TEXT },
      }),
      // What goes with a text that is sent as YAML.
      parameters: ['ifVersion', 'comment', 'confirmMs'].map((name) => inQuery(name, TEXT)),
    },
  },
  '/api/v1/config/text': { get: agreed(plainText('The text of the active config, as written')) },
  '/api/v1/config/versions': { get: agreed(operation('The history', 'ConfigHistory')) },
  '/api/v1/config/versions/{version}': {
    parameters: [inPath('version', VERSION)],
    get: agreed(operation('One version of the config', 'Config')),
  },
  '/api/v1/config/diff': {
    get: agreed(operation('What makes one version another', 'ConfigDiff'), [
      inQuery('from', { type: 'integer', minimum: 0 }),
      inQuery('to', { type: 'integer', minimum: 0 }),
    ]),
  },
  '/api/v1/config/confirm': {
    post: changing(operation('Keep the active version', 'Confirmed'), 'VersionChoice'),
  },
  '/api/v1/config/rollback': {
    post: changing(operation('Go back to a version', 'ConfigOutcome'), 'VersionChoice'),
  },
}

const SERVER_PATHS = {
  '/api/v1/servers': { get: agreed(operation('All servers', 'Servers')) },
  '/api/v1/servers/{backend}': {
    parameters: [inPath('backend')],
    post: changing(operation('Add a server', 'Server', 201), 'ServerAddition'),
  },
  '/api/v1/servers/{backend}/{name}': {
    parameters: [inPath('backend'), inPath('name')],
    get: agreed(operation('One server', 'Server')),
    patch: changing(operation("Set a server's state, weight or address", 'Server'), 'ServerChange'),
    delete: changing(operation('Remove a server that was added', null)),
  },
}

const CERTIFICATE_PATHS = {
  '/api/v1/certificates': {
    get: operation('The certificates that this node shows', 'Certificates'),
  },
  '/api/v1/certificates/reload': {
    post: changing(
      operation('Have this node take up changed files of TLS', 'CertificateReloadOutcome'),
      'CertificateReload',
    ),
  },
}

const CLUSTER_PATHS = {
  '/api/v1/cluster': { get: operation('The cluster, as this node sees it', 'Cluster') },
  '/api/v1/cluster/backup': {
    get: agreed(plainText('All that is agreed on, to be kept in a file')),
  },
  '/api/v1/cluster/nodes': {
    post: changing(operation('Let a node join', 'Member', 201), 'Member'),
  },
  '/api/v1/cluster/nodes/{name}': {
    parameters: [inPath('name')],
    delete: { ...changing(operation('Take a node out', null)), parameters: [FORCE] },
  },
  '/api/v1/cluster/transfer': {
    post: changing(operation('Hand the leadership over', 'Transfer'), 'Transfer'),
  },
}

/**
 * The admin API, described for programs (OpenAPI Specification 3.1). `operations/contract/`
 * says what each member means.
 *
 * @param version of the daemon
 */
export function openApi(version: string): Readonly<Record<string, unknown>> {
  return {
    openapi: '3.1.0',
    info: { title: 'Sluice admin API', version },
    paths: withLevels({
      '/api/v1/info': { get: operation('What the daemon is', 'Info') },
      ...SERVER_PATHS,
      ...CONFIG_PATHS,
      ...CERTIFICATE_PATHS,
      ...CLUSTER_PATHS,
    }),
    components: {
      schemas: SCHEMAS,
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'Over TCP: a token of the level in x-level. The admin socket takes none.',
        },
      },
    },
  }
}

/** Says of each operation what level of token it takes. */
function withLevels(paths: Readonly<Record<string, object>>): Schema {
  const entries = Object.entries(paths).map(([path, item]) => {
    const operations = Object.entries(item).map(([key, described]: [string, object]) => {
      const method = METHODS.find((known) => known.toLowerCase() === key)
      if (method === undefined) return [key, described]
      const level = accessTo(path as RouteName, method)
      return [key, { ...described, 'security': [{ token: [] }], 'x-level': level }]
    })
    return [path, Object.fromEntries(operations) as Schema]
  })
  return Object.fromEntries(entries) as Schema
}

interface Operation extends Schema {
  readonly responses: Schema
}

/** @param answer null: it is done, with 204 and no body */
function operation(summary: string, answer: SchemaName | null, status = 200): Operation {
  const done = { description: 'Done' }
  return {
    summary,
    responses: {
      ...(answer === null ? { 204: done } : { [status]: { ...done, content: contentOf(answer) } }),
      default: { description: 'Refused', content: contentOf('Error') },
    },
  }
}

function plainText(summary: string): Operation {
  const { responses } = operation(summary, 'Error')
  const done = { description: 'Done', content: { 'text/plain': { schema: TEXT } } }
  return { summary, responses: { ...responses, 200: done } }
}

/** A read that waits until this node knows what any has acknowledged. */
function agreed(read: Operation, parameters: readonly Schema[] = []): Operation {
  return { ...read, parameters: [...parameters, STALE] }
}

/**
 * A change.
 *
 * @param body null: it has none
 * @param others further forms of the body, by media type
 */
function changing(
  write: Operation,
  body: SchemaName | null = null,
  others: Schema = {},
): Operation {
  if (body === null) return write
  const content = { ...contentOf(body), ...others }
  return { ...write, requestBody: { required: true, content } }
}

function contentOf(schema: SchemaName): Schema {
  return { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } }
}

function inPath(name: string, schema: Schema = TEXT): Schema {
  return { name, in: 'path', required: true, schema }
}

function inQuery(name: string, schema: Schema): Schema {
  return { name, in: 'query', required: false, schema }
}
