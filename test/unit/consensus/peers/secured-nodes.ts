import { expect } from 'vitest'
import type { PeerStats } from '../../../../src/consensus/peers/peer-counters.ts'
import {
  DEFAULT_PEER_LIMITS,
  type PeerLimits,
} from '../../../../src/consensus/peers/peer-limits.ts'
import type { Refusal, RefusalReason } from '../../../../src/consensus/peers/refusals.ts'
import type { PeerHello } from '../../../../src/consensus/peers/transport.ts'
import type {
  PeerTls,
  PeerTransportOptions,
} from '../../../../src/consensus/peers/transport-options.ts'
import { WebSocketTransport } from '../../../../src/consensus/peers/web-socket-transport.ts'
import { AcceptPauses } from '../../../../src/net/accept-pauses.ts'
import { TestNode, until } from '../../../conformance/transport-lab.ts'

/** Of nodes that are not given another. */
export const secret = Buffer.alloc(32, 'the secret of all nodes')

/** What is different from a node with the secret and the usual limits. */
export interface Changes
  extends Partial<Pick<PeerTransportOptions, 'secret' | 'tls' | 'isOpenAllowed'>> {
  readonly limits?: Partial<PeerLimits>
  readonly incarnation?: number
}

/** A node on a real port whose counters and refusals can be looked at. */
export class SecuredNode extends TestNode {
  readonly refusals: Refusal[]
  readonly #sockets: WebSocketTransport

  constructor(name: string, changes: Changes = {}) {
    const { limits, incarnation, ...options } = changes
    const refusals: Refusal[] = []
    const made: WebSocketTransport[] = []
    const create = (hello: PeerHello, bind: string, events: TestNode) => {
      const transport = new WebSocketTransport(
        {
          secret,
          tls: null,
          random: () => 0.5,
          isOpenAllowed: true,
          ...options,
          hello,
          bind,
          limits: { ...DEFAULT_PEER_LIMITS, ...limits },
          accepts: new AcceptPauses(() => {}),
          onRefused: (refusal) => refusals.push(refusal),
        },
        events,
      )
      made.push(transport)
      return transport
    }
    super({ name: 'web sockets', create: create as never }, name, '127.0.0.1:0', incarnation)
    this.refusals = refusals
    this.#sockets = made[0] as WebSocketTransport
  }

  get stats(): PeerStats {
    return this.#sockets.stats()
  }

  renewTls(tls: PeerTls): void {
    this.#sockets.renewTls(tls)
  }

  /** Waits until this node has refused somebody so often. */
  async untilRefused(reason: RefusalReason, times = 1): Promise<void> {
    await until(`${this.name} to refuse: ${reason}`, () => this.stats.refused[reason] >= times)
    expect(this.refusals).toContainEqual(expect.objectContaining({ reason, isOurs: true }))
  }

  /** Nothing has come of whoever tried. */
  expectUntouched(): void {
    expect(this.frames).toEqual([])
    expect(this.streams).toEqual([])
    expect(this.stats).toMatchObject({ links: 0, acceptedLinks: 0, streams: 0, framesIn: 0 })
  }
}
