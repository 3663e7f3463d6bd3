import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../base/errors.ts'
import { RequestHead } from '../http/h1/request-head.ts'
import { ResponseHead } from '../http/h1/response-head.ts'
import { chunkLimitsOf, headLimitsOf } from '../http/limits.ts'
import { ServerTable } from '../memory/server-table.ts'
import type { FromWorker, ToWorker, WorkerBoot } from '../model/channel.ts'
import { DeadlineWheel } from '../net/deadline-wheel.ts'
import { DescriptorGauge } from '../net/descriptor-gauge.ts'
import { createNodeEngine } from '../net/engines/node/node-engine.ts'
import { startTicker } from '../net/wheel-ticker.ts'
import { linearPatterns } from '../rules-host/linear-patterns.ts'
import { AccessLogWriter } from '../telemetry/access-log-writer.ts'
import { HangUpWatch } from './clients/hang-up-watch.ts'
import { DataPlane } from './data-plane.ts'
import { SessionQueues } from './dispatch/session-queue.ts'
import { RequestRewrite, ResponseRewrite } from './exchange/rewrite.ts'
import type { Services } from './services.ts'

/** How often idle connections are aged and full listeners looked at again. */
const SWEEP_TICKS = 20

/** Runs the data plane of one worker thread until it is told to exit. */
function runWorker(boot: WorkerBoot): void {
  const port = parentPort
  assert(port !== null, 'the worker entry was loaded outside a worker thread')
  const send = (message: FromWorker): void => port.postMessage(message)
  const table = new ServerTable(boot.memory)
  const accessLog = new AccessLogWriter(boot.accessLog)
  const clock = (): number => performance.now()
  const { tune } = boot
  const limits = headLimitsOf(tune)
  const requestHead = new RequestHead(limits)
  const responseHead = new ResponseHead(limits)
  let acceptFailures = 0
  let acceptFailure = ''
  const wheel = new DeadlineWheel(clock())
  const descriptors = new DescriptorGauge()
  const services: Services = {
    descriptors,
    engine: createNodeEngine({
      descriptors,
      onAcceptFailure: (errorName) => {
        acceptFailures++
        acceptFailure = errorName
      },
    }),
    wheel,
    clock,
    random: Math.random,
    patterns: linearPatterns,
    table,
    worker: boot.index,
    cells: table.counters(boot.index),
    queues: new SessionQueues(table, boot.index),
    hangUps: new HangUpWatch(wheel),
    accessLog,
    tune,
    chunkLimits: chunkLimitsOf(tune),
    requestHead,
    requestRewrite: new RequestRewrite(requestHead, tune.bufsizeBytes),
    requestEdits: { added: '', target: '', hostless: false, close: false, upgrade: false },
    responseHead,
    responseRewrite: new ResponseRewrite(responseHead, tune.bufsizeBytes),
    responseEdits: { added: '', connection: '', dechunked: false },
    draining: false,
  }
  const dataPlane = new DataPlane(services)
  let ticks = 0
  const stopTicker = startTicker(services.wheel, clock, () => {
    table.beat(boot.index)
    if (++ticks % SWEEP_TICKS !== 0) return
    dataPlane.sweep()
    const loss = accessLog.takeLoss()
    if (loss !== null) send({ kind: 'log-loss', loss })
    if (acceptFailures === 0) return
    const fields = { count: acceptFailures, error: acceptFailure }
    send({ kind: 'warning', event: 'accept-failed', message: 'connections were refused', fields })
    acceptFailures = 0
  })
  port.on('message', (message: ToWorker) => {
    switch (message.kind) {
      case 'apply':
        dataPlane.apply(message.plan)
        send({ kind: 'applied', serial: message.plan.serial })
        return
      case 'drain':
        dataPlane.drain(() => send({ kind: 'drained' }))
        return
      case 'cut':
        dataPlane.cut()
        return
      case 'exit':
        stopTicker()
        void accessLog.close().then(() => process.exit(0))
        return
      default:
        message satisfies never
    }
  })
}

runWorker(workerData as WorkerBoot)
