import { inSlices } from '../../base/work-slices.ts'
import type { Config } from '../../model/config.ts'
import {
  type OwnFile,
  type ReadConfig,
  type ReadText,
  readAgreedText,
  validateAgreedFiles,
} from '../preparation/config-file.ts'
import { sharingWith } from './config-sharing.ts'

/** Valid texts that are remembered: what runs and what is prepared, or what ran before. */
const KEPT_MAX = 2

interface KeptText {
  readonly text: string
  /** With whose own sections it was read. */
  readonly own: OwnFile
  readonly read: Promise<ReadConfig>
}

/**
 * Reads texts that the cluster has agreed on, or is to, each once. A change asks for its text again
 * and again: to validate it, to prepare it, to run it and to compare it with the node's file; of
 * thousands of servers each time takes most of a second.
 */
export class AgreedTexts {
  readonly #read: ReadText
  /** The one that was asked for last comes last. */
  #kept: readonly KeptText[] = []

  constructor(read: ReadText) {
    this.#read = read
  }

  /**
   * As {@link readAgreedText}. Which files the text may name is looked at each time.
   *
   * @param like what runs: of that is what says the same in the text
   * @throws SluiceError `file-not-allowed`, `reading-failed`
   */
  async read(text: string, own: OwnFile, like: Config | null = null): Promise<ReadConfig> {
    const known = this.#kept.find((kept) => kept.text === text && kept.own === own)
    if (known !== undefined) {
      this.#keep(known)
      const read = await known.read
      validateAgreedFiles(read, text, own)
      return read
    }
    const kept = { text, own, read: this.#readLike(text, own, like) }
    this.#keep(kept)
    try {
      const read = await kept.read
      if (read.config === null) this.#drop(kept)
      return read
    } catch (error) {
      this.#drop(kept)
      throw error
    }
  }

  async #readLike(text: string, own: OwnFile, like: Config | null): Promise<ReadConfig> {
    const read = await readAgreedText(text, own, this.#read)
    const { config } = read
    if (config === null || like === null) return read
    return { ...read, config: await inSlices(sharingWith(config, like)) }
  }

  #keep(latest: KeptText): void {
    const others = this.#kept.filter(({ text }) => text !== latest.text)
    this.#kept = [...others, latest].slice(-KEPT_MAX)
  }

  /** What is wrong with a text is told anew each time. */
  #drop(refused: KeptText): void {
    this.#kept = this.#kept.filter((kept) => kept !== refused)
  }
}
