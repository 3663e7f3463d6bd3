import { constants, readFileSync } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { dirname } from 'node:path'
import { type Address, formatAddress, isLoopback } from '../../base/address.ts'
import { SluiceError } from '../../base/errors.ts'
import type { DiagnosticCode, Path } from '../../config/diagnostics/diagnostics.ts'
import type { PlacedProblem } from '../../config/locating.ts'
import { NameResolution } from '../../discovery/name-resolution.ts'
import { isUnresolved, lookUpServers } from '../../discovery/server-addresses.ts'
import type { Config, ErrorAnswerConfig } from '../../model/config.ts'
import type { DaemonLog } from '../../telemetry/daemon-log.ts'
import { readAuthorities } from './certificate-authorities.ts'
import { readErrorAnswers } from './error-answer-files.ts'

/** Bit of CAP_NET_BIND_SERVICE in the effective capabilities, capabilities(7). */
const CAP_NET_BIND_SERVICE = 10n

const SILENT: DaemonLog = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  setLevel: () => {},
}

/**
 * Looks at everything that a config names outside of itself and that a start needs, all at once:
 * files, folders, addresses and host names. Opens nothing for writing and binds nothing.
 */
export async function checkSurroundings(config: Config): Promise<PlacedProblem[]> {
  const found = await Promise.all([
    checkFiles(config),
    checkErrorAnswers(config),
    checkAuthorities(config),
    checkAddresses(config),
    checkNames(config),
  ])
  return found.flat()
}

async function checkFiles({ global, admin, cluster }: Config): Promise<PlacedProblem[]> {
  const { access: log } = global.log
  const files: (readonly [string | null, Path])[] = [
    [admin.tokenFile, ['admin', 'token-file']],
    ...admin.tokens.map(({ name, file }) => [file, ['admin', 'tokens', name, 'file']] as const),
    [cluster?.secretFile ?? null, ['cluster', 'secret-file']],
    [cluster?.tls?.caFile ?? null, ['cluster', 'tls', 'ca']],
    [cluster?.tls?.crtFile ?? null, ['cluster', 'tls', 'crt']],
    [cluster?.tls?.keyFile ?? null, ['cluster', 'tls', 'key']],
  ]
  const problems = await Promise.all([
    ...files.map(([file, path]) => (file === null ? null : unreadable(file, path))),
    log.to === 'file' ? unwritable(log.path, ['global', 'log', 'access']) : null,
    cluster === null ? null : unusableFolder(cluster.dataDir, ['cluster', 'data-dir']),
  ])
  return problems.filter((problem) => problem !== null)
}

async function unreadable(file: string, path: Path): Promise<PlacedProblem | null> {
  const why = await failureOf(async () => {
    await access(file, constants.R_OK)
    return (await stat(file)).isFile() ? '' : 'it is no file'
  })
  return why === '' ? null : fileProblem(path, `cannot read ${file}: ${why}`)
}

/** A log: the file, or the folder that it is to be made in. */
async function unwritable(file: string, path: Path): Promise<PlacedProblem | null> {
  const isThere = await access(file).then(
    () => true,
    () => false,
  )
  const why = await failureOf(async () => {
    await access(isThere ? file : dirname(file), constants.W_OK)
    return isThere && (await stat(file)).isDirectory() ? 'it is a folder' : ''
  })
  return why === '' ? null : fileProblem(path, `cannot append to ${file}: ${why}`)
}

/** A folder that is made where it is missing. */
async function unusableFolder(folder: string, path: Path): Promise<PlacedProblem | null> {
  const why = await failureOf(async () => {
    if (!(await stat(folder)).isDirectory()) return 'it is no folder'
    await access(folder, constants.W_OK)
    return ''
  })
  const parent = dirname(folder)
  if (/^ENOENT/.test(why) && parent !== folder) return unusableFolder(parent, path)
  return why === '' ? null : fileProblem(path, `cannot write into ${folder}: ${why}`)
}

async function failureOf(look: () => Promise<string>): Promise<string> {
  try {
    return await look()
  } catch (error) {
    return (error as Error).message
  }
}

function fileProblem(path: Path, message: string): PlacedProblem {
  const hint = 'Check the path and the rights of this user; --offline leaves files out.'
  return errorAt([path], 'unusable-file', message, hint)
}

function errorAt(
  paths: readonly Path[],
  code: DiagnosticCode,
  message: string,
  hint: string,
): PlacedProblem {
  return { severity: 'error', paths, code, message, hint }
}

/** What a reader of files throws, at the place that names the file. */
async function refusalAt(
  paths: readonly Path[],
  read: () => Promise<unknown>,
): Promise<PlacedProblem[]> {
  try {
    await read()
    return []
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error
    return [errorAt(paths, 'unusable-file', error.message, error.hint)]
  }
}

async function checkErrorAnswers(config: Config): Promise<PlacedProblem[]> {
  const sections = (['frontends', 'backends'] as const).flatMap((kind) =>
    config[kind].flatMap((section) =>
      section.errorAnswers.map((answer) => ({ kind, section, answer })),
    ),
  )
  const found = await Promise.all(
    sections.map(({ kind, section, answer }) => {
      const key = keyOf(answer)
      const paths = [
        [kind, section.name, ...key],
        ['defaults', ...key],
      ]
      const one = { ...config, frontends: [], backends: [], [kind]: [withOnly(section, answer)] }
      return refusalAt(paths, () => readErrorAnswers(one))
    }),
  )
  return found.flat()
}

function withOnly<Section>(section: Section, answer: ErrorAnswerConfig): Section {
  return { ...section, errorAnswers: [answer] }
}

function keyOf({ source, status }: ErrorAnswerConfig): Path {
  return source.kind === 'file' ? ['errorfile', String(status)] : ['http-error']
}

async function checkAuthorities(config: Config): Promise<PlacedProblem[]> {
  const found = await Promise.all(
    config.backends.map(async (backend) => {
      const [server] = backend.servers.filter(({ check }) => check?.tls?.verify)
      if (server === undefined) return []
      const paths = [
        ['backends', backend.name, 'servers', server.name, 'ca-file'],
        ['backends', backend.name, 'default-server', 'ca-file'],
        ['defaults', 'default-server', 'ca-file'],
      ]
      return await refusalAt(paths, () => readAuthorities({ ...config, backends: [backend] }))
    }),
  )
  return found.flat()
}

async function checkAddresses({ frontends, admin, cluster }: Config): Promise<PlacedProblem[]> {
  const host = hostFacts()
  const binds: [Address, Path[]][] = frontends.flatMap(({ name, binds }) =>
    binds.map(({ address }, i): [Address, Path[]] => {
      const bind: Path = ['frontends', name, 'bind']
      return [address, [[...bind, i, 'address'], [...bind, i], [...bind, 'address'], bind]]
    }),
  )
  if (admin.bind !== null) binds.push([admin.bind, [['admin', 'bind']]])
  if (cluster !== null) binds.push([cluster.bind, [['cluster', 'bind']]])
  const found = await Promise.all(
    binds.map(async ([address, paths]) => {
      const why = await whyNotBound(address, host)
      const hint = 'Give an address of this host; --offline leaves addresses out.'
      const message = `${formatAddress(address)}: ${why}`
      return why === '' ? [] : [errorAt(paths, 'unusable-address', message, hint)]
    }),
  )
  return found.flat()
}

/** What decides which addresses this process may bind. */
interface HostFacts {
  readonly addresses: ReadonlySet<string>
  /** The first port that everybody may bind. */
  readonly unprivilegedPort: number
  readonly isPrivileged: boolean
  /** Addresses of other hosts may be bound too (ip(7), ip_nonlocal_bind). */
  readonly allowsForeign: boolean
}

async function whyNotBound(address: Address, host: HostFacts): Promise<string> {
  if (address.kind === 'unix') {
    return failureOf(async () => {
      await access(dirname(address.path), constants.W_OK)
      return ''
    })
  }
  if (address.port < host.unprivilegedPort && !host.isPrivileged) {
    return `ports below ${host.unprivilegedPort} take root or the capability CAP_NET_BIND_SERVICE`
  }
  const isAny = address.host === '0.0.0.0' || address.host === '::'
  if (isAny || isIP(address.host) === 0 || isLoopback(address) || host.allowsForeign) return ''
  return host.addresses.has(address.host) ? '' : 'this host has no such address'
}

function hostFacts(): HostFacts {
  const interfaces = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const [, effective = '0'] = /^CapEff:\s*([0-9a-f]+)/m.exec(fileText('/proc/self/status')) ?? []
  const hasCapability = ((BigInt(`0x${effective}`) >> CAP_NET_BIND_SERVICE) & 1n) === 1n
  const port = fileText('/proc/sys/net/ipv4/ip_unprivileged_port_start').trim()
  return {
    addresses: new Set(interfaces.map(({ address }) => address)),
    unprivilegedPort: port === '' ? 1024 : Number(port),
    isPrivileged: hasCapability || process.geteuid?.() === 0,
    allowsForeign: fileText('/proc/sys/net/ipv4/ip_nonlocal_bind').trim() === '1',
  }
}

/** '' where there is no such file, as on other systems than Linux. */
function fileText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** A name that is not found is an error only where its server cannot begin without. */
async function checkNames(config: Config): Promise<PlacedProblem[]> {
  const names = new NameResolution({ log: SILENT })
  const found = await Promise.all(
    config.backends.flatMap((backend) =>
      backend.servers.map(async (server): Promise<PlacedProblem[]> => {
        const { address } = server
        if (address.kind !== 'inet' || !isUnresolved(address)) return []
        const place: Path = ['backends', backend.name, 'servers', server.name]
        const paths = [[...place, 'address'], place]
        const one = { ...config, backends: [{ ...backend, servers: [server] }] }
        try {
          await lookUpServers(one, names)
        } catch (error) {
          if (!(error instanceof SluiceError)) throw error
          return [errorAt(paths, 'unresolved-name', error.message, error.hint)]
        }
        if (names.found(address.host) !== null) return []
        const message = `the host name ${address.host} is not found on this host`
        const hint = 'The server begins as init-addr says, and is looked up again.'
        return [{ severity: 'warning', paths, code: 'unresolved-name', message, hint }]
      }),
    ),
  )
  names.stop()
  return found.flat()
}
