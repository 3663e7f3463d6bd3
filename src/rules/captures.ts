/** Characters of a captured value at most, as HAProxy's log lines can have (`len` of `log`). */
export const CAPTURE_CHARS_MAX = 65_535

/** The places for captured values that a frontend has, in the order in which it names them. */
export class CaptureSlots {
  request = 0
  response = 0
}

/** What the request line has said, whatever rules have made of it since. */
export interface CapturedLine {
  /** '' before there is a request. */
  readonly method: string
  /** As received. */
  readonly target: string
  /** `1.0` or `1.1`. */
  readonly version: string
}

type Values = (string | null)[]

/**
 * What is captured of a request and its response for rules that come later and for the log. HAProxy
 * configuration manual, capture request header.
 */
export class Captures {
  readonly line: CapturedLine
  /** By slot; null where nothing was captured. */
  readonly request: Values = []
  readonly response: Values = []

  constructor(line: CapturedLine) {
    this.line = line
  }

  /** A request begins in a frontend with these slots. */
  begin(slots: CaptureSlots | null): void {
    clear(this.request, slots?.request ?? 0)
    clear(this.response, slots?.response ?? 0)
  }
}

function clear(values: Values, length: number): void {
  if (values.length === 0 && length === 0) return
  values.length = length
  values.fill(null)
}
