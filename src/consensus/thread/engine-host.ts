import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { assert, SluiceError } from '../../base/errors.ts'
import type { StateMachine } from '../agreement.ts'
import type { EngineEvents } from '../engine.ts'
import type { EngineCalls, HolderCalls, HostedEngine } from './engine-calls.ts'
import { HandedBytes } from './handed-bytes.ts'
import { PortStream } from './port-stream.ts'
import { postError, postedError } from './posted-errors.ts'
import { ThreadLine } from './thread-line.ts'

/**
 * What is agreed on and that the other thread has not taken yet. At full rate it is that of
 * minutes: a thread that stands still for so long will not go on.
 */
const UNTAKEN_BYTES_MAX = 256 * 1024 * 1024

/** What a hosted engine is given. */
export interface EngineHostOptions {
  /** Whose other end a `ThreadedEngine` has. */
  readonly port: MessagePort
  /** Of {@link HandedBytes}. */
  readonly handed: SharedArrayBuffer
  readonly open: (machine: StateMachine, events: EngineEvents) => Promise<HostedEngine>
  /** The engine has stopped, or was never opened: the thread has done its work. */
  readonly onEnd: () => void
}

/** Runs an engine for another thread, which has its state machine. */
export function hostEngine({ port, handed, open, onEnd }: EngineHostOptions): void {
  let engine: HostedEngine | null = null
  const opened = (): HostedEngine => {
    assert(engine !== null, 'an engine is asked once it is open')
    return engine
  }
  const end = (): void => {
    // What was said last goes first.
    setImmediate(() => {
      line.close()
      onEnd()
    })
  }
  const calls: EngineCalls = {
    open: async () => {
      try {
        engine = await open(machineBehind(line, new HandedBytes(handed)), eventsTo(line))
        return { hasMembers: engine.members !== null, hasPeers: engine.peers !== null }
      } catch (error) {
        end()
        throw error
      }
    },
    propose: (command) => opened().agreement.propose(command),
    read: () => opened().agreement.read(),
    status: () => opened().agreement.status(),
    add: (name, address) => offered(opened().members).add(name, address),
    remove: (name, options) => offered(opened().members).remove(name, options),
    transfer: (name) => offered(opened().members).transfer(name),
    ask: (name, kind, body, timeoutMs) => offered(opened().peers).ask(name, kind, body, timeoutMs),
    openStream: async (name) => portOf(await offered(opened().peers).openStream(name)),
    giveUp: (error) => opened().giveUp(postedError(error)),
    stop: async () => {
      await opened().stop()
      end()
      return opened().agreement.status()
    },
  }
  const line = new ThreadLine<HolderCalls>(port, calls)
}

/** The state machine of the other thread. */
function machineBehind(line: ThreadLine<HolderCalls>, handed: HandedBytes): StateMachine {
  const hand = (bytes: number): void => {
    if (handed.hand(bytes) <= UNTAKEN_BYTES_MAX) return
    throw new SluiceError('overloaded', 'the main thread stands still, and too much waits for it')
  }
  return {
    apply: (index, command) => {
      hand(command.length)
      line.tell('apply', index, command)
    },
    restore: (data, index) => {
      hand(data.length)
      line.tell('restore', data, index)
    },
    snapshot: () => line.ask('snapshot'),
  }
}

function eventsTo(line: ThreadLine<HolderCalls>): EngineEvents {
  return {
    onStatus: (status) => line.tell('onStatus', status),
    onFatal: (error) => line.tell('onFatal', postError(error)),
    onQuestion: (from, kind, body) => line.ask('onQuestion', from, kind, body),
    onStream: (from, stream) => line.tell('onStream', from, portOf(stream)),
  }
}

/** Has a stream go on in the other thread. @returns the port of its other end */
function portOf(stream: Duplex): MessagePort {
  const { port1, port2 } = new MessageChannel()
  const inner = new PortStream(port1)
  // Where either fails both are destroyed, and the other thread hears of it.
  pipeline(stream, inner, () => {})
  pipeline(inner, stream, () => {})
  return port2
}

function offered<T>(seam: T | null): T {
  assert(seam !== null, 'what an engine does not have is not asked of it')
  return seam
}
