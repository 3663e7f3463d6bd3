import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StateMachine } from '../../src/consensus/agreement.ts'
import type { EngineEvents } from '../../src/consensus/engine.ts'
import { GroupEngine } from '../../src/consensus/group/group-engine.ts'
import { nodeScheduler } from '../../src/consensus/group/node-scheduler.ts'
import { DEFAULT_PEER_LIMITS } from '../../src/consensus/peers/peer-limits.ts'
import { WebSocketTransport } from '../../src/consensus/peers/web-socket-transport.ts'
import type { Message } from '../../src/consensus/raft/messages.ts'
import { raftProtocol } from '../../src/consensus/raft/raft-protocol.ts'
import { AcceptPauses } from '../../src/net/accept-pauses.ts'
import { median, quantile } from '../statistics.ts'

const WRITES = 500
const IN_FLIGHT = 64
const SECONDS = 3
const COMMAND_BYTES = 200
const SNAPSHOT_BYTES = 2 ** 20
const JOINS = 10
const POLL_MS = 5

/** A state of a fixed size, in which commands change nothing. */
class SizedMachine implements StateMachine {
  restoredMs = 0

  apply(): void {}

  async snapshot(): Promise<Uint8Array> {
    return new Uint8Array(SNAPSHOT_BYTES)
  }

  restore(data: Uint8Array): void {
    if (data.length > 0) this.restoredMs = performance.now()
  }
}

interface Node {
  readonly name: string
  readonly machine: SizedMachine
  readonly engine: GroupEngine<Message>
}

const EVENTS: EngineEvents = {
  onStatus: () => {},
  onFatal: (error) => {
    throw error
  },
  onQuestion: async () => new Uint8Array(),
  onStream: (_, stream) => stream.destroy(),
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}

async function startNode(
  folder: string,
  name: string,
  peers: readonly { readonly name: string; readonly address: string }[],
  secret: Uint8Array,
): Promise<Node> {
  const machine = new SizedMachine()
  const bind = peers.find((peer) => peer.name === name)?.address ?? ''
  const engine = await GroupEngine.open({
    protocol: raftProtocol({}),
    name,
    peers,
    folder: join(folder, name),
    machine,
    events: EVENTS,
    makeTransport: (hello, events, onRefused) =>
      new WebSocketTransport(
        {
          bind,
          hello,
          secret,
          tls: null,
          isOpenAllowed: false,
          limits: DEFAULT_PEER_LIMITS,
          accepts: new AcceptPauses(() => {}),
          random: Math.random,
          onRefused,
        },
        events,
      ),
    scheduler: nodeScheduler,
    random: Math.random,
    makeIncarnation: () => randomBytes(8).toString('hex'),
    log: { info: () => {} },
    // The log is short, so that who joins is sent the snapshot.
    driver: { snapshotEntries: 200, keptEntries: 10 },
  })
  return { name, machine, engine }
}

async function until<T>(probe: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (;;) {
    const found = await probe()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** Median and 99th percentile, as text. */
function spread(valuesMs: readonly number[]): string {
  return `p50 ${median(valuesMs).toFixed(2)} ms, p99 ${quantile(valuesMs, 0.99).toFixed(2)} ms`
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Three nodes in this process, on loopback and a real disk: what agreement costs without HTTP. */
async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const names = ['n1', 'n2', 'n3', ...Array.from({ length: JOINS }, (_, n) => `late${n}`)]
  const addresses = new Map<string, string>()
  for (const name of names) addresses.set(name, `127.0.0.1:${await freePort()}`)
  const peerOf = (name: string) => ({ name, address: addresses.get(name) ?? '' })
  const secret = randomBytes(32)
  const founders = ['n1', 'n2', 'n3'].map(peerOf)
  const nodes = await Promise.all(
    founders.map(({ name }) => startNode(folder, name, founders, secret)),
  )
  const leader = await until(async () => {
    const roles = await Promise.all(
      nodes.map(async ({ engine }) => (await engine.agreement.status()).role),
    )
    return nodes[roles.indexOf('leader')]
  })
  const command = new Uint8Array(COMMAND_BYTES)
  const latenciesMs: number[] = []
  for (let n = 0; n < WRITES; n++) {
    const beganMs = performance.now()
    await leader.engine.agreement.propose(command)
    latenciesMs.push(performance.now() - beganMs)
  }
  say(`one proposer: ${spread(latenciesMs)}`)
  const endMs = performance.now() + SECONDS * 1000
  let writes = 0
  const proposer = async (): Promise<void> => {
    while (performance.now() < endMs) {
      await leader.engine.agreement.propose(command)
      writes++
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, proposer))
  say(`${IN_FLIGHT} in flight: ${(writes / SECONDS).toFixed(0)} a second`)
  const joinsMs: number[] = []
  for (const name of names.slice(3)) {
    await leader.engine.members.add(name, peerOf(name).address)
    const beganMs = performance.now()
    const late = await startNode(folder, name, [...founders, peerOf(name)], secret)
    await until(() => (late.machine.restoredMs > 0 ? true : undefined))
    joinsMs.push(late.machine.restoredMs - beganMs)
    await leader.engine.members.remove(name)
    await late.engine.stop()
  }
  const size = `a snapshot of ${SNAPSHOT_BYTES / 2 ** 20} MB installed on a node that joins`
  say(`${size}, its start included: ${spread(joinsMs)}`)
  await Promise.all(nodes.map(({ engine }) => engine.stop()))
}

await main()
