import { realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { SluiceError } from '../../base/errors.ts'
import type { Config } from '../../model/config.ts'
import { SYSTEM_AUTHORITIES } from '../../model/outgoing-tls.ts'
import { type AgreedNamed, agreedNamed } from './named-things.ts'

/** A file that a config names. */
export interface NamedFile {
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
export function validateFiles(files: readonly NamedFile[], folders: readonly string[]): void {
  const allowed = folders.map(realPath)
  for (const file of files) {
    const path = realPath(file.path)
    if (allowed.some((folder) => isBelow(path, folder))) continue
    const message = `${file.key} names ${file.path}, which is not below ${folders.join(', ')}`
    throw new SluiceError('file-not-allowed', message)
  }
}

/** What the sections of a config that all nodes share name in the file system. */
export function filesOf(config: Config): NamedFile[] {
  return [...agreedNamed(config)].flatMap((named) => {
    return pathsOf(named).map((path) => ({ key: named.key, path }))
  })
}

function pathsOf(named: AgreedNamed): readonly string[] {
  switch (named.kind) {
    case 'answer':
      return named.files
    case 'bind':
    case 'server':
      return named.address.kind === 'unix' ? [named.address.path] : []
    case 'certificates':
      return [named.crt]
    case 'revocations':
      return [named.crlFile]
    case 'authorities':
      return named.caFile === SYSTEM_AUTHORITIES ? [] : [named.caFile]
  }
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
