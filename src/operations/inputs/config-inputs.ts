import type { Question } from '../../admin/route.ts'
import { DURATION_MS_MAX } from '../../config/values/durations.ts'
import type { ApiConfigApplication, ApiVersionChoice } from '../contract/api-contract.ts'
import { BodyMembers, invalidChange } from './input-members.ts'

/** The shortest time to confirm in, milliseconds. */
export const CONFIRM_MIN_MS = 1000

/** Characters of a comment. */
export const COMMENT_LENGTH_MAX = 1000

/** Characters of a config; its body's bytes are bounded more tightly. */
const TEXT_LENGTH_MAX = 4 * 1024 * 1024

/**
 * Checks a config that is to be applied: what goes with it, not its text.
 *
 * @throws SluiceError `change-invalid`
 */
export function parseConfigApplication({ body, isYaml, query }: Question): ApiConfigApplication {
  const known = ['text', 'ifVersion', 'comment', 'confirmMs']
  const members = new BodyMembers(isYaml ? { ...inQuery(query), text: body } : body, known)
  const text = members.text('text', TEXT_LENGTH_MAX)
  const ifVersion = members.integer('ifVersion', 0, Number.MAX_SAFE_INTEGER)
  const comment = members.text('comment', COMMENT_LENGTH_MAX)
  const confirmMs = members.integer('confirmMs', CONFIRM_MIN_MS, DURATION_MS_MAX)
  if (text === undefined) throw invalidChange('text is missing')
  return {
    text,
    ...(ifVersion === undefined ? {} : { ifVersion }),
    ...(comment === undefined ? {} : { comment }),
    ...(confirmMs === undefined ? {} : { confirmMs }),
  }
}

/**
 * Checks which version is meant.
 *
 * @param body the JSON of a request
 * @returns null: the one that goes without saying
 * @throws SluiceError `change-invalid`
 */
export function parseVersionChoice(body: unknown): number | null {
  const members = new BodyMembers(body, ['version'])
  const version: ApiVersionChoice['version'] = members.integer(
    'version',
    1,
    Number.MAX_SAFE_INTEGER,
  )
  return version ?? null
}

/** The members of a body that go with a text in the query. Numbers are written in digits. */
function inQuery(query: URLSearchParams): Record<string, unknown> {
  if (query.has('text')) throw invalidChange('text is the body, not in the query')
  const numbers = ['ifVersion', 'confirmMs']
  const entries = [...query].map(([name, value]) => {
    return [name, numbers.includes(name) && /^\d{1,15}$/.test(value) ? Number(value) : value]
  })
  return Object.fromEntries(entries) as Record<string, unknown>
}
