import { constants, readFileSync } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { dirname } from 'node:path'
import { type Address, formatAddress, isLoopback } from '../../base/address.ts'
import { type ErrorCode, SluiceError } from '../../base/errors.ts'
import { groupId } from '../../base/host/accounts.ts'
import type { PlacedProblem } from '../../config/locating.ts'
import type { NameResolution } from '../../discovery/name-resolution.ts'
import { isUnresolved } from '../../discovery/server-addresses.ts'
import type { Config } from '../../model/config.ts'
import { CertificateFiles } from './certificate-files.ts'
import { type Gathered, gather } from './gathering.ts'
import { type Lack, lackAt } from './lacks.ts'
import { agreedNamed, type NamedBind, namedBinds, type OwnThing, ownNamed } from './named-things.ts'

/** Bit of CAP_NET_BIND_SERVICE in the effective capabilities, capabilities(7). */
const CAP_NET_BIND_SERVICE = 10n

/** What a start needs and this host lacks, and what was read on the way. */
export interface Surroundings {
  readonly lacks: readonly Lack[]
  readonly gathered: Gathered
}

/**
 * Looks at everything that a config names outside of itself and that a start needs, all at once:
 * files, folders, addresses and host names. Opens nothing for writing and binds nothing.
 */
export async function lookAround(config: Config, names: NameResolution): Promise<Surroundings> {
  const host = hostFacts()
  const binds = namedBinds(config).map(({ named }) => lackOfBind(named, host))
  const [own, { gathered, lacks }, ...addresses] = await Promise.all([
    lacksOfOwn(config, host),
    gather(config, names),
    ...binds,
  ])
  return { gathered, lacks: [...own, ...lacks, ...addresses.filter((lack) => lack !== null)] }
}

/** As {@link lookAround}, at what the sections of the node's own name. */
export function lookAtOwn(config: Config): Promise<Lack[]> {
  return lacksOfOwn(config, hostFacts())
}

async function lacksOfOwn(config: Config, host: HostFacts): Promise<Lack[]> {
  const found = await Promise.all(
    ownNamed(config).map((named) =>
      named.kind === 'bind' ? lackOfBind(named, host) : lackOfOwn(named),
    ),
  )
  return found.filter((lack) => lack !== null)
}

/** Host names that a config can do without, and that were not found. */
export function unfoundNames(config: Config, names: NameResolution): PlacedProblem[] {
  return [...agreedNamed(config)].flatMap((named): PlacedProblem[] => {
    if (named.kind !== 'server') return []
    const { address, paths } = named
    if (address.kind !== 'inet' || !isUnresolved(address)) return []
    if (names.found(address.host) !== null) return []
    const message = `the host name ${address.host} is not found on this host`
    const hint = 'The server begins as init-addr says, and is looked up again.'
    return [{ severity: 'warning', paths, code: 'unresolved-name', message, hint }]
  })
}

/** What is wrong with a thing, and what a start fails with for it. */
interface Fault {
  readonly code: ErrorCode
  readonly what: string
  /** '': nothing. */
  readonly why: string
}

async function lackOfOwn(named: OwnThing): Promise<Lack | null> {
  const { code, what, why } = await faultOf(named)
  if (why === '') return null
  const hint = 'Check the path and the rights of this user; --offline leaves files out.'
  return lackAt(named, code, 'unusable-file', `${what}: ${why}`, hint)
}

async function faultOf({ kind, name }: OwnThing): Promise<Fault> {
  switch (kind) {
    case 'secret':
      return { code: 'config-unreadable', what: `cannot read ${name}`, why: await unreadable(name) }
    case 'certificate':
      return faultOfCertificates(name)
    case 'log':
      return {
        code: 'log-unwritable',
        what: `cannot append to ${name}`,
        why: await unwritable(name),
      }
    case 'data':
      return {
        code: 'data-dir-unusable',
        what: `cannot write into ${name}`,
        why: await unusableFolder(name),
      }
    case 'group': {
      const why = groupId(name) === null ? 'this host has none in /etc/group; give its number' : ''
      return { code: 'bind-failed', what: `the group ${name}`, why }
    }
  }
}

async function faultOfCertificates(crt: string): Promise<Fault> {
  try {
    await new CertificateFiles(Date.now()).read(crt)
    return { code: 'certificate-invalid', what: crt, why: '' }
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error
    return { code: error.code, what: 'admin.ssl', why: error.message }
  }
}

function unreadable(file: string): Promise<string> {
  return failureOf(async () => {
    await access(file, constants.R_OK)
    return (await stat(file)).isDirectory() ? 'it is a folder' : ''
  })
}

/** A log: the file, or the folder that it is to be made in. */
async function unwritable(file: string): Promise<string> {
  const isThere = await access(file).then(
    () => true,
    () => false,
  )
  return failureOf(async () => {
    await access(isThere ? file : dirname(file), constants.W_OK)
    return isThere && (await stat(file)).isDirectory() ? 'it is a folder' : ''
  })
}

/** A folder that is made where it is missing. */
async function unusableFolder(folder: string): Promise<string> {
  const why = await failureOf(async () => {
    if (!(await stat(folder)).isDirectory()) return 'it is no folder'
    await access(folder, constants.W_OK)
    return ''
  })
  const parent = dirname(folder)
  return /^ENOENT/.test(why) && parent !== folder ? unusableFolder(parent) : why
}

async function failureOf(look: () => Promise<string>): Promise<string> {
  try {
    return await look()
  } catch (error) {
    return (error as Error).message
  }
}

async function lackOfBind(named: NamedBind, host: HostFacts): Promise<Lack | null> {
  const { address } = named
  const why = await whyNotBound(address, host)
  const hint = 'Give an address of this host; --offline leaves addresses out.'
  const message = `${formatAddress(address)}: ${why}`
  if (why === '') return null
  return { ...lackAt(named, 'bind-failed', 'unusable-address', message, hint), isGuess: true }
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
