import type { HttpLogRecord } from '../../../src/telemetry/access-log.ts'

/** A request that went well, 23 November 2026, 05:03:01.261 local time. */
export function httpRecord(changes: Partial<HttpLogRecord> = {}): HttpLogRecord {
  return {
    clientAddress: '127.0.0.1',
    clientPort: 53016,
    startedAtMs: new Date(2026, 10, 23, 5, 3, 1, 261).getTime(),
    frontend: 'fe',
    isTls: false,
    backend: 'be',
    server: 's1',
    requestMs: 0,
    queueMs: 1,
    connectMs: 2,
    responseMs: 3,
    totalMs: 6,
    status: 200,
    bytes: 53,
    termination: '--',
    cookies: '--',
    actconn: 7,
    feconn: 6,
    beconn: 5,
    srvConn: 4,
    retries: 0,
    redispatched: false,
    srvQueue: 0,
    backendQueue: 0,
    requestCaptures: [],
    responseCaptures: [],
    request: 'GET /a HTTP/1.1',
    ...changes,
  }
}
