import type { Clock } from '../../base/clock.ts'
import type { RequestHead } from '../../http/request-head.ts'
import { COUNTER, COUNTER_STRIDE, DURATION_BUCKETS_MS } from '../../memory/counters.ts'
import type { ProcessVariables } from '../../memory/process-variables.ts'
import { RuleScope } from '../../rules/rule-scope.ts'
import type { Termination } from '../dispatch/termination.ts'

/**
 * What is known of one HTTP exchange, for counters and the access log. Reused by the next request
 * of the connection. Moments are the services' clock in milliseconds, -1 while they have not come.
 */
export class ExchangeRecord {
  /** '' when what came was no request. */
  method = ''
  target = ''
  /** Of the client's HTTP. */
  version = '1.1'
  /** First byte of the request. */
  startMs = -1
  /** The request head was complete, and what rules have waited for behind it. */
  headMs = -1
  /** How long a rule has held the request that none was to have, -1 where none has. */
  heldMs = -1
  /** Time until a server was found, which is most often none. */
  queuedMs = 0
  /** A server connection was there, new or reused. */
  connectedMs = -1
  /** The response head was complete. */
  responseMs = -1
  /** What the client was answered, 0 when it was not. */
  status = 0
  /** Bytes of the request, head included. */
  bytesIn = 0
  /** Bytes of the response as the client gets it, head included. */
  bytesOut = 0
  termination: Termination = '--'
  /** The client has sent nothing at all. */
  isNull = false
  /** What rules keep; those of the session outlive the request. */
  readonly scope: RuleScope

  /** @param process the variables of all threads */
  constructor(process: ProcessVariables) {
    this.scope = new RuleScope(this, process)
  }

  /** Starts the record of a request. */
  begin(startMs: number, nowMs: number): void {
    this.method = ''
    this.target = ''
    this.version = '1.1'
    this.startMs = startMs
    this.headMs = nowMs
    this.heldMs = -1
    this.queuedMs = 0
    this.connectedMs = -1
    this.responseMs = -1
    this.status = 0
    this.bytesIn = 0
    this.bytesOut = 0
    this.termination = '--'
    this.isNull = false
  }

  /** Notes what outlives the request head. */
  request(head: RequestHead): void {
    this.method = head.method
    this.target = head.target
    this.version = head.version
  }

  /** Notes how long the connection to a server took; one that was idle took no time. */
  connected(way: { readonly queuedMs: number; readonly reused: boolean }, clock: Clock): void {
    this.queuedMs = way.queuedMs
    this.connectedMs = way.reused ? this.headMs + way.queuedMs : clock()
  }

  /** Adds the finished exchange to the counters of a frontend, a backend or a server. */
  count(cells: Float64Array, row: number, nowMs: number): void {
    const base = row * COUNTER_STRIDE
    const totalMs = nowMs - this.startMs
    add(cells, base + COUNTER.responses1xx + responseClass(this.status), 1)
    add(cells, base + COUNTER.bytesIn, this.bytesIn)
    add(cells, base + COUNTER.bytesOut, this.bytesOut)
    add(cells, base + COUNTER.timedRequests, 1)
    add(cells, base + COUNTER.totalTime, totalMs)
    add(cells, base + COUNTER.duration0 + durationBucket(totalMs), 1)
    if (this.connectedMs < 0) return
    add(cells, base + COUNTER.queueTime, this.queuedMs)
    add(cells, base + COUNTER.connectTime, this.connectedMs - this.headMs - this.queuedMs)
    if (this.responseMs < 0) return
    add(cells, base + COUNTER.responseTime, this.responseMs - this.connectedMs)
    add(cells, base + COUNTER.serverResponses, 1)
    if (this.status < 500 || this.status === 501 || this.status === 505) return
    add(cells, base + COUNTER.serverErrors, 1)
    if (this.status <= 504 && this.status >= 502) add(cells, base + COUNTER.gatewayErrors, 1)
  }
}

function add(cells: Float64Array, cell: number, by: number): void {
  cells[cell] = (cells[cell] as number) + by
}

/** 0-4 for 1xx-5xx, 5 for anything else: the order of the counter columns. */
function responseClass(status: number): number {
  const hundreds = (status / 100) | 0
  return hundreds >= 1 && hundreds <= 5 ? hundreds - 1 : 5
}

function durationBucket(totalMs: number): number {
  let bucket = 0
  while (bucket < DURATION_BUCKETS_MS.length && totalMs > (DURATION_BUCKETS_MS[bucket] as number)) {
    bucket++
  }
  return bucket
}
