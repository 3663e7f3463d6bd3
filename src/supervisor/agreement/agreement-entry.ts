import { parentPort } from 'node:worker_threads'
import { assert } from '../../base/errors.ts'
import { hostEngine } from '../../consensus/thread/engine-host.ts'
import { ThreadLine } from '../../consensus/thread/thread-line.ts'
import { AcceptPauses } from '../../net/accept-pauses.ts'
import type { LogEvent } from '../../telemetry/daemon-log.ts'
import { nameSourcesInStacks } from '../../telemetry/source-stacks.ts'
import { type AgreementBoot, BEAT_MS, type MainCalls, type ThreadCalls } from './agreement-boot.ts'
import { PeerLinks } from './peer-links.ts'
import { openRaft } from './raft-engine.ts'

/** Runs agreement, its store and its links until the engine is stopped. */
function runAgreement({ config, enginePort, handed, beats, controlPort }: AgreementBoot): void {
  const beat = new Int32Array(beats)
  // The first at once: a thread that hangs before its second is seen to.
  Atomics.add(beat, 0, 1)
  setInterval(() => Atomics.add(beat, 0, 1), BEAT_MS).unref()
  let links: PeerLinks | null = null
  const calls: ThreadCalls = {
    renew: async () => links?.renew(),
    stats: async () => links?.stats() ?? null,
  }
  const main = new ThreadLine<MainCalls>(controlPort, calls)
  const logTo =
    (level: 'info' | 'warn'): LogEvent =>
    (event, message, fields = {}) =>
      main.tell('log', level, event, message, fields)
  const log = { info: logTo('info'), warn: logTo('warn') }
  hostEngine({
    port: enginePort,
    handed,
    open: async (machine, events) => {
      const accepts = new AcceptPauses(() => main.tell('onExhausted'))
      links = new PeerLinks(config, log, accepts)
      return openRaft(config, links, machine, events, log)
    },
    onEnd: () => {
      main.close()
      process.exit(0)
    },
  })
}

const parent = parentPort
assert(parent !== null, 'the entry of agreement was loaded outside a thread of its own')
nameSourcesInStacks()
parent.once('message', runAgreement)
