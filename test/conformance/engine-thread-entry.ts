import { type MessagePort, workerData } from 'node:worker_threads'
import { hostEngine } from '../../src/consensus/thread/engine-host.ts'
import { openRaftNode, type RaftNode } from './raft-node.ts'

/** What the thread of an engine under test is started with. */
export interface EngineThreadData {
  readonly port: MessagePort
  readonly handed: SharedArrayBuffer
  readonly node: RaftNode
}

const { port, handed, node } = workerData as EngineThreadData
hostEngine({
  port,
  handed,
  open: (machine, events) => openRaftNode(node, machine, events),
  onEnd: () => process.exit(0),
})
