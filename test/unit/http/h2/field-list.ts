import { HPACK_MALFORMED, type HpackDecoder } from '../../../../src/http/h2/hpack/hpack-decoder.ts'

/** A field as tests write it: name, value, and whether it may never be put into a table. */
export type PlainField = readonly [name: string, value: string, isNeverIndexed?: boolean]

/** The fields of a block, told in one piece; or what is wrong with it. */
export function decodeBlock(decoder: HpackDecoder, block: Buffer): PlainField[] | number {
  return decodeParts(decoder, [block])
}

/** The fields of a block that comes in parts; or what is wrong with it. */
export function decodeParts(
  decoder: HpackDecoder,
  parts: readonly Buffer[],
): PlainField[] | number {
  const fields: PlainField[] = []
  const sink = {
    onField({ name, value }: { name: string; value: string }, isNeverIndexed: boolean): void {
      fields.push(isNeverIndexed ? [name, value, true] : [name, value])
    },
  }
  let held = Buffer.alloc(0)
  for (const part of parts) {
    held = Buffer.concat([held, part])
    const done = decoder.decode(held, 0, held.length, sink)
    if (done < 0) return done
    held = held.subarray(done)
  }
  return decoder.endBlock() && held.length === 0 ? fields : HPACK_MALFORMED
}
