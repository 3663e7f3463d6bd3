import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { SluiceError } from '../../../../src/base/errors.ts'
import { AgreedTexts } from '../../../../src/supervisor/cluster/agreed-texts.ts'
import {
  type OwnFile,
  type ReadConfig,
  readConfigText,
  readHere,
} from '../../../../src/supervisor/preparation/config-file.ts'

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

it('reads a text once, whoever asks, and the one before it too', async () => {
  const texts = new AgreedTexts(readHere(SURROUNDINGS))
  const own = ownFileAt('/etc/sluice/sluice.yaml')
  const one = await texts.read(textOf(1), own)
  const two = await texts.read(textOf(2), own)
  expect(one.config?.backends[0]?.name).toBe('app')
  expect(await texts.read(textOf(1), own)).toBe(one)
  expect(await texts.read(textOf(2), own)).toBe(two)
  await texts.read(textOf(3), own)
  expect(await texts.read(textOf(2), own)).toBe(two)
  expect(await texts.read(textOf(1), own)).not.toBe(one)
})

it('reads it once for who asks while it is read', async () => {
  const readings: ((read: ReadConfig) => void)[] = []
  const texts = new AgreedTexts(() => new Promise((resolve) => readings.push(resolve)))
  const own = ownFileAt('/etc/sluice/sluice.yaml')
  const both = [texts.read(textOf(1), own), texts.read(textOf(1), own)]
  expect(readings).toHaveLength(1)
  readings[0]?.(readConfigText(textOf(1), 'config', SURROUNDINGS))
  const [one, other] = await Promise.all(both)
  expect(one).toBe(other)
})

it('reads it anew with other sections of the node', async () => {
  const texts = new AgreedTexts(readHere(SURROUNDINGS))
  const before = await texts.read(textOf(1), ownFileAt('/etc/sluice/sluice.yaml'))
  const own = ownFileAt('/etc/sluice/sluice.yaml', `global: {maxconn: 77}\n${OWN}`)
  const after = await texts.read(textOf(1), own)
  expect(after).not.toBe(before)
  expect(after.config?.global).toEqual(own.config.global)
})

it('says what is wrong with a text each time, and forgets it', async () => {
  const read = vi.fn(readHere(SURROUNDINGS))
  const texts = new AgreedTexts(read)
  const own = ownFileAt('/etc/sluice/sluice.yaml')
  for (let n = 1; n <= 2; n++) {
    expect(await texts.read('backends: {app: 1}\n', own)).toMatchObject({ config: null })
    expect(read).toHaveBeenCalledTimes(n)
  }
})

it('reads anew what could not be read', async () => {
  const died = new SluiceError('reading-failed', 'the thread has died')
  const read = vi.fn(readHere(SURROUNDINGS)).mockRejectedValueOnce(died)
  const texts = new AgreedTexts(read)
  const own = ownFileAt('/etc/sluice/sluice.yaml')
  await expect(texts.read(textOf(1), own)).rejects.toBe(died)
  expect(await texts.read(textOf(1), own)).toMatchObject({ report: '' })
})

it('looks each time which files a text leads to', async () => {
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
  const texts = new AgreedTexts(readHere(SURROUNDINGS))
  const own = ownFileAt(join(folder, 'allowed', 'sluice.yaml'))
  expect(await texts.read(text, own)).toMatchObject({ report: '' })
  unlinkSync(named)
  symlinkSync(join(folder, 'secret.http'), named)
  await expect(texts.read(text, own)).rejects.toMatchObject({ code: 'file-not-allowed' })
})
