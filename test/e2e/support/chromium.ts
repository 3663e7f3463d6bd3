import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { startProcess } from './processes.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { until } from './waiting.ts'

/** A page in a Chromium without a window. The browser is ended when the test is over. */
export interface Page {
  /** Evaluates an expression in the page, and resolves with its value if that is plain data. */
  readonly evaluate: (expression: string) => Promise<unknown>
}

/** A message of the DevTools protocol. */
interface DevToolsAnswer {
  readonly id?: number
  readonly result?: { readonly result?: { readonly value?: unknown } }
}

/**
 * Starts a Chromium with a profile of its own on a page, which may not be loaded yet.
 *
 * @param certificate in PEM form: one of this key is trusted, whoever has signed it
 */
export async function openPage(url: string, certificate?: string): Promise<Page> {
  const profile = temporaryFolder()
  const child = startProcess(
    'chromium',
    [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
      ...['--no-first-run', '--disable-crash-reporter', '--disable-background-networking'],
      ...(certificate === undefined ? [] : [trusting(certificate)]),
      ...['--remote-debugging-port=0', `--user-data-dir=${profile}`, url],
    ],
    { stdio: 'ignore', env: { ...process.env, HOME: profile } },
  )
  const portFile = join(profile, 'DevToolsActivePort')
  const port = await until('the browser', () => {
    if (!existsSync(portFile)) return undefined
    const [first = ''] = readFileSync(portFile, 'latin1').split('\n')
    return Number(first) > 0 ? Number(first) : undefined
  })
  const address = await until('the page', async () => {
    const response = await fetch(`http://127.0.0.1:${port}/json/list`)
    const targets = (await response.json()) as { type: string; webSocketDebuggerUrl: string }[]
    return targets.find(({ type }) => type === 'page')?.webSocketDebuggerUrl
  })
  const socket = new WebSocket(address)
  await once(socket, 'open')
  const call = caller(socket)
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    // Told to close, it ends its other processes too.
    const closed = once(child, 'close')
    void call('Browser.close', {})
    await closed
  })
  return {
    evaluate: async (expression) => {
      const answer = await call('Runtime.evaluate', { expression, returnByValue: true })
      return answer.result?.result?.value
    },
  }
}

function trusting(certificate: string): string {
  const { publicKey } = new X509Certificate(certificate)
  const key = publicKey.export({ type: 'spki', format: 'der' })
  const digest = createHash('sha256').update(key).digest('base64')
  return `--ignore-certificate-errors-spki-list=${digest}`
}

/** Calls a method of the DevTools protocol. */
type Caller = (method: string, params: object) => Promise<DevToolsAnswer>

function caller(socket: WebSocket): Caller {
  const waiting = new Map<number, (answer: DevToolsAnswer) => void>()
  socket.on('message', (data) => {
    const answer = JSON.parse(String(data)) as DevToolsAnswer
    waiting.get(answer.id ?? 0)?.(answer)
  })
  let calls = 0
  return (method, params) => {
    const id = ++calls
    socket.send(JSON.stringify({ id, method, params }))
    return new Promise((resolve) => waiting.set(id, resolve))
  }
}
