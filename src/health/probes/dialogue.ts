import type { ConnectStep } from '../../model/probe-protocol.ts'
import type { ProbeStatus } from '../../model/probe-state.ts'

/** What a dialogue has found out about a server. */
export interface Finding {
  readonly status: ProbeStatus
  /** The status or error code that the server gave, 0 where there was none. */
  readonly code: number
  /** More about it, or ''. */
  readonly info: string
}

/** What a dialogue does next. */
export interface Turn {
  /** To be sent now, in latin1; often ''. */
  readonly send: string
  /** The end of the check; null while more is to be said or read. */
  readonly finding: Finding | null
  /** Set where this connection is to be exchanged for a new one. */
  readonly connect?: ConnectStep
}

/**
 * One conversation with a server once a connection to it is open, without any I/O: bytes come in
 * and go out as latin1, one character a byte.
 */
export interface Dialogue {
  /** A connection is open: the first one, or one that a turn has asked for. */
  begin(): Turn
  /**
   * Takes what has arrived on the connection.
   *
   * @param ended the server will send no more
   */
  receive(text: string, ended: boolean): Turn
  /** What is waited for, for a check that runs out of time; '' where it goes without saying. */
  pending(): string
}

/** Nothing to do before more has arrived. */
export const WAIT: Turn = { send: '', finding: null }

/** What has been found out, with what there is to say of it. */
export function findingOf(status: ProbeStatus, info = '', code = 0): Finding {
  return { status, code, info }
}

/** A turn that ends the check. */
export function found(status: ProbeStatus, info = '', code = 0): Turn {
  return { send: '', finding: findingOf(status, info, code) }
}

const PRINTABLE = /^[\x20-\x7e]*/
const INFO_CHARACTERS_MAX = 100

/** The first line of what a server has said, as far as it can be printed. */
export function printable(text: string): string {
  return (PRINTABLE.exec(text)?.[0] ?? '').slice(0, INFO_CHARACTERS_MAX)
}
