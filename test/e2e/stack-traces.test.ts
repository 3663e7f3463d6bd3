import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it } from 'vitest'
import { startDaemon } from './support/daemon.ts'
import { freePort } from './support/ports.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

/** Takes the clock of a worker away, so that the daemon's own code meets with an error in it. */
const FAULT = `
import { isMainThread } from 'node:worker_threads'
const fail = () => { throw new Error('no clock') }
if (!isMainThread) setTimeout(() => { performance.now = fail }, 300)
`

/** The lines of the sources that a stack leads through. */
function sourceLines(stack: string): string[] {
  return [...stack.matchAll(/(src\/[\w/-]+\.ts):(\d+):\d+/g)].map(([, file = '', line]) => {
    const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
    return text.split('\n')[Number(line) - 1] ?? ''
  })
}

it('a stack in the log leads through the sources, of every thread', async () => {
  const fault = join(temporaryFolder(), 'fault.mjs')
  writeFileSync(fault, FAULT)
  const daemon = await startDaemon({
    env: { NODE_OPTIONS: `--import=${pathToFileURL(fault).href}` },
    config: {
      global: { nbthread: 1, log: { access: 'off' } },
      defaults: { mode: 'http' },
      frontends: { web: { bind: `127.0.0.1:${await freePort()}`, default_backend: 'app' } },
      backends: { app: { servers: { s1: '127.0.0.1:1' } } },
    },
  })
  const { error } = (await daemon.event('worker-lost')) as unknown as { error: { stack: string } }
  const [ofMain = '', ofWorker = ''] = error.stack.split('caused by: ')
  expect(sourceLines(ofMain)[0]).toContain('SluiceError(')
  expect(ofWorker).toContain('no clock')
  expect(sourceLines(ofWorker)[0]).toContain('performance.now()')
  expect(error.stack).not.toContain('dist/')
})
