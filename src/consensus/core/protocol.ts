import type { NodeId } from '../log/entries.ts'
import type { MakeCore } from './core.ts'

/** What the messages of every core say. */
export interface CoreMessage {
  readonly from: NodeId
  readonly to: NodeId
}

/** A way to agree, as the engine of a group runs it: one folder beside `raft/` is one of these. */
export interface Protocol<M extends CoreMessage> {
  /** As operators know it: `raft`. */
  readonly name: string
  /** The longest silence of a leader that a node bears before it looks for another, milliseconds. */
  readonly silenceMaxMs: number
  /** What makes the core of a node. */
  coreOf(id: NodeId): MakeCore<M>
  /** What {@link decode} reads. */
  encode(message: M): Uint8Array
  /**
   * @param bytes data in the message may be views of them
   * @throws SluiceError `encoding-invalid`
   */
  decode(bytes: Uint8Array): M
}
