import { afterAll, beforeAll, onTestFinished } from 'vitest'

type Release = () => unknown

/** Of what is being started for several tests; null while a single one starts things. */
let releases: Release[] | null = null

/** Has something released when the test is over that it was started for, or the last of them. */
export function whenOver(release: Release): void {
  if (releases === null) onTestFinished(async () => void (await release()))
  else releases.push(release)
}

/**
 * Starts something once for all tests of a file, or of the `describe` that this is called in. It is
 * for what no test changes: what one leaves behind, the next would find.
 *
 * @returns what was started, for use within a test
 */
export function shared<T>(start: () => Promise<T>): () => T {
  let started: { readonly value: T } | null = null
  const own: Release[] = []
  beforeAll(async () => {
    releases = own
    try {
      started = { value: await start() }
    } finally {
      releases = null
    }
  })
  afterAll(async () => {
    // As after a test: what was started last goes first.
    for (const release of own.reverse()) await release()
  })
  return () => {
    if (started === null) throw new Error('not started yet: ask within a test')
    return started.value
  }
}
