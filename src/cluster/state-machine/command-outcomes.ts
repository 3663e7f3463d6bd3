import type { ErrorCode } from '../../base/errors.ts'

/** A command has been carried out. */
export interface Done {
  readonly kind: 'done'
  /** False: all was already as the command wants it. */
  readonly isChanged: boolean
  /** The active config version after it; 0 while there is none. */
  readonly version: number
}

/** A command was against the state as it was, and has changed nothing. */
export interface Refusal {
  readonly kind: 'refused'
  readonly code: ErrorCode
  readonly message: string
}

/** What came of a command: the same on every node. */
export type CommandOutcome = Done | Refusal

/** Refuses a command. */
export function refusal(code: ErrorCode, message: string): Refusal {
  return { kind: 'refused', code, message }
}
