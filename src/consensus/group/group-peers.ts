import type { Duplex } from 'node:stream'
import { SluiceError } from '../../base/errors.ts'
import type { NodeId } from '../log/entries.ts'
import type { PeerBus, PeerBusEvents } from '../peer-bus.ts'
import { bodyOf, type PeerQuestions } from '../peers/peer-questions.ts'
import { type PeerHello, type PeerTransport, unreachable } from '../peers/transport.ts'

/** What questions and streams go through. */
export interface PeersHost {
  /** Of this node. */
  readonly name: string
  readonly questions: PeerQuestions
  readonly events: Pick<PeerBusEvents, 'onQuestion'>
  openStream: PeerTransport['openStream']
  /** What the peers say that can be reached now, by name. */
  reachable(): ReadonlyMap<string, PeerHello>
  isStopped(): boolean
}

/** The peer bus of a group: names in place of ids, and this node answers as any other. */
export class GroupPeers implements PeerBus {
  readonly #host: PeersHost

  constructor(host: PeersHost) {
    this.#host = host
  }

  async ask(name: string, kind: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const { questions, isStopped } = this.#host
    if (isStopped()) throw new SluiceError('engine-stopped', 'the node has stopped')
    if (name === this.#host.name) return this.#askSelf(kind, body)
    const answer = await questions.ask(this.#idOf(name), 'application', kind, body, timeoutMs)
    return bodyOf(answer, name, timeoutMs)
  }

  async openStream(name: string): Promise<Duplex> {
    return this.#host.openStream(this.#idOf(name))
  }

  async #askSelf(kind: string, body: Uint8Array): Promise<Uint8Array> {
    try {
      return await this.#host.events.onQuestion(this.#host.name, kind, body)
    } catch (error) {
      throw new SluiceError('peer-refused', (error as Error).message, error)
    }
  }

  /** @throws SluiceError `peer-unreachable` */
  #idOf(name: string): NodeId {
    const hello = this.#host.reachable().get(name)
    if (hello === undefined) throw unreachable(name, 'no link to it is open')
    return hello.id
  }
}
