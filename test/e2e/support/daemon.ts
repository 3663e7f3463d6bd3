import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parse, stringify } from 'yaml'
import { freePort } from './ports.ts'
import { NODE, SLUICE, startProcess } from './processes.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { until } from './waiting.ts'

/**
 * A config: YAML text, or its tree. The tree is given an admin address and a token where it names
 * none.
 */
export type TestConfig = string | Readonly<Record<string, unknown>>

const TOKEN = 'the-token-of-a-test'

/** What a request to {@link Daemon.adminUrl} proves with that it may. */
export const ADMIN_HEADERS = { authorization: `Bearer ${TOKEN}` } as const

/** A line of the daemon log. */
export interface LogEntry {
  readonly event?: string
  readonly [field: string]: unknown
}

/** How a daemon is started. */
export interface DaemonOptions {
  readonly config: TestConfig
  /** More arguments for `sluice run`. */
  readonly args?: readonly string[]
  /** Variables beside those of this process. */
  readonly env?: Readonly<Record<string, string>>
  /** What starts it: a program with arguments that the whole command is given to. */
  readonly launcher?: readonly [string, ...string[]]
  /** Where the config is written; default: in a folder of its own. */
  readonly file?: string
  /** Default: a free one. */
  readonly adminPort?: number
  /** The command of another build. */
  readonly command?: string
}

/** A `sluice run` that is ready. It is killed when the test is over. */
export interface Daemon {
  readonly pid: number
  /** The config file that it runs. */
  readonly file: string
  /** `http://HOST:PORT` of its admin address, `https://` where that has `ssl`. */
  readonly adminUrl: string
  /** `unix:PATH` of its admin socket, for `--admin` of a command. */
  readonly admin: string
  /** The daemon log so far. */
  readonly log: readonly LogEntry[]
  /** The lines that it wrote to standard output so far: the access log. */
  readonly accessLog: readonly string[]
  /**
   * Waits for a line of the daemon log with this event.
   *
   * @param from the first line that counts: `daemon.log.length` for those still to come
   */
  readonly event: (event: string, from?: number) => Promise<LogEntry>
  /** Rewrites the file, sends SIGHUP, and waits for the verdict. */
  readonly reload: (config: TestConfig) => Promise<LogEntry>
  readonly signal: (signal: NodeJS.Signals) => void
  /** Resolves with the exit code once the process has ended; null when a signal ended it. */
  readonly exit: Promise<number | null>
  /** SIGTERM; resolves with the exit code. */
  readonly stop: () => Promise<number | null>
  /** SIGKILL. */
  readonly kill: () => Promise<void>
}

/**
 * Starts the daemon on a config of its own, and waits until `/readyz?traffic` answers 200: it serves,
 * be there a quorum or not.
 *
 * @throws Error with the daemon log, when it ends before or is not ready in a minute
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { config, args = [], env = {} } = options
  const adminPort = options.adminPort ?? (await freePort())
  const file = options.file ?? join(temporaryFolder(), 'sluice.yaml')
  // Where its admin socket is by default: apart from those of other tests.
  const runtimeFolder = temporaryFolder()
  const tokenFile = join(runtimeFolder, 'token')
  writeFileSync(tokenFile, TOKEN, { mode: 0o600 })
  const admin = { 'bind': `127.0.0.1:${adminPort}`, 'token-file': tokenFile }
  const adminUrl = writeConfig(file, config, admin)
  const [program, ...words] = [...(options.launcher ?? []), NODE] as [string, ...string[]]
  const child = startProcess(
    program,
    [...words, options.command ?? SLUICE, 'run', '-f', file, ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, RUNTIME_DIRECTORY: runtimeFolder, ...env },
    },
  )
  const { stdout, stderr, pid } = child
  if (stdout === null || stderr === null || pid === undefined) throw new Error('not started')
  const log: LogEntry[] = []
  const accessLog: string[] = []
  createInterface({ input: stderr }).on('line', (line) => log.push(parseLine(line)))
  createInterface({ input: stdout }).on('line', (line) => accessLog.push(line))
  const exit = once(child, 'close').then(([code]) => code as number | null)

  const find = (events: readonly string[], from: number): Promise<LogEntry> =>
    until(`${events.join(' or ')} in the log`, () => {
      return log.slice(from).find(({ event }) => event !== undefined && events.includes(event))
    }).catch((cause: unknown) => {
      throw new Error(`${String(cause)}\n${render(log)}`)
    })

  await until('/readyz', async () => {
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}:\n${render(log)}`)
    // A certificate of the test is trusted by nobody here.
    if (/^https:/.test(adminUrl)) return log.some(({ event }) => event === 'started') || undefined
    const response = await fetch(`${adminUrl}/readyz?traffic`).catch(() => undefined)
    await response?.arrayBuffer()
    return response?.status === 200 ? true : undefined
  })
  return {
    pid,
    file,
    adminUrl,
    admin: `unix:${join(runtimeFolder, 'admin.sock')}`,
    log,
    accessLog,
    exit,
    event: (event, from = 0) => find([event], from),
    reload: (changed) => {
      const from = log.length
      writeConfig(file, changed, admin)
      child.kill('SIGHUP')
      return find(['config-reloaded', 'config-rejected'], from)
    },
    signal: (signal) => {
      child.kill(signal)
    },
    stop: () => {
      child.kill('SIGTERM')
      return exit
    },
    kill: async () => {
      child.kill('SIGKILL')
      await exit
    },
  }
}

interface AdminSection {
  readonly bind: string
  readonly ssl?: unknown
}

/** Writes the file and returns the URL of the admin address. */
function writeConfig(file: string, config: TestConfig, admin: AdminSection): string {
  if (typeof config === 'string') {
    writeFileSync(file, config)
    // A file that is broken on purpose has no tree; its daemon's address is known from before.
    const tree = /^admin:/m.test(config) ? (parse(config) as { admin?: { bind?: string } }) : {}
    return `http://${tree.admin?.bind ?? admin.bind}`
  }
  const own = { ...admin, ...(config['admin'] as Partial<AdminSection> | undefined) }
  writeFileSync(file, stringify({ ...config, admin: own }))
  return `${typeof own.ssl === 'object' ? 'https' : 'http'}://${own.bind}`
}

/** What is not JSON, such as a crash, is kept as a line of its own. */
function parseLine(line: string): LogEntry {
  try {
    return JSON.parse(line) as LogEntry
  } catch {
    return { line }
  }
}

function render(log: readonly LogEntry[]): string {
  return log.map((entry) => JSON.stringify(entry)).join('\n')
}
