import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer } from 'node:net'
import { cpus, release } from 'node:os'

/** What was measured, and on what. */
export interface HostFacts {
  readonly date: string
  readonly cpu: string
  readonly cores: number
  readonly kernel: string
  /** Version by program name. */
  readonly versions: Readonly<Record<string, string>>
}

/**
 * Makes sure that programs are there.
 *
 * @throws Error naming all that are missing
 */
export function requireTools(tools: readonly string[]): void {
  const missing = tools.filter((tool) => spawnSync('which', [tool]).status !== 0)
  if (missing.length === 0) return
  throw new Error(`not installed: ${missing.join(', ')} (Debian: apt-get install PACKAGE)`)
}

/**
 * The two cores to work on: one for the proxy, one for the load and the origin.
 *
 * @throws Error on a single core, where the figures would say nothing
 */
export function pickCores(): { readonly proxy: number; readonly load: number } {
  const status = readFileSync('/proc/self/status', 'latin1')
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? ''
  const cores = list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  })
  const [proxy, load] = cores
  if (proxy === undefined || load === undefined) throw new Error('two cores are needed')
  return { proxy, load }
}

/** Ports that nobody listens on now, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => new Promise((done) => server.once('listening', done))))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))))
  return ports
}

/** The first version number that a program prints about itself. */
function versionOf(command: string, flag: string): string {
  const { stdout, stderr } = spawnSync(command, [flag], { encoding: 'utf8' })
  return /\d+\.\d[\w.+-]*/.exec(`${stdout}${stderr}`)?.[0] ?? 'unknown'
}

/** Facts about this machine and the programs measured. */
export function hostFacts(): HostFacts {
  const packageVersion = (specifier: string): string =>
    (createRequire(import.meta.url)(specifier) as { version: string }).version
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    kernel: release(),
    versions: {
      sluice: packageVersion('../package.json'),
      node: process.versions.node,
      haproxy: versionOf('haproxy', '-v'),
      nginx: versionOf('nginx', '-v'),
      'http-proxy': packageVersion('http-proxy/package.json'),
      wrk: versionOf('wrk', '--version'),
    },
  }
}
