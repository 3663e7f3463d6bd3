import { COUNTER } from '../../memory/counters.ts'
import type { BackendTimeouts } from '../../model/config.ts'
import type { Termination } from '../dispatch/termination.ts'
import type { RelayEnd, Tunnel } from '../streams/tunnel.ts'
import type { ExchangeRecord } from './exchange-record.ts'

/** The termination state that each end is logged with, as in HAProxy's manual, section 8.5. */
export const TERMINATIONS: Readonly<Record<RelayEnd, Termination>> = {
  finished: '--',
  'client-aborted': 'CD',
  'server-aborted': 'SD',
  'client-late': 'cD',
  'server-late': 'sD',
  cut: 'KD',
}

/** What counts for the servers of a session. */
interface AbortCounts {
  /** @param column one of `COUNTER` */
  count(column: number): void
}

/** Counts who of the two broke a relay off. */
export function countAborts(dispatch: AbortCounts, end: RelayEnd): void {
  if (end === 'client-aborted') dispatch.count(COUNTER.clientAborts)
  if (end === 'server-aborted') dispatch.count(COUNTER.serverAborts)
}

/** What an exchange is told of the tunnel that it has become (RFC 9110 section 7.8). */
export class HttpTunnel implements Tunnel {
  readonly timeouts: BackendTimeouts
  readonly #record: ExchangeRecord
  readonly #onEnd: (end: RelayEnd) => void

  constructor(timeouts: BackendTimeouts, record: ExchangeRecord, onEnd: (end: RelayEnd) => void) {
    this.timeouts = timeouts
    this.#record = record
    this.#onEnd = onEnd
  }

  onUpstreamBytes(length: number): void {
    this.#record.bytesIn += length
  }

  onDownstreamBytes(length: number): void {
    this.#record.bytesOut += length
  }

  onRelayEnd(end: RelayEnd): void {
    this.#onEnd(end)
  }
}
