import { COUNTER } from '../../memory/counters.ts'
import type { Dispatch } from '../dispatch/dispatch.ts'
import type { Termination } from '../dispatch/termination.ts'
import type { ExchangeRecord } from '../exchange/exchange-record.ts'
import { type RelayEnd, type RelayOwner, TERMINATIONS } from './relay.ts'

/** What an exchange is told of the relay that it has become (RFC 9110 section 7.8). */
export class HttpTunnel implements RelayOwner {
  readonly #record: ExchangeRecord
  readonly #dispatch: Dispatch
  readonly #onEnd: (termination: Termination) => void

  constructor(
    record: ExchangeRecord,
    dispatch: Dispatch,
    onEnd: (termination: Termination) => void,
  ) {
    this.#record = record
    this.#dispatch = dispatch
    this.#onEnd = onEnd
  }

  onUpstreamBytes(length: number): void {
    this.#record.bytesIn += length
  }

  onDownstreamBytes(length: number): void {
    this.#record.bytesOut += length
  }

  onRelayEnd(end: RelayEnd): void {
    if (end === 'client-aborted') this.#dispatch.count(COUNTER.clientAborts)
    if (end === 'server-aborted') this.#dispatch.count(COUNTER.serverAborts)
    this.#onEnd(TERMINATIONS[end])
  }
}
