import type { RequestHead } from '../http/request-head.ts'
import { COUNTER, COUNTER_STRIDE, DURATION_BUCKETS_MS } from '../model/counters.ts'

/** HAProxy's termination state: who ended the session, and in which phase. `--` is a normal end. */
export type Termination = string

/**
 * What is known of one HTTP exchange, for counters and the access log. Reused by the next request
 * of the connection. Moments are the services' clock in milliseconds, -1 while they have not come.
 */
export class ExchangeRecord {
  /** '' when what came was no request. */
  method = ''
  target = ''
  minorVersion = 1
  /** First byte of the request. */
  startMs = -1
  /** The request head was complete. */
  headMs = -1
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

  /** Starts the record of a request. */
  begin(startMs: number, nowMs: number): void {
    this.method = ''
    this.target = ''
    this.minorVersion = 1
    this.startMs = startMs
    this.headMs = nowMs
    this.connectedMs = -1
    this.responseMs = -1
    this.status = 0
    this.bytesIn = 0
    this.bytesOut = 0
    this.termination = '--'
  }

  /** Notes what outlives the request head. */
  request(head: RequestHead): void {
    this.method = head.method
    this.target = head.target
    this.minorVersion = head.minorVersion
    this.bytesIn = head.text.length
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
    add(cells, base + COUNTER.connectTime, this.connectedMs - this.headMs)
    if (this.responseMs < 0) return
    add(cells, base + COUNTER.responseTime, this.responseMs - this.connectedMs)
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
