import { readFileSync } from 'node:fs'
import { SluiceError } from '../base/errors.ts'
import { parseDuration } from '../config/values/durations.ts'
import { CONFIG_BODY_BYTES_MAX, CONFIRM_MIN_MS } from '../model/change-limits.ts'
import type {
  ConfigApplication,
  ConfigOutcome,
  Confirmed,
  VersionChoice,
} from '../operations/contract/configs.ts'
import { expectAnswer, show } from './command-output.ts'
import {
  type AdminRequest,
  askAdmin,
  type CliIo,
  type ConnectionOptions,
} from './daemon-connection.ts'
import { versionIn } from './version-argument.ts'

/** Bytes of the members that go with a text: the comment, and some digits. */
const MEMBERS_BYTES_MAX = 8192

/** What a node puts before a line and a column of a config that it was given as a text. */
const CONFIG_PLACE = /^config:(?=\d+:\d+: )/gm

/** Options of `sluice config apply`, as written. */
export interface ConfigApplyOptions extends ConnectionOptions {
  /** `--file`. */
  readonly file: string
  /** `--if-version`. */
  readonly ifVersion?: string | undefined
  /** `--comment`. */
  readonly comment?: string | undefined
  /** `--confirm`: a duration as in the config. */
  readonly confirm?: string | undefined
}

/**
 * `sluice config apply`: makes a file the config of the cluster.
 *
 * @throws SluiceError `usage`, `config-unreadable`, and as {@link askAdmin}
 */
export async function configApply(options: ConfigApplyOptions, io: CliIo): Promise<void> {
  const { file, ifVersion, comment, confirm } = options
  const body: ConfigApplication = {
    ...(ifVersion === undefined ? {} : { ifVersion: versionIn(ifVersion, '--if-version', 0) }),
    ...(comment === undefined ? {} : { comment }),
    ...(confirm === undefined ? {} : { confirmMs: confirmMsIn(confirm) }),
    text: readText(file),
  }
  const asked = { method: 'POST', path: '/api/v1/config', body } as const
  const outcome = await changeConfig(asked, options, io, file)
  if (confirm === undefined || !outcome.changed || options.json === true) return
  const { version } = outcome
  io.write(`it goes back in ${confirm} unless you run: sluice config confirm ${version}\n`)
}

/**
 * `sluice config rollback`: applies the text of an earlier version again.
 *
 * @param version default: the one before the active one
 * @throws SluiceError `usage`, and as {@link askAdmin}
 */
export async function configRollback(
  version: string | undefined,
  options: ConnectionOptions,
  io: CliIo,
): Promise<void> {
  const body = choiceOf(version)
  await changeConfig({ method: 'POST', path: '/api/v1/config/rollback', body }, options, io)
}

/**
 * `sluice config confirm`: keeps a version that would go back by itself.
 *
 * @param version default: the active one
 * @throws SluiceError `usage`, and as {@link askAdmin}
 */
export async function configConfirm(
  version: string | undefined,
  options: ConnectionOptions,
  io: CliIo,
): Promise<void> {
  const path = '/api/v1/config/confirm'
  const asked = { method: 'POST', path, body: choiceOf(version) } as const
  const answer = await askAdmin<Confirmed | null>(asked, options, io)
  expectAnswer(typeof answer?.version === 'number', 'version')
  show(answer, `version ${answer?.version} stays\n`, options, io)
}

/** @param file whose text it is; places in what a node says of it are told as places of the file */
async function changeConfig(
  asked: AdminRequest,
  options: ConnectionOptions,
  io: CliIo,
  file: string | null = null,
): Promise<ConfigOutcome> {
  const placed = (report: string): string =>
    file === null ? report : report.replaceAll(CONFIG_PLACE, () => `${file}:`)
  let outcome: ConfigOutcome | null
  try {
    outcome = await askAdmin<ConfigOutcome | null>(asked, options, io)
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error
    throw new SluiceError(error.code, placed(error.message), error)
  }
  if (typeof outcome?.version !== 'number' || !Array.isArray(outcome.nodes)) {
    throw new SluiceError('admin-refused', 'the answer holds no outcome')
  }
  if (outcome.warnings !== '') io.warn(`${placed(outcome.warnings).trimEnd()}\n`)
  show(outcome, describe(outcome), options, io)
  return outcome
}

function describe({ version, changed, nodes }: ConfigOutcome): string {
  const missing = nodes
    .filter(({ result }) => result === 'unreachable')
    .map(({ name }) => `${name} cannot be reached: it will run it when it is back\n`)
  const done = changed ? `version ${version} is active` : `version ${version} is active already`
  return [`${done}\n`, ...missing].join('')
}

function choiceOf(version: string | undefined): VersionChoice {
  return version === undefined ? {} : { version: versionIn(version, 'VERSION', 1) }
}

function confirmMsIn(text: string): number {
  const parsed = parseDuration(text)
  if ('problem' in parsed) {
    const { message, hint } = parsed.problem
    throw new SluiceError('usage', `--confirm ${text}: ${message}${hint && `. ${hint}`}`)
  }
  if (parsed.value >= CONFIRM_MIN_MS) return parsed.value
  throw new SluiceError('usage', `--confirm ${text} is too short: give it 1s or more`)
}

function readText(file: string): string {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(file))
  } catch (error) {
    throw new SluiceError('config-unreadable', `cannot read ${file}: ${String(error)}`, error)
  }
  // The daemon would hang up in the midst of it, and its answer might be lost.
  if (Buffer.byteLength(JSON.stringify(text)) <= CONFIG_BODY_BYTES_MAX - MEMBERS_BYTES_MAX)
    return text
  throw new SluiceError('body-too-large', `${file} is too long for a config`)
}
