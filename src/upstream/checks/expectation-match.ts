import type {
  HttpExpectation,
  StatusExpectation,
  TextExpectation,
} from '../../model/check-protocol.ts'

/** Tells whether received bytes, as latin1, are what is expected; `negated` is left out. */
export type TextMatch = (received: string) => boolean

/** True for an expectation that the status alone decides. */
export function isOfStatus(expectation: HttpExpectation): expectation is StatusExpectation {
  return expectation.kind === 'status' || expectation.kind === 'rstatus'
}

/** Compiles an expectation of text. `negated` is up to the caller, who knows what may still come. */
export function textMatch(expectation: TextExpectation): TextMatch {
  if (expectation.kind === 'string') return (received) => received.includes(expectation.text)
  const pattern = new RegExp(expectation.pattern)
  if (expectation.kind === 'rstring') return (received) => pattern.test(received)
  return (received) => pattern.test(hexadecimal(received))
}

/** Whether a status code is what is expected. */
export function matchesStatus(expectation: StatusExpectation, code: number): boolean {
  const isFound =
    expectation.kind === 'status'
      ? expectation.ranges.some(([first, last]) => code >= first && code <= last)
      : new RegExp(expectation.pattern).test(String(code))
  return isFound !== expectation.negated
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
