interface Latin1View {
  latin1Slice(start: number, end: number): string
}

/** `view[start, end)` as text of one character a byte. */
export function latin1(view: Buffer, start: number, end: number): string {
  // What toString('latin1') comes down to; its way there costs as much as parsing a line.
  return (view as unknown as Latin1View).latin1Slice(start, end)
}
