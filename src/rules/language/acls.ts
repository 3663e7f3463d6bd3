import type { TextProblem } from '../../model/language.ts'
import type { PatternEngine } from '../samples/patterns.ts'
import { parseAcl, type Scope, type Surroundings } from './conditions.ts'
import { some, type Test } from './logic.ts'
import { CONTENT_PHASE, type Phase, REQUEST_PHASE, RESPONSE_PHASE } from './phases.ts'
import { PREDEFINED_ACLS } from './predefined-acls.ts'
import { Words } from './words.ts'

/** ACLs by name with the expressions that are or-ed under each. */
export type AclExpressions = ReadonlyMap<string, readonly string[]>

/** The ACLs that rules of a phase may name, compiled when the first of them does. */
export class AclScope<F> implements Scope<F> {
  readonly phase: Phase<F>
  readonly patterns: PatternEngine
  readonly #acls: AclExpressions
  readonly #compiled = new Map<string, Test<F> | null>()

  constructor(phase: Phase<F>, acls: AclExpressions, patterns: PatternEngine) {
    this.phase = phase
    this.patterns = patterns
    this.#acls = acls
  }

  get aclNames(): Iterable<string> {
    return [...this.#acls.keys(), ...PREDEFINED_ACLS.keys()]
  }

  findAcl(name: string): Test<F> | null | undefined {
    const known = this.#compiled.get(name)
    if (known !== undefined) return known
    const expressions = this.#acls.get(name) ?? PREDEFINED_ACLS.get(name)
    if (expressions === undefined) return undefined
    const tests: Test<F>[] = []
    for (const expression of expressions) {
      const test = parseAcl(new Words(expression), this)
      if (test !== null) tests.push(test)
      // One that is wrong anywhere is told of where it stands, not wherever it is named.
      else if (aclProblem(expression, this.patterns) === null) return this.#keep(name, null)
    }
    return this.#keep(name, some(tests, this.phase.logic))
  }

  #keep(name: string, test: Test<F> | null): Test<F> | null {
    this.#compiled.set(name, test)
    return test
  }
}

/**
 * What is wrong with the expression of an ACL. It is right when one phase can answer it; else the
 * problem is that of the phase that read further.
 */
export function aclProblem(expression: string, patterns: PatternEngine): TextProblem | null {
  const onRequest = problemIn(expression, { phase: REQUEST_PHASE, patterns })
  if (onRequest === null) return null
  const onResponse = problemIn(expression, { phase: RESPONSE_PHASE, patterns })
  if (onResponse === null) return null
  const onContent = problemIn(expression, { phase: CONTENT_PHASE, patterns })
  if (onContent === null) return null
  return [onResponse, onContent].reduce(
    (furthest, problem) => (problem.offset > furthest.offset ? problem : furthest),
    onRequest,
  )
}

function problemIn<F>(expression: string, surroundings: Surroundings<F>): TextProblem | null {
  const words = new Words(expression)
  parseAcl(words, surroundings)
  return words.problem
}
