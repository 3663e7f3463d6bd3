import { realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Address } from '../../base/address.ts'
import { SluiceError } from '../../base/errors.ts'
import type { BackendConfig, Config, FrontendConfig } from '../../model/config.ts'
import { SYSTEM_AUTHORITIES } from '../../model/probe-protocol.ts'
import { compileHttpError } from '../../rules/actions/http-error.ts'

/** A file that a config names. */
interface NamedFile {
  /** What names it, for messages: `errorfile 503 of frontend web`. */
  readonly key: string
  readonly path: string
}

/**
 * Makes sure that what a config names on this host lies below the folders that this node allows,
 * links and `..` followed: files, and the Unix sockets of servers and binds. A config that comes
 * over the API could otherwise have root's files read out to its clients, or lead them to a socket
 * such as that of a container engine.
 *
 * @param folders absolute
 * @throws SluiceError `file-not-allowed`
 */
export function checkFiles(config: Config, folders: readonly string[]): void {
  const allowed = folders.map(realPath)
  for (const file of filesOf(config)) {
    if (allowed.some((folder) => isBelow(realPath(file.path), folder))) continue
    const message = `${file.key} names ${file.path}, which is not below ${folders.join(', ')}`
    throw new SluiceError('file-not-allowed', message)
  }
}

function filesOf({ frontends, backends }: Config): NamedFile[] {
  return [
    ...frontends.flatMap((frontend) => [
      ...answerFiles('frontend', frontend),
      ...frontend.binds.flatMap(({ address }) =>
        socketFile(`bind of frontend ${frontend.name}`, address),
      ),
    ]),
    ...backends.flatMap((backend) => [...answerFiles('backend', backend), ...serverFiles(backend)]),
  ]
}

function answerFiles(
  kind: string,
  { name, errorAnswers }: FrontendConfig | BackendConfig,
): NamedFile[] {
  return errorAnswers.flatMap(({ status, source }): NamedFile[] => {
    const owner = `${status} of ${kind} ${name}`
    if (source.kind === 'file') return [{ key: `errorfile ${owner}`, path: source.path }]
    const path = pathIn(source.rule)
    return path === null ? [] : [{ key: `http-error ${owner}`, path }]
  })
}

function pathIn(rule: string): string | null {
  const answer = compileHttpError(rule)
  const path =
    answer.kind === 'errorfile'
      ? answer.path
      : answer.body?.kind === 'file'
        ? answer.body.path
        : null
  // Rules are read as bytes.
  return path === null ? null : Buffer.from(path, 'latin1').toString()
}

function serverFiles({ name, servers }: BackendConfig): NamedFile[] {
  return servers.flatMap((server) => {
    const owner = `server ${name}/${server.name}`
    const authorities = server.check?.tls?.caFile ?? SYSTEM_AUTHORITIES
    return [
      ...socketFile(`address of ${owner}`, server.address),
      ...(authorities === SYSTEM_AUTHORITIES
        ? []
        : [{ key: `ca-file of ${owner}`, path: authorities }]),
    ]
  })
}

function socketFile(key: string, address: Address): NamedFile[] {
  return address.kind === 'unix' ? [{ key, path: address.path }] : []
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}

/** Where a path leads in the end; of what is not there yet, where its folder does. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    const folder = dirname(path)
    return folder === path ? path : join(realPath(folder), basename(path))
  }
}
