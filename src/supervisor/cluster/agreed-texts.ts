import {
  type ConfigSurroundings,
  type OwnFile,
  type ReadConfig,
  readAgreedText,
  validateAgreedFiles,
} from '../preparation/config-file.ts'

/** Valid texts that are remembered: what runs and what is prepared, or what ran before. */
const KEPT_MAX = 2

interface KeptText {
  readonly text: string
  /** With whose own sections it was read. */
  readonly own: OwnFile
  readonly read: ReadConfig
}

/**
 * Reads texts that the cluster has agreed on, or is to, each once. A change asks for its text again
 * and again: to validate it, to prepare it, to run it and to compare it with the node's file; of
 * thousands of servers each time takes a second in which this thread does nothing else.
 */
export class AgreedTexts {
  readonly #surroundings: ConfigSurroundings
  /** The one that was asked for last comes last. */
  #kept: readonly KeptText[] = []

  constructor(surroundings: ConfigSurroundings) {
    this.#surroundings = surroundings
  }

  /**
   * As {@link readAgreedText}. Which files the text may name is looked at each time.
   *
   * @throws SluiceError `file-not-allowed`
   */
  read(text: string, own: OwnFile): ReadConfig {
    const known = this.#kept.find((kept) => kept.text === text && kept.own === own)
    if (known !== undefined && known.read.config !== null) {
      validateAgreedFiles(known.read.config, text, own)
      this.#keep(known)
      return known.read
    }
    const read = readAgreedText(text, own, this.#surroundings)
    if (read.config !== null) this.#keep({ text, own, read })
    return read
  }

  #keep(latest: KeptText): void {
    const others = this.#kept.filter(({ text }) => text !== latest.text)
    this.#kept = [...others, latest].slice(-KEPT_MAX)
  }
}
