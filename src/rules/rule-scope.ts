import type { ProcessVariables } from '../memory/process-variables.ts'
import { type CapturedLine, type CaptureSlots, Captures } from './captures.ts'
import { Variables } from './variables.ts'

/**
 * What rules keep for rules that come later, and for the log: of one client's connection and of the
 * request that it has at hand.
 */
export class RuleScope {
  readonly variables: Variables
  readonly captures: Captures

  /**
   * @param line of the request at hand
   * @param process the variables of all threads; null: there are none
   */
  constructor(line: CapturedLine, process: ProcessVariables | null) {
    this.variables = new Variables(process)
    this.captures = new Captures(line)
  }

  /** A request begins: what belonged to the one before is gone. @param slots of its frontend */
  beginRequest(slots: CaptureSlots | null): void {
    this.variables.beginRequest()
    this.captures.begin(slots)
  }
}

/** What is asked where no rule can have kept anything but for all. */
export function sharedScope(process: ProcessVariables | null): RuleScope {
  return new RuleScope({ method: '', target: '', version: '' }, process)
}

/** What is asked where no rule can have kept anything. */
export const NO_SCOPE = sharedScope(null)
