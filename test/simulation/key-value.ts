import type { Request } from './linearizability.ts'

/** A request that changes something. */
export type Change = Exclude<Request, { readonly kind: 'read' }>

/** What a command gives to who asked for it. */
export type Answer = string | boolean | null

interface Command {
  readonly key: string
  readonly change: Change
  /** Fills the command up, so that sizes differ. */
  readonly padding: string
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** @param paddingBytes by which the command is longer than it need be */
export function encodeCommand(key: string, change: Change, paddingBytes: number): Uint8Array {
  const command: Command = { key, change, padding: ' '.repeat(paddingBytes) }
  return encoder.encode(JSON.stringify(command))
}

/** A small store of texts by key. */
export class KeyValue {
  #values = new Map<string, string>()
  /** Part of the state, so that a command that is applied twice or not at all shows. */
  #appliedCount = 0

  apply(command: Uint8Array): Answer {
    const { key, change } = JSON.parse(decoder.decode(command)) as Command
    const value = this.read(key)
    this.#appliedCount += 1
    switch (change.kind) {
      case 'write':
        this.#values.set(key, change.value)
        return null
      case 'append':
        this.#values.set(key, value + change.value)
        return value + change.value
      case 'swap':
        if (value !== change.expected) return false
        this.#values.set(key, change.value)
        return true
    }
  }

  read(key: string): string {
    return this.#values.get(key) ?? ''
  }

  snapshot(): Uint8Array {
    return encoder.encode(this.text())
  }

  restore(data: Uint8Array): void {
    this.#values = new Map()
    this.#appliedCount = 0
    if (data.length === 0) return
    const state = JSON.parse(decoder.decode(data)) as { count: number; values: [string, string][] }
    this.#appliedCount = state.count
    this.#values = new Map(state.values)
  }

  /** All of the state; equal states give equal texts. */
  text(): string {
    const values = [...this.#values].sort(([a], [b]) => (a < b ? -1 : 1))
    return JSON.stringify({ count: this.#appliedCount, values })
  }
}
