import { DEFAULT_BIND_TLS } from '../../../src/config/values/default-values.ts'
import { COUNTER_COLUMNS, type CounterName } from '../../../src/memory/counters.ts'
import { SERVER_STATE, ServerTable } from '../../../src/memory/server-table.ts'
import type { Mode } from '../../../src/model/config.ts'
import type { PlannedListener, PlannedTls } from '../../../src/model/plan.ts'
import type { Conn, NetEngine } from '../../../src/net/conn.ts'
import type { FailureLogRecord } from '../../../src/telemetry/access-log.ts'
import { DataPlane } from '../../../src/worker/data-plane.ts'
import { selfSigned } from '../../fixtures/certificates.ts'
import { acceptFakeTls, FakeConn, FakeEngine } from './fake-network.ts'
import { FRONTEND, passTime, planOf, SERVER, servicesOf, TUNE } from './session-lab.ts'

/** TLS as a config has it that says no more than where the certificates are. */
export function plannedTls(changes: Partial<PlannedTls> = {}): PlannedTls {
  const { cert, key } = selfSigned({ names: ['a.example'] })
  const names = ['a.example']
  const read = { path: '/c/a.pem', chain: cert, key, names, keyType: 'ec' }
  const certificates = [{ ...read, notAfterMs: Number.POSITIVE_INFINITY }]
  return {
    ...DEFAULT_BIND_TLS,
    certificates,
    strictSni: false,
    alpn: ['http/1.1'],
    clients: null,
    ...changes,
  }
}

/** `maxconn` of the lab's frontend. */
export const MAXCONN = 3

/** A data plane that accepts, by default with `accept-proxy`, without network and clock. */
export function startAccepting(
  mode: Mode,
  acceptProxy = true,
  tls: PlannedTls | null = null,
  dontlognull = false,
) {
  const table = ServerTable.create(1)
  table.setState(SERVER, SERVER_STATE.up)
  table.setWeight(SERVER, 1)
  const servers = new FakeEngine()
  let accept: ((conn: Conn) => void) | undefined
  let isAccepting = false
  let isExhausted = false
  const engine: NetEngine = {
    name: 'node',
    connect: (address, handler) => servers.connect(address, handler),
    listen: (_fd, _kind, onAccept) => {
      accept = onAccept
      isAccepting = true
      const pause = (): void => {
        isAccepting = false
      }
      const resume = (): boolean => {
        isAccepting ||= !isExhausted
        return isAccepting
      }
      const drain = (then: () => void): void => {
        pause()
        then()
      }
      return { pause, resume, drain, close: pause }
    },
  }
  const secured: FakeConn[] = []
  const lines: string[] = []
  const services = servicesOf(TUNE, table, engine)
  Object.assign(services, {
    acceptTls: (...all: Parameters<typeof acceptFakeTls>) => {
      const over = acceptFakeTls(...all) as FakeConn
      secured.push(over)
      return over
    },
    accessLog: {
      isOff: false,
      http() {},
      tcp() {},
      failure: ({ bind, reason }: FailureLogRecord) => lines.push(`${bind}: ${reason}`),
    },
  })
  const dataPlane = new DataPlane(services)
  const listener: PlannedListener = {
    key: 'only',
    fd: 0,
    kind: 'inet',
    proto: null,
    backlog: 10,
    acceptProxy,
    tls,
  }
  const logging = { log: tls !== null, dontlognull }
  const frontend = { mode, maxconn: MAXCONN, listeners: [listener], ...logging }
  dataPlane.apply(planOf({ frontend, backend: { mode } }), () => {})
  return {
    dataPlane,
    table,
    /** TLS over clients, in the order in which their handshakes began. */
    secured,
    /** What was logged of connections that ended without a session, if the frontend logs. */
    lines,
    /** Connections to the server, in the order in which they were opened. */
    opened: servers.opened,
    isAccepting: () => isAccepting,
    /** Whether the system has no descriptor left for a listener that is to accept again. */
    exhaust: (exhausted: boolean) => {
      isExhausted = exhausted
    },
    /** A client connects. */
    accept: (): FakeConn => {
      const client = new FakeConn()
      if (isAccepting) accept?.(client)
      return client
    },
    /** Client connections as the process and the frontend count them. */
    counted: () => [table.connections(), table.sessions(FRONTEND)],
    /** The counters of the frontend that are not zero. */
    counters: (): Partial<Record<CounterName, number>> => {
      const entries = COUNTER_COLUMNS.map((name) => [name, table.total(FRONTEND, name)] as const)
      return Object.fromEntries(entries.filter(([, total]) => total !== 0))
    },
    pass: (ms: number): void => passTime(services.wheel, ms),
  }
}
