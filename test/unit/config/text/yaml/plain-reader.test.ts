// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references as a config has them.
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Report } from '../../../../../src/config/diagnostics/diagnostics.ts'
import { SourceText } from '../../../../../src/config/diagnostics/source-text.ts'
import type { AllowedVariables } from '../../../../../src/config/text/environment.ts'
import type { TreeNode } from '../../../../../src/config/text/tree.ts'
import { readAnyDocument } from '../../../../../src/config/text/yaml/document.ts'
import { readPlainDocument } from '../../../../../src/config/text/yaml/plain-reader.ts'

const root = new URL('../../../../../', import.meta.url)

function textsIn(folder: string): string[] {
  return readdirSync(new URL(folder, root))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => readFileSync(new URL(folder + name, root), 'utf8'))
}

/** Whole configs, and what the pages show of them. */
const CONFIGS = [
  ...textsIn('configs/'),
  ...readdirSync(new URL('docs/', root))
    .filter((name) => name.endsWith('.md'))
    .map((name) => readFileSync(new URL(`docs/${name}`, root), 'utf8'))
    .flatMap((page) => [...page.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text = '']) => text)),
]
const SEEDS = [...CONFIGS, ...textsIn('test/golden/config/')]

const ENVIRONMENT = {
  ...Object.fromEntries(
    CONFIGS.flatMap((text) => [...text.matchAll(/\$\{(\w+)/g)].map(([, name = '']) => [name, '1'])),
  ),
  PORT: '80',
  EMPTY: '',
  ODD: 'a\nb',
  TRUE: 'true',
}

/** A tree with all that is in it, in order. */
function shown(node: TreeNode | null): unknown {
  if (node === null || node.kind === 'scalar') return node
  if (node.kind === 'list') return { ...node, items: node.items.map(shown) }
  const entries = [...node.entries].map(([name, { keySpan, value }]) => {
    return [name, keySpan, shown(value)]
  })
  return { ...node, entries }
}

/** Expects what is read at all to be what the library reads, without a word against it. */
function expectTwin(text: string, allowed: AllowedVariables = null): boolean {
  const tree = readPlainDocument(text, ENVIRONMENT, allowed)
  if (tree === null) return false
  const source = new SourceText(text)
  const report = new Report(source)
  const twin = readAnyDocument(source, ENVIRONMENT, report, allowed)
  expect(report.diagnostics()).toEqual([])
  expect(shown(tree)).toEqual(shown(twin))
  return true
}

describe('a config', () => {
  it.each(CONFIGS.map((text) => [text.slice(0, 60), text]))('is read as it is: %j', (_, text) => {
    // Of a page, one may show what is not plain.
    expect(expectTwin(text)).toBe(!/[|>][-+]?$|[&*][a-z]/m.test(text))
  })

  it.each(SEEDS.map((text) => [text.slice(0, 60), text]))(
    'cut at each line is the same as to the library: %j',
    (_, text) => {
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) {
        expectTwin(text.slice(0, end))
        expectTwin(text.slice(0, end + 1))
        expectTwin(text.slice(end + 1))
      }
    },
  )

  it('of ten thousand servers is read', () => {
    const servers = Array.from({ length: 10_000 }, (_, n) => {
      return `      s${n}: {address: "10.0.${n >> 8}.${n & 255}:8080", weight: ${n % 10}, check: true}\n`
    })
    expect(expectTwin(`backends:\n  app:\n    servers:\n${servers.join('')}`)).toBe(true)
  })

  it('keeps what is the own of nodes as it is written', () => {
    const text = 'global: {log: "${NONE}"}\nfrontends: {web: {bind: ":${PORT}"}}\n'
    expect(expectTwin(text, ['PORT'])).toBe(true)
    expect(expectTwin(text, [])).toBe(false)
    expect(expectTwin(text)).toBe(false)
  })
})

describe('left to the library is', () => {
  it.each([
    ['an empty text', ''],
    ['a text of comments', '# nothing\n'],
    ['a scalar', 'word\n'],
    ['a list', '- a\n- b\n'],
    ['brackets', '{a: 1}\n'],
    ['a tab', 'a:\tb\n'],
    ['a carriage return', 'a: b\r\n'],
    ['a byte order mark within', 'a: \ufeffb\n'],
    ['the mark of a document', '---\na: b\n'],
    ['the end of a document', 'a: b\n...\n'],
    ['a directive', '%YAML 1.2\n---\na: b\n'],
    ['an anchor', 'a: &x b\n'],
    ['an alias', 'a: *x\n'],
    ['a tag', 'a: !!str b\n'],
    ['a literal text', 'a: |\n  b\n'],
    ['a folded text', 'a: >-\n  b\n'],
    ['a value of two lines', 'a: b\n  c\n'],
    ['a value below its key', 'a:\n  b\n'],
    ['a text of two lines in quotes', 'a: "b\n  c"\n'],
    ['brackets of two lines', 'a: [b,\n  c]\n'],
    ['a complex key', '? a\n: b\n'],
    ['a merge key', '<<: {a: b}\n'],
    ['a name that no map can have', '__proto__: a\n'],
    ['an empty key', '"": a\n'],
    ['a key that is given twice', 'a: b\na: c\n'],
    ['a key in brackets that is given twice', 'a: {b: 1, "b": 2}\n'],
    ['a key without a colon', 'a: b\nc\n'],
    ['a key in brackets without a value', 'a: {b, c: 1}\n'],
    ['a pair in a list', 'a: [b: c]\n'],
    ['an empty item', 'a:\n  -\n  - b\n'],
    ['a list in a list', 'a:\n  - - b\n'],
    ['two keys on a line', 'a: b: c\n'],
    ['an escape', 'a: "\\n"\n'],
    ['what stands behind a quote', 'a: "b" c\n'],
    ['what stands behind a bracket', 'a: [b] c\n'],
    ['an indentation that nothing has', 'a:\n    b: 1\n  c: 2\n'],
    ['what is indented below a value', 'a: b\n  c: d\n'],
    ['what begins with an indicator', 'a: @b\n'],
    ['an open quote', "a: 'b\n"],
    ['an open bracket', 'a: [b\n'],
    ['a variable that is not there', 'a: ${NONE}\n'],
    ['a variable of two lines', 'a: ${ODD}\n'],
    ['a key that is too long', `${'k'.repeat(300)}: a\n`],
    ['what is nested deep', `a: ${'['.repeat(40)}${']'.repeat(40)}\n`],
    ['what has too many words', Array.from({ length: 90_000 }, (_, n) => `k${n}: ${n}\n`).join('')],
  ])('%s', (_, text) => {
    expect(readPlainDocument(text, ENVIRONMENT, null)).toBeNull()
  })
})

/** Values of one line, as they may be written anywhere. */
const scalar = fc.oneof(
  fc.constantFrom(
    ...['http', ':8080', '10.0.0.1:80', '5s', 'status 200-399', 'true', 'null', '~', '0x1f'],
    ...[
      '-1',
      '1.5e3',
      '.5',
      'a#b',
      'a:b',
      'http://h:1/p?q=1',
      '"quoted"',
      "'it''s'",
      '"a \\"b\\""',
    ],
    ...['"${PORT}"', '"# no comment"', "'a: b'", '"[a, b]"', '" blanks "', "''", '""', 'é👍', '-x'],
    ...['"${EMPTY}"', '"${TRUE}"', 'yes and no', '"null"', '+1', 'a-b', '<', '$x', '(a)', 'a\\b'],
  ),
  fc.integer().map(String),
  fc.double({ noNaN: true }).map(String),
)
const blockScalar = fc.oneof(
  scalar,
  fc.constantFrom('?x', 'a, b', 'a]', 'x {y} [z]', 'deny if { path /x } !y', '${PORT}'),
)
const name = fc.oneof(
  fc.constantFrom('a', 'web', 'default_backend', 'http-request', '"quoted key"', "'x'", '1', 'a.b'),
  fc.constantFrom('hdr(name)', 'two words', 'null', 'toString', '"a: b"', 'a#b', '-x'),
)
const { flow } = fc.letrec((tie) => ({
  flow: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc
      .tuple(fc.array(tie('flow'), { maxLength: 3 }), fc.constantFrom(',', ', ', ' , '))
      .map(([items, comma]) => `[${items.join(comma)}]`),
    fc
      .tuple(
        fc.uniqueArray(fc.tuple(name, tie('flow')), { maxLength: 3, selector: ([key]) => key }),
      )
      .map(([pairs]) => `{${pairs.map(([key, value]) => `${key}: ${value}`).join(', ')}}`),
  ),
}))

/** A block as the lines that it takes. */
type Lines = readonly string[]

function indented(lines: Lines, width: number): Lines {
  return lines.map((line) => (line === '' ? '' : ' '.repeat(width) + line))
}

const comment = fc.constantFrom('', '', '', ' # why', '   #', '  ')
/** Between lines, where there may be anything of no meaning. */
const between = fc.constantFrom<Lines>([], [], [], [''], ['# a comment'], ['   '], ['      # far'])
const width = fc.integer({ min: 1, max: 4 })

const { block } = fc.letrec<{ block: Lines; map: Lines; list: Lines }>((tie) => ({
  block: fc.oneof(tie('map'), tie('list')),
  map: fc
    .uniqueArray(
      fc.record({
        key: fc.oneof(name, fc.constantFrom('${PORT}', 'a [b]', '?x')),
        blank: fc.constantFrom('', '', ' '),
        inline: fc.option(fc.oneof(blockScalar, flow as fc.Arbitrary<string>)),
        nested: fc.option(fc.oneof({ maxDepth: 3 }, fc.constant([]), tie('block'))),
        comment,
        between,
        width,
      }),
      { minLength: 1, maxLength: 3, selector: ({ key }) => key },
    )
    .map((entries) =>
      entries.flatMap(({ key, blank, inline, nested, comment, between, width }) => {
        if (inline !== null) return [`${key}${blank}: ${inline}${comment}`, ...between]
        // A list may stand as far to the left as its key.
        const isLeft = nested?.[0]?.startsWith('- ') === true && width === 1
        const below = isLeft ? nested : indented(nested ?? [], width)
        return [`${key}${blank}:${comment}`, ...between, ...below]
      }),
    ),
  list: fc
    .array(
      fc.record({
        inline: fc.oneof(blockScalar, flow as fc.Arbitrary<string>),
        nested: fc.option(fc.oneof({ maxDepth: 3 }, tie('map')), { freq: 1 }),
        comment,
        between,
        width,
      }),
      { minLength: 1, maxLength: 3 },
    )
    .map((items) =>
      items.flatMap(({ inline, nested, comment, between, width }) => {
        if (nested === null) return [`- ${inline}${comment}`, ...between]
        const [first = '', ...others] = nested
        return [`-${' '.repeat(width)}${first}`, ...indented(others, width + 1), ...between]
      }),
    ),
}))
const document = block
  .map((lines) => (lines[0]?.startsWith('- ') === true ? ['list:', ...lines] : lines))
  .map((lines) => lines.join('\n'))

describe('what is written', () => {
  it('plainly is read as the library reads it', () => {
    fc.assert(
      fc.property(document, fc.constantFrom('', '\n', '\n\n# end'), (text, end) => {
        // All but keys of one name that are written in two ways, which are rare.
        fc.pre(!/"x"|'x'.*\nx:/.test(text))
        expect(expectTwin(text + end)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  it('with faults is read as the library reads it, or not at all', () => {
    const piece = fc.constantFrom(
      ...[':', ': ', '\n', '\n  ', ' ', '  ', '- ', '-', '{', '}', '[', ']', ',', ', ', '"', "'"],
      ...['#', ' #', '*x', '&x ', '${', '}', '!!str ', '|', '>-', '?', '? ', '\\', '\t', '\r', 'x'],
    )
    const edit = fc.record({ at: fc.nat(100_000), cut: fc.nat(12), piece, double: fc.boolean() })
    const edits = fc.array(edit, { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(fc.oneof(document, fc.constantFrom(...SEEDS)), edits, (seed, changes) => {
        let text = seed
        for (const change of changes) {
          const at = change.at % (text.length + 1)
          const cut = text.slice(at, at + change.cut)
          const middle = change.double ? cut + cut : change.piece
          text = text.slice(0, at) + middle + text.slice(at + change.cut)
        }
        expectTwin(text)
      }),
      { numRuns: 5_000 },
    )
  })

  it('in the characters of YAML is read as the library reads it, or not at all', () => {
    const piece = fc.constantFrom(
      ...['a', 'b', '1', ':', ': ', '\n', '\n ', '\n  ', '- ', '-', ' ', '#', ' #', '"', "'", '\\'],
      ...[
        '{',
        '}',
        '[',
        ']',
        ',',
        ', ',
        '?',
        '? ',
        '|',
        '>',
        '&',
        '*',
        '!',
        '%',
        '@',
        '~',
        '.',
        '=',
      ],
    )
    const text = fc.array(piece, { maxLength: 14 }).map((pieces) => `a: ${pieces.join('')}`)
    fc.assert(
      fc.property(text, (written) => void expectTwin(written)),
      { numRuns: 20_000 },
    )
  })
})
