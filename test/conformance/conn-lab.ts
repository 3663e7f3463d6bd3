import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Address } from '../../src/base/address.ts'
import type { Listener, NetEngine } from '../../src/net/conn.ts'
import { type ListeningSocket, openListeningSocket } from '../../src/net/listening-socket.ts'
import { Probe, type ProbeActions, takeViolations } from './conn-probe.ts'

/** An engine under test. */
export interface EngineUnderTest {
  readonly name: string
  readonly create: () => NetEngine
  /** Its module below src and the function there, for other threads to create one too. */
  readonly module: string
  readonly factory: string
}

/** A connection of which both ends are the engine's. */
interface Pair {
  readonly client: Probe
  readonly server: Probe
  readonly socket: ListeningSocket
  readonly listener: Listener
}

export const KB = 1024
export const MB = 1024 * KB
export const BACKLOG = 1024
/** Far more than the kernel's buffers of one loopback connection hold. */
const MORE_THAN_KERNEL_HOLDS = 64 * MB

/** Answers with what it gets, no faster than it is taken. */
export const echo: ProbeActions = {
  onData(conn, view, length) {
    if (!conn.write(view.subarray(0, length))) conn.pause()
  },
  onDrain: (conn) => conn.resume(),
  onEnd: (conn) => conn.end(),
}

/** Bytes that differ along the stream, so that loss, repetition and exchange all show. */
export function pattern(length: number, seed = 0): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >>> 8) * 17 + (i >>> 16) + seed) & 0xff
  return bytes
}

/** Writes in pieces of 64 KiB until told to stop. Returns how many bytes were accepted. */
export function writeUntilFull({ conn }: Probe): number {
  const piece = pattern(64 * KB)
  let written = piece.length
  while (conn.write(piece)) {
    written += piece.length
    expect(written).toBeLessThan(MORE_THAN_KERNEL_HOLDS)
  }
  return written
}

/** Lets the event loop turn once. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** What Node counts as open sockets and servers in this thread. */
function openHandles(): number {
  return process
    .getActiveResourcesInfo()
    .filter((name) => /^(TCP|Pipe)(Server|Socket|Connect)?Wrap$/.test(name)).length
}

/** Makes the connections of a test, and sees to it that nothing of them is left. */
export class ConnLab {
  readonly subject: EngineUnderTest
  readonly folder = mkdtempSync(join(tmpdir(), 'sluice-conn-'))
  readonly engine: NetEngine
  readonly #handlesBefore = openHandles()
  readonly #sockets: ListeningSocket[] = []
  readonly #listeners: Listener[] = []
  readonly #probes: Probe[] = []

  constructor(subject: EngineUnderTest) {
    this.subject = subject
    this.engine = subject.create()
  }

  /** Ends everything. No rule was broken, every connection closes, and no handle is left. */
  async finish(): Promise<void> {
    for (const listener of this.#listeners) listener.close()
    for (const socket of this.#sockets) socket.close()
    for (const { conn } of this.#probes) conn.destroy()
    for (const probe of this.#probes) {
      // A handler that was exchanged is not told.
      if (probe.conn.handler === probe) await probe.closed()
    }
    while (openHandles() > this.#handlesBefore) await turn()
    rmSync(this.folder, { recursive: true })
    expect(takeViolations()).toEqual([])
  }

  async open(kind: Address['kind'], host = '127.0.0.1'): Promise<ListeningSocket> {
    const path = join(this.folder, `socket-${this.#sockets.length}`)
    const address: Address = kind === 'inet' ? { kind, host, port: 0 } : { kind, path }
    const socket = await openListeningSocket(address, BACKLOG)
    this.#sockets.push(socket)
    return socket
  }

  /** @param next makes the probe of each connection */
  accept({ fd, address }: ListeningSocket, next: () => Probe): Listener {
    const listener = this.engine.listen(
      fd,
      address.kind,
      (conn) => {
        const probe = next()
        this.#probes.push(probe)
        probe.attach(conn)
      },
      BACKLOG,
    )
    this.#listeners.push(listener)
    return listener
  }

  connect(address: Address, actions: ProbeActions = {}): Probe {
    const probe = new Probe('client', actions)
    this.#probes.push(probe)
    probe.attach(this.engine.connect(address, probe))
    return probe
  }

  async connectPair(kind: Address['kind'], serverActions: ProbeActions = {}): Promise<Pair> {
    const socket = await this.open(kind)
    const server = new Probe('server', serverActions)
    const listener = this.accept(socket, () => server)
    const client = this.connect(socket.address)
    await Promise.all([client.connected(), server.accepted()])
    return { client, server, socket, listener }
  }

  /**
   * Resolves when all that was on its way before has arrived: the event loop has seen it by the
   * time that a connection made later has been answered twice.
   */
  async settle(): Promise<void> {
    const socket = await this.open('inet')
    const listener = this.accept(socket, () => new Probe('barrier server', echo))
    const barrier = this.connect(socket.address)
    for (let i = 1; i <= 2; i++) {
      barrier.conn.write('x')
      await barrier.bytes(i)
    }
    barrier.conn.end()
    await barrier.closed()
    listener.close()
  }
}

/** A test that is given a lab of its own. */
export type LabTest = ReturnType<typeof labTest>

/** Makes tests that are given a lab for an engine, which is cleared up and checked at the end. */
export function labTest(subject: EngineUnderTest) {
  return test.extend<{ lab: ConnLab }>({
    // biome-ignore lint/correctness/noEmptyPattern: the runner reads the names of fixtures from it
    lab: async ({}, use) => {
      const lab = new ConnLab(subject)
      await use(lab)
      await lab.finish()
    },
  })
}
