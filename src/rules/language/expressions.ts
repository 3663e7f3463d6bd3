import { nearestHint, nearestName } from '../../base/spelling.ts'
import { CONVERTERS } from '../samples/converters.ts'
import { MATCH_METHODS, type MatchMethod } from '../samples/matchers.ts'
import { convertedSample, type Fetch, type Sample, textSample } from '../samples/samples.ts'
import { type Call, parseCall, validateArguments } from './calls.ts'
import type { Phase } from './phases.ts'
import { offsetIn, type Word, type Words } from './words.ts'

/** A sample expression, and the matching method that an ACL's name for it implies. */
export interface Expression<F> {
  readonly sample: Sample<F>
  /** Null where the sample's type decides. */
  readonly method: MatchMethod | null
  /** Index in the word behind the expression. */
  readonly end: number
}

/** Methods that may be written behind the name of a fetch: `path_beg`. */
const DERIVED = /^(.+)_(beg|dir|dom|end|len|reg|sub)$/

/**
 * Reads a fetch and the converters behind it, up to what cannot belong to them:
 * `hdr(host),lower`. HAProxy configuration manual, section 7.3.
 *
 * @param from index in `word` where it begins
 * @param derived whether this is an ACL, in which `path_beg` may be written
 * @returns null where it is wrong, with the problem in `words`
 */
export function parseExpression<F>(
  word: Word,
  from: number,
  phase: Phase<F>,
  derived: boolean,
  words: Words,
): Expression<F> | null {
  const call = parseCall(word, from, words)
  if (call === null) return null
  const found = findFetch(call.name, phase, derived)
  if (found === null) return refuseFetch(call, word, phase, derived, words)
  const { fetch, method } = found
  if (!validateArguments(call, fetch.parameters, word, words)) return null
  const made = fetch.make(...call.arguments.map(({ text }) => text))
  if (typeof made === 'string') return words.refuse(offsetIn(word, call.start), made)
  let sample: Sample<F> | null = made
  let end = call.end
  let hasConverters = false
  while (word.text[end] === ',') {
    const converter = parseCall(word, end + 1, words)
    if (converter === null) return null
    sample = convert(converter, sample, word, words)
    if (sample === null) return null
    end = converter.end
    hasConverters = true
  }
  // A converter decides what there is to match, so the name's own method no longer applies.
  return { sample: textSample(sample), method: hasConverters ? null : method, end }
}

function convert<F>(call: Call, sample: Sample<F>, word: Word, words: Words): Sample<F> | null {
  const converter = CONVERTERS.get(call.name)
  const place = offsetIn(word, call.start)
  if (converter === undefined) {
    const hint = nearestHint(call.name, [...CONVERTERS.keys()])
    return words.refuse(place, `unknown converter "${call.name}"`, hint)
  }
  if (!validateArguments(call, converter.parameters, word, words)) return null
  const conversion = converter.make(call.arguments)
  if (typeof conversion === 'string') return words.refuse(place, conversion)
  const taken = converter.takesBytes === true ? sample : textSample(sample)
  return convertedSample(converter.type, taken, conversion)
}

function findFetch<F>(
  name: string,
  { fetches }: Phase<F>,
  derived: boolean,
): { fetch: Fetch<F>; method: MatchMethod | null } | null {
  const plain = fetches.get(name)
  if (plain !== undefined) return { fetch: plain, method: plain.method ?? null }
  const [, base = '', method = ''] = (derived && DERIVED.exec(name)) || []
  const fetch = fetches.get(base)
  if (fetch === undefined || !fetch.derives) return null
  return { fetch, method: MATCH_METHODS.find((known) => known === method) ?? null }
}

function refuseFetch<F>(
  { name, start }: Call,
  word: Word,
  phase: Phase<F>,
  derived: boolean,
  words: Words,
): null {
  const place = offsetIn(word, start)
  const base = DERIVED.exec(name)?.[1] ?? name
  if (phase.isElsewhere(name) || phase.isElsewhere(base)) {
    return words.refuse(place, `"${name}" cannot be fetched from ${phase.subject}`)
  }
  if (phase.fetches.has(base) && base !== name) {
    const method = name.slice(base.length + 1)
    const hint = derived ? `Write ${base} -m ${method}.` : `Write ${base}.`
    return words.refuse(place, `"${name}" is not a fetch`, hint)
  }
  const derivedNames = [...phase.fetches]
    .filter(([, fetch]) => derived && fetch.derives)
    .flatMap(([known]) => [`${known}_beg`, `${known}_end`, `${known}_reg`])
  const near = nearestName(name, [...phase.fetches.keys(), ...derivedNames])
  return words.refuse(
    place,
    name === '' ? 'a fetch is missing' : `unknown fetch "${name}"`,
    near === null ? 'docs/rules.md lists the fetches.' : `Did you mean ${near}?`,
  )
}
