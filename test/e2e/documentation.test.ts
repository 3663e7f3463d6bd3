import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { startDaemon } from './support/daemon.ts'
import { httpClient } from './support/http-client.ts'
import { startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'

/** Pages whose configs a newcomer pastes into a file and runs. */
const PAGES = ['README.md', 'docs/rules.md']

const examples = PAGES.flatMap((page) => {
  const text = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8')
  return [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, example = ''], n) => ({
    title: `${page}, ${n + 1}`,
    example,
  }))
})

describe('a config in the documentation', () => {
  it.each(examples)('runs as it is but for its addresses: $title', async ({ example }) => {
    const server = await startHttpServer({ name: 'app' })
    const port = await freePort()
    const admin = `admin: {bind: "127.0.0.1:${await freePort()}"}\n`
    const config = example
      .replace(/":\d+"/, `"127.0.0.1:${port}"`)
      .replace(/\b10\.0\.0\.\d+:\d+\b/g, server.address)
    expect(config).toContain(server.address)
    const daemon = await startDaemon({ config: admin + config })
    const { status } = await httpClient(port)('/', { headers: { host: 'www.example.com' } })
    expect([200, 301, 302, 308]).toContain(status)
    expect(daemon.log.filter(({ level }) => level === 'error')).toEqual([])
  })

  it('is found on each page', () => {
    for (const page of PAGES)
      expect(examples.some(({ title }) => title.startsWith(page))).toBe(true)
  })
})
