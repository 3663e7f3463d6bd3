import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MessageChannel, Worker } from 'node:worker_threads'
import { build } from 'rolldown'
import type { StateMachine } from '../../src/consensus/agreement.ts'
import type { Engine, EngineEvents } from '../../src/consensus/engine.ts'
import { HandedBytes } from '../../src/consensus/thread/handed-bytes.ts'
import { ThreadedEngine } from '../../src/consensus/thread/threaded-engine.ts'
import type { EngineThreadData } from './engine-thread-entry.ts'
import type { RaftNode } from './raft-node.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Below the project's own folder, so that packages are found from there. */
const bundle = join(root, 'node_modules', '.cache', 'engine-thread', 'entry.mjs')

/** One file, which a thread loads many times as fast as its hundred sources; made once. */
let bundled: Promise<unknown> | undefined

/** Opens an engine of Raft on a thread, which ends with it. */
export async function openThreadedNode(
  node: RaftNode,
  machine: StateMachine,
  events: EngineEvents,
): Promise<Engine> {
  bundled ??= build({
    input: fileURLToPath(new URL('engine-thread-entry.ts', import.meta.url)),
    platform: 'node',
    external: ['classic-level', 'koffi'],
    output: { file: bundle, codeSplitting: false },
  })
  await bundled
  const { port1, port2: port } = new MessageChannel()
  const handed = new HandedBytes()
  const workerData: EngineThreadData = { port, handed: handed.memory, node }
  const worker = new Worker(bundle, { workerData, transferList: [port] })
  const failed = new Promise<never>((_, reject) => worker.once('error', reject))
  const opened = ThreadedEngine.open({ port: port1, handed, machine, events })
  return Promise.race([opened, failed])
}
