import { readRequests, type StrictMessage } from './strict-messages.ts'
import { startTcpServer } from './tcp-server.ts'

/** A server that keeps what it receives, and reads it as strictly as can be. */
export interface Recorder {
  /** What came since the last call. */
  readonly take: () => Recording
  /** Connections that are open and hold the beginning of a message. */
  readonly unfinished: () => number
}

/** What a recorder has received. */
export interface Recording {
  readonly bytes: number
  readonly messages: readonly StrictMessage[]
  readonly wrongs: readonly string[]
}

/** Starts one on a port of 127.0.0.1; it answers each whole request with its method and target. */
export async function startRecorder(port: number): Promise<Recorder> {
  let bytes = 0
  let messages: StrictMessage[] = []
  let wrongs: string[] = []
  const unfinished = new Set<object>()
  await startTcpServer((socket) => {
    let rest = ''
    socket.on('data', (chunk) => {
      bytes += chunk.length
      const reading = readRequests(rest + chunk.toString('latin1'))
      rest = reading.rest
      if (reading.wrong !== null)
        wrongs.push(`${reading.wrong} in ${JSON.stringify(rest.slice(0, 200))}`)
      messages.push(...reading.messages)
      for (const message of reading.messages) socket.write(answerTo(message))
      if (rest === '') unfinished.delete(socket)
      else unfinished.add(socket)
    })
    socket.on('end', () => socket.end())
    socket.on('close', () => unfinished.delete(socket))
  }, port)
  const take = (): Recording => {
    const recording = { bytes, messages, wrongs }
    bytes = 0
    messages = []
    wrongs = []
    return recording
  }
  return { take, unfinished: () => unfinished.size }
}

/** The response to a request: 200, with its method and target as the body. */
export function answerTo({ startLine }: StrictMessage): string {
  const body = startLine.slice(0, startLine.lastIndexOf(' '))
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}
