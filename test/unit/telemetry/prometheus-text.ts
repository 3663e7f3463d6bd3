/** One sample of the Prometheus text format. */
export interface ParsedSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** One family: its `HELP`, its `TYPE` and its samples. */
export interface ParsedFamily {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly samples: ParsedSample[]
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const HELP_LINE = new RegExp(`^# HELP (${NAME}) (\\S.*)$`)
const TYPE_LINE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`)
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"'
const SAMPLE_LINE = new RegExp(
  `^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)\\})? (-?[0-9.]+(?:e[+-]?[0-9]+)?)$`,
)
const LABEL_PARTS = /([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"/g
const SUFFIXES: Record<string, readonly string[]> = {
  counter: [''],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
}

/**
 * Reads a whole exposition and accepts nothing that a scraper might stumble over: every family
 * has one HELP, then one TYPE, then all of its samples; names and labels are well formed; no
 * series occurs twice; the text ends with a newline.
 *
 * @throws Error that names the line
 */
export function parseExposition(text: string): Map<string, ParsedFamily> {
  const families = new Map<string, ParsedFamily>()
  const series = new Set<string>()
  let help: readonly [name: string, text: string] | null = null
  let family: ParsedFamily | null = null
  if (!text.endsWith('\n')) throw new Error('the last line is not ended')
  for (const line of text.slice(0, -1).split('\n')) {
    const fail = (why: string): never => {
      throw new Error(`${why}: ${line}`)
    }
    if (line === '') continue
    const helpParts = HELP_LINE.exec(line)
    const typeParts = TYPE_LINE.exec(line)
    if (helpParts !== null) {
      const [, name = '', what = ''] = helpParts
      if (families.has(name)) fail('a family that was there before')
      help = [name, what]
      family = null
    } else if (typeParts !== null) {
      const [, name = '', type = ''] = typeParts
      if (help?.[0] !== name) fail('TYPE without HELP')
      family = { name, type, help: help?.[1] ?? '', samples: [] }
      families.set(name, family)
      help = null
    } else {
      const [, name = '', labelText = '', value = ''] = SAMPLE_LINE.exec(line) ?? fail('no sample')
      if (family === null) fail('a sample outside of a family')
      const { name: familyName, type, samples } = family as ParsedFamily
      if (!SUFFIXES[type]?.some((suffix) => familyName + suffix === name)) fail('another family')
      const labels: Record<string, string> = {}
      for (const [, label = '', labelValue = ''] of labelText.matchAll(LABEL_PARTS)) {
        if (label in labels) fail('a label twice')
        labels[label] = labelValue.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c))
      }
      const identity = name + JSON.stringify(Object.entries(labels).toSorted())
      if (series.has(identity)) fail('a series twice')
      series.add(identity)
      samples.push({ name, labels, value: Number(value) })
    }
  }
  return families
}
