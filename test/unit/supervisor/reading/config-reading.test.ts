import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { readConfigText } from '../../../../src/supervisor/preparation/config-file.ts'
import { ConfigReading } from '../../../../src/supervisor/reading/config-reading.ts'
import { temporaryFolder } from '../../../e2e/support/temporary-folder.ts'
import { sourcesIn, stripSources } from '../../../fixtures/stripped-sources.ts'
import { type RecordedLine, recordedLog } from '../recorded-log.ts'

const SURROUNDINGS = { env: { PORT: '8080' }, cores: 3 }

/** What the thread runs. */
const sources = stripSources('reading', sourcesIn('src'))
const entry = pathToFileURL(join(sources, 'src/supervisor/reading/reading-entry.js'))

function readingBy(module: URL, lines: RecordedLine[] = []): ConfigReading {
  const log = recordedLog(lines)
  const reading = new ConfigReading({ entry: module, surroundings: SURROUNDINGS, log })
  onTestFinished(() => reading.end())
  return reading
}

/** Long enough for a thread of its own. */
function longText(servers: number): string {
  const lines = Array.from({ length: servers }, (_, s) => {
    return `      s${s}: {address: "10.0.${s >> 8}.${s & 255}:80", weight: ${s % 256}, check: true}`
  })
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what a config says.
  const bind = '127.0.0.1:${PORT}'
  const app = `  app:\n    servers:\n${lines.join('\n')}\n`
  return `frontends: {web: {bind: "${bind}", default_backend: app}}\nbackends:\n${app}`
}

it('reads on another thread what it would read here', async () => {
  const reading = readingBy(entry)
  const text = longText(600)
  const read = await reading.read({ text, name: 'config' })
  expect(read).toEqual(readConfigText(text, 'config', SURROUNDINGS))
  expect(read.config?.backends[0]?.servers).toHaveLength(600)
})

it('reads several texts one after the other, with the options of each', async () => {
  const reading = readingBy(entry)
  const own = readConfigText(`global: {maxconn: 77}\n${longText(1)}`, 'own', SURROUNDINGS).config
  expect(own).not.toBeNull()
  const [long, wrong, ofNode] = await Promise.all([
    reading.read({ text: longText(500), name: 'config' }),
    reading.read({ text: `${longText(500)}back: {}\n`, name: 'wrong' }),
    reading.read({ text: longText(400), name: 'config', ...(own !== null && { own }) }),
  ])
  expect(long.config?.backends[0]?.servers).toHaveLength(500)
  expect(wrong).toMatchObject({
    config: null,
    report: expect.stringMatching(/^wrong:505:1: error: unknown key "back"/),
  })
  expect(ofNode.config?.global.maxconn).toBe(77)
  expect(ofNode.config?.backends[0]?.servers).toHaveLength(400)
})

it('reads a short text without a thread', async () => {
  const reading = readingBy(new URL('file:///nowhere.js'))
  const read = await reading.read({ text: longText(1), name: 'config' })
  expect(read.config?.backends).toHaveLength(1)
})

it('says that a thread has died, and tries another one with the next text', async () => {
  const module = join(temporaryFolder(), 'entry.mjs')
  writeFileSync(module, 'throw new Error("of no use")')
  const lines: RecordedLine[] = []
  const reading = readingBy(pathToFileURL(module), lines)
  const text = longText(500)
  await expect(reading.read({ text, name: 'config' })).rejects.toMatchObject({
    code: 'reading-failed',
    cause: { message: 'of no use' },
  })
  expect(lines).toMatchObject([{ level: 'error', event: 'reading-failed' }])
  writeFileSync(module, `import ${JSON.stringify(entry.href)}`)
  const read = await reading.read({ text, name: 'config' })
  expect(read.config?.backends[0]?.servers).toHaveLength(500)
})

it('reads no more once it has ended', async () => {
  const lines: RecordedLine[] = []
  const reading = readingBy(entry, lines)
  const under = reading.read({ text: longText(500), name: 'config' })
  const failed = expect(under).rejects.toMatchObject({ code: 'reading-failed' })
  await Promise.resolve()
  await reading.end()
  await failed
  await expect(reading.read({ text: longText(500), name: 'config' })).rejects.toMatchObject({
    code: 'reading-failed',
  })
  expect(lines).toEqual([])
})
