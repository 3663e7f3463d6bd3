import { GatheredBytes } from '../../base/gathered-bytes.ts'
import { localAnswer } from '../../http/answers/local-answer.ts'
import { answerText } from '../../http/h1/head-text.ts'
import { COUNTER, count } from '../../memory/counters.ts'
import type { ClientVerification } from '../../model/bind-tls.ts'
import type { ByteView, Conn, ConnFailure, ConnHandler, TlsFacts } from '../../net/conn.ts'
import { readClientHello } from '../../net/tls/client-hello.ts'
import { clientRefusal } from '../../net/tls/client-verification.ts'
import { HANDSHAKE_CUT, TlsConn } from '../../net/tls/tls-conn.ts'
import { describeVerification } from '../../net/tls/verification-errors.ts'
import { UNHEARD } from '../../net/unheard.ts'
import { Lingering } from '../clients/lingering.ts'
import type { Place, Session } from '../clients/session.ts'
import type { AcceptServices } from './accept-services.ts'
import type { BindTls } from './server-contexts.ts'
import { StageTime } from './stage-time.ts'
import type { Begin, Stage } from './stages.ts'

/** A record with the fatal alert `unrecognized_name` (RFC 6066 section 3, RFC 8446 section 6). */
const UNRECOGNIZED_NAME = '\x15\x03\x03\x00\x02\x02\x70'

const HEADERS = 'Content-Type: text/plain\r\nCache-Control: no-cache\r\n'

/** What a browser shows that was sent to `http://` by mistake. */
const PLAIN_HTTP = answerText(
  localAnswer(400, HEADERS, 'This port speaks HTTPS: the address begins with https://\n'),
  'close',
  false,
)

/** What a client is told whose certificate is not accepted. */
function certificateAnswer(why: string): string {
  const text = `The certificate of this client is not accepted: ${why}\n`
  return answerText(localAnswer(400, HEADERS, text), 'close', false)
}

/** What a request of HTTP begins with, as far as it has come. */
const METHOD = /^[A-Z]{1,16}( |$)/

/** HAProxy's words for why a handshake has failed, as its log has them. */
const FAILED = 'SSL handshake failure'
const TIMED_OUT = 'Timeout during SSL handshake'
const CLOSED = 'Connection closed during SSL handshake'
const BROKEN = 'Connection error during SSL handshake'

/**
 * The stage of a bind with `ssl`.
 *
 * @param bind its number in its frontend, from 1, for the log
 */
export function tlsStage(tls: BindTls, bind: number, services: AcceptServices): Stage {
  return (next) => (conn, place) => {
    new TlsAcceptance(conn, place, tls, bind, services, next)
  }
}

/**
 * A connection on a bind with `ssl`, until its handshake is complete: first its ClientHello is
 * awaited, which says what it is to be shown, then TLS takes over. What is silent costs no more than
 * its place and its descriptor.
 *
 * It has `timeout http-request` for it, in `mode tcp` `timeout client`. What is no TLS is closed,
 * but a request of HTTP is told where to go.
 */
class TlsAcceptance implements ConnHandler, Session {
  readonly #place: Place
  readonly #tls: BindTls
  readonly #bind: number
  readonly #services: AcceptServices
  readonly #next: Begin
  readonly #time: StageTime
  readonly #startMs: number
  /** What was accepted, then TLS over it. */
  #client: Conn
  /** The beginning of a ClientHello that is not all there. */
  #held: GatheredBytes | null = null
  /** Nothing has come. */
  #isNull = true
  /** Of the bind, once the ClientHello is there; null: no certificate is asked for. */
  #clients: ClientVerification | null = null

  constructor(
    client: Conn,
    place: Place,
    tls: BindTls,
    bind: number,
    services: AcceptServices,
    next: Begin,
  ) {
    this.#client = client
    this.#place = place
    this.#tls = tls
    this.#bind = bind
    this.#services = services
    this.#next = next
    this.#startMs = services.clock()
    client.handler = this
    place.pass(this)
    const { plan } = place.door.frontend
    this.#time = new StageTime(services.wheel, plan, () => this.#fail(TIMED_OUT))
  }

  drain(): void {
    this.#time.hasten()
  }

  cut(): void {
    this.#client.handler = UNHEARD
    this.#client.destroy()
    this.#leave()
  }

  /** The handshake is complete. */
  onConnect(client: Conn): void {
    const { cells, draining } = this.#services
    const { row } = this.#place.door.frontend.plan
    const { tls } = client
    if (this.#clients !== null && tls !== null) {
      const reason = clientRefusal(this.#clients, tls, Date.now())
      if (reason !== null) {
        this.#refuseClient(reason, tls)
        return
      }
    }
    this.#time.stop()
    count(cells, row, COUNTER.tlsSessions)
    if (tls?.isResumed === true) count(cells, row, COUNTER.tlsResumed)
    this.#next(client, this.#place)
    // It begins after the others were asked to finish.
    if (draining) this.#place.occupant.drain()
  }

  onData(_conn: Conn, view: ByteView, length: number): void {
    this.#isNull = false
    this.#held?.add(view, 0, length)
    const bytes = this.#held === null ? view : this.#held.bytes
    const total = this.#held === null ? length : this.#held.length
    const reading = readClientHello(bytes, total)
    switch (reading.outcome) {
      case 'incomplete':
        if (this.#held !== null) return
        this.#held = new GatheredBytes()
        this.#held.add(view, 0, length)
        return
      case 'malformed':
        if (METHOD.test(bytes.toString('latin1', 0, Math.min(total, 20)))) this.#refuse(PLAIN_HTTP)
        else this.#fail(FAILED)
        return
      case 'complete': {
        const settings = this.#tls.settingsFor(reading.hello)
        if (settings === null) this.#refuse(UNRECOGNIZED_NAME)
        else {
          const ahead = bytes.subarray(0, total)
          this.#clients = settings.clients
          this.#client = this.#services.acceptTls(this.#client, ahead, settings, this)
          this.#held = null
        }
        return
      }
      default:
        reading satisfies never
    }
  }

  onDrain(): void {}

  onEnd(): void {
    this.#fail(CLOSED)
  }

  onClose(conn: Conn, failure: ConnFailure | null): void {
    const problem = conn instanceof TlsConn ? conn.problem : null
    if (problem === HANDSHAKE_CUT) this.#fail(CLOSED)
    else if (problem !== null) this.#fail(`${FAILED} (${problem})`)
    else this.#fail(failure === null ? CLOSED : BROKEN)
  }

  /**
   * The handshake is complete by then: OpenSSL is told by node:tls to take whatever a client shows,
   * and so cannot send the alert. As by nginx, a client that speaks HTTP/1 is told in its answer.
   */
  #refuseClient(reason: string, { verification, alpn }: TlsFacts): void {
    const why = describeVerification(verification)
    const { mode } = this.#place.door.frontend.plan
    const isAnswered = mode === 'http' && (alpn === null || alpn.startsWith('http/1.'))
    this.#refuse(isAnswered ? certificateAnswer(why) : '', `${reason} (${why})`)
  }

  /** Says why, and closes once that is read. */
  #refuse(answer: string, reason = FAILED): void {
    this.#note(reason)
    const { wheel } = this.#services
    this.#time.stop()
    if (answer !== '') this.#client.write(answer)
    const { timeouts } = this.#place.door.frontend.plan
    const lingering = new Lingering(this.#client, wheel, timeouts, () => this.#place.leave())
    this.#place.pass(lingering)
    lingering.begin(false)
  }

  #fail(reason: string): void {
    this.#note(reason)
    this.cut()
  }

  #note(reason: string): void {
    const { cells, accessLog, clock } = this.#services
    const { plan } = this.#place.door.frontend
    count(cells, plan.row, COUNTER.tlsFailures)
    const isNothing = this.#isNull && reason === CLOSED
    if (accessLog.isOff || !plan.log || (isNothing && plan.dontlognull)) return
    const { address, port } = this.#client.remote
    accessLog.failure({
      clientAddress: address,
      clientPort: port,
      startedAtMs: Date.now() - (clock() - this.#startMs),
      frontend: plan.name,
      bind: this.#bind,
      reason,
    })
  }

  #leave(): void {
    this.#time.stop()
    this.#place.leave()
  }
}
