import { readdirSync } from 'node:fs'
import { defineConfig, type TestProjectConfiguration } from 'vitest/config'

const second = 1000

/** The fast projects run first; a group starts when the one before it has ended. */
const fast = ['unit', 'golden', 'conformance', 'simulation', 'fuzz'].map((name, n) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: 60 * second,
    hookTimeout: 60 * second,
    maxWorkers: '100%',
    // Hundreds of small files share a process for each core: a new one, with the sources loaded
    // anew, took longer than the tests in it.
    isolate: name !== 'unit',
    sequence: { groupOrder: n + 1 },
  },
}))

/** End-to-end files that nothing else may run beside, and why. */
const ALONE: Readonly<Record<string, string>> = {
  'client-tls': 'loads the machine with wrk',
  'large-config': 'four nodes with 10,000 servers each take all of the machine',
  'package': 'builds what all others run',
  'slow-start': 'measures shares of a load by the second',
}

/**
 * The projects that drive the daemon from outside. Files share nothing but the machine: ports are
 * reserved over all processes (`test/e2e/support/ports.ts`), and everything else is in folders of
 * their own. They wait more than they work, so three run at a time.
 *
 * @param names of files in `test/e2e`, without `.test.ts`
 * @param groupOrder of the first of them, which are as many as the result has
 */
export function endToEnd(names: readonly string[], groupOrder: number): TestProjectConfiguration[] {
  const include = (isAlone: boolean): string[] =>
    names.filter((name) => name in ALONE === isAlone).map((name) => `test/e2e/${name}.test.ts`)
  const limits = { testTimeout: 120 * second, hookTimeout: 120 * second, retry: 0 }
  const [together, alone] = [include(false), include(true)]
  return [
    {
      test: { ...limits, name: 'e2e', include: together, maxWorkers: 3, sequence: { groupOrder } },
    },
    {
      test: {
        ...limits,
        name: 'e2e-alone',
        include: alone,
        maxWorkers: 1,
        sequence: { groupOrder: groupOrder + 1 },
      },
    },
  ]
}

const endToEndFiles = readdirSync(new URL('test/e2e', import.meta.url))
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => file.slice(0, -'.test.ts'.length))

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'tidy', include: ['test/tidy.test.ts'], sequence: { groupOrder: 0 } } },
      ...fast,
      ...endToEnd(endToEndFiles, fast.length + 1),
    ],
  },
})
