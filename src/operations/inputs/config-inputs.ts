import { DURATION_MS_MAX } from '../../base/quantities.ts'
import { COMMENT_LENGTH_MAX, CONFIRM_MIN_MS } from '../../model/change-limits.ts'
import type { ConfigApplication, VersionChoice } from '../contract/configs.ts'
import { InputMembers, invalidChange } from './input-members.ts'

/** Characters of a config; its bytes are bounded more tightly. */
const TEXT_LENGTH_MAX = 4 * 1024 * 1024

/**
 * Checks a config that is to be applied: what goes with it, not its text.
 *
 * @throws SluiceError `change-invalid`
 */
export function parseConfigApplication(input: unknown): ConfigApplication {
  const members = new InputMembers(input, ['text', 'ifVersion', 'comment', 'confirmMs'])
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
 * @throws SluiceError `change-invalid`
 */
export function parseVersionChoice(input: unknown): VersionChoice {
  const members = new InputMembers(input, ['version'])
  const version = members.integer('version', 1, Number.MAX_SAFE_INTEGER)
  return version === undefined ? {} : { version }
}
