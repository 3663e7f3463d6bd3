import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { renderDiagnostics } from '../../../src/config/diagnostics/rendering.ts'
import type { Config } from '../../../src/model/config.ts'
import { validateHttpError } from '../../../src/rules/actions/http-error.ts'
import { validateBalance } from '../../../src/rules/balance-key.ts'
import { validateRule } from '../../../src/rules/language/rule-validation.ts'
import { linearPatterns } from '../../../src/rules-host/linear-patterns.ts'
import { load } from './loading.ts'

const folder = new URL('../../../configs/', import.meta.url)
const names = readdirSync(folder).filter((file) => file.endsWith('.yaml'))

/** The configs that a page shows, with the page and the number of each. */
function shownIn(page: string): { title: string; text: string }[] {
  const written = readFileSync(new URL(`../../../${page}`, import.meta.url), 'utf8')
  return [...written.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = ''], n) => ({
    title: `${page}, ${n + 1}`,
    text,
  }))
}

const pages = readdirSync(new URL('../../../docs/', import.meta.url)).map((file) => `docs/${file}`)
const shown = ['README.md', ...pages].flatMap(shownIn)

/** Loads an example with the languages that the daemon has. */
function loadExample(name: string, env = {}): Config | null {
  return loadText(name, readFileSync(new URL(name, folder), 'utf8'), env)
}

function loadText(name: string, text: string, env = {}): Config | null {
  const { config, diagnostics } = load(text, {
    env,
    validateBalance,
    validateRule: (kind, rule, acls) => validateRule(kind, rule, acls, linearPatterns),
    validateHttpError,
  })
  expect(renderDiagnostics(text, name, diagnostics)).toBe('')
  return config
}

describe('the examples', () => {
  it.each(names)('%s has no problem and no warning', (name) => {
    expect(loadExample(name)).not.toBeNull()
  })

  it.each(names)('%s binds loopback addresses only', (name) => {
    const hosts = loadExample(name)?.frontends.flatMap(({ binds }) =>
      binds.map(({ address }) => (address.kind === 'inet' ? address.host : 'unix')),
    )
    expect(hosts?.filter((host) => host !== '127.0.0.1' && host !== '::1')).toEqual([])
  })

  it('are explained', () => {
    for (const name of names)
      expect(readFileSync(new URL(name, folder), 'utf8')).toMatch(/^# [A-Z]/)
  })

  it.each(shown)('in the documentation have no problem: $title', ({ title, text }) => {
    expect(loadText(title, text, { HOSTNAME: 'lb1' })).not.toBeNull()
  })

  it('let the demo choose its ports', () => {
    const env = {
      SLUICE_DEMO_PORT: '1',
      SLUICE_DEMO_ADMIN_PORT: '2',
      SLUICE_DEMO_SECURE_PORT: '6',
      SLUICE_DEMO_APP1_PORT: '3',
      SLUICE_DEMO_APP2_PORT: '4',
      SLUICE_DEMO_APP3_PORT: '5',
    }
    const [usual, moved] = [loadExample('demo.yaml'), loadExample('demo.yaml', env)].map(
      (config) => [
        config?.frontends[0]?.binds[0]?.address,
        config?.frontends[0]?.binds[1]?.address,
        config?.admin.bind,
        ...(config?.backends[0]?.servers.map(({ address }) => address) ?? []),
      ],
    )
    expect(usual).toMatchObject([8080, 8443, 8404, 9001, 9002, 9003].map((port) => ({ port })))
    expect(moved).toMatchObject([1, 6, 2, 3, 4, 5].map((port) => ({ port })))
  })
})
