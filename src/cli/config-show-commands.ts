import type {
  ConfigDiffReport,
  ConfigHistoryReport,
  ConfigReport,
} from '../operations/contract/configs.ts'
import { type Column, cell, expectAnswer, show, table } from './command-output.ts'
import { type CliIo, type ReadOptions, readAdmin } from './daemon-connection.ts'
import { versionIn } from './version-argument.ts'

/** Options of `sluice config show`, as written. */
export interface ConfigShowOptions extends ReadOptions {
  /** `--version`. Default: the active one. */
  readonly version?: string | undefined
}

const HISTORY_COLUMNS: readonly Column[] = [
  { title: 'VERSION', isNumber: true },
  { title: 'TIME' },
  { title: 'AUTHOR' },
  { title: 'CAUSE' },
  { title: 'RESULT' },
  { title: 'COMMENT' },
]

/**
 * `sluice config show`: prints the text of a version exactly as it was written.
 *
 * @throws SluiceError `usage`, and as `askAdmin`
 */
export async function configShow(options: ConfigShowOptions, io: CliIo): Promise<void> {
  const { version } = options
  const path =
    version === undefined
      ? '/api/v1/config'
      : `/api/v1/config/versions/${versionIn(version, '--version', 1)}`
  const config = await readAdmin<ConfigReport | null>({ path }, options, io)
  expectAnswer(typeof config?.text === 'string', 'text')
  show(config, config?.text ?? '', options, io)
}

/**
 * `sluice config history`: the versions that are kept, the newest last.
 *
 * @throws SluiceError as `askAdmin`
 */
export async function configHistory(options: ReadOptions, io: CliIo): Promise<void> {
  const path = '/api/v1/config/versions'
  const history = await readAdmin<ConfigHistoryReport | null>({ path }, options, io)
  expectAnswer(Array.isArray(history?.versions), 'history')
  show(history, history === null ? '' : historyText(history), options, io)
}

/**
 * `sluice config diff`: what makes one version another, as a unified diff.
 *
 * @param from default: the version before `to`
 * @param to default: the active version
 * @throws SluiceError `usage`, and as `askAdmin`
 */
export async function configDiff(
  from: string | undefined,
  to: string | undefined,
  options: ReadOptions,
  io: CliIo,
): Promise<void> {
  const query = {
    from: from === undefined ? undefined : String(versionIn(from, 'A', 0)),
    to: to === undefined ? undefined : String(versionIn(to, 'B', 0)),
  }
  const answer = await readAdmin<ConfigDiffReport | null>(
    { path: '/api/v1/config/diff', query },
    options,
    io,
  )
  expectAnswer(typeof answer?.diff === 'string', 'diff')
  show(answer, answer?.diff ?? '', options, io)
}

function historyText({ confirmation, versions }: ConfigHistoryReport): string {
  const rows = versions.map(({ version, time, author, cause, result, comment }) => [
    String(version),
    time,
    cell(author),
    cause,
    result,
    cell(comment),
  ])
  const text = table(HISTORY_COLUMNS, rows)
  if (confirmation === null) return text
  const { version, previous, deadline } = confirmation
  return `${text}version ${version} goes back to ${previous} at ${deadline} unless confirmed\n`
}
