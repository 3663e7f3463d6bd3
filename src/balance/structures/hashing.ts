import type { HashFunction, HashTypeConfig } from '../../model/config.ts'

/** Hashes a text, one byte a character (latin1), to 0 to 2^32 - 1. */
export type TextHash = (text: string) => number

const DJB2_START = 5_381
const WT6_START = 0xa53c965a
const WT6_SECOND_START = 0x5ca6953a
const WT6_STEP = 6
const WT6_SECOND_STEP = 18
const CRC32_POLYNOMIAL = 0xedb88320
const CRC32_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) {
    remainder = (remainder >>> 1) ^ (remainder & 1 ? CRC32_POLYNOMIAL : 0)
  }
  return remainder
})

/** The functions of `hash-type`. HAProxy configuration manual, hash-type. */
const FUNCTIONS: Readonly<Record<HashFunction, TextHash>> = { sdbm, djb2, wt6, crc32, none }

/** The function that a `hash-type` names, with its modifier. */
export function textHashOf({ function: name, avalanche: mixes }: HashTypeConfig): TextHash {
  const hash = FUNCTIONS[name]
  return mixes ? (text) => avalanche(hash(text)) : hash
}

/**
 * What the points of a server on a ring depend on: its name alone. Names that differ in no more
 * than four neighbouring bytes, such as `app1` and `app27`, never make the same.
 */
export function serverId(name: string): number {
  return crc32(name)
}

/**
 * Mixes 32 bits so that each of them changes about half of the others; no two numbers give the
 * same. One of Bob Jenkins's integer hashes with HAProxy's factor behind it, which HAProxy calls
 * full avalanche (HAProxy configuration manual, hash-type).
 */
export function avalanche(hash: number): number {
  let a = hash | 0
  a = (a + 0x7ed55d16 + (a << 12)) | 0
  a = a ^ 0xc761c23c ^ (a >>> 19)
  a = (a + 0x165667b1 + (a << 5)) | 0
  a = ((a + 0xd3a2646c) | 0) ^ (a << 9)
  a = (a + 0xfd7046c5 + (a << 3)) | 0
  a = a ^ 0xb55a4f09 ^ (a >>> 16)
  return Math.imul(a, 0xc0000001) >>> 0
}

/** The hash of the sdbm library: each byte is added to 65,599 times what was before. */
function sdbm(text: string): number {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (text.charCodeAt(i) + Math.imul(hash, 65_599)) | 0
  return hash >>> 0
}

/** Dan Bernstein's: each byte is added to 33 times what was before. */
function djb2(text: string): number {
  let hash = DJB2_START
  for (let i = 0; i < text.length; i++) hash = (text.charCodeAt(i) + Math.imul(hash, 33)) | 0
  return hash >>> 0
}

/** HAProxy's own: two words turned by as much as the text says. */
function wt6(text: string): number {
  let first = WT6_START
  let second = WT6_SECOND_START
  let step = WT6_STEP
  let secondStep = WT6_SECOND_STEP
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i)
    const low = ~(first ^ byte)
    const high = ~(second + byte)
    first = rotateLeft(high, step)
    second = rotateLeft(low, secondStep)
    const turn = (first >>> 16) ^ second
    step = turn & 0x1f
    secondStep = (turn & 0xffff) >>> 11
  }
  return (first ^ second) >>> 0
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

/** The CRC of Ethernet, gzip and PNG (RFC 1952 section 8). */
function crc32(text: string): number {
  let remainder = -1
  for (let i = 0; i < text.length; i++) {
    const index = (remainder ^ text.charCodeAt(i)) & 0xff
    remainder = (CRC32_TABLE[index] as number) ^ (remainder >>> 8)
  }
  return ~remainder >>> 0
}

/** The whole number that the text starts with, its last 32 bits; 0 where there is none. */
function none(text: string): number {
  const isNegative = text.startsWith('-')
  let number = 0
  for (let i = isNegative || text.startsWith('+') ? 1 : 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30
    if (digit < 0 || digit > 9) break
    number = (number * 10 + digit) % 2 ** 32
  }
  return (isNegative ? -number : number) >>> 0
}
