import { CODE_BITS, CODES, END_OF_STRING } from './huffman-code.ts'

/**
 * The code's tree, walked four bits a step: which inner node a step leads to (`NODE_MASK`), and
 * whether it has passed a leaf, whose byte lies above `BYTE_SHIFT`. A leaf is never less than five
 * bits from the root, so that a step passes one at most.
 */
const STEPS = new Uint32Array(256 * 16)
const NODE_MASK = 0xff
const PASSES_LEAF = 1 << 8
const FAILS = 1 << 9
const BYTE_SHIFT = 16
/** By inner node: what has led to it from the root may end a string. */
const MAY_END = new Uint8Array(256)

/** Padding is shorter than this many bits, all of them set: RFC 7541 section 5.2. */
const PADDING_BITS_MAX = 7

buildSteps()

function buildSteps(): void {
  const children = buildTree()
  for (let node = 0; node < children.length / 2; node++) {
    for (let nibble = 0; nibble < 16; nibble++) {
      STEPS[node * 16 + nibble] = step(children, node, nibble)
    }
  }
  let padding = 0
  for (let bits = 0; bits <= PADDING_BITS_MAX; bits++) {
    MAY_END[padding] = 1
    padding = children[2 * padding + 1] as number
  }
}

/** The two children of each inner node, the root first: another one, or `~symbol` of a leaf. */
function buildTree(): number[] {
  const children = [0, 0]
  for (let symbol = 0; symbol <= END_OF_STRING; symbol++) {
    const bits = CODE_BITS[symbol] as number
    let node = 0
    for (let bit = bits - 1; bit > 0; bit--) {
      const branch = 2 * node + bitOf(symbol, bit)
      if (children[branch] === 0) children[branch] = children.push(0, 0) / 2 - 1
      node = children[branch] as number
    }
    children[2 * node + bitOf(symbol, 0)] = ~symbol
  }
  return children
}

function bitOf(symbol: number, bit: number): number {
  return ((CODES[symbol] as number) >>> bit) & 1
}

function step(children: readonly number[], from: number, nibble: number): number {
  let node = from
  let passed = 0
  for (let bit = 3; bit >= 0; bit--) {
    const next = children[2 * node + ((nibble >>> bit) & 1)] as number
    if (next === ~END_OF_STRING) return FAILS
    if (next < 0) passed = PASSES_LEAF | (~next << BYTE_SHIFT)
    node = next < 0 ? 0 : next
  }
  return passed | node
}

/**
 * Reads a Huffman-coded string.
 *
 * @param into where its bytes go; the caller has made room, at most 8/5 of the coded ones
 * @param at where they begin in `into`
 * @returns where they end in `into`, or -1: it holds the end of string, or ends in what is no
 *   padding (RFC 7541 section 5.2)
 */
export function decodeHuffman(
  view: Buffer,
  start: number,
  end: number,
  into: Buffer,
  at: number,
): number {
  let place = at
  let node = 0
  for (let from = start; from < end; from++) {
    const byte = view[from] as number
    const first = STEPS[node * 16 + (byte >>> 4)] as number
    if ((first & PASSES_LEAF) !== 0) into[place++] = first >>> BYTE_SHIFT
    const second = STEPS[(first & NODE_MASK) * 16 + (byte & 15)] as number
    if ((second & PASSES_LEAF) !== 0) into[place++] = second >>> BYTE_SHIFT
    if (((first | second) & FAILS) !== 0) return -1
    node = second & NODE_MASK
  }
  return MAY_END[node] === 1 ? place : -1
}
