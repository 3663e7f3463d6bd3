import { expect } from 'vitest'
import { ADMIN_HEADERS, type Daemon } from './daemon.ts'
import { until } from './waiting.ts'

/** Reads one sample of the daemon's metrics; NaN where there is none. */
export type Samples = (name: string, labels?: Readonly<Record<string, string>>) => number

/**
 * Scrapes `/metrics`. Of a sample the labels given must be there; when several samples have them,
 * their sum is returned.
 */
export async function scrape(daemon: Daemon): Promise<Samples> {
  const response = await fetch(`${daemon.adminUrl}/metrics`, { headers: ADMIN_HEADERS })
  const lines = (await response.text()).split('\n').filter((line) => !line.startsWith('#'))
  return (name, labels = {}) => {
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
    const found = lines.filter((line) => {
      const [, sample, set = ''] = /^([a-zA-Z0-9_:]+)(?:\{(.*)\})? /.exec(line) ?? []
      return sample === name && wanted.every((pair) => set.split(',').includes(pair))
    })
    if (found.length === 0) return Number.NaN
    return found.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
  }
}

/**
 * Waits until samples have these values, and fails with those that they have instead. What an answer
 * changes is there only just after it: the thread that has written it counts it next, while its
 * client may already be asking another thread for `/metrics`.
 *
 * @param expected value by name
 * @param labels of each of the samples
 */
export async function expectSamples(
  daemon: Daemon,
  expected: Readonly<Record<string, number>>,
  labels?: Readonly<Record<string, string>>,
): Promise<void> {
  let found: Record<string, number> = {}
  await until('the samples', async () => {
    const sample = await scrape(daemon)
    found = Object.fromEntries(Object.keys(expected).map((name) => [name, sample(name, labels)]))
    return Object.entries(expected).every(([name, value]) => found[name] === value) || undefined
  }).catch(() => undefined)
  expect(found).toEqual(expected)
}

/** Waits until the daemon has counted this many HTTP requests more: it is under load. */
export async function untilMoreRequests(daemon: Daemon, requests: number): Promise<void> {
  const count = async (): Promise<number> =>
    (await scrape(daemon))('sluice_frontend_http_requests_total')
  const wanted = (await count()) + requests
  await until(`${requests} more requests`, async () => (await count()) >= wanted || undefined)
}
