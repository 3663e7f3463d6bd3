import { readFileSync, writeFileSync } from 'node:fs'
import type { AnySchemaObject } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { BALANCE_NAMES } from '../../../src/balance/registry.ts'
import { DIAGNOSTIC_CODES } from '../../../src/config/diagnostics/diagnostics.ts'
import { renderDiagnostics } from '../../../src/config/diagnostics/rendering.ts'
import { configJsonSchema } from '../../../src/config/schema/json-schema.ts'
import { validateHttpError } from '../../../src/rules/actions/http-error.ts'
import { validateBalance } from '../../../src/rules/balance-key.ts'
import { configOf, load } from './loading.ts'

const file = new URL('../../../docs/configuration.md', import.meta.url)
const text = readFileSync(file, 'utf8')
const schema = configJsonSchema() as AnySchemaObject

interface Key {
  readonly key: string
  readonly type: string
  readonly standard: string
  readonly description: string
}

function propertiesOf(node: AnySchemaObject): [string, AnySchemaObject][] {
  return Object.entries((node['properties'] ?? {}) as Record<string, AnySchemaObject>)
}

function alternativesOf(node: AnySchemaObject): AnySchemaObject[] {
  const members = node['anyOf'] as AnySchemaObject[] | undefined
  return members === undefined ? [node] : members.flatMap(alternativesOf)
}

/** The type of a value in the words of the docs. */
function typeOf(node: AnySchemaObject): string {
  if (typeof node['$ref'] === 'string') return node['$ref'].replace(/.*\//, '').replaceAll('-', ' ')
  if (Array.isArray(node['anyOf'])) {
    const types = alternativesOf(node).map(typeOf)
    return [...new Set(types)].filter((type) => type !== '').join(', ')
  }
  if (Array.isArray(node['enum'])) return node['enum'].map((value) => `\`${value}\``).join(', ')
  const type = [node['type']].flat()[0] as string
  if (type === 'integer') return `${node['minimum']} to ${node['maximum']}`
  if (type === 'boolean') return '`true`, `false`'
  if (type === 'array') return 'list'
  if (type === 'object' && node['properties'] !== undefined) return 'map'
  if (type === 'object') return `map by ${typeOf(node['propertyNames']) || 'name'}`
  // A text without an id is the reference to the environment that every value may be.
  return ''
}

function keysOf(node: AnySchemaObject, prefix: string): Key[] {
  return propertiesOf(node).flatMap(([name, value]) => {
    const required = ((node['required'] ?? []) as string[]).includes(name)
    const { default: standard, 'x-default': otherwise = '', description } = value
    const key: Key = {
      key: prefix + name,
      type: typeOf(value),
      standard: required ? '*required*' : standard === undefined ? otherwise : `\`${standard}\``,
      description,
    }
    const entries = alternativesOf(value).flatMap(({ additionalProperties }) =>
      typeof additionalProperties === 'object' ? alternativesOf(additionalProperties) : [],
    )
    const below = [
      ...alternativesOf(value).flatMap((inner) => keysOf(inner, `${key.key}.`)),
      ...entries.flatMap((inner) => keysOf(inner, `${key.key}.NAME.`)),
    ]
    return [key, ...below]
  })
}

function tableOf(section: string): string {
  const [, node] = propertiesOf(schema).find(([name]) => name === section) as [
    string,
    AnySchemaObject,
  ]
  const entry = node['additionalProperties'] as AnySchemaObject | false
  const keys = keysOf(entry || node, entry ? `${section}.NAME.` : `${section}.`)
  const rows = keys.map(
    ({ key, type, standard, description }) =>
      `| \`${key}\` | ${type} | ${standard} | ${description.replaceAll('|', '\\|')} |`,
  )
  return ['| Key | Value | Default | Meaning |', '|---|---|---|---|', ...rows].join('\n')
}

const MARKED = /<!-- keys of ([a-z]+), from the schema -->\n([\s\S]*?)\n?<!-- end -->/g

describe('docs/configuration.md', () => {
  if (process.env['UPDATE_GOLDEN'] === '1') {
    const replace = (_: string, section: string): string =>
      `<!-- keys of ${section}, from the schema -->\n${tableOf(section)}\n<!-- end -->`
    writeFileSync(file, text.replace(MARKED, replace))
  }
  const written = readFileSync(file, 'utf8')
  const tables = [...written.matchAll(MARKED)].map(([, section, table]) => ({ section, table }))

  it('has a table for each section', () => {
    const sections = propertiesOf(schema).map(([name]) => name)
    expect(tables.map(({ section }) => section)).toEqual(sections)
  })

  it.each(tables)('lists the keys of $section as the schema has them', ({ section, table }) => {
    expect(table).toBe(tableOf(section as string))
  })

  it('names every code of a diagnostic', () => {
    expect(DIAGNOSTIC_CODES.filter((code) => !written.includes(`\`${code}\``))).toEqual([])
  })

  it('names every strategy', () => {
    expect(BALANCE_NAMES.filter((name) => !written.includes(`\`${name}\``))).toEqual([])
  })

  const blocks = [...written.matchAll(/```yaml\n([\s\S]*?)```/g)].map(
    ([, block]) => block as string,
  )

  it.each(blocks)('has only examples that are right: %#', (block) => {
    const env = { HOSTNAME: 'lb1' }
    const { diagnostics } = load(block, { env, validateBalance, validateHttpError })
    expect(renderDiagnostics(block, 'example', diagnostics)).toBe('')
  })

  it('has examples', () => {
    expect(blocks.length).toBeGreaterThan(5)
  })
})

describe('the defaults that are listed', () => {
  const rest = 'frontends: {web: {mode: http, bind: ":1", default_backend: app}}'
  const backends = 'backends: {app: {mode: http, servers: {s: {address: "h:1", check: true}}}}'
  const listed = ['global', 'admin', 'defaults'].flatMap((section) => {
    const [, node] = propertiesOf(schema).find(([name]) => name === section) ?? []
    return leavesOf(node as AnySchemaObject, [section])
  })

  /** Paths of the keys that have one value as default, with that value. */
  function leavesOf(node: AnySchemaObject, path: string[]): { path: string[]; value: unknown }[] {
    return propertiesOf(node).flatMap(([name, value]) => {
      const here = [...path, name]
      if ('default' in value) return [{ path: here, value: value['default'] as unknown }]
      return leavesOf(value, here)
    })
  }

  it.each(listed)('hold: $path is $value', ({ path, value }) => {
    const [section, ...keys] = path
    const given = keys.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value)
    const lines = [rest, backends, `${section}: ${JSON.stringify(given)}`]
    const config = configOf(lines.join('\n'))
    expect(withoutTcp(config)).toEqual(withoutTcp(configOf([rest, backends].join('\n'))))
  })

  /** In mode tcp it matters whether a timeout is given, as in HAProxy; here the mode is http. */
  function withoutTcp(config: ReturnType<typeof configOf>): unknown {
    const text = JSON.stringify(config, (key, value: unknown) =>
      key.startsWith('tcp') ? undefined : value,
    )
    return JSON.parse(text)
  }

  it('are most of the keys', () => {
    expect(listed.length).toBeGreaterThan(20)
  })
})
