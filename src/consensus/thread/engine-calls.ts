import type { MessagePort } from 'node:worker_threads'
import type { Engine } from '../engine.ts'
import type { EngineStatus } from '../engine-status.ts'
import type { RemovalOptions } from '../members.ts'
import type { PostedError } from './posted-errors.ts'

/** An engine that can be told that what it agrees on cannot be applied any more. */
export interface HostedEngine extends Engine {
  /** As if the state machine had thrown: the node takes no further part. */
  giveUp(error: Error): void
}

/** Which seams an engine has, beside agreement. */
export interface OfferedSeams {
  readonly hasMembers: boolean
  readonly hasPeers: boolean
}

/** What is asked of an engine on a thread of its own: its seams, as they can be told over a line. */
export interface EngineCalls {
  /** The first call; what the engine's opening throws. */
  open(): Promise<OfferedSeams>
  propose(command: Uint8Array): Promise<number>
  read(): Promise<void>
  status(): Promise<EngineStatus>
  add(name: string, address: string): Promise<void>
  remove(name: string, options: RemovalOptions): Promise<void>
  transfer(name: string): Promise<void>
  ask(name: string, kind: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array>
  /** @returns the port of a `PortStream` */
  openStream(name: string): Promise<MessagePort>
  giveUp(error: PostedError): void
  /** @returns the engine after its end */
  stop(): Promise<EngineStatus>
}

/** What an engine on a thread of its own asks of the one that has the state machine. */
export interface HolderCalls {
  apply(index: number, command: Uint8Array): void
  restore(data: Uint8Array, index: number): void
  snapshot(): Promise<Uint8Array>
  onStatus(status: EngineStatus): void
  onFatal(error: PostedError): void
  onQuestion(from: string, kind: string, body: Uint8Array): Promise<Uint8Array>
  /** @param port of a `PortStream` */
  onStream(from: string, port: MessagePort): void
}
