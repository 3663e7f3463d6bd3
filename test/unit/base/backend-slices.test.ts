import { expect, it } from 'vitest'
import { BackendAssembly, slicesOf } from '../../../src/base/backend-slices.ts'
import type { BackendConfig } from '../../../src/model/config.ts'
import { configOf } from '../config/loading.ts'

/** Servers of each backend. */
function backendsOf(counts: readonly number[]) {
  const backends = counts.map((count, b) => {
    const servers = Array.from({ length: count }, (_, s) => [
      `s${s}`,
      `10.${b >> 8}.${b & 255}.${s % 250}:80`,
    ])
    return [`b${b}`, { servers: Object.fromEntries(servers) }]
  })
  const frontends = { web: { bind: '127.0.0.1:8080', default_backend: 'b0' } }
  return configOf(JSON.stringify({ frontends, backends: Object.fromEntries(backends) })).backends
}

it.each([
  ['none', [0]],
  ['a few', [1, 0, 3]],
  ['many small backends', Array.from({ length: 400 }, () => 2)],
  ['one large backend', [1_000]],
  ['a backend that ends with its slice', [499, 499, 1]],
  ['large ones beside small ones', [3, 700, 0, 251, 1]],
])('cuts backends into bounded slices that make the same again: %s', (_, counts) => {
  const backends = backendsOf(counts)
  const slices = [...slicesOf(backends)]
  const assembly = new BackendAssembly<BackendConfig>()
  for (const slice of slices) {
    const entries = slice.map(({ head, servers }) => servers.length + (head === null ? 0 : 1))
    expect(entries.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(500)
    assembly.add(structuredClone(slice))
  }
  expect(assembly.take()).toEqual(backends)
  expect(assembly.take()).toEqual([])
})
