import { defineConfig } from 'vitest/config'

const second = 1000

/** The fast projects run first; a group starts when the one before it has ended. */
const fast = ['unit', 'golden', 'conformance', 'simulation', 'fuzz'].map((name, n) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: 60 * second,
    maxWorkers: '100%',
    // Hundreds of small files share a process for each core: a new one, with the sources loaded
    // anew, took longer than the tests in it.
    isolate: name !== 'unit',
    sequence: { groupOrder: n + 1 },
  },
}))

/** What drives the daemon from outside; `vitest.versions.config.ts` runs a part of it. */
export const e2e = {
  name: 'e2e',
  include: ['test/e2e/**/*.test.ts'],
  // Daemons, ports and load generators are shared: one file at a time.
  fileParallelism: false,
  testTimeout: 120 * second,
  hookTimeout: 120 * second,
  retry: 0,
}

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'tidy', include: ['test/tidy.test.ts'], sequence: { groupOrder: 0 } } },
      ...fast,
      { test: { ...e2e, sequence: { groupOrder: fast.length + 1 } } },
    ],
  },
})
