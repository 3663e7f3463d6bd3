import type { NodeId, Snapshot } from '../log/entries.ts'
import type { PeerQuestions } from '../peers/peer-questions.ts'
import {
  type BirthCertificate,
  type BirthView,
  decideBirth,
  decodeBirth,
  firstSnapshot,
} from './birth.ts'

/** For an answer of the node that tells this one what to begin with. */
const JOIN_TIMEOUT_MS = 1000

/** What a node that belongs to no cluster acts through. */
export interface BirthHost {
  readonly questions: PeerQuestions
  /** What it knows at this moment. */
  view(): BirthView
  /** Makes the node a member; resolves when it is one. @throws SluiceError `data-dir-failed` */
  beBorn(clusterId: string, snapshot: Snapshot): Promise<void>
  /** The node cannot be made one. */
  onFailed(error: Error): void
}

/** Has a node become a member of a cluster as soon as it can: one attempt at a time. */
export class BirthAttempts {
  readonly #host: BirthHost
  #isUnderWay = false
  #note = ''

  constructor(host: BirthHost) {
    this.#host = host
  }

  /** What the node waited for at the last attempt; empty: nothing. */
  get note(): string {
    return this.#note
  }

  /** Makes an attempt, unless one is under way. */
  make(): void {
    if (this.#isUnderWay) return
    this.#isUnderWay = true
    void this.#attempt()
      .then((note) => {
        this.#note = note
      })
      .catch((error: unknown) => this.#host.onFailed(error as Error))
      .finally(() => {
        this.#isUnderWay = false
      })
  }

  async #attempt(): Promise<string> {
    const decision = decideBirth(this.#host.view())
    switch (decision.kind) {
      case 'wait':
        return decision.note
      case 'found':
        await this.#host.beBorn(decision.clusterId, decision.snapshot)
        return ''
      case 'join':
        return this.#join(decision.through)
      default:
        return decision satisfies never
    }
  }

  async #join(through: NodeId): Promise<string> {
    const { questions, beBorn } = this.#host
    const empty = new Uint8Array()
    const answer = await questions.ask(through, 'engine', 'join', empty, JOIN_TIMEOUT_MS)
    const certificate = answer.kind === 'answered' ? readBirth(answer.body) : null
    if (certificate === null) return `waits for ${through} to say what to begin with`
    const { clusterId, membership } = certificate
    await beBorn(clusterId, firstSnapshot(membership))
    return ''
  }
}

/** @returns null where the peer speaks garbage; another, or a later version of it, may not */
function readBirth(body: Uint8Array): BirthCertificate | null {
  try {
    return decodeBirth(body)
  } catch {
    return null
  }
}
