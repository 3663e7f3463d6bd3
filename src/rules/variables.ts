import { PROCESS_VARIABLE_NAME_MAX, type ProcessVariables } from '../memory/process-variables.ts'
import type { Value } from './samples/samples.ts'

/**
 * How long a variable lives, which is the first part of its name: with the process, with the client's
 * connection, with a request and its response, with the request's rules, with the response's. HAProxy
 * configuration manual, section 2.8, Variables.
 */
export const VARIABLE_SCOPES = ['proc', 'sess', 'txn', 'req', 'res'] as const

/** One of {@link VARIABLE_SCOPES}. */
export type VariableScope = (typeof VARIABLE_SCOPES)[number]

/** A variable as rules name it, `txn.tenant`, and its scope. */
export interface Variable {
  readonly name: string
  readonly scope: VariableScope
}

/**
 * Bytes that the variables of one client's connection take together, names included; a number counts
 * as 8. Four times the default of `tune.bufsize`, so that all of a head can be kept.
 */
export const VARIABLE_BYTES_MAX = 65_536

const NUMBER_BYTES = 8
const NAME = /^([a-z]+)\.[A-Za-z0-9_.]+$/

/**
 * Reads the name of a variable.
 *
 * @returns what is wrong with it, where something is
 */
export function parseVariable(text: string): Variable | string {
  const scope = VARIABLE_SCOPES.find((known) => known === NAME.exec(text)?.[1])
  if (scope === 'proc' && text.length > PROCESS_VARIABLE_NAME_MAX) {
    return `"${text}" is too long: all threads know it by at most ${PROCESS_VARIABLE_NAME_MAX} characters`
  }
  if (scope !== undefined) return { name: text, scope }
  return `"${text}" is not the name of a variable: ${VARIABLE_SCOPES.join('., ')}. and letters, digits, dots or _`
}

/** The variables that a client's connection and the request that it has at hand can see. */
export class Variables {
  /** Those that end with the connection; null while there is none. */
  #session: Map<string, Value> | null = null
  /** Those that end sooner. */
  #exchange: Map<string, Value> | null = null
  #bytes = 0
  readonly #process: ProcessVariables | null

  /** @param process those that end with the process; null: there are none */
  constructor(process: ProcessVariables | null) {
    this.#process = process
  }

  /** The value, null where none was set. */
  get({ name, scope }: Variable): Value | null {
    if (scope === 'proc') return this.#process?.get(name) ?? null
    const values = scope === 'sess' ? this.#session : this.#exchange
    return values?.get(name) ?? null
  }

  /** @returns false where there is no room; the variable is then as it was */
  set({ name, scope }: Variable, value: Value): boolean {
    if (scope === 'proc') return this.#process?.set(name, value) ?? false
    const values = this.#valuesOf(scope)
    const before = values.get(name)
    const growth = bytesOf(name, value) - (before === undefined ? 0 : bytesOf(name, before))
    if (this.#bytes + growth > VARIABLE_BYTES_MAX) return false
    this.#bytes += growth
    values.set(name, value)
    return true
  }

  /** Makes it as if it had never been set. */
  unset({ name, scope }: Variable): void {
    if (scope === 'proc') this.#process?.set(name, null)
    const values = scope === 'sess' ? this.#session : this.#exchange
    if (values !== null) this.#remove(values, name)
  }

  /** A request begins: what belonged to the one before is gone. */
  beginRequest(): void {
    this.#keepExchange(null)
  }

  /** Its response begins: `req` has ended. */
  beginResponse(): void {
    this.#keepExchange('txn.')
  }

  /** @param prefix of the names that stay; null: none does */
  #keepExchange(prefix: string | null): void {
    const values = this.#exchange
    if (values === null || values.size === 0) return
    for (const name of [...values.keys()]) {
      if (prefix === null || !name.startsWith(prefix)) this.#remove(values, name)
    }
  }

  #remove(values: Map<string, Value>, name: string): void {
    const value = values.get(name)
    if (value === undefined) return
    values.delete(name)
    this.#bytes -= bytesOf(name, value)
  }

  #valuesOf(scope: VariableScope): Map<string, Value> {
    if (scope === 'sess') {
      this.#session ??= new Map()
      return this.#session
    }
    this.#exchange ??= new Map()
    return this.#exchange
  }
}

function bytesOf(name: string, value: Value): number {
  return name.length + (typeof value === 'number' ? NUMBER_BYTES : value.length)
}
