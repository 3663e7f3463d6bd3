/** A block of a PEM file. */
export interface PemBlock {
  /** `CERTIFICATE`, `PRIVATE KEY` ... */
  readonly label: string
  /** The block as it is written, its first and last line included. */
  readonly text: string
  /** The line of the file that it begins on, from 1. */
  readonly line: number
}

const BLOCK = /^-----BEGIN ([A-Z0-9 ]{1,64})-----\r?\n[^-]*-----END \1-----/gm

/** The blocks of a file in PEM form, in their order (RFC 7468); what stands between is passed over. */
export function pemBlocks(text: string): PemBlock[] {
  const blocks: PemBlock[] = []
  let line = 1
  let counted = 0
  for (const { 0: block, 1: label = '', index } of text.matchAll(BLOCK)) {
    for (; counted < index; counted++) if (text[counted] === '\n') line++
    blocks.push({ label, text: block, line })
  }
  return blocks
}
