import { SluiceError } from '../base/errors.ts'
import type { ApplyOutcome, Cluster } from '../cluster/cluster.ts'
import type {
  ClusterState,
  ConfigVersion,
  PendingConfirmation,
} from '../cluster/state-machine/state.ts'
import { maskSecrets } from '../config/text/yaml/secret-masking.ts'
import { type AdminLevel, reachesLevel } from '../model/admin-level.ts'
import { type NamedText, unifiedDiff } from '../operations/config-diff.ts'
import type {
  ApiActiveConfig,
  ApiConfig,
  ApiConfigDiff,
  ApiConfigHistory,
  ApiConfigOutcome,
  ApiConfigVersion,
  ApiConfirmation,
  ApiConfirmed,
} from '../operations/contract/api-contract.ts'
import { parseConfigApplication, parseVersionChoice } from '../operations/inputs/config-inputs.ts'
import { agreedRead } from './agreed-read.ts'
import { type Answer, json, type Question, type Route, text } from './route.ts'

/** The paths that tell of the config and its history, and change it. */
export function configRoutes(cluster: Cluster): readonly Route[] {
  const read = (handler: (state: ClusterState, question: Question) => Answer) =>
    agreedRead(cluster, (question) => handler(cluster.state(), question))
  return [
    {
      name: '/api/v1/config',
      path: /^\/api\/v1\/config$/,
      takesConfig: true,
      GET: read((state, { level }) => json(describeActive(state, level))),
      POST: async (question) => {
        const {
          text,
          ifVersion = null,
          comment = '',
          confirmMs = null,
        } = parseConfigApplication(question)
        const { author } = question
        return outcome(await cluster.applyConfig({ text, ifVersion, comment, author, confirmMs }))
      },
    },
    {
      name: '/api/v1/config/text',
      path: /^\/api\/v1\/config\/text$/,
      GET: read((state, { level }) => text(shownTo(level, activeOf(state).text))),
    },
    {
      name: '/api/v1/config/versions',
      path: /^\/api\/v1\/config\/versions$/,
      GET: read((state) => json(describeHistory(state))),
    },
    {
      name: '/api/v1/config/versions/{version}',
      path: /^\/api\/v1\/config\/versions\/(\d{1,15})$/,
      GET: read((state, { parts: [number], level }) =>
        json(describe(versionOf(state, Number(number)), level)),
      ),
    },
    {
      name: '/api/v1/config/diff',
      path: /^\/api\/v1\/config\/diff$/,
      GET: read((state, { query, level }) => json(describeDiff(state, query, level))),
    },
    {
      name: '/api/v1/config/confirm',
      path: /^\/api\/v1\/config\/confirm$/,
      POST: async ({ body }) => {
        const version = await cluster.confirmConfig(parseVersionChoice(body))
        return json({ version } satisfies ApiConfirmed)
      },
    },
    {
      name: '/api/v1/config/rollback',
      path: /^\/api\/v1\/config\/rollback$/,
      POST: async ({ body, author }) =>
        outcome(await cluster.rollbackConfig(parseVersionChoice(body), author)),
    },
  ]
}

function outcome({ version, isChanged, warnings, nodes }: ApplyOutcome): Answer {
  return json({ version, changed: isChanged, warnings, nodes } satisfies ApiConfigOutcome)
}

function describeActive(state: ClusterState, level: AdminLevel): ApiActiveConfig {
  const confirmation = describeConfirmation(state.confirmation)
  return { ...describe(activeOf(state), level), confirmation }
}

function describeHistory({
  activeVersion,
  confirmation,
  versions,
}: ClusterState): ApiConfigHistory {
  return {
    active: activeVersion,
    confirmation: describeConfirmation(confirmation),
    versions: versions.map(describeVersion),
  }
}

function describe(version: ConfigVersion, level: AdminLevel): ApiConfig {
  return { ...describeVersion(version), text: shownTo(level, version.text) }
}

/** A text as who has this level may see it. */
function shownTo(level: AdminLevel, written: string): string {
  return reachesLevel(level, 'admin') ? written : maskSecrets(written)
}

function describeVersion(found: ConfigVersion): ApiConfigVersion {
  const { version, timeMs, author, comment, cause, result } = found
  return { version, time: isoTime(timeMs), author, comment, cause, result }
}

function describeConfirmation(pending: PendingConfirmation | null): ApiConfirmation | null {
  if (pending === null) return null
  const { version, previous, deadlineMs } = pending
  return { version, previous, deadline: isoTime(deadlineMs) }
}

function describeDiff(
  state: ClusterState,
  query: URLSearchParams,
  level: AdminLevel,
): ApiConfigDiff {
  const to = numberIn(query, 'to') ?? activeOf(state).version
  const from = numberIn(query, 'from') ?? Math.max(0, to - 1)
  return { from, to, diff: unifiedDiff(textOf(state, from, level), textOf(state, to, level)) }
}

/** Version 0 is nothing: what there was before the first. */
function textOf(state: ClusterState, version: number, level: AdminLevel): NamedText {
  const name = `version ${version}`
  return { name, text: version === 0 ? '' : shownTo(level, versionOf(state, version).text) }
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

function numberIn(query: URLSearchParams, name: string): number | null {
  const digits = query.get(name)
  if (digits === null) return null
  if (/^\d{1,15}$/.test(digits)) return Number(digits)
  throw new SluiceError('request-invalid', `${name} is the number of a version, not ${digits}`)
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString()
}
