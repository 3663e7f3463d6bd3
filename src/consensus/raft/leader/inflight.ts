/** An append that is not answered. */
interface Sent {
  /** Of its last entry. */
  readonly lastIndex: number
  readonly bytes: number
}

/** The appends to one peer that are not answered, bounded in number and in bytes. */
export class Inflight {
  readonly #countMax: number
  readonly #bytesMax: number
  #sent: Sent[] = []
  #bytes = 0

  constructor(countMax: number, bytesMax: number) {
    this.#countMax = countMax
    this.#bytesMax = bytesMax
  }

  /** No more may be sent for now. One append is always allowed, however large. */
  get isFull(): boolean {
    return this.#sent.length >= this.#countMax || (this.#bytes > 0 && this.#bytes >= this.#bytesMax)
  }

  /** Takes note of one that was sent. */
  add(lastIndex: number, bytes: number): void {
    this.#sent.push({ lastIndex, bytes })
    this.#bytes += bytes
  }

  /** The peer has everything up to an index. */
  freeTo(index: number): void {
    let count = 0
    for (const { lastIndex, bytes } of this.#sent) {
      if (lastIndex > index) break
      this.#bytes -= bytes
      count++
    }
    if (count > 0) this.#sent.splice(0, count)
  }

  /** Nothing counts as sent any more. */
  clear(): void {
    this.#sent = []
    this.#bytes = 0
  }
}
