import { lowestFreeDescriptor } from './descriptor.ts'

/**
 * How near this process is to its limit of open files, seen from the numbers that connections are
 * given. The system gives the lowest that is free (POSIX.1, File Descriptor Allocation), so a number
 * says that all below it are taken: nothing is counted, and what other threads and libraries have
 * open is seen too. One for each thread.
 */
export class DescriptorGauge {
  /** Numbers from this on are left to what is not traffic. */
  numbersMax = Number.POSITIVE_INFINITY
  /** Called when it gets short, for who can give descriptors up; not again while it stays so. */
  onShort: () => void = () => {}
  #isShort = false

  /** A connection was given this descriptor. */
  given(fd: number): void {
    if (fd >= this.numbersMax) this.refused()
  }

  /** No descriptor was left for a connection. */
  refused(): void {
    if (this.#isShort) return
    this.#isShort = true
    this.onShort()
  }

  /** Whether who accepts had better wait. Looks again while it is short, with two system calls. */
  isShort(): boolean {
    return this.#isShort && this.look()
  }

  /** As {@link isShort}, but looks in any case: others of the process open descriptors too. */
  look(): boolean {
    if (lowestFreeDescriptor() >= this.numbersMax) this.refused()
    else this.#isShort = false
    return this.#isShort
  }
}
