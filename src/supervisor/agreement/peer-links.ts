import { readFileSync } from 'node:fs'
import { formatAddress } from '../../base/address.ts'
import { SluiceError } from '../../base/errors.ts'
import type { PeerStats } from '../../consensus/peers/peer-counters.ts'
import { DEFAULT_PEER_LIMITS } from '../../consensus/peers/peer-limits.ts'
import type { Refusal } from '../../consensus/peers/refusals.ts'
import type { PeerEvents, PeerHello, PeerTransport } from '../../consensus/peers/transport.ts'
import type { AcceptControl, PeerTls } from '../../consensus/peers/transport-options.ts'
import { WebSocketTransport } from '../../consensus/peers/web-socket-transport.ts'
import type { ClusterConfig, ClusterTlsConfig } from '../../model/cluster-config.ts'
import type { DaemonLog } from '../../telemetry/daemon-log.ts'

/** The same refusal is logged again after this: peers call every second or two. */
const REFUSAL_QUIET_MS = 60_000

/** Refusals that are told apart; who calls under ever new names fills no memory. */
const REFUSALS_MAX = 64

/** The links of a node to its peers, as its config says. */
export class PeerLinks {
  readonly #config: ClusterConfig
  readonly #log: Pick<DaemonLog, 'warn'>
  readonly #accepts: AcceptControl
  readonly #secret: Uint8Array | null
  readonly #tls: PeerTls | null
  /** When a refusal was logged last. */
  readonly #toldMs = new Map<string, number>()
  #transport: WebSocketTransport | null = null

  /**
   * Reads secret and certificates.
   *
   * @param accepts says when peers are accepted
   * @throws SluiceError `peer-credentials` where a file cannot be read
   */
  constructor(config: ClusterConfig, log: Pick<DaemonLog, 'warn'>, accepts: AcceptControl) {
    this.#config = config
    this.#log = log
    this.#accepts = accepts
    this.#secret = config.secretFile === null ? null : secretIn(config.secretFile)
    this.#tls = config.tls === null ? null : certificatesIn(config.tls)
  }

  /**
   * Reads the certificates again, for new links; those that are open stay as they are.
   *
   * @throws SluiceError `peer-credentials` where they cannot be read or used; the old ones stay
   */
  renew(): void {
    if (this.#config.tls !== null) this.#transport?.renewTls(certificatesIn(this.#config.tls))
  }

  /** Null until there are links. */
  stats(): PeerStats | null {
    return this.#transport?.stats() ?? null
  }

  /** Makes the transport that an engine runs on. */
  readonly make = (
    hello: PeerHello,
    events: PeerEvents,
    onRefused: (refusal: Refusal) => void,
  ): PeerTransport => {
    const options = {
      bind: formatAddress(this.#config.bind),
      hello,
      secret: this.#secret,
      tls: this.#tls,
      // config/validation/cluster-validation.ts has refused addresses that others reach.
      isOpenAllowed: this.#secret === null && this.#tls === null,
      limits: DEFAULT_PEER_LIMITS,
      accepts: this.#accepts,
      random: Math.random,
      onRefused: (refusal: Refusal) => {
        this.#tell(refusal)
        onRefused(refusal)
      },
    }
    this.#transport = new WebSocketTransport(options, events)
    return this.#transport
  }

  #tell({ reason, message, isOurs, name, address }: Refusal): void {
    const key = `${reason} ${isOurs} ${name}`
    const nowMs = performance.now()
    if (nowMs - (this.#toldMs.get(key) ?? Number.NEGATIVE_INFINITY) < REFUSAL_QUIET_MS) return
    if (this.#toldMs.size >= REFUSALS_MAX) this.#toldMs.clear()
    this.#toldMs.set(key, nowMs)
    const peer = `${name ?? 'a peer'} at ${address}`
    const text = isOurs ? `${peer} is refused: ${message}` : `${peer} refuses: ${message}`
    this.#log.warn('peer-refused', text, { reason, peer: name, address, isOurs })
  }
}

/** White space around a secret does not count: editors end files with a line feed. */
function secretIn(path: string): Uint8Array {
  return Buffer.from(readCredential(path).trim())
}

function certificatesIn({ caFile, crtFile, keyFile }: ClusterTlsConfig): PeerTls {
  return { ca: readCredential(caFile), crt: readCredential(crtFile), key: readCredential(keyFile) }
}

function readCredential(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new SluiceError('peer-credentials', `cannot read ${path}: ${String(error)}`, error)
  }
}
