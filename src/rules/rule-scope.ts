import { type CapturedLine, type CaptureSlots, Captures } from './captures.ts'
import { Variables } from './variables.ts'

/**
 * What rules keep for rules that come later, and for the log: of one client's connection and of the
 * request that it has at hand.
 */
export class RuleScope {
  readonly variables = new Variables()
  readonly captures: Captures

  /** @param line of the request at hand */
  constructor(line: CapturedLine) {
    this.captures = new Captures(line)
  }

  /** A request begins: what belonged to the one before is gone. @param slots of its frontend */
  beginRequest(slots: CaptureSlots | null): void {
    this.variables.beginRequest()
    this.captures.begin(slots)
  }
}

/** What is asked where no rule can have kept anything. */
export const NO_SCOPE = new RuleScope({ method: '', target: '', version: '' })
