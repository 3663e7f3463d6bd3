import {
  type ExpectStep,
  PROBE_BYTES_MAX,
  type ProbeStep,
  type StepProbeConfig,
} from '../../model/probe-protocol.ts'
import { type Dialogue, found, type Turn, WAIT } from './dialogue.ts'
import { describeExpectation, type Expectations } from './expectation-match.ts'

/**
 * `tcp-check`: steps one after another. What is received is kept until something is sent, so that
 * several expectations can be held against one answer. A negated expectation holds as soon as
 * there are bytes without a match, as in HAProxy (configuration manual, tcp-check expect).
 */
export class StepDialogue implements Dialogue {
  readonly #steps: readonly ProbeStep[]
  readonly #expectations: Expectations
  #at = 0
  #received = ''
  /** True once an answer was what it should be: the check is then of layer 7. */
  #hasHeard = false

  constructor({ steps }: StepProbeConfig, expectations: Expectations) {
    this.#steps = steps
    this.#expectations = expectations
  }

  begin(): Turn {
    this.#received = ''
    // The step that has asked for this connection is done.
    if (this.#steps[this.#at]?.kind === 'connect') this.#at++
    return this.#goOn(false)
  }

  receive(text: string, ended: boolean): Turn {
    this.#received += text.slice(0, PROBE_BYTES_MAX - this.#received.length)
    return this.#goOn(ended)
  }

  pending(): string {
    const step = this.#steps[this.#at]
    return step?.kind === 'expect' ? this.#describe(step) : ''
  }

  #goOn(ended: boolean): Turn {
    let send = ''
    for (; this.#at < this.#steps.length; this.#at++) {
      const step = this.#steps[this.#at] as ProbeStep
      if (step.kind === 'connect') return { send, finding: null, connect: step }
      if (step.kind === 'send') {
        send += step.bytes
        this.#received = ''
        continue
      }
      const turn = this.#judge(step, ended)
      if (turn !== null) return { ...turn, send }
      this.#hasHeard = true
    }
    return { ...found(this.#hasHeard ? 'L7OK' : 'L4OK'), send }
  }

  /** Null when the expectation holds. */
  #judge(step: ExpectStep, ended: boolean): Turn | null {
    const received = this.#received
    const isAll = ended || received.length === PROBE_BYTES_MAX
    if (!isAll && received.length < (step.bytesMin ?? 1)) return WAIT
    const isFound = received !== '' && this.#expectations.findsText(step.expectation, received)
    if (step.expectation.negated ? received !== '' && !isFound : isFound) return null
    if (!isFound && !isAll && step.bytesMin === null) return WAIT
    return found(step.failure, `${isFound ? 'Unwanted' : 'No'} match ${this.#describe(step)}`)
  }

  #describe({ expectation, comment }: ExpectStep): string {
    const place = `at step ${this.#at + 1} of tcp-check (expect ${describeExpectation(expectation)})`
    return comment === '' ? place : `${place} comment: '${comment}'`
  }
}
