import { SluiceError } from '../../base/errors.ts'
import type {
  HttpExpectation,
  PatternExpectation,
  StatusExpectation,
  TextExpectation,
} from '../../model/probe-protocol.ts'
import type { Pattern, PatternEngine } from '../../rules/samples/patterns.ts'

/** True for an expectation that the status alone decides. */
export function isOfStatus(expectation: HttpExpectation): expectation is StatusExpectation {
  return expectation.kind === 'status' || expectation.kind === 'rstatus'
}

/** Holds what servers say against what is expected. */
export class Expectations {
  readonly #engine: PatternEngine
  /** By expectation, of which a config has one each: every check of a server asks it again. */
  readonly #patterns = new WeakMap<PatternExpectation<string>, Pattern>()

  /** @param engine has compiled each pattern once when the config was checked */
  constructor(engine: PatternEngine) {
    this.#engine = engine
  }

  /**
   * Whether received bytes, as latin1, are what is expected. `negated` is left out: it is up to the
   * caller, who knows what may still come.
   */
  findsText(expectation: TextExpectation, received: string): boolean {
    if (expectation.kind === 'string') return received.includes(expectation.text)
    const pattern = this.#patternOf(expectation)
    return pattern(expectation.kind === 'rstring' ? received : hexadecimal(received))
  }

  /** Whether a status code is what is expected. */
  matchesStatus(expectation: StatusExpectation, code: number): boolean {
    const isFound =
      expectation.kind === 'status'
        ? expectation.ranges.some(([first, last]) => code >= first && code <= last)
        : this.#patternOf(expectation)(String(code))
    return isFound !== expectation.negated
  }

  /** @throws SluiceError `config-invalid` for a pattern that its check should have refused */
  #patternOf(expectation: PatternExpectation<string>): Pattern {
    const known = this.#patterns.get(expectation)
    if (known !== undefined) return known
    const pattern = this.#engine.compile(expectation.pattern, false)
    if (typeof pattern !== 'function') throw new SluiceError('config-invalid', pattern.message)
    this.#patterns.set(expectation, pattern)
    return pattern
  }
}

/** An expectation in the words of a config, for what a failed check has to say. */
export function describeExpectation(expectation: TextExpectation): string {
  const { kind, negated } = expectation
  const shown = kind === 'string' ? JSON.stringify(expectation.text).slice(1, -1) : null
  const sign = negated ? '! ' : ''
  return `${sign}${kind} '${shown ?? (expectation as { readonly pattern: string }).pattern}'`
}

function hexadecimal(latin1: string): string {
  let digits = ''
  for (let at = 0; at < latin1.length; at++) {
    digits += latin1.charCodeAt(at).toString(16).padStart(2, '0')
  }
  return digits.toUpperCase()
}
