import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { AgreedTexts } from '../../../../src/supervisor/cluster/agreed-texts.ts'
import { type OwnFile, readConfigText } from '../../../../src/supervisor/preparation/config-file.ts'

const SURROUNDINGS = { env: {}, cores: 1 }

const FRONTENDS = "frontends: {web: {bind: '127.0.0.1:8080', default_backend: app}}\n"
const OWN = `${FRONTENDS}backends: {app: {}}\n`

function ownFileAt(name: string, text = OWN): OwnFile {
  const { config, report } = readConfigText(text, name, SURROUNDINGS)
  if (config === null) throw new Error(report)
  return { name, text, config, report }
}

function textOf(n: number): string {
  return `${FRONTENDS}backends: {app: {servers: {s1: '10.0.0.${n}:80'}}}\n`
}

it('reads a text once, whoever asks, and the one before it too', () => {
  const texts = new AgreedTexts(SURROUNDINGS)
  const own = ownFileAt('/etc/sluice/sluice.yaml')
  const [one, two] = [1, 2].map((n) => texts.read(textOf(n), own))
  expect(one?.config?.backends[0]?.name).toBe('app')
  expect(texts.read(textOf(1), own)).toBe(one)
  expect(texts.read(textOf(2), own)).toBe(two)
  texts.read(textOf(3), own)
  expect(texts.read(textOf(2), own)).toBe(two)
  expect(texts.read(textOf(1), own)).not.toBe(one)
})

it('reads it anew with other sections of the node', () => {
  const texts = new AgreedTexts(SURROUNDINGS)
  const before = texts.read(textOf(1), ownFileAt('/etc/sluice/sluice.yaml'))
  const own = ownFileAt('/etc/sluice/sluice.yaml', `global: {maxconn: 77}\n${OWN}`)
  const after = texts.read(textOf(1), own)
  expect(after).not.toBe(before)
  expect(after.config?.global).toEqual(own.config.global)
})

it('says what is wrong with a text each time', () => {
  const texts = new AgreedTexts(SURROUNDINGS)
  const own = ownFileAt('/etc/sluice/sluice.yaml')
  for (let n = 0; n < 2; n++) {
    expect(texts.read('backends: {app: 1}\n', own)).toMatchObject({ config: null })
  }
})

it('looks each time which files a text leads to', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-texts-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'allowed'))
  writeFileSync(join(folder, 'secret.http'), 'HTTP/1.1 503 No\r\n\r\n')
  const named = join(folder, 'allowed', '503.http')
  writeFileSync(named, 'HTTP/1.1 503 No\r\n\r\n')
  const text = `
frontends: {web: {bind: '127.0.0.1:8080', mode: http, errorfile: {503: '${named}'}, default_backend: app}}
backends: {app: {mode: http, servers: {s1: '10.0.0.1:80'}}}
`
  const texts = new AgreedTexts(SURROUNDINGS)
  const own = ownFileAt(join(folder, 'allowed', 'sluice.yaml'))
  expect(texts.read(text, own)).toMatchObject({ report: '' })
  unlinkSync(named)
  symlinkSync(join(folder, 'secret.http'), named)
  expect(() => texts.read(text, own)).toThrow(
    expect.objectContaining({ code: 'file-not-allowed' }) as Error,
  )
})
