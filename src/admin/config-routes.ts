import {
  applyConfig,
  confirmConfig,
  diffConfigs,
  listConfigVersions,
  rollBackConfig,
  showConfig,
  showConfigVersion,
} from '../operations/config-operations.ts'
import { parseConfigApplication, parseVersionChoice } from '../operations/inputs/config-inputs.ts'
import { invalidChange } from '../operations/inputs/input-members.ts'
import type { OperatedNode } from '../operations/operated-node.ts'
import { readOptionsIn, versionIn } from './query.ts'
import { json, type Question, type Route, text } from './route.ts'

/** The paths that tell of the config and its history, and change it. */
export function configRoutes(node: OperatedNode): readonly Route[] {
  return [
    {
      name: '/api/v1/config',
      path: /^\/api\/v1\/config$/,
      takesConfig: true,
      GET: async (asked) => json(await showConfig(node, readOptionsIn(asked.query), asked)),
      POST: async (asked) => {
        const application = parseConfigApplication(applicationIn(asked))
        return json(await applyConfig(node, application, asked))
      },
    },
    {
      name: '/api/v1/config/text',
      path: /^\/api\/v1\/config\/text$/,
      GET: async (asked) => {
        const config = await showConfig(node, readOptionsIn(asked.query), asked)
        return text(config.text)
      },
    },
    {
      name: '/api/v1/config/versions',
      path: /^\/api\/v1\/config\/versions$/,
      GET: async ({ query }) => json(await listConfigVersions(node, readOptionsIn(query))),
    },
    {
      name: '/api/v1/config/versions/{version}',
      path: /^\/api\/v1\/config\/versions\/(\d{1,15})$/,
      GET: async (asked) => {
        const [number] = asked.parts
        const options = readOptionsIn(asked.query)
        return json(await showConfigVersion(node, Number(number), options, asked))
      },
    },
    {
      name: '/api/v1/config/diff',
      path: /^\/api\/v1\/config\/diff$/,
      GET: async (asked) => {
        const { query } = asked
        const choice = { from: versionIn(query, 'from'), to: versionIn(query, 'to') }
        return json(await diffConfigs(node, choice, readOptionsIn(query), asked))
      },
    },
    {
      name: '/api/v1/config/confirm',
      path: /^\/api\/v1\/config\/confirm$/,
      POST: async ({ body }) => json(await confirmConfig(node, parseVersionChoice(body))),
    },
    {
      name: '/api/v1/config/rollback',
      path: /^\/api\/v1\/config\/rollback$/,
      POST: async (asked) =>
        json(await rollBackConfig(node, parseVersionChoice(asked.body), asked)),
    },
  ]
}

/** The text alone may be sent as YAML, with the other members in the query. */
function applicationIn({ body, isYaml, query }: Question): unknown {
  return isYaml ? { ...membersIn(query), text: body } : body
}

/** The members of a body that go with a text in the query. Numbers are written in digits. */
function membersIn(query: URLSearchParams): Record<string, unknown> {
  if (query.has('text')) throw invalidChange('text is the body, not in the query')
  const numbers = ['ifVersion', 'confirmMs']
  const entries = [...query].map(([name, value]) => {
    return [name, numbers.includes(name) && /^\d{1,15}$/.test(value) ? Number(value) : value]
  })
  return Object.fromEntries(entries) as Record<string, unknown>
}
