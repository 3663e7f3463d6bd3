import { SluiceError } from '../../base/errors.ts'
import { name as nameSchema } from '../../config/schema/sections.ts'
import { parseAddress } from '../../config/values/addresses.ts'

/** Characters of a name or an address that are looked at: no valid one is longer. */
const WORD_LENGTH_MAX = 300

/** Characters of a wrong value that its refusal repeats. */
const SPELT_LENGTH_MAX = 100

/**
 * The members of an object that somebody has sent, each looked at before it is used. Members that
 * nobody knows are refused: a misspelt one would be passed over in silence.
 */
export class InputMembers {
  readonly #members: Readonly<Record<string, unknown>>

  /**
   * @param known names that the object may have
   * @throws SluiceError `change-invalid`
   */
  constructor(input: unknown, known: readonly string[]) {
    if (typeof input !== 'object' || input === null || Array.isArray(input)) {
      throw invalidChange('the body is not an object')
    }
    for (const name of Object.keys(input)) {
      if (known.includes(name)) continue
      throw invalidChange(`${JSON.stringify(name)} is none of ${known.join(', ')}`)
    }
    this.#members = input as Readonly<Record<string, unknown>>
  }

  /** @throws SluiceError `change-invalid` */
  text(name: string, lengthMax: number): string | undefined {
    const value = this.#members[name]
    if (value === undefined) return undefined
    if (typeof value !== 'string') throw invalidChange(`${name} is ${spelt(value)}, not a text`)
    if (value.length > lengthMax) {
      throw invalidChange(`${name} has ${value.length} characters, more than ${lengthMax}`)
    }
    return value
  }

  /** @throws SluiceError `change-invalid` */
  integer(name: string, min: number, max: number): number | undefined {
    const value = this.#members[name]
    if (value === undefined) return undefined
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) {
      return value
    }
    throw invalidChange(`${name} is ${spelt(value)}, not a whole number from ${min} to ${max}`)
  }

  /** @throws SluiceError `change-invalid` */
  flag(name: string): boolean | undefined {
    const value = this.#members[name]
    if (value === undefined || typeof value === 'boolean') return value
    throw invalidChange(`${name} is ${spelt(value)}, neither true nor false`)
  }

  /** @throws SluiceError `change-invalid` */
  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const value = this.#members[name]
    if (value === undefined) return undefined
    const chosen = choices.find((choice) => choice === value)
    if (chosen !== undefined) return chosen
    throw invalidChange(`${name} is ${spelt(value)}, not one of ${choices.join(', ')}`)
  }

  /**
   * The name of something that there is.
   *
   * @throws SluiceError `change-invalid`
   */
  knownName(name: string): string {
    return this.#required(name)
  }

  /**
   * The name of something new, as the config takes names.
   *
   * @throws SluiceError `change-invalid`
   */
  newName(name: string): string {
    const value = this.#required(name)
    const problem = nameSchema.safeParse(value).error?.issues[0]?.message
    if (problem === undefined) return value
    throw invalidChange(`${name} is ${spelt(value)}: ${problem}`)
  }

  /**
   * An address as the config takes it of servers.
   *
   * @param use a peer cannot be met at a Unix socket
   * @throws SluiceError `change-invalid`
   */
  address(name: string, use: 'server' | 'peer'): string | undefined {
    const value = this.text(name, WORD_LENGTH_MAX)
    if (value === undefined) return undefined
    const parsed = parseAddress(value, 'server')
    if ('problem' in parsed) {
      const { message, hint } = parsed.problem
      throw invalidChange(`${name} is ${spelt(value)}: ${message}${hint && `. ${hint}`}`)
    }
    if (use === 'peer' && parsed.value.kind === 'unix') {
      throw invalidChange(`${name} is ${spelt(value)}: peers cannot meet at a Unix socket`)
    }
    return value
  }

  /** @throws SluiceError `change-invalid` */
  requiredAddress(name: string, use: 'server' | 'peer'): string {
    const value = this.address(name, use)
    if (value === undefined) throw invalidChange(`${name} is missing`)
    return value
  }

  #required(name: string): string {
    const value = this.text(name, WORD_LENGTH_MAX)
    if (value === undefined) throw invalidChange(`${name} is missing`)
    return value
  }
}

/** A refusal of what is asked for. */
export function invalidChange(message: string): SluiceError {
  return new SluiceError('change-invalid', message)
}

function spelt(value: unknown): string {
  const json = JSON.stringify(value)
  return json.length > SPELT_LENGTH_MAX ? `${json.slice(0, SPELT_LENGTH_MAX)}...` : json
}
