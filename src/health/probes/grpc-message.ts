/**
 * The messages of gRPC's health checking protocol (grpc/grpc, doc/health-checking-protocol.md,
 * `grpc.health.v1`), each in the frame of gRPC over HTTP/2: a byte that says whether it is
 * compressed, its length in four bytes, big-endian, and itself in the wire format of protobuf.
 */

/** Bytes in front of a message. */
const PREFIX_BYTES = 5
const STRING_FIELD_1 = 0x0a
const VARINT_BYTES_MAX = 10
/** How many bytes a value has by its wire type; a varint and a length say it themselves. */
const FIXED_BYTES: Readonly<Record<number, number>> = { 1: 8, 5: 4 }

/** `ServingStatus` of `HealthCheckResponse`, in the order of its numbers. */
const SERVING_STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const

/** What a server says of a service: one of the words, or a number that has none. */
export type ServingStatus = (typeof SERVING_STATUSES)[number] | `status ${number}`

/** What is made of the bytes of a response. */
export type HealthReading =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'malformed'; readonly problem: string }
  | { readonly kind: 'complete'; readonly status: ServingStatus }

/** `HealthCheckRequest` for a service; '' asks for the server as a whole. */
export function encodeHealthRequest(service: string): Buffer {
  const name = Buffer.from(service, 'utf8')
  // A field that has its default is not sent.
  const message =
    name.length === 0
      ? name
      : Buffer.concat([Buffer.from([STRING_FIELD_1]), encodeVarint(name.length), name])
  const prefix = Buffer.alloc(PREFIX_BYTES)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/**
 * Reads a `HealthCheckResponse`.
 *
 * @param body what has come of the body of the response
 */
export function readHealthResponse(body: Buffer): HealthReading {
  if (body.length > 0 && body[0] !== 0) return malformed('The answer is compressed')
  if (body.length < PREFIX_BYTES) return { kind: 'incomplete' }
  const end = PREFIX_BYTES + body.readUInt32BE(1)
  if (body.length < end) return { kind: 'incomplete' }
  if (body.length > end) return malformed('More than one answer')
  const status = readStatus(body, PREFIX_BYTES)
  if (status === null) return malformed('Not a health status')
  const words: readonly ServingStatus[] = SERVING_STATUSES
  return { kind: 'complete', status: words[status] ?? `status ${status}` }
}

function malformed(problem: string): HealthReading {
  return { kind: 'malformed', problem }
}

/** Field 1, the last one where there are several, 0 where there is none; null: no message. */
function readStatus(view: Buffer, start: number): number | null {
  let status = 0
  let at = start
  while (at < view.length) {
    const tag = readVarint(view, at)
    if (tag === null || tag.value < 8) return null
    const wireType = tag.value & 7
    const isStatus = Math.floor(tag.value / 8) === 1
    if (isStatus && wireType !== 0) return null
    at = tag.end
    if (wireType === 0 || wireType === 2) {
      const value = readVarint(view, at)
      if (value === null) return null
      if (isStatus) status = value.value
      at = value.end + (wireType === 2 ? value.value : 0)
    } else {
      const bytes = FIXED_BYTES[wireType]
      if (bytes === undefined) return null
      at += bytes
    }
  }
  return at === view.length ? status : null
}

/** Base 128, the lowest seven bits first; bit 8 says that more follows. */
function readVarint(view: Buffer, start: number): { value: number; end: number } | null {
  let value = 0
  const last = Math.min(view.length, start + VARINT_BYTES_MAX)
  for (let at = start, factor = 1; at < last; at++, factor *= 128) {
    const byte = view[at] as number
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return { value, end: at + 1 }
  }
  return null
}

function encodeVarint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  bytes.push(rest)
  return Buffer.from(bytes)
}
