import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Address } from '../../../src/base/address.ts'
import { createNodeEngine } from '../../../src/net/engines/node/node-engine.ts'
import { type ListeningSocket, openListeningSocket } from '../../../src/net/listening-socket.ts'

const BACKLOG = 16

let folder: string
let opened: ListeningSocket[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-listening-'))
  opened = []
})
afterEach(() => {
  for (const socket of opened) socket.close()
  rmSync(folder, { recursive: true })
})

async function open(address: Address): Promise<ListeningSocket> {
  const socket = await openListeningSocket(address, BACKLOG)
  opened.push(socket)
  return socket
}

const loopback: Address = { kind: 'inet', host: '127.0.0.1', port: 0 }
const unix = (name: string): Address & { kind: 'unix' } => ({
  kind: 'unix',
  path: join(folder, name),
})

/** What a client of an address is sent by whoever accepts on a socket. */
async function greetingAt(address: Address, from: ListeningSocket): Promise<string> {
  const engine = createNodeEngine({ onAcceptFailure: () => {} })
  const listener = engine.listen(from.fd, address.kind, (conn) => {
    const ignore = (): void => {}
    conn.handler = {
      onConnect: ignore,
      onData: ignore,
      onDrain: ignore,
      onClose: ignore,
      onEnd: () => conn.end(),
    }
    conn.write('served')
    conn.end()
  })
  const client: Socket = createConnection(address)
  let text = ''
  try {
    for await (const chunk of client) text += chunk
  } finally {
    listener.close()
  }
  return text
}

const coded = (code: string, message: string | RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

describe('a TCP socket beside one of an address that contains its own', () => {
  it.runIf(process.platform === 'linux')(
    'takes nobody from that one until it listens',
    async () => {
      const any = await open({ kind: 'inet', host: '0.0.0.0', port: 0 })
      const { port } = any.address as Address & { kind: 'inet' }
      const address: Address = { kind: 'inet', host: '127.0.0.1', port }
      const narrow = await openListeningSocket(address, BACKLOG, [any])
      opened.push(narrow)
      expect(await greetingAt(address, any)).toBe('served')
      narrow.listen()
      narrow.listen()
      expect(await greetingAt(address, narrow)).toBe('served')
      await expect(openListeningSocket(address, BACKLOG)).rejects.toEqual(
        coded('address-in-use', /127\.0\.0\.1:\d+ is in use/),
      )
      any.close()
      expect(any.isOpen).toBe(false)
    },
  )

  it.runIf(process.platform === 'linux')('may listen after that one is closed', async () => {
    const narrow = await open(loopback)
    const { port } = narrow.address as Address & { kind: 'inet' }
    const wide = await openListeningSocket({ kind: 'inet', host: '::', port }, BACKLOG, [narrow])
    opened.push(wide)
    narrow.close()
    wide.listen()
    expect(await greetingAt({ kind: 'inet', host: '127.0.0.1', port }, wide)).toBe('served')
  })

  it.runIf(process.platform === 'linux')(
    'is refused where another process has the port',
    async () => {
      const any = await open({ kind: 'inet', host: '127.0.0.2', port: 0 })
      const { port } = any.address as Address & { kind: 'inet' }
      const foreign = createServer()
      foreign.listen(port, '127.0.0.1')
      await once(foreign, 'listening')
      try {
        await expect(
          openListeningSocket({ kind: 'inet', host: '0.0.0.0', port }, BACKLOG, [any]),
        ).rejects.toEqual(coded('address-in-use', /is in use/))
      } finally {
        foreign.close()
      }
    },
  )
})

describe('a TCP socket', () => {
  it('tells the port that the system chose, and serves when somebody accepts', async () => {
    const socket = await open(loopback)
    const { address } = socket
    expect(address).toEqual({ kind: 'inet', host: '127.0.0.1', port: expect.any(Number) })
    expect(address.kind === 'inet' && address.port).toBeGreaterThan(0)
    expect(await greetingAt(address, socket)).toBe('served')
  })

  it('frees its address on close, which may be called twice', async () => {
    const socket = await open(loopback)
    socket.close()
    socket.close()
    expect((await open(socket.address)).address).toEqual(socket.address)
  })

  it('says which address is in use', async () => {
    const { address } = await open(loopback)
    const port = address.kind === 'inet' ? address.port : 0
    await expect(open(address)).rejects.toEqual(
      coded('address-in-use', `^127.0.0.1:${port} is in use$`),
    )
  })

  it('says when the address is not of this host', async () => {
    await expect(open({ kind: 'inet', host: '192.0.2.1', port: 0 })).rejects.toEqual(
      coded('bind-failed', '^192.0.2.1:0: this host has no such address$'),
    )
  })

  it('says when the host has no address', async () => {
    await expect(open({ kind: 'inet', host: 'nowhere.invalid', port: 0 })).rejects.toEqual(
      coded('host-unresolved', '^nowhere.invalid:0: '),
    )
  })
})

describe('a Unix socket', () => {
  it('listens at its path and leaves nothing beside it', async () => {
    const socket = await open(unix('app.sock'))
    expect(socket.address).toEqual(unix('app.sock'))
    expect(readdirSync(folder)).toEqual(['app.sock'])
    expect(await greetingAt(socket.address, socket)).toBe('served')
    socket.close()
    socket.close()
    expect(readdirSync(folder)).toEqual([])
  })

  it('replaces the socket file of a dead process', async () => {
    const { path } = unix('app.sock')
    const dead = createServer().listen(join(folder, 'elsewhere'))
    await once(dead, 'listening')
    renameSync(join(folder, 'elsewhere'), path)
    dead.close()
    const refused = await new Promise((resolve) => {
      createConnection(path).once('error', resolve)
    })
    expect(refused).toEqual(expect.objectContaining({ code: 'ECONNREFUSED' }))
    const socket = await open(unix('app.sock'))
    expect(await greetingAt(socket.address, socket)).toBe('served')
  })

  it('takes over from a running process, whose close then leaves the file alone', async () => {
    const older = await open(unix('app.sock'))
    const newer = await open(unix('app.sock'))
    older.close()
    expect(await greetingAt(newer.address, newer)).toBe('served')
    newer.close()
    expect(readdirSync(folder)).toEqual([])
  })

  it('leaves a file alone that has taken its place', async () => {
    const socket = await open(unix('app.sock'))
    rmSync(unix('app.sock').path)
    writeFileSync(unix('app.sock').path, 'precious')
    socket.close()
    expect(readFileSync(unix('app.sock').path, 'utf8')).toBe('precious')
  })

  it('closes when its folder is gone', async () => {
    mkdirSync(join(folder, 'run'))
    const socket = await open(unix('run/app.sock'))
    rmSync(join(folder, 'run'), { recursive: true })
    writeFileSync(join(folder, 'run'), 'no folder any more')
    socket.close()
    expect(existsSync(join(folder, 'run'))).toBe(true)
  })

  it('refuses to overwrite what is not a socket', async () => {
    writeFileSync(unix('precious').path, 'data')
    mkdirSync(unix('folder').path)
    for (const name of ['precious', 'folder']) {
      await expect(open(unix(name))).rejects.toEqual(
        coded('bind-failed', /exists and is not a socket$/),
      )
    }
    expect(readFileSync(unix('precious').path, 'utf8')).toBe('data')
  })

  it('refuses a path that the system would cut short', async () => {
    const name = 'x'.repeat(120 - folder.length)
    await expect(open(unix(name))).rejects.toEqual(coded('bind-failed', /bytes too long$/))
  })

  it('says when the folder is missing', async () => {
    await expect(open(unix('missing/app.sock'))).rejects.toEqual(
      coded('bind-failed', '^unix@.*missing/app.sock: '),
    )
  })
})

it.skipIf(process.platform !== 'linux')(
  'leaves no descriptor open, also when it fails',
  async () => {
    const descriptors = (): number => readdirSync('/proc/self/fd').length
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    const attempt = async (address: Address): Promise<void> => {
      await openListeningSocket(address, BACKLOG).then(
        (socket) => socket.close(),
        () => {},
      )
    }
    const held = await open(loopback)
    const addresses: Address[] = [loopback, held.address, unix('a'), unix('missing/a')]
    for (const address of addresses) await attempt(address)
    await turn()
    const before = descriptors()
    for (let i = 0; i < 20; i++) for (const address of addresses) await attempt(address)
    await turn()
    // A leak would show 20 times; what else the process has open may vary.
    expect(descriptors()).toBeLessThan(before + 20)
  },
)
