/** A network, or with all bits in the mask one address. Words are 32 bits, the first one highest. */
export interface Network {
  /** An IPv4 network has its words in the place of `::ffff:0:0/96`. */
  readonly family: 4 | 6
  readonly words: readonly number[]
  readonly masks: readonly number[]
}

const MAPPED_PREFIX = 0xffff
const SIX_TO_FOUR_PREFIX = 0x2002
const GROUPS = 8
const PORT_MAX = 65_535
/** Filled anew by each call: rules run to their end without another in between. */
const address = new Int32Array(4)
const groups = new Uint16Array(GROUPS)

/**
 * Reads `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `10.1.2.3`, `2001:db8::/32` or `::1`. Bits beyond the
 * mask are ignored. Host names and shortened IPv4 addresses, which HAProxy takes, are refused.
 *
 * @returns null when it is none of these
 */
export function parseNetwork(text: string): Network | null {
  const slash = text.indexOf('/')
  const family = parseAddress(slash < 0 ? text : text.slice(0, slash))
  if (family === 0) return null
  const words = [...address]
  const masks = slash < 0 ? [-1, -1, -1, -1] : masksOf(text.slice(slash + 1), family)
  if (masks === null) return null
  return { family, words: words.map((word, n) => word & (masks[n] as number)), masks }
}

/**
 * The address in a text such as X-Forwarded-For has it: a port behind an IPv4 address is dropped.
 *
 * @returns null when there is none
 */
export function addressIn(text: string): string | null {
  const [, host = text, port = '0'] = /^([\d.]+):(\d+)$/.exec(text) ?? []
  return parseAddress(host) !== 0 && Number(port) <= PORT_MAX ? host : null
}

/**
 * The 32-bit words of an address, joined by exclusive or: an IPv4 address itself, of an IPv6 one
 * all four, 0 to 2^32 - 1.
 *
 * @returns null when the text is no address
 */
export function foldAddress(text: string): number | null {
  const family = parseAddress(text)
  if (family === 0) return null
  const low = address[3] as number
  if (family === 4) return low >>> 0
  return ((address[0] as number) ^ (address[1] as number) ^ (address[2] as number) ^ low) >>> 0
}

/**
 * Whether an address is in one of these networks; a text that is no address is in none.
 *
 * An IPv4 address is looked for in an IPv6 network as `::ffff:a.b.c.d`. An IPv6 address is looked
 * for in an IPv4 network where it stands for an IPv4 one: `::ffff:a.b.c.d`, `::a.b.c.d` or 6to4's
 * `2002:aabb:ccdd::`. HAProxy configuration manual, section 7.1.6.
 */
export function isInNetworks(text: string, networks: readonly Network[]): boolean {
  const family = parseAddress(text)
  if (family === 0) return false
  const high = address[0] as number
  const second = address[1] as number
  const third = address[2] as number
  const low = address[3] as number
  let hasIpv4 = true
  let ipv4 = low
  if (high >>> 16 === SIX_TO_FOUR_PREFIX) ipv4 = (high << 16) | (second >>> 16)
  else hasIpv4 = high === 0 && second === 0 && (third === 0 || third === MAPPED_PREFIX)
  for (const { family: wanted, words, masks } of networks) {
    if (wanted === 4) {
      if (hasIpv4 && (ipv4 & (masks[3] as number)) === words[3]) return true
    } else if (
      (high & (masks[0] as number)) === words[0] &&
      (second & (masks[1] as number)) === words[1] &&
      (third & (masks[2] as number)) === words[2] &&
      (low & (masks[3] as number)) === words[3]
    ) {
      return true
    }
  }
  return false
}

function masksOf(text: string, family: 4 | 6): number[] | null {
  if (family === 4 && text.includes('.')) {
    return parseIpv4(text, 0) ? [-1, -1, -1, address[3] as number] : null
  }
  if (!/^\d{1,3}$/.test(text) || Number(text) > (family === 4 ? 32 : 128)) return null
  const bits = Number(text) + (family === 4 ? 96 : 0)
  return [0, 1, 2, 3].map((n) => {
    const own = Math.min(Math.max(bits - 32 * n, 0), 32)
    return own === 0 ? 0 : -1 << (32 - own)
  })
}

/** Reads an address into `address`. A zone (`%eth0`) is ignored. */
function parseAddress(text: string): 0 | 4 | 6 {
  if (!text.includes(':')) return parseIpv4(text, 0) ? 4 : 0
  const zone = text.indexOf('%')
  return parseIpv6(zone < 0 ? text : text.slice(0, zone)) ? 6 : 0
}

/** Four decimal numbers without leading zeros, from a place to the end of the text. */
function parseIpv4(text: string, from: number): boolean {
  let word = 0
  let octet = -1
  let octets = 0
  for (let at = from; at <= text.length; at++) {
    const digit = at === text.length ? -1 : text.charCodeAt(at) - 0x30
    if (digit >= 0 && digit <= 9) {
      if (octet === 0) return false
      octet = octet < 0 ? digit : octet * 10 + digit
      if (octet > 255) return false
    } else {
      if (octet < 0 || (at < text.length && text[at] !== '.')) return false
      word = (word << 8) | octet
      octets++
      octet = -1
    }
  }
  if (octets !== 4) return false
  address[0] = 0
  address[1] = 0
  address[2] = MAPPED_PREFIX
  address[3] = word
  return true
}

/** RFC 4291 section 2.2, all three forms. */
function parseIpv6(text: string): boolean {
  const gap = text.indexOf('::')
  if (gap < 0) {
    if (parseGroups(text, 0, text.length, 0) !== GROUPS) return false
    pack()
    return true
  }
  const before = parseGroups(text, 0, gap, 0)
  const count = before < 0 ? -1 : parseGroups(text, gap + 2, text.length, before)
  // The gap stands for one group of zeros at least.
  if (count < 0 || count === GROUPS) return false
  groups.copyWithin(GROUPS - count + before, before, count)
  groups.fill(0, before, GROUPS - count + before)
  pack()
  return true
}

/**
 * Reads the groups of `text[from, end)` into `groups` from `count` on. An IPv4 address may stand
 * for the last two of the text.
 *
 * @returns how many groups there are then, or -1
 */
function parseGroups(text: string, from: number, end: number, count: number): number {
  if (from === end) return count
  let read = count
  for (let at = from; at <= end; ) {
    const colon = text.indexOf(':', at)
    const groupEnd = colon < 0 || colon > end ? end : colon
    const group = text.slice(at, groupEnd)
    if (groupEnd === text.length && group.includes('.')) {
      if (read > GROUPS - 2 || !parseIpv4(text, at)) return -1
      const word = address[3] as number
      groups[read] = word >>> 16
      groups[read + 1] = word & 0xffff
      return read + 2
    }
    if (read === GROUPS || !/^[0-9a-fA-F]{1,4}$/.test(group)) return -1
    groups[read++] = Number.parseInt(group, 16)
    at = groupEnd + 1
  }
  return read
}

/** Packs `groups` into `address`. */
function pack(): void {
  for (let n = 0; n < 4; n++) {
    address[n] = ((groups[2 * n] as number) << 16) | (groups[2 * n + 1] as number)
  }
}
