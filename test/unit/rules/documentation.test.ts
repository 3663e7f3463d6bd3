import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { ACTION_NAMES } from '../../../src/rules/actions/action-registry.ts'
import { compileRules } from '../../../src/rules/language/compile.ts'
import { PREDEFINED_ACLS } from '../../../src/rules/language/predefined-acls.ts'
import { CONTENT_FETCHES } from '../../../src/rules/samples/content-fetches.ts'
import { CONVERTERS } from '../../../src/rules/samples/converters.ts'
import { REQUEST_FETCHES, RESPONSE_FETCHES } from '../../../src/rules/samples/fetches.ts'
import { MATCH_METHODS } from '../../../src/rules/samples/matchers.ts'
import { linearPatterns } from '../../../src/rules-host/linear-patterns.ts'

const manual = readFileSync(new URL('../../../docs/rules.md', import.meta.url), 'utf8')
const examples = [...manual.matchAll(/```yaml\n(.*?)```/gs)].map((match) => match[1] ?? '')

interface Frontend {
  readonly acl?: Record<string, string | string[]>
  readonly 'http-request'?: string[]
  readonly 'http-response'?: string[]
  readonly capture?: string[]
  readonly use_backend?: string[]
}

interface Example {
  readonly frontends: Record<string, Frontend>
  readonly backends: Record<string, unknown>
}

describe('docs/rules.md', () => {
  it.each(examples)('has examples that compile: %#', (text) => {
    const { frontends, backends } = parse(text) as Example
    for (const frontend of Object.values(frontends)) {
      const rules = compileRules(
        {
          acls: Object.entries(frontend.acl ?? {}).map(([name, expressions]) => ({
            name,
            expressions: [expressions].flat(),
          })),
          captures: frontend.capture ?? [],
          httpRequest: frontend['http-request'] ?? [],
          httpResponse: frontend['http-response'] ?? [],
          useBackend: frontend.use_backend ?? [],
          backendNames: Object.keys(backends),
        },
        linearPatterns,
      )
      expect(rules.request).not.toBeNull()
    }
  })

  it.each([
    {
      what: 'fetch',
      names: [REQUEST_FETCHES, RESPONSE_FETCHES, CONTENT_FETCHES].flatMap((all) => [...all.keys()]),
    },
    { what: 'converter', names: [...CONVERTERS.keys()] },
    { what: 'matching method', names: [...MATCH_METHODS] },
    { what: 'predefined ACL', names: [...PREDEFINED_ACLS.keys()] },
    { what: 'action', names: Object.values(ACTION_NAMES).flat() },
  ])('names every $what', ({ names }) => {
    const missing = names.filter((name) => {
      const bare = name.replace(/^(req|res)\./, '')
      return !new RegExp(`(^|[\`\\s.])${bare}([\`\\s([]|$)`, 'm').test(manual)
    })
    expect(missing).toEqual([])
  })
})
