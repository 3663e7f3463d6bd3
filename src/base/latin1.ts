interface Latin1View {
  latin1Slice(start: number, end: number): string
  latin1Write(text: string, at: number): number
}

/** `view[start, end)` as text of one character a byte. */
export function latin1(view: Buffer, start: number, end: number): string {
  // What toString('latin1') comes down to; its way there costs as much as parsing a line.
  return (view as unknown as Latin1View).latin1Slice(start, end)
}

/**
 * Writes a text of one character a byte to `view` from `at` on.
 *
 * @returns how many bytes were written: fewer where there is no room
 */
export function writeLatin1(view: Buffer, text: string, at: number): number {
  // What write(text, at, 'latin1') comes down to.
  return (view as unknown as Latin1View).latin1Write(text, at)
}
