import type {
  ActiveConfigReport,
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
 * `sluice config show`: prints the text of a version exactly as it was written. Where the asked node
 * runs another version than the active one, or its file was changed and not loaded, a warning says so.
 *
 * @throws SluiceError `usage`, and as `askAdmin`
 */
export async function configShow(options: ConfigShowOptions, io: CliIo): Promise<void> {
  const { version } = options
  const path =
    version === undefined
      ? '/api/v1/config'
      : `/api/v1/config/versions/${versionIn(version, '--version', 1)}`
  const config = await readAdmin<ShownConfig | null>({ path }, options, io)
  expectAnswer(typeof config?.text === 'string', 'text')
  show(config, config?.text ?? '', options, io)
  if (config !== null && options.json !== true) io.warn(warningOf(config))
}

/** A version, or the active one; a node of an earlier program does not say what it runs. */
type ShownConfig = ConfigReport & Partial<Pick<ActiveConfigReport, 'running'>>

function warningOf({ version, running }: ShownConfig): string {
  if (running === undefined) return ''
  const isOther = running.version !== version
  const its = running.version === 0 ? 'its file' : `version ${running.version}`
  const words = [...(isOther ? [`this node runs ${its}, not version ${version}`] : [])]
  if (running.note !== '') words.push(cell(running.note))
  return words.length === 0 ? '' : `${words.join(': ')}\n`
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
