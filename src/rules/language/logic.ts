/** A condition ready to be asked. */
export type Test<F> = (facts: F) => boolean

/** How conditions of a phase are put together. */
export interface Logic<F> {
  /** Passes where the test does not. */
  readonly not: (test: Test<F>) => Test<F>
  /** Passes where one of the tests does. */
  readonly some: (tests: readonly Test<F>[]) => Test<F>
}

/** Facts of which more may come. */
export interface IncompleteFacts {
  /** Set by what finds that it needs more; a test that leaves it set has passed nothing. */
  isMissing: boolean
}

/** Where all that can be asked is there: a test passes, or it does not. */
export function plainLogic<F>(): Logic<F> {
  return {
    not: (test) => (facts) => !test(facts),
    some: (tests) => (facts) => {
      for (const test of tests) if (test(facts)) return true
      return false
    },
  }
}

/**
 * Where more may come: what is not known yet stays so when it is negated, and an alternative that
 * passes makes up for one that is not known. HAProxy: `acl_exec_cond`, with its three results.
 *
 * Invariant: a test that passes leaves `isMissing` unset, and is asked with it unset.
 */
export function patientLogic<F extends IncompleteFacts>(): Logic<F> {
  return {
    not: (test) => (facts) => !test(facts) && !facts.isMissing,
    some: (tests) => (facts) => {
      let isMissing = false
      for (const test of tests) {
        facts.isMissing = false
        if (test(facts)) return true
        isMissing ||= facts.isMissing
      }
      facts.isMissing = isMissing
      return false
    },
  }
}

/** Passes where all of the tests do; the first that does not decides. */
export function every<F>(tests: readonly Test<F>[]): Test<F> {
  const [only] = tests
  if (only !== undefined && tests.length === 1) return only
  return (facts) => {
    for (const test of tests) if (!test(facts)) return false
    return true
  }
}

/** As the logic's own, without a detour where there is one alone. */
export function some<F>(tests: readonly Test<F>[], logic: Logic<F>): Test<F> {
  const [only] = tests
  return only !== undefined && tests.length === 1 ? only : logic.some(tests)
}
