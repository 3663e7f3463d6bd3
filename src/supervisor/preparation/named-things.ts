import type { Address } from '../../base/address.ts'
import type { Path } from '../../config/diagnostics/diagnostics.ts'
import type {
  BackendConfig,
  Config,
  ErrorAnswerConfig,
  FrontendConfig,
  ServerConfig,
} from '../../model/config.ts'
import { SYSTEM_AUTHORITIES } from '../../model/outgoing-tls.ts'
import { compileHttpError } from '../../rules/actions/http-error.ts'

/** What names a thing: where a report points at it, and what a message calls it. */
interface Named {
  /** Where it may be written, the nearest place first: what is not there is written in the next. */
  readonly paths: readonly Path[]
  /** What names it: `errorfile 503 of frontend web`. */
  readonly key: string
}

/** A file, folder or group that a node needs for itself. */
export interface OwnThing extends Named {
  /**
   * `secret`: a file that is read; `certificate`: one with a certificate, or a folder of them; `log`:
   * one that is appended to; `data`: a folder to write in.
   */
  readonly kind: 'secret' | 'certificate' | 'log' | 'data' | 'group'
  readonly name: string
}

/** An address that is to be listened on. */
export interface NamedBind extends Named {
  readonly kind: 'bind'
  readonly address: Address
}

/** An answer in place of a standard one, with the files that it is made of. */
export interface NamedAnswer extends Named {
  readonly kind: 'answer'
  readonly answer: ErrorAnswerConfig
  /** For which status of whom: `status 503 of frontend web`. */
  readonly title: string
  readonly files: readonly string[]
}

/** The certificates that the clients of a bind are shown, or the one that a server is. */
export interface NamedCertificates extends Named {
  readonly kind: 'certificates'
  /** A file, or a folder of them. */
  readonly crt: string
}

/** The authorities that may have signed the certificate of a server, or of a client. */
export interface NamedAuthorities extends Named {
  readonly kind: 'authorities'
  readonly caFile: string
  /** False: it is named, and nothing is verified. */
  readonly isNeeded: boolean
}

/** Lists of certificates that are trusted no more. */
export interface NamedRevocations extends Named {
  readonly kind: 'revocations'
  readonly crlFile: string
}

/** Where a server is: it, its checks or its agent. */
export interface NamedServer extends Named {
  readonly kind: 'server'
  readonly server: ServerConfig
  readonly address: Address
}

/** What sections of a node's own name: `global`, `admin`, `cluster`. */
export type OwnNamed = OwnThing | NamedBind

/** What the sections name that all nodes agree on: `defaults`, `frontends`, `backends`. */
export type AgreedNamed =
  | NamedBind
  | NamedCertificates
  | NamedAnswer
  | NamedAuthorities
  | NamedRevocations
  | NamedServer

/**
 * What a node's own sections name outside of the config: files, folders, addresses, a group. Needed
 * when it starts, and no sooner.
 */
export function ownNamed({ global, admin, cluster }: Config): OwnNamed[] {
  const { access } = global.log
  const secret = (name: string | null | undefined, ...path: Path): OwnThing[] =>
    name === null || name === undefined ? [] : [own('secret', name, path)]
  const { socket } = admin
  return [
    ...(access.to === 'file' ? [own('log', access.path, ['global', 'log', 'access'])] : []),
    ...secret(admin.tokenFile, 'admin', 'token-file'),
    ...admin.tokens.flatMap(({ name, file }) => secret(file, 'admin', 'tokens', name, 'file')),
    ...(admin.bind === null ? [] : [ownBind(admin.bind, ['admin', 'bind'])]),
    ...(admin.tls?.crt ?? []).map((crt, n) => own('certificate', crt, ['admin', 'ssl', 'crt', n])),
    // One that the config does not name is done without where it cannot be made.
    ...(socket === null || socket.path === null
      ? []
      : [ownBind({ kind: 'unix', path: socket.path }, ['admin', 'socket', 'path'])]),
    ...(socket === null || socket.group === null
      ? []
      : [own('group', socket.group, ['admin', 'socket', 'group'])]),
    ...secret(cluster?.secretFile, 'cluster', 'secret-file'),
    ...secret(cluster?.tls?.caFile, 'cluster', 'tls', 'ca'),
    ...secret(cluster?.tls?.crtFile, 'cluster', 'tls', 'crt'),
    ...secret(cluster?.tls?.keyFile, 'cluster', 'tls', 'key'),
    ...(cluster === null
      ? []
      : [
          own('data', cluster.dataDir, ['cluster', 'data-dir']),
          ownBind(cluster.bind, ['cluster', 'bind']),
        ]),
  ]
}

/**
 * What the other sections name outside of the config. Who prepares it for a run, who only looks at
 * it, and who decides whether a text may name it at all go by this one list.
 */
export function* agreedNamed({ frontends, backends }: Config): Generator<AgreedNamed, void> {
  for (const { named } of namedBinds({ frontends })) yield named
  yield* frontends.flatMap(tlsFilesOfBinds)
  yield* frontends.flatMap((frontend) => answers('frontends', frontend))
  for (const backend of backends) {
    yield* answers('backends', backend)
    for (const server of backend.servers) {
      yield* placesOf(backend, server)
      yield* tlsFilesOfServer(backend, server)
    }
  }
}

/** The addresses of the frontends, and how many connections the system may keep waiting there. */
export function namedBinds({ frontends }: Pick<Config, 'frontends'>): {
  readonly named: NamedBind
  readonly backlog: number
}[] {
  return frontends.flatMap(({ name, binds }) =>
    binds.map(({ address, backlog }, i) => {
      const bind: Path = ['frontends', name, 'bind']
      const paths = [[...bind, i, 'address'], [...bind, i], [...bind, 'address'], bind]
      const key = `bind of frontend ${name}`
      return { named: { kind: 'bind', address, paths, key } as const, backlog }
    }),
  )
}

function tlsFilesOfBinds({ name, binds }: FrontendConfig): AgreedNamed[] {
  return binds.flatMap(({ tls }, i): AgreedNamed[] => {
    if (tls === null) return []
    const { crt, clients } = tls
    const named = (keyword: string, ...within: Path): Named => {
      const bind: Path = ['frontends', name, 'bind']
      const paths = [[...bind, i], bind].flatMap((at): Path[] => [
        [...at, 'ssl', keyword, ...within],
        [...at, 'ssl', keyword],
      ])
      return { paths, key: `${keyword} of frontend ${name}` }
    }
    const files: AgreedNamed[] = crt.map((path, n) => {
      return { kind: 'certificates', crt: path, ...named('crt', n) }
    })
    if (clients === null) return files
    const { caFile, crlFile } = clients
    files.push({ kind: 'authorities', caFile, isNeeded: true, ...named('ca-file') })
    if (crlFile !== null) files.push({ kind: 'revocations', crlFile, ...named('crl-file') })
    return files
  })
}

function own(kind: OwnThing['kind'], name: string, path: Path): OwnThing {
  return { kind, name, paths: [path, path.slice(0, -1)], key: path.join('.') }
}

function ownBind(address: Address, path: Path): NamedBind {
  return { kind: 'bind', address, paths: [path, path.slice(0, -1)], key: path.join('.') }
}

function answers(
  section: 'frontends' | 'backends',
  { name, errorAnswers }: FrontendConfig | BackendConfig,
): NamedAnswer[] {
  const owner = `${section === 'frontends' ? 'frontend' : 'backend'} ${name}`
  return errorAnswers.map((answer): NamedAnswer => {
    const { status, source } = answer
    const keyword = source.kind === 'file' ? 'errorfile' : 'http-error'
    const place: Path = source.kind === 'file' ? [keyword, String(status)] : [keyword]
    return {
      kind: 'answer',
      answer,
      title: `status ${status} of ${owner}`,
      files: filesOf(answer),
      paths: [
        [section, name, ...place],
        ['defaults', ...place],
      ],
      key: `${keyword} ${status} of ${owner}`,
    }
  })
}

function filesOf({ source }: ErrorAnswerConfig): string[] {
  if (source.kind === 'file') return [source.path]
  const answer = compileHttpError(source.rule)
  const path =
    answer.kind === 'errorfile'
      ? answer.path
      : answer.body?.kind === 'file'
        ? answer.body.path
        : null
  // Rules are read as bytes.
  return path === null ? [] : [Buffer.from(path, 'latin1').toString()]
}

/** Its checks and its agent are named where they are at another host. */
function placesOf({ name }: BackendConfig, server: ServerConfig): NamedServer[] {
  const { address, check, agent } = server
  const entry: Path = ['backends', name, 'servers', server.name]
  const place = (at: Address, keyword: string, others: readonly Path[]): NamedServer => {
    const key = `${keyword} of server ${name}/${server.name}`
    return { kind: 'server', server, address: at, paths: [[...entry, keyword], ...others], key }
  }
  const beside = (other: Address | undefined, keyword: string): NamedServer[] =>
    other === undefined || hostOf(other) === hostOf(address)
      ? []
      : [place(other, keyword, [...defaultsOf(name, keyword), entry])]
  return [
    place(address, 'address', [entry]),
    ...beside(check?.address, 'addr'),
    ...beside(agent?.address, 'agent-addr'),
  ]
}

function hostOf(address: Address): string {
  return address.kind === 'unix' ? address.path : address.host
}

function tlsFilesOfServer({ name }: BackendConfig, server: ServerConfig): AgreedNamed[] {
  const { tls } = server
  if (tls === null) return []
  const { caFile, crlFile, crt, verify } = tls
  const named = (keyword: string): Named => {
    const own: Path = ['backends', name, 'servers', server.name]
    const places = [own, ...defaultServers(name)]
    const paths = places.flatMap((at): Path[] => [
      [...at, 'ssl', keyword],
      [...at, keyword],
    ])
    return { paths, key: `${keyword} of server ${name}/${server.name}` }
  }
  const files: AgreedNamed[] = []
  if (verify || caFile !== SYSTEM_AUTHORITIES) {
    files.push({ kind: 'authorities', caFile, isNeeded: verify, ...named('ca-file') })
  }
  if (crlFile !== null) files.push({ kind: 'revocations', crlFile, ...named('crl-file') })
  if (crt !== null) files.push({ kind: 'certificates', crt, ...named('crt') })
  return files
}

function defaultsOf(backend: string, keyword: string): Path[] {
  return defaultServers(backend).map((at) => [...at, keyword])
}

function defaultServers(backend: string): Path[] {
  return [
    ['backends', backend, 'default-server'],
    ['defaults', 'default-server'],
  ]
}
