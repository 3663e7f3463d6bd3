/** What an entry of a table is counted with besides its characters. RFC 7541 section 4.1. */
const ENTRY_OVERHEAD_BYTES = 32

/** What {@link HeaderField.kind} is before anybody has asked. */
export const KIND_UNKNOWN = 65

/** A field of a header list: name and value as latin1, a character a byte. Never changed. */
export class HeaderField {
  readonly name: string
  readonly value: string
  /** What `kindOf` has found it to be, which follows from name and value alone. */
  kind = KIND_UNKNOWN

  constructor(name: string, value: string) {
    this.name = name
    this.value = value
  }

  /** What it counts for in a table, in bytes. RFC 7541 section 4.1. */
  get size(): number {
    return this.name.length + this.value.length + ENTRY_OVERHEAD_BYTES
  }
}
