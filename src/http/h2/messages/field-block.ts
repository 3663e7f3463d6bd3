import type { HeadLimits } from '../../limits.ts'
import { REJECT } from '../../rejects.ts'
import type { HeaderField } from '../hpack/header-field.ts'
import type { FieldSink } from '../hpack/hpack-decoder.ts'

/** What a field takes as a line of HTTP/1 beside its characters: colon, space, CRLF. */
const LINE_REST_BYTES = 4
/** Those of a request, with the protocol of RFC 8441. A response has one. */
const PSEUDO_FIELDS_MAX = 5

/**
 * The fields of one header block until it is whole, when they are read as a head or as trailers. One
 * object serves a connection, on which only one block is open at a time (RFC 9113 section 4.3).
 *
 * Bound: fields beyond those of a head that HTTP/1 may have are dropped, and the block is refused.
 * They cost a byte each where they come by an index, so that a small block can be a large head.
 */
export class FieldBlock implements FieldSink {
  readonly #limits: HeadLimits
  readonly #fields: HeaderField[] = []
  /** How many there are. */
  count = 0
  /** 0, or the reject code of a block that is too large. */
  reject = 0
  /** What they take as lines of HTTP/1. */
  #bytes = 0

  constructor(limits: HeadLimits) {
    this.#limits = limits
  }

  onField(field: HeaderField): void {
    if (this.reject < 0) return
    this.#bytes += field.name.length + field.value.length + LINE_REST_BYTES
    if (this.#bytes > this.#limits.headBytesMax) this.reject = REJECT.headTooLarge
    else if (this.count === this.#limits.headersMax + PSEUDO_FIELDS_MAX) {
      this.reject = REJECT.tooManyHeaders
    } else this.#fields[this.count++] = field
  }

  /** The field at `index`, below {@link count}. */
  at(index: number): HeaderField {
    return this.#fields[index] as HeaderField
  }

  /** Begins the next block. */
  clear(): void {
    this.#fields.length = 0
    this.count = 0
    this.#bytes = 0
    this.reject = 0
  }
}
