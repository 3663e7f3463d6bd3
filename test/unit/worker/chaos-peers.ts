import type { Dice } from '../../simulation/dice.ts'
import type { ChaosConn } from './chaos-conn.ts'

/** Longer than the queues of a connection, so that bodies stand still on their way. */
const BODY_BYTES_MAX = 3000
const REQUESTS_MAX = 5

/** Letters only, so that nothing in a body looks like a head. */
function letters(dice: Dice, bytes: number): string {
  return String.fromCharCode(97 + dice.below(26)).repeat(bytes)
}

function requestOf(dice: Dice): string {
  const head = (line: string): string => `${line} HTTP/1.1\r\nHost: a\r\n`
  const body = letters(dice, 1 + dice.below(BODY_BYTES_MAX))
  switch (dice.below(6)) {
    case 0:
    case 1:
      return `${head('GET /')}\r\n`
    case 2:
      return `${head('POST /')}Content-Length: ${body.length}\r\n\r\n${body}`
    case 3:
      return `${head(`PUT ${dice.pick(['/', '/', '/read', '/held'])}`)}Transfer-Encoding: chunked\r\n\r\n${chunkOf(body)}${chunkOf('')}`
    case 4:
      return `${head('GET /')}Connection: upgrade\r\nUpgrade: chaos\r\n\r\n${body}`
    default:
      return dice.chance(0.5) ? `${head('GET /closing')}Connection: close\r\n\r\n` : 'GET / HTP\r\n'
  }
}

function chunkOf(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`
}

/** One side of a connection, as the test plays it. */
export interface Peer {
  readonly conn: ChaosConn
  /** Does one thing, or nothing. */
  act(): void
}

/** A client: sends requests, ahead or one after the other, and breaks off in every way. */
export class ChaosClient implements Peer {
  readonly conn: ChaosConn
  readonly #dice: Dice
  #toSend = ''
  /** It does nothing any more, and does not even close. */
  #isStalled = false

  constructor(dice: Dice, conn: ChaosConn) {
    this.#dice = dice
    this.conn = conn
    for (let left = dice.below(REQUESTS_MAX); left >= 0; left--) this.#toSend += requestOf(dice)
  }

  act(): void {
    const dice = this.#dice
    if (this.#isStalled || !this.conn.isOpen) return
    const roll = dice.below(100)
    if (roll < 2) this.#isStalled = true
    else if (roll < 4) this.conn.peerBreaks('reset')
    else if (roll < 6) this.conn.peerEnds()
    else if (roll < 45) this.conn.peerTakes()
    else this.#send()
  }

  #send(): void {
    const bytes = 1 + this.#dice.below(BODY_BYTES_MAX)
    this.conn.peerSends(this.#toSend.slice(0, bytes))
    this.#toSend = this.#toSend.slice(bytes)
    if (this.#toSend === '' && this.#dice.chance(0.2)) this.conn.peerEnds()
  }
}

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'
/** What a server says of its own accord once it has seen a head; null: it echoes. */
const ANSWERS: readonly (string | null)[] = [
  null,
  null,
  null,
  ANSWER,
  `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n${ANSWER}`,
  'HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig',
  'HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\n\r\nuntil the end of the connection',
  'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nnever whole',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz',
  'SSH-2.0-OpenSSH_9.6\r\n',
  'HTTP/1.1 200 OK\r\nA',
]

/**
 * A server: answers early, late, wrongly or never, or echoes what comes while it comes, body and
 * all, in the framing in which it comes.
 */
export class ChaosServer implements Peer {
  readonly conn: ChaosConn
  readonly #dice: Dice
  /** How much of what was written to it has been looked at. */
  #read = 0
  #echoLeft = 0
  #isStalled = false
  #isEchoingAll = false
  /** Its last answer has no end but that of its connection. */
  #isSpent = false

  constructor(dice: Dice, conn: ChaosConn) {
    this.#dice = dice
    this.conn = conn
  }

  act(): void {
    const dice = this.#dice
    const { conn } = this
    if (this.#isStalled || !conn.isOpen) return
    const roll = dice.below(100)
    if (roll < 2) this.#isStalled = true
    else if (roll < 4) conn.peerBreaks(conn.isConnecting ? 'refused' : 'reset')
    else if (conn.isConnecting) conn.peerAccepts()
    else if (roll < 6) conn.peerEnds()
    else if (roll < 45) conn.peerTakes()
    else if (!this.#isSpent) this.#answer()
  }

  #answer(): void {
    const { written, queuedBytes } = this.conn
    const come = written.length - queuedBytes
    if (this.#isEchoingAll || this.#echoLeft > 0) {
      this.#echo(come)
      return
    }
    const end = written.indexOf('\r\n\r\n', this.#read)
    if (end < 0 || end + 4 > come) return
    const head = written.slice(this.#read, end)
    this.#read = end + 4
    const answer = ANSWERS[this.#dice.below(ANSWERS.length)] ?? null
    if (answer === null) this.#beginEcho(head)
    else {
      this.conn.peerSends(answer)
      this.#isSpent = !/^HTTP\/1.*\r\nContent-Length: [035]\r\n/s.test(answer)
      if (this.#dice.chance(0.3)) this.conn.peerBreaks('reset')
    }
  }

  #beginEcho(head: string): void {
    if (/^Upgrade:/m.test(head)) {
      this.conn.peerSends('HTTP/1.1 101 Fine\r\nConnection: upgrade\r\nUpgrade: chaos\r\n\r\n')
      this.#isEchoingAll = true
      return
    }
    const framing = /^(Content-Length: (\d+)|Transfer-Encoding: chunked)/m.exec(head)
    this.conn.peerSends(`HTTP/1.1 200 OK\r\n${framing?.[0] ?? 'Content-Length: 0'}\r\n\r\n`)
    if (framing?.[2] !== undefined) this.#echoLeft = Number(framing[2])
    else if (framing !== null) this.#isEchoingAll = true
  }

  #echo(come: number): void {
    const fresh = come - this.#read
    const bytes = this.#isEchoingAll ? fresh : Math.min(fresh, this.#echoLeft)
    if (!this.#isEchoingAll) this.#echoLeft -= bytes
    const text = this.conn.written.slice(this.#read, this.#read + bytes)
    this.#read += bytes
    this.conn.peerSends(text)
    if (text.endsWith('\r\n0\r\n\r\n')) this.#isEchoingAll = false
  }
}
