import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { PeerEvents, PeerTransport } from '../../../../src/consensus/peers/transport.ts'
import type { ClusterConfig } from '../../../../src/model/cluster-config.ts'
import { AcceptPauses } from '../../../../src/net/accept-pauses.ts'
import { PeerLinks } from '../../../../src/supervisor/agreement/peer-links.ts'
import { createAuthority } from '../../../fixtures/certificates.ts'
import { type RecordedLine, recordedLog } from '../recorded-log.ts'

/** For what takes real connections on loopback. */
const WAIT = { timeout: 20_000, interval: 10 }

const SECRET = 'correct-horse-battery-staple-and-more'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-links-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

function configOf(node: string, more: Partial<ClusterConfig>): ClusterConfig {
  return {
    node,
    engine: 'raft',
    bind: { kind: 'inet', host: '127.0.0.1', port: 0 },
    peers: [],
    dataDir: folder,
    secretFile: null,
    tls: null,
    heartbeatIntervalMs: 50,
    electionTimeoutMs: 300,
    reads: 'read-index',
    rejoinAfterLoss: 'never',
    ...more,
  }
}

/** A node of which nothing is there but its links. */
interface Node {
  readonly links: PeerLinks
  readonly transport: PeerTransport
  readonly address: string
  readonly lines: RecordedLine[]
  /** Refusals that an engine is told of. */
  readonly refused: string[]
}

const EVENTS: PeerEvents = {
  admit: () => null,
  onOpen: () => {},
  onClose: () => {},
  onMessage: () => {},
  onStream: () => {},
}

const PAUSES = new AcceptPauses(() => {})

async function startNode(name: string, more: Partial<ClusterConfig>): Promise<Node> {
  const lines: RecordedLine[] = []
  const refused: string[] = []
  const links = new PeerLinks(configOf(name, more), recordedLog(lines), PAUSES)
  const id = `${name}/1`
  const hello = { name, id, clusterId: null, memberIds: [id] }
  const transport = links.make(hello, EVENTS, ({ reason }) => refused.push(reason))
  onTestFinished(() => transport.close())
  return { links, transport, address: await transport.listen(), lines, refused }
}

function introduce(one: Node, other: Node): void {
  one.transport.setPeers([{ name: 'lb2', address: other.address }])
  other.transport.setPeers([{ name: 'lb1', address: one.address }])
}

describe('links between peers', () => {
  it.each([
    ['without anything, on loopback', null, null],
    ['with a secret', SECRET, SECRET],
    ['with a secret, white space around it aside', SECRET, `\n  ${SECRET}\r\n`],
  ])('open %s', async (_, first, second) => {
    const [one, other] = await Promise.all(
      [first, second].map((secret, n) =>
        startNode(`lb${n + 1}`, {
          secretFile: secret === null ? null : write(`secret${n}`, secret),
        }),
      ),
    )
    introduce(one as Node, other as Node)
    await vi.waitUntil(() => one?.links.stats()?.links === 1, WAIT)
    await vi.waitUntil(() => other?.links.stats()?.links === 1, WAIT)
    expect([one?.lines, other?.lines]).toEqual([[], []])
  })

  it('open with the certificates of the config', async () => {
    const authority = createAuthority()
    const caFile = write('ca.pem', authority.cert)
    const [one, other] = await Promise.all(
      ['lb1', 'lb2'].map((name) => {
        const { cert, key } = authority.issue({ names: [name] })
        const crtFile = write(`${name}.pem`, cert)
        return startNode(name, { tls: { caFile, crtFile, keyFile: write(`${name}.key`, key) } })
      }),
    )
    introduce(one as Node, other as Node)
    await vi.waitUntil(() => one?.links.stats()?.links === 1, WAIT)
    await vi.waitUntil(() => other?.links.stats()?.links === 1, WAIT)
  })

  it('have nothing to count before they are made', () => {
    expect(new PeerLinks(configOf('lb1', {}), recordedLog([]), PAUSES).stats()).toBeNull()
  })
})

describe('a peer with another secret', () => {
  async function startStrangers(): Promise<{ one: Node; other: Node }> {
    const one = await startNode('lb1', { secretFile: write('one', SECRET) })
    const other = await startNode('lb2', { secretFile: write('other', `${SECRET}, not`) })
    introduce(one, other)
    return { one, other }
  }

  /** Waits until a node has refused and was refused so often. */
  async function untilRefused({ links }: Node, times: number): Promise<void> {
    await vi.waitUntil(() => {
      const { refused, refusedByPeers } = links.stats() ?? {}
      const counts = [refused, refusedByPeers].map((by) => {
        return Object.values(by ?? {}).reduce((sum, count) => sum + count, 0)
      })
      return counts.every((count) => count >= times)
    }, WAIT)
  }

  it('is told of once a minute, however often it calls', async () => {
    const nowMs = vi.spyOn(performance, 'now')
    onTestFinished(() => nowMs.mockRestore())
    nowMs.mockReturnValue(1_000)
    const { one } = await startStrangers()
    await untilRefused(one, 3)
    const told = (): string[] =>
      one.lines.map(({ fields }) => [fields['reason'], fields['isOurs'], fields['peer']].join(' '))
    const kinds = (): number => new Set(told()).size
    expect(kinds()).toBeGreaterThan(1)
    expect(one.refused.length).toBeGreaterThan(kinds())

    nowMs.mockReturnValue(60_999)
    const calls = one.refused.length
    await vi.waitUntil(() => one.refused.length > calls + kinds(), WAIT)
    expect(told()).toHaveLength(kinds())

    nowMs.mockReturnValue(61_000)
    await vi.waitUntil(() => told().length > kinds(), WAIT)
  })

  it('is named, with what each side says, and neither secret is', async () => {
    const { one, other } = await startStrangers()
    await untilRefused(one, 1)
    for (const { level, event, fields } of one.lines) {
      expect([level, event]).toEqual(['warn', 'peer-refused'])
      expect(fields['address']).toMatch(/^127\.0\.0\.1:\d+$/)
    }
    const ours = one.lines.find(({ fields }) => fields['isOurs'] === true)
    const theirs = one.lines.find(({ fields }) => fields['isOurs'] === false)
    expect(ours?.message).toMatch(/^(lb2|a peer) at 127\.0\.0\.1:\d+ is refused: ./)
    expect(theirs?.message).toMatch(/^(lb2|a peer) at 127\.0\.0\.1:\d+ refuses: ./)
    const everything = JSON.stringify([one.lines, other.lines])
    expect(everything).not.toContain('horse')
    expect(everything).not.toContain(Buffer.from(SECRET).toString('base64').slice(0, 12))
    expect(everything).not.toContain(Buffer.from(SECRET).toString('hex').slice(0, 12))
  })
})

describe('what links are made with', () => {
  const absent = (): string => join(folder, 'none')

  it.each<[string, () => Partial<ClusterConfig>]>([
    ['a secret', () => ({ secretFile: absent() })],
    ['a folder as secret', () => ({ secretFile: folder })],
    [
      'an authority',
      () => ({ tls: { caFile: absent(), crtFile: write('c', ''), keyFile: write('k', '') } }),
    ],
    [
      'a certificate',
      () => ({ tls: { caFile: write('a', ''), crtFile: absent(), keyFile: write('k', '') } }),
    ],
    [
      'a key',
      () => ({ tls: { caFile: write('a', ''), crtFile: write('c', ''), keyFile: absent() } }),
    ],
  ])('%s that cannot be read is told with its path', (_, more) => {
    expect(() => new PeerLinks(configOf('lb1', more()), recordedLog([]), PAUSES)).toThrow(
      expect.objectContaining({
        code: 'peer-credentials',
        message: expect.stringContaining(`cannot read ${folder}`),
      }),
    )
  })

  it('a secret that is too short is refused, and not told', async () => {
    const secretFile = write('secret', 'hunter2')
    const started = startNode('lb1', { secretFile })
    await expect(started).rejects.toMatchObject({ code: 'peer-credentials' })
    await expect(started).rejects.not.toMatchObject({ message: expect.stringContaining('hunter') })
  })
})
