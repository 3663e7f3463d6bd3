import { SluiceError } from '../base/errors.ts'
import type { ApplyOutcome } from '../cluster/cluster.ts'
import type {
  ClusterState,
  ConfigVersion,
  PendingConfirmation,
} from '../cluster/state-machine/state.ts'
import { maskSecrets } from '../config/text/yaml/secret-masking.ts'
import { type AdminLevel, reachesLevel } from '../model/admin-level.ts'
import { agreedState } from './agreed-read.ts'
import { type NamedText, unifiedDiff } from './config-diff.ts'
import type {
  ActiveConfigReport,
  ConfigApplication,
  ConfigDiffReport,
  ConfigHistoryReport,
  ConfigOutcome,
  ConfigReport,
  ConfigVersionReport,
  ConfirmationReport,
  Confirmed,
  VersionChoice,
} from './contract/configs.ts'
import type { Caller, OperatedNode, ReadOptions } from './operated-node.ts'

/** Which versions are compared. */
export interface DiffChoice {
  /** Default: the one before `to`; 0: nothing. */
  readonly from: number | null
  /** Default: the active one. */
  readonly to: number | null
}

/**
 * The active config, and what this node runs.
 *
 * @throws SluiceError `config-version-unknown` while there is none
 */
export async function showConfig(
  node: OperatedNode,
  options: ReadOptions,
  { level }: Caller,
): Promise<ActiveConfigReport> {
  const state = await agreedState(node, options)
  const active = describe(activeOf(state), level)
  const confirmation = describeConfirmation(state.confirmation)
  return { ...active, confirmation, running: await node.source.running() }
}

/** The versions that are kept. */
export async function listConfigVersions(
  node: OperatedNode,
  options: ReadOptions,
): Promise<ConfigHistoryReport> {
  const { activeVersion, confirmation, versions } = await agreedState(node, options)
  return {
    active: activeVersion,
    confirmation: describeConfirmation(confirmation),
    versions: versions.map(describeVersion),
  }
}

/**
 * One version of the config.
 *
 * @throws SluiceError `config-version-unknown`
 */
export async function showConfigVersion(
  node: OperatedNode,
  version: number,
  options: ReadOptions,
  { level }: Caller,
): Promise<ConfigReport> {
  return describe(versionOf(await agreedState(node, options), version), level)
}

/**
 * What makes one version another.
 *
 * @throws SluiceError `config-version-unknown`
 */
export async function diffConfigs(
  node: OperatedNode,
  { from, to }: DiffChoice,
  options: ReadOptions,
  { level }: Caller,
): Promise<ConfigDiffReport> {
  const state = await agreedState(node, options)
  const later = to ?? activeOf(state).version
  const earlier = from ?? Math.max(0, later - 1)
  const diff = await unifiedDiff(textOf(state, earlier, level), textOf(state, later, level))
  return { from: earlier, to: later, diff }
}

/**
 * Makes a text the config: all nodes that can be reached prepare it, and one refusal changes nothing.
 *
 * @throws SluiceError `config-invalid`, `config-conflict`, `cluster-unprepared`,
 *   `confirmation-pending`, and of a single node why it cannot run it
 */
export async function applyConfig(
  { cluster }: OperatedNode,
  application: ConfigApplication,
  { author }: Caller,
): Promise<ConfigOutcome> {
  const { text, ifVersion = null, comment = '', confirmMs = null } = application
  return outcome(await cluster.applyConfig({ text, ifVersion, comment, author, confirmMs }))
}

/**
 * Keeps a version that would go back by itself.
 *
 * @throws SluiceError `confirmation-unknown`
 */
export async function confirmConfig(
  { cluster }: OperatedNode,
  { version }: VersionChoice,
): Promise<Confirmed> {
  return { version: await cluster.confirmConfig(version ?? null) }
}

/**
 * Applies the text of an earlier version as a new one.
 *
 * @throws SluiceError `config-version-unknown`, and as {@link applyConfig}
 */
export async function rollBackConfig(
  { cluster }: OperatedNode,
  { version }: VersionChoice,
  { author }: Caller,
): Promise<ConfigOutcome> {
  return outcome(await cluster.rollbackConfig(version ?? null, author))
}

function outcome({ version, isChanged, warnings, nodes }: ApplyOutcome): ConfigOutcome {
  return { version, changed: isChanged, warnings, nodes }
}

function describe(version: ConfigVersion, level: AdminLevel): ConfigReport {
  return { ...describeVersion(version), text: shownTo(level, version) }
}

/** Texts without their secrets: masking reads the whole of one, which takes its time. */
const maskedTexts = new WeakMap<ConfigVersion, string>()

/** The text of a version as who has this level may see it. */
function shownTo(level: AdminLevel, version: ConfigVersion): string {
  if (reachesLevel(level, 'admin')) return version.text
  const masked = maskedTexts.get(version) ?? maskSecrets(version.text)
  maskedTexts.set(version, masked)
  return masked
}

function describeVersion(found: ConfigVersion): ConfigVersionReport {
  const { version, timeMs, author, comment, cause, result } = found
  return { version, time: isoTime(timeMs), author, comment, cause, result }
}

function describeConfirmation(pending: PendingConfirmation | null): ConfirmationReport | null {
  if (pending === null) return null
  const { version, previous, deadlineMs } = pending
  return { version, previous, deadline: isoTime(deadlineMs) }
}

/** Version 0 is nothing: what there was before the first. */
function textOf(state: ClusterState, version: number, level: AdminLevel): NamedText {
  const name = `version ${version}`
  return { name, text: version === 0 ? '' : shownTo(level, versionOf(state, version)) }
}

function activeOf(state: ClusterState): ConfigVersion {
  if (state.activeVersion > 0) return versionOf(state, state.activeVersion)
  throw new SluiceError('config-version-unknown', 'there is no config yet')
}

function versionOf({ versions }: ClusterState, version: number): ConfigVersion {
  const found = versions.find((kept) => kept.version === version)
  if (found !== undefined) return found
  const oldest = versions[0]?.version ?? 0
  const why = version > 0 && version < oldest ? 'is no longer kept' : 'has not been'
  throw new SluiceError('config-version-unknown', `version ${version} ${why}`)
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString()
}
