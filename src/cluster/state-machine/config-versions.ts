import { assert } from '../../base/errors.ts'
import { TEXT_BYTES_MAX, VERSIONS_BYTES_MAX, VERSIONS_MAX } from './bounds.ts'
import { Catalogue, EMPTY_CATALOGUE } from './catalogue.ts'
import { type CommandOutcome, type Refusal, refusal } from './command-outcomes.ts'
import type { ActivateConfig, ConfirmConfig, ExpireConfig } from './commands.ts'
import type { ConfigVersion, PendingConfirmation } from './state.ts'

/** All that is kept of configs. */
export interface ConfigHistory {
  readonly versions: readonly ConfigVersion[]
  readonly activeVersion: number
  readonly confirmation: PendingConfirmation | null
  /** What the active text names. */
  readonly active: Catalogue
  /** What the text names that an unconfirmed version goes back to; empty while there is none. */
  readonly previous: Catalogue
}

/** Before the first config. */
const NO_CONFIG: ConfigHistory = {
  versions: [],
  activeVersion: 0,
  confirmation: null,
  active: EMPTY_CATALOGUE,
  previous: EMPTY_CATALOGUE,
}

/** What is known of the version that comes next. */
interface NextVersion {
  readonly text: string
  readonly author: string
  readonly timeMs: number
  readonly comment: string
  readonly cause: ConfigVersion['cause']
  readonly catalogue: Catalogue
  readonly confirmMs: number | null
}

/**
 * The versions of the config, as a state that commands change. Exactly one version is active, the
 * newest; versions are only ever added, and the oldest forgotten when there are too many.
 */
export class ConfigVersions {
  #history: ConfigHistory

  constructor(history: ConfigHistory = NO_CONFIG) {
    this.#history = history
  }

  /** As it is now; replaced, never changed. */
  get history(): ConfigHistory {
    return this.#history
  }

  activate(command: ActivateConfig): CommandOutcome {
    const { activeVersion } = this.#history
    const { text, cause, expectedVersion, confirmMs } = command
    if (expectedVersion !== activeVersion) return conflict(expectedVersion, activeVersion)
    if (cause !== 'rollback') {
      const pending = this.#pendingRefusal()
      if (pending !== null) return pending
    }
    if (utf8Length(text) > TEXT_BYTES_MAX) {
      return refusal('config-invalid', `the config has more than ${TEXT_BYTES_MAX} bytes`)
    }
    if (confirmMs !== null && activeVersion === 0) {
      return refusal(
        'request-invalid',
        'there is no config that an unconfirmed one could go back to',
      )
    }
    if (this.#history.versions.at(-1)?.text === text) return this.#done(false)
    this.#add({ ...command, catalogue: new Catalogue(command.servers, command.backends) })
    return this.#done(true)
  }

  confirm({ version }: ConfirmConfig): CommandOutcome {
    const { confirmation } = this.#history
    if (confirmation?.version !== version) return notPending(version)
    this.#history = {
      ...this.#history,
      confirmation: null,
      previous: EMPTY_CATALOGUE,
      versions: withResult(this.#history.versions, version, 'active'),
    }
    return this.#done(true)
  }

  expire({ version, timeMs }: ExpireConfig): CommandOutcome {
    const { confirmation, versions, previous } = this.#history
    if (confirmation?.version !== version) return notPending(version)
    if (timeMs < confirmation.deadlineMs) {
      return refusal('confirmation-pending', `version ${version} may still be confirmed`)
    }
    const back = versions.find((kept) => kept.version === confirmation.previous)
    assert(back !== undefined, 'the version that an unconfirmed one goes back to is kept')
    this.#add({
      text: back.text,
      author: back.author,
      timeMs,
      comment: `version ${version} was not confirmed: back to version ${back.version}`,
      cause: 'expiry',
      catalogue: previous,
      confirmMs: null,
    })
    return this.#done(true)
  }

  #pendingRefusal(): Refusal | null {
    const { confirmation } = this.#history
    return confirmation === null
      ? null
      : refusal('confirmation-pending', `version ${confirmation.version} is not confirmed yet`)
  }

  #done(isChanged: boolean): CommandOutcome {
    return { kind: 'done', isChanged, version: this.#history.activeVersion }
  }

  #add(next: NextVersion): void {
    const { versions, activeVersion, active } = this.#history
    const version = activeVersion + 1
    const { text, author, timeMs, comment, cause, confirmMs } = next
    const isPending = confirmMs !== null
    const goesBack = cause === 'rollback' || cause === 'expiry'
    const superseded = withResult(versions, activeVersion, goesBack ? 'rolled-back' : 'superseded')
    const result = isPending ? 'unconfirmed' : 'active'
    const added: ConfigVersion = { version, text, author, timeMs, comment, cause, result }
    this.#history = {
      versions: compacted([...superseded, added], isPending ? 2 : 1),
      activeVersion: version,
      confirmation: isPending
        ? { version, previous: activeVersion, deadlineMs: timeMs + confirmMs }
        : null,
      active: next.catalogue,
      previous: isPending ? active : EMPTY_CATALOGUE,
    }
  }
}

function conflict(expected: number, active: number): Refusal {
  return refusal('config-conflict', `version ${active} is active, not version ${expected}`)
}

function notPending(version: number): Refusal {
  return refusal('confirmation-unknown', `version ${version} does not wait to be confirmed`)
}

function withResult(
  versions: readonly ConfigVersion[],
  version: number,
  result: ConfigVersion['result'],
): readonly ConfigVersion[] {
  return versions.map((kept) => (kept.version === version ? { ...kept, result } : kept))
}

/**
 * Without the oldest, as many as the bounds ask for.
 *
 * @param keptMin of the newest that are kept in any case
 */
function compacted(versions: readonly ConfigVersion[], keptMin: number): readonly ConfigVersion[] {
  let bytes = 0
  let kept = 0
  while (kept < Math.min(versions.length, VERSIONS_MAX)) {
    bytes += utf8Length(versions[versions.length - 1 - kept]?.text ?? '')
    if (bytes > VERSIONS_BYTES_MAX && kept >= keptMin) break
    kept++
  }
  return versions.slice(versions.length - kept)
}

/** Bytes of a text in UTF-8; a lone surrogate is sent as the three bytes of U+FFFD. */
export function utf8Length(text: string): number {
  let bytes = 0
  for (let n = 0; n < text.length; n++) {
    const code = text.charCodeAt(n)
    if (code < 0x80) bytes += 1
    else if (code < 0x800) bytes += 2
    else if (code >= 0xd800 && code < 0xdc00 && isLowSurrogate(text.charCodeAt(n + 1))) {
      bytes += 4
      n++
    } else bytes += 3
  }
  return bytes
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code < 0xe000
}
