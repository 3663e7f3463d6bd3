/** Whether a regular expression finds something in a text of one character a byte. */
export type Pattern = (text: string) => boolean

/** Why a text is no regular expression that can be run. */
export interface PatternProblem {
  readonly message: string
  /** What to write instead; '' where nothing better can be said than the message. */
  readonly hint: string
}

/**
 * Compiles regular expressions. The rules know no library: whoever composes them gives one.
 *
 * Invariant: a pattern takes time in proportion to the length of the text that it is held against,
 * whatever it says and whatever the text is, and looks at all of the text. What cannot be run so is
 * refused when it is compiled.
 */
export interface PatternEngine {
  /** @param ignoreCase the flag `-i` of a rule */
  compile(source: string, ignoreCase: boolean): Pattern | PatternProblem
}
