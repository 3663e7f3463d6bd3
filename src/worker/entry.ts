import { type MessagePort, parentPort } from 'node:worker_threads'
import { BackendAssembly } from '../base/backend-slices.ts'
import { assert } from '../base/errors.ts'
import { h2LimitsOf } from '../http/h2/h2-limits.ts'
import { chunkLimitsOf, headLimitsOf } from '../http/limits.ts'
import { ResponseHead } from '../http/response-head.ts'
import { ProcessVariables } from '../memory/process-variables.ts'
import { ServerTable } from '../memory/server-table.ts'
import type { FromWorker, ToWorker, WorkerBoot } from '../model/channel.ts'
import type { PlannedBackend } from '../model/plan.ts'
import { DeadlineWheel } from '../net/deadline-wheel.ts'
import { DescriptorGauge } from '../net/descriptor-gauge.ts'
import { createNodeEngine } from '../net/engines/node/node-engine.ts'
import { acceptNodeTls, connectNodeTls } from '../net/engines/node/node-tls.ts'
import { ClientTlsContexts } from '../net/tls/client-tls.ts'
import { startTicker } from '../net/wheel-ticker.ts'
import { sharedScope } from '../rules/rule-scope.ts'
import { linearPatterns } from '../rules-host/linear-patterns.ts'
import { AccessLogWriter } from '../telemetry/access-log-writer.ts'
import { nameSourcesInStacks } from '../telemetry/source-stacks.ts'
import { HangUpWatch } from './clients/hang-up-watch.ts'
import { DataPlane, type DataPlaneServices } from './data-plane.ts'
import { SessionQueues } from './dispatch/session-queue.ts'
import { TableBuilds } from './dispatch/table-builds.ts'
import { ResponseRewrite } from './exchange/rewriting/rewrite.ts'
import { RequestHeads } from './exchange/routing/request-heads.ts'
import { HandshakeFailures } from './servers/handshake-failures.ts'
import { Shortages } from './servers/shortages.ts'

/** How often idle connections are aged and full listeners looked at again. */
const SWEEP_TICKS = 20

/** How often it is looked whether descriptors are left: every 100 ms, with two system calls. */
const DESCRIPTOR_TICKS = 2

/** Connections that the system did not hand over since they were told of last. */
class AcceptFailures {
  #count = 0
  #error = ''

  note(errorName: string): void {
    this.#count++
    this.#error = errorName
  }

  /** Null where there was none. */
  take(): { readonly count: number; readonly error: string } | null {
    if (this.#count === 0) return null
    const taken = { count: this.#count, error: this.#error }
    this.#count = 0
    return taken
  }
}

/** Runs the data plane of one worker thread until it is told to exit. */
function runWorker(port: MessagePort, boot: WorkerBoot): void {
  const send = (message: FromWorker): void => port.postMessage(message)
  const acceptFailures = new AcceptFailures()
  const services = createServices(boot, send, acceptFailures)
  const { table, accessLog, wheel, clock } = services
  const dataPlane = new DataPlane(services)
  const tellLoss = (): void => {
    const loss = accessLog.takeLoss()
    if (loss !== null) send({ kind: 'log-loss', loss })
  }
  let ticks = 0
  const stopTicker = startTicker(wheel, clock, () => {
    table.beat(boot.index)
    ticks++
    if (ticks % DESCRIPTOR_TICKS === 0) dataPlane.watchDescriptors()
    if (ticks % SWEEP_TICKS !== 0) return
    dataPlane.sweep()
    tellLoss()
    const fields = acceptFailures.take()
    if (fields === null) return
    send({ kind: 'warning', event: 'accept-failed', message: 'connections were refused', fields })
  })
  const backends = new BackendAssembly<PlannedBackend>()
  port.on('message', (message: ToWorker) => {
    switch (message.kind) {
      case 'plan-slice':
        backends.add(message.backends)
        return
      case 'apply':
        dataPlane.apply({ ...message.plan, backends: backends.take() }, () => {
          send({ kind: 'applied', serial: message.plan.serial })
        })
        return
      case 'change-servers':
        dataPlane.changeServers(message.change)
        send({ kind: 'applied', serial: message.change.serial })
        return
      case 'renew-ticket-keys':
        dataPlane.renewTicketKeys(message.keys)
        return
      case 'drain':
        dataPlane.drain(() => send({ kind: 'drained' }))
        return
      case 'free-ports':
        dataPlane.freePorts(message.address)
        return
      case 'cut':
        dataPlane.cut()
        return
      case 'exit':
        stopTicker()
        void accessLog.close().then(() => {
          tellLoss()
          process.exit(0)
        })
        return
      default:
        message satisfies never
    }
  })
}

/** What the sessions of the worker share. */
function createServices(
  { index, memory, variables, tune, accessLog, ticketKeys }: WorkerBoot,
  send: (message: FromWorker) => void,
  acceptFailures: AcceptFailures,
): DataPlaneServices {
  const table = new ServerTable(memory)
  const clock = (): number => performance.now()
  const wheel = new DeadlineWheel(clock())
  const descriptors = new DescriptorGauge()
  const limits = headLimitsOf(tune)
  const responseHead = new ResponseHead(limits)
  const processVariables = new ProcessVariables(variables)
  return {
    descriptors,
    shortages: new Shortages((failure, address) => send({ kind: 'shortage', failure, address })),
    engine: createNodeEngine({
      descriptors,
      onAcceptFailure: (errorName) => acceptFailures.note(errorName),
    }),
    acceptTls: acceptNodeTls,
    connectTls: connectNodeTls,
    tlsContexts: new ClientTlsContexts(),
    handshakeFailures: new HandshakeFailures((server, reason) => {
      const message = `TLS with server ${server} has failed: ${reason}`
      send({ kind: 'warning', event: 'server-tls-failed', message, fields: { server, reason } })
    }),
    wheel,
    clock,
    random: Math.random,
    patterns: linearPatterns,
    table,
    worker: index,
    cells: table.counters(index),
    queues: new SessionQueues(table, index),
    builds: new TableBuilds(clock),
    hangUps: new HangUpWatch(wheel),
    accessLog: new AccessLogWriter(accessLog),
    tune,
    processVariables,
    sharedScope: sharedScope(processVariables),
    ticketKeys,
    chunkLimits: chunkLimitsOf(tune),
    h2Limits: h2LimitsOf(tune.h2Backend),
    h2ClientLimits: { ...h2LimitsOf(tune.h2Frontend), takesProtocol: true },
    requestHeads: new RequestHeads(limits, tune.bufsizeBytes),
    requestEdits: { added: '', target: '', hostless: false },
    responseHead,
    responseRewrite: new ResponseRewrite(responseHead, tune.bufsizeBytes),
    responseEdits: { added: '', connection: '', dechunked: false },
    draining: false,
  }
}

const control = parentPort
assert(control !== null, 'the worker entry was loaded outside a worker thread')
nameSourcesInStacks()
// Nothing native is loaded before: where the config is bad, the thread ends in the midst of it.
control.once('message', (boot: WorkerBoot) => runWorker(control, boot))
