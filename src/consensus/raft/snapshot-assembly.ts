import type { NodeId, Snapshot } from '../log/entries.ts'
import type { SnapshotChunk } from './messages.ts'

/** The pieces that one snapshot of one leader has come to so far. */
interface Assembly {
  readonly from: NodeId
  readonly term: number
  readonly index: number
  readonly indexTerm: number
  readonly data: Uint8Array
  receivedBytes: number
}

/** What a piece has led to. */
export interface AssemblyStep {
  /** The next byte wanted. */
  readonly offset: number
  /** All of it, once. */
  readonly snapshot: Snapshot | null
}

/** Puts the pieces of a snapshot together. Takes them in order; of what comes else nothing is kept. */
export class SnapshotAssembly {
  #assembly: Assembly | null = null

  /**
   * Takes a piece.
   *
   * @param chunk whose size and place have been checked
   */
  add(chunk: SnapshotChunk): AssemblyStep {
    if (this.#isOutdated(chunk)) return { offset: 0, snapshot: null }
    const assembly = this.#of(chunk)
    if (chunk.offset !== assembly.receivedBytes) {
      return { offset: assembly.receivedBytes, snapshot: null }
    }
    assembly.data.set(chunk.data, chunk.offset)
    assembly.receivedBytes += chunk.data.byteLength
    const offset = assembly.receivedBytes
    if (offset < chunk.totalBytes) return { offset, snapshot: null }
    this.#assembly = null
    const { index, indexTerm: term, membership } = chunk
    return { offset, snapshot: { index, term, membership, data: assembly.data } }
  }

  /** Drops what has come. */
  clear(): void {
    this.#assembly = null
  }

  /** A late piece of an older snapshot does not undo a newer one. */
  #isOutdated({ term, index }: SnapshotChunk): boolean {
    return this.#assembly !== null && this.#assembly.term === term && this.#assembly.index > index
  }

  #of(chunk: SnapshotChunk): Assembly {
    const { from, term, index, indexTerm, totalBytes } = chunk
    const present = this.#assembly
    if (
      present !== null &&
      present.from === from &&
      present.term === term &&
      present.index === index &&
      present.indexTerm === indexTerm &&
      present.data.byteLength === totalBytes
    ) {
      return present
    }
    const data = new Uint8Array(totalBytes)
    this.#assembly = { from, term, index, indexTerm, data, receivedBytes: 0 }
    return this.#assembly
  }
}
