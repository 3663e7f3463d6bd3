// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references as a config has them.
import { readdirSync, readFileSync } from 'node:fs'
import { Ajv2020, type AnySchemaObject } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { configJsonSchema } from '../../../../src/config/schema/json-schema.ts'
import { load } from '../loading.ts'

const root = new URL('../../../../', import.meta.url)
const schema = configJsonSchema()
// Keywords of ours (x-default) and types in lists are JSON Schema, but not Ajv's strict subset.
const validate = new Ajv2020({ strict: false }).compile(schema as AnySchemaObject)

function yamlFiles(folder: string): string[] {
  const names = readdirSync(new URL(folder, root)).filter((name) => name.endsWith('.yaml'))
  return names.map((name) => `${folder}${name}`)
}

function textOf(file: string): string {
  return readFileSync(new URL(file, root), 'utf8')
}

/** Every schema within a schema, with the path that leads to it. */
function walk(node: unknown, path: string): [string, AnySchemaObject][] {
  if (typeof node !== 'object' || node === null) return []
  const below = Object.entries(node).flatMap(([key, child]) => walk(child, `${path}/${key}`))
  return Array.isArray(node) ? below : [[path, node as AnySchemaObject], ...below]
}

describe('the JSON Schema', () => {
  it('is of draft 2020-12, and plain JSON', () => {
    expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema')
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema)
  })

  it('describes every key, and says what holds without it unless it is required', () => {
    const sections = walk(schema, '').filter(([, node]) => typeof node['properties'] === 'object')
    for (const [path, section] of sections) {
      // Not a schema but the map of keys of one that happens to have a key "properties".
      for (const [key, value] of Object.entries(section['properties'] as AnySchemaObject)) {
        const facts = value as AnySchemaObject
        expect(facts['description'], `${path}/${key}`).toMatch(/^[A-Z].*[^.]\.$/)
        const required = (section['required'] ?? []) as string[]
        const isMap = facts['properties'] !== undefined
        const hasDefault = 'default' in facts || 'x-default' in facts
        expect(hasDefault || isMap || required.includes(key), `${path}/${key}`).toBe(true)
      }
    }
    expect(sections.length).toBeGreaterThan(15)
  })

  it('refuses unknown keys everywhere', () => {
    const open = walk(schema, '').filter(
      ([, node]) => node['type'] === 'object' && node['additionalProperties'] === undefined,
    )
    expect(open).toEqual([])
  })

  it.each(yamlFiles('configs/'))('accepts %s', (file) => {
    expect(validate(parse(textOf(file))), JSON.stringify(validate.errors)).toBe(true)
  })
})

describe('the JSON Schema and the diagnostics', () => {
  const shape = ['unknown-key', 'missing-key', 'wrong-type', 'invalid-name']
  const between = [
    'unknown-backend',
    'mode-mismatch',
    'duplicate-bind',
    'invalid-balance',
    'invalid-rule',
  ]
  const golden = yamlFiles('test/golden/config/').flatMap((file) => {
    const text = textOf(file)
    const codes = load(text).diagnostics.map(({ code }) => code)
    return codes.some((code) => /yaml|syntax|environment|duplicate-key/.test(code))
      ? []
      : [{ file, text, codes }]
  })
  const refused = golden.filter(({ codes }) => codes.some((code) => shape.includes(code)))
  const accepted = golden.filter(({ codes }) => codes.every((code) => between.includes(code)))

  it.each(refused)('both refuse $file', ({ text }) => {
    expect(validate(parse(text))).toBe(false)
  })

  it.each(accepted)('leave $file to the checks between places', ({ text }) => {
    expect(validate(parse(text)), JSON.stringify(validate.errors)).toBe(true)
  })

  it('have been compared', () => {
    expect(refused.length).toBeGreaterThan(10)
    expect(accepted.length).toBeGreaterThan(5)
  })

  it.each([
    ['frontends: {web: {bind: 8080}}', false],
    ['frontends: {web: {bind: ":8080"}}', true],
    ['frontends: {web: {bind: "8080"}}', false],
    ['frontends: {web: {bind: [":1", {address: ":2"}]}}', true],
    ['frontends: {web: {bind: []}}', false],
    ['frontends: {}', false],
    ['frontends: {a b: {bind: ":1"}}', false],
    ['frontends: {web: {bind: ":1", maxconn: 0}}', false],
    ['frontends: {web: {bind: ":1", maxconn: "5"}}', false],
    ['frontends: {web: {bind: ":1", maxconn: "${N}"}}', true],
    ['frontends: {web: {bind: ":1", log: "${ON-true}"}}', true],
    ['frontends: {web: {bind: ":1", mode: udp}}', false],
    ['frontends: {web: {bind: ":1", mode: "${MODE}"}}', true],
    ['frontends: {web: {bind: ":1", timeout: {client: 30s}}}', true],
    ['frontends: {web: {bind: ":1", timeout: {client: 30}}}', true],
    ['frontends: {web: {bind: ":1", timeout: {client: 30sec}}}', false],
    ['frontends: {web: {bind: ":1", timeout: {client: -1}}}', false],
    ['frontends: {web: {bind: ":1", timeout: {server: 30s}}}', false],
    ['{frontends: {web: {bind: ":1"}}, backends: {app: {servers: {a: "h:1"}}}}', true],
    ['{frontends: {web: {bind: ":1"}}, backends: {app: {servers: {a: {weight: 1}}}}}', false],
    ['{frontends: {web: {bind: ":1"}}, admin: {bind: off}}', true],
    ['{frontends: {web: {bind: ":1"}}, global: {log: {access: x.log}}}', false],
    ['frontends: {web: {bind: ":1", errorfile: {503: /a.http}, mode: http}}', true],
    ['frontends: {web: {bind: ":1", errorfile: {418: /a.http}, mode: http}}', false],
    ['frontends: {web: {bind: ":1", errorfile: {503: a.http}, mode: http}}', false],
    ['frontends: {web: {bind: ":1", http-error: [status 503 x], mode: http}}', true],
    ['{frontends: {web: {bind: ":1"}}, defaults: {retry-on: [none]}}', true],
    ['{frontends: {web: {bind: ":1"}}, defaults: {retry-on: [503, junk-response]}}', true],
    ['{frontends: {web: {bind: ":1"}}, defaults: {retry-on: "503"}}', false],
    ['{frontends: {web: {bind: ":1"}}, defaults: {retry-on: 418}}', false],
    ['{frontends: {web: {bind: ":1"}}, global: {tune: {bufsize: 1m}}}', true],
    ['{frontends: {web: {bind: ":1"}}, global: {tune: {bufsize: 1000}}}', false],
  ])('judge %s alike', (text, isValid) => {
    expect(validate(parse(text)), JSON.stringify(validate.errors)).toBe(isValid)
    const { config } = load(text, { env: { N: '5', MODE: 'tcp' } })
    expect(config !== null).toBe(isValid)
  })
})
