import { CR, SEMICOLON, TOKEN_BYTES, VALUE_BYTES } from '../characters.ts'

/** Before the name: where an extension begins, after its semicolon. */
export const EXTENSION_START = 0
/** The CR after the last extension was seen. */
export const EXTENSION_END = 7
/** The byte may not stand there. */
export const EXTENSION_BROKEN = -1

const NAME = 1
const VALUE_START = 2
const TOKEN_VALUE = 3
const QUOTED = 4
const QUOTED_PAIR = 5
const QUOTED_END = 6
const EQUALS = 0x3d
const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * Where `byte` leads inside chunk extensions: `*( ";" name [ "=" ( token / quoted-string ) ] )`, RFC
 * 9112 section 7.1.1. The white space that it has readers put up with around `;` and `=` is
 * refused: no sender may write it, and readers that stop at it find the data elsewhere.
 */
export function nextInExtension(state: number, byte: number): number {
  const isToken = TOKEN_BYTES[byte] === 1
  switch (state) {
    case EXTENSION_START:
      return isToken ? NAME : EXTENSION_BROKEN
    case NAME:
      if (isToken) return NAME
      return byte === EQUALS ? VALUE_START : afterExtension(byte)
    case VALUE_START:
      if (isToken) return TOKEN_VALUE
      return byte === QUOTE ? QUOTED : EXTENSION_BROKEN
    case TOKEN_VALUE:
      return isToken ? TOKEN_VALUE : afterExtension(byte)
    case QUOTED:
      if (byte === QUOTE) return QUOTED_END
      if (byte === BACKSLASH) return QUOTED_PAIR
      return VALUE_BYTES[byte] === 1 ? QUOTED : EXTENSION_BROKEN
    case QUOTED_PAIR:
      return VALUE_BYTES[byte] === 1 ? QUOTED : EXTENSION_BROKEN
    default:
      return afterExtension(byte)
  }
}

function afterExtension(byte: number): number {
  if (byte === SEMICOLON) return EXTENSION_START
  return byte === CR ? EXTENSION_END : EXTENSION_BROKEN
}
