import { type AddressInfo, connect, createServer } from 'node:net'
import type { Duplex } from 'node:stream'
import { onTestFinished } from 'vitest'

/** A listener at the end of a link between nodes; gives back how a stream to it is opened. */
export async function startLink(onStream: (far: Duplex) => void): Promise<() => Duplex> {
  const links = createServer((socket) => onStream(socket.on('error', () => {})))
  await new Promise<void>((resolve) => links.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void links.close())
  const { port } = links.address() as AddressInfo
  return () => connect(port, '127.0.0.1')
}
