import { describe, expect, it } from 'vitest'
import {
  AcceptingHandshake,
  type Credentials,
  DiallingHandshake,
  encodeObjection,
  type Handshake,
  type HandshakeStep,
} from '../../../../../src/consensus/peers/handshake/handshake.ts'
import type { Purpose } from '../../../../../src/consensus/peers/handshake/proofs.ts'
import type { Seals } from '../../../../../src/consensus/peers/records/sealing.ts'

const secret = Buffer.alloc(32, 'shared secret')
const other = Buffer.alloc(32, 'another')
const nonces = { dialler: Buffer.alloc(32, 1), acceptor: Buffer.alloc(32, 2) }

interface Ends {
  readonly dialler?: Partial<Credentials>
  readonly acceptor?: Partial<Credentials>
  readonly wanted?: string
  readonly purpose?: Purpose
  readonly acceptorNonce?: Buffer
}

function endsOf(ends: Ends): [DiallingHandshake, AcceptingHandshake] {
  const dialler = { name: 'a', secret, ...ends.dialler }
  const acceptor = { name: 'b', secret, ...ends.acceptor }
  const acceptorNonce = ends.acceptorNonce ?? nonces.acceptor
  return [
    new DiallingHandshake(dialler, 'link', ends.wanted ?? 'b', nonces.dialler),
    new AcceptingHandshake(acceptor, ends.purpose ?? 'link', acceptorNonce),
  ]
}

/** Lets two ends talk until neither has anything to say. Gives what came of each, and all that was said. */
function talk(
  dialler: Handshake,
  acceptor: Handshake,
): { outcomes: [HandshakeStep | null, HandshakeStep | null]; said: Uint8Array[] } {
  const outcomes: [HandshakeStep | null, HandshakeStep | null] = [null, null]
  const said: Uint8Array[] = []
  let message = dialler.begin()
  let isForAcceptor = true
  while (message !== null) {
    said.push(message)
    const step = (isForAcceptor ? acceptor : dialler).step(message)
    outcomes[isForAcceptor ? 1 : 0] = step
    if (step.kind === 'failed') message = step.isOurs ? encodeObjection(step.objection) : null
    else message = step.message
    isForAcceptor = !isForAcceptor
  }
  return { outcomes, said }
}

function sealsOf(step: HandshakeStep | null): Seals {
  if (step?.kind !== 'done') throw new Error(`the handshake came to ${step?.kind}`)
  return step.seals
}

function reasonOf(step: HandshakeStep | null): string {
  if (step?.kind !== 'failed') return step?.kind ?? 'nothing'
  return `${step.isOurs ? 'refuses' : 'is refused'}: ${step.objection.reason}`
}

describe('a handshake', () => {
  it.each([true, false])('makes both ends known to each other, secret: %s', (hasSecret) => {
    const credentials = { secret: hasSecret ? secret : null }
    const ends = endsOf({ dialler: credentials, acceptor: credentials })
    const { outcomes } = talk(...ends)
    expect(outcomes.map((step) => step?.kind)).toEqual(['done', 'done'])
    expect(ends.map(({ peer }) => peer)).toEqual(['b', 'a'])
    const [here, there] = outcomes.map(sealsOf) as [Seals, Seals]
    const text = Buffer.from('hello')
    expect(there.opener.open(here.sealer.seal(text))).toEqual(text)
    expect(here.opener.open(there.sealer.seal(text))).toEqual(text)
  })

  it('never says the secret', () => {
    const { said } = talk(...endsOf({}))
    expect(said).toHaveLength(3)
    for (const message of said)
      expect(Buffer.from(message).includes(secret.subarray(0, 8))).toBe(false)
  })

  it.each<[string, Ends, string, string]>([
    [
      'another secret',
      { acceptor: { secret: other } },
      'refuses: credentials',
      'is refused: credentials',
    ],
    [
      'no secret there',
      { acceptor: { secret: null } },
      'is refused: credentials',
      'refuses: credentials',
    ],
    [
      'no secret here',
      { dialler: { secret: null } },
      'is refused: credentials',
      'refuses: credentials',
    ],
    ['somebody else', { wanted: 'c' }, 'is refused: stranger', 'refuses: stranger'],
    ['its own name', { dialler: { name: 'b' } }, 'is refused: stranger', 'refuses: stranger'],
    ['no name', { dialler: { name: '' } }, 'is refused: garbage', 'refuses: garbage'],
    [
      'a name with a slash',
      { dialler: { name: 'a/1' } },
      'is refused: garbage',
      'refuses: garbage',
    ],
    [
      'a name with an escape',
      { dialler: { name: 'a\x1b' } },
      'is refused: garbage',
      'refuses: garbage',
    ],
    ['another purpose', { purpose: 'stream' }, 'refuses: credentials', 'is refused: credentials'],
  ])('comes to nothing with %s', (_what, ends, dialler, acceptor) => {
    const { outcomes } = talk(...endsOf(ends))
    expect(outcomes.map(reasonOf)).toEqual([dialler, acceptor])
  })

  it('does not tell a stranger the name of the node', () => {
    const { said } = talk(...endsOf({ wanted: 'c', acceptor: { name: 'private-name' } }))
    expect(Buffer.concat(said).includes('private-name')).toBe(false)
  })

  it('does not take what was said in another handshake', () => {
    const { said } = talk(...endsOf({}))
    const [, again] = endsOf({ acceptorNonce: Buffer.alloc(32, 3) })
    expect(again.step(said[0] as Uint8Array).kind).toBe('send')
    expect(reasonOf(again.step(said[2] as Uint8Array))).toBe('refuses: credentials')
  })

  it('does not take its own proof back', () => {
    const [dialler, acceptor] = endsOf({})
    const answer = acceptor.step(dialler.begin())
    if (answer.kind !== 'send') throw new Error('no answer')
    const proof = answer.message.subarray(1 + 32)
    const reflected = Buffer.concat([Buffer.of(3), proof])
    expect(reasonOf(acceptor.step(reflected))).toBe('refuses: credentials')
  })

  it('notices every bit that is changed on the way', () => {
    const { said } = talk(...endsOf({}))
    said.forEach((message, turn) => {
      for (let bit = 0; bit < message.length * 8; bit++) {
        const [dialler, acceptor] = endsOf({})
        const changed = Uint8Array.from(message)
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        const messages = said.map((one, n) => (n === turn ? changed : one))
        const [challenge, , proof] = messages as [Uint8Array, Uint8Array, Uint8Array]
        const answer = turn === 0 ? acceptor.step(challenge) : null
        if (answer?.kind === 'failed') continue
        // The dialler judges the answer to what it has said, not to what has arrived.
        if (turn < 2) {
          dialler.begin()
          const given = answer?.kind === 'send' ? answer.message : messages[1]
          expect(dialler.step(given as Uint8Array).kind).toBe('failed')
        } else {
          acceptor.step(challenge)
          expect(acceptor.step(proof).kind).toBe('failed')
        }
      }
    })
  })

  it('says what a peer of another version speaks', () => {
    const [dialler, acceptor] = endsOf({})
    const challenge = Uint8Array.from(dialler.begin())
    challenge[1] = 9
    const step = acceptor.step(challenge)
    expect(reasonOf(step)).toBe('refuses: version')
    expect(step).toMatchObject({ objection: { message: expect.stringContaining('version 9') } })
    const told = dialler.step(encodeObjection({ reason: 'version', message: 'mine is 9' }))
    expect(told).toEqual({
      kind: 'failed',
      objection: { reason: 'version', message: 'mine is 9' },
      isOurs: false,
    })
  })

  it('shows what a peer objects without what could deceive a terminal', () => {
    const [dialler] = endsOf({})
    const objection = { reason: 'stranger', message: 'a\x1b[2Jb\nc\u202ed' } as const
    expect(dialler.step(encodeObjection(objection))).toMatchObject({
      objection: { message: 'a?[2Jb?c?d' },
    })
  })

  it.each(['', '00', '05', '02', '0200', '0400', '04ff00', '0201020304', `02${'00'.repeat(200)}`])(
    'takes %s for garbage, or for a wrong proof',
    (hex) => {
      for (const end of endsOf({})) {
        end.begin()
        const outcome = reasonOf(end.step(Buffer.from(hex, 'hex')))
        expect(outcome).toMatch(/^refuses: garbage$|^is refused: version$/)
      }
    },
  )

  it('keeps its format', () => {
    const { said } = talk(...endsOf({}))
    expect(Buffer.from(said[0] as Uint8Array).toString('hex')).toBe(
      `0101010161${'0162'}${'01'.repeat(32)}`,
    )
    expect(said.map(({ length }) => length)).toEqual([39, 66, 34])
    expect(Buffer.from(said[1] as Uint8Array).toString('hex')).toMatch(/^02(02){32}20/)
  })
})
