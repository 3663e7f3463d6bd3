/**
 * Reads one member of decoded JSON.
 *
 * @returns undefined where it does not fit
 */
export type Reader<T> = (value: unknown) => T | undefined

/** A text of so many characters. */
export function text(lengthMax: number, lengthMin = 0): Reader<string> {
  return (value) =>
    typeof value === 'string' && value.length >= lengthMin && value.length <= lengthMax
      ? value
      : undefined
}

/** A text of a form. */
export function matching(form: RegExp): Reader<string> {
  return (value) => (typeof value === 'string' && form.test(value) ? value : undefined)
}

/** A whole number in a range. */
export function whole(min: number, max = Number.MAX_SAFE_INTEGER): Reader<number> {
  return (value) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
      ? (value as number)
      : undefined
}

/** True or false. */
export const truth: Reader<boolean> = (value) => (typeof value === 'boolean' ? value : undefined)

/** One of some texts. */
export function oneOf<T extends string>(choices: readonly T[]): Reader<T> {
  return (value) => choices.find((choice) => choice === value)
}

/** What a reader takes, or null. */
export function nullable<T>(read: Reader<T>): Reader<T | null> {
  return (value) => (value === null ? null : read(value))
}

/** A list of so many. */
export function listOf<T>(read: Reader<T>, countMax: number): Reader<T[]> {
  return (value) => {
    if (!Array.isArray(value) || value.length > countMax) return undefined
    const list: T[] = []
    for (const element of value as unknown[]) {
      const item = read(element)
      if (item === undefined) return undefined
      list.push(item)
    }
    return list
  }
}

/** A list of two. */
export function pairOf<A, B>(readFirst: Reader<A>, readSecond: Reader<B>): Reader<[A, B]> {
  return (value) => {
    if (!Array.isArray(value) || value.length !== 2) return undefined
    const first = readFirst(value[0])
    const second = readSecond(value[1])
    return first === undefined || second === undefined ? undefined : [first, second]
  }
}

/**
 * A map with these members.
 *
 * @param others what becomes of members that are not named: the map is refused for them, or they
 *   are left out
 */
export function record<T extends object>(
  members: { readonly [K in keyof T]-?: Reader<T[K]> },
  others: 'refused' | 'left-out' = 'refused',
): Reader<T> {
  const readers = Object.entries<Reader<unknown>>(members)
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    if (others === 'refused' && Object.keys(value).length !== readers.length) return undefined
    const given = value as Readonly<Record<string, unknown>>
    const read: Record<string, unknown> = {}
    for (const [name, readMember] of readers) {
      const member = Object.hasOwn(given, name) ? readMember(given[name]) : undefined
      if (member === undefined) return undefined
      read[name] = member
    }
    return read as T
  }
}

/**
 * Decodes JSON.
 *
 * @returns undefined where the bytes are not JSON in UTF-8
 */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}

/** Encodes a value as JSON in UTF-8. */
export function jsonBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}
