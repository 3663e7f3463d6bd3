import type { KeySource, UriKey } from '../balance/key-sources.ts'
import { type BalanceSettings, parseBalance } from '../balance/registry.ts'
import { NO_KEY } from '../balance/strategy.ts'
import { avalanche, type TextHash, textHashOf } from '../balance/structures/hashing.ts'
import { SluiceError } from '../base/errors.ts'
import { foldAddress } from '../base/networks.ts'
import type { HashTypeConfig, Mode } from '../model/config.ts'
import type { TextProblem } from '../model/language.ts'
import type { ByteView } from '../net/conn.ts'
import type { RequestFacts, SessionFacts } from './facts.ts'
import { REQUEST_PHASE, SESSION_PHASE } from './language/phases.ts'
import { readRdpCookie } from './rdp-cookie.ts'
import { urlParameter } from './samples/fetches.ts'
import { headerValueAt } from './samples/header-lists.ts'
import { compileSample, sampleProblem } from './samples/sample-text.ts'
import type { Value } from './samples/samples.ts'

/** What a session or request is balanced by: 0 to 2^32 - 1, or `NO_KEY` where it has none of it. */
export type BalanceKey<F> = (facts: F) => number

/**
 * What a session is balanced by, read from all that its client has sent; null while more of it is
 * needed. It is decided by `RDP_REQUEST_BYTES_MAX` bytes at the latest.
 */
export type OpeningKey = (view: ByteView) => number | null

/** A text that is to be hashed; null, as well as '', where there is none. */
type Text<F> = (facts: F) => Value | null

/** Sources of keys that `mode tcp` knows nothing of. */
const OF_REQUESTS: readonly KeySource['kind'][] = ['uri', 'url-param', 'header']

/**
 * Checks a `balance` line.
 *
 * @returns the first problem, or null
 */
export function validateBalance(text: string, mode: Mode): TextProblem | null {
  const balance = parseBalance(text)
  if ('message' in balance) return balance
  const { key, name } = balance
  if (mode === 'tcp' && OF_REQUESTS.includes(key.kind)) {
    const hint = 'Write mode: http, or balance by source.'
    return { offset: 0, message: `balance ${name} needs mode http`, hint }
  }
  if (mode === 'http' && key.kind === 'rdp-cookie') {
    const hint = 'Write mode: tcp, or balance by a cookie: hash req.cook(NAME).'
    return { offset: 0, message: `balance ${name} needs mode tcp`, hint }
  }
  if (key.kind !== 'expression') return null
  const problem =
    mode === 'tcp' ? sampleProblem(key.text, SESSION_PHASE) : sampleProblem(key.text, REQUEST_PHASE)
  return problem === null ? null : { ...problem, offset: key.offset + problem.offset }
}

/**
 * Compiles what the requests of a backend in `mode http` are balanced by, ahead of time.
 *
 * @returns null where its strategy needs no key, so that it costs nothing
 * @throws SluiceError `config-invalid` for a line that {@link validateBalance} refuses
 */
export function compileRequestKey(settings: BalanceSettings): BalanceKey<RequestFacts> | null {
  const { hashType } = settings
  const key = keyOf(settings, 'http')
  switch (key.kind) {
    case 'none':
    case 'rdp-cookie':
      return null
    case 'source':
      return addressKey(hashType)
    case 'uri':
      return textKey(uriText(key), hashType)
    case 'url-param':
      return textKey(urlParameter(key.name).value, hashType)
    case 'header':
      return textKey(headerText(key.name.toLowerCase(), key.domainOnly), hashType)
    case 'expression':
      return textKey(compileSample(key.text, REQUEST_PHASE).value, hashType)
  }
}

/**
 * Compiles what the sessions of a backend in `mode tcp` are balanced by.
 *
 * @returns null where its strategy needs no key
 * @throws SluiceError `config-invalid` for a line that {@link validateBalance} refuses
 */
export function compileSessionKey(settings: BalanceSettings): BalanceKey<SessionFacts> | null {
  const { hashType } = settings
  const key = keyOf(settings, 'tcp')
  if (key.kind === 'source') return addressKey(hashType)
  if (key.kind !== 'expression') return null
  return textKey(compileSample(key.text, SESSION_PHASE).value, hashType)
}

/**
 * Compiles what the sessions of a backend in `mode tcp` are balanced by that their clients send
 * first.
 *
 * @returns null where the strategy needs nothing of it, so that it is not waited for
 * @throws SluiceError `config-invalid` for a line that {@link validateBalance} refuses
 */
export function compileOpeningKey(settings: BalanceSettings): OpeningKey | null {
  const key = keyOf(settings, 'tcp')
  if (key.kind !== 'rdp-cookie') return null
  const hash: TextHash = textHashOf(settings.hashType)
  return (view) => {
    const reading = readRdpCookie(view, view.length, key.name)
    if (reading.kind === 'incomplete') return null
    return reading.kind === 'found' && reading.value !== '' ? hash(reading.value) : NO_KEY
  }
}

function keyOf({ balance }: BalanceSettings, mode: Mode): KeySource {
  const problem = validateBalance(balance, mode)
  const parsed = parseBalance(balance)
  if (problem === null && !('message' in parsed)) return parsed.key
  throw new SluiceError('config-invalid', problem?.message ?? '')
}

/** HAProxy does not hash an address: neighbours get neighbouring servers, and so share evenly. */
function addressKey({ avalanche: mixes }: HashTypeConfig): BalanceKey<SessionFacts> {
  return ({ src }) => {
    const address = src === '' ? null : foldAddress(src)
    if (address === null) return NO_KEY
    return mixes ? avalanche(address) : address
  }
}

function textKey<F>(textOf: Text<F>, hashType: HashTypeConfig): BalanceKey<F> {
  const hash: TextHash = textHashOf(hashType)
  return (facts) => {
    const value = textOf(facts)
    return value === null || value === '' ? NO_KEY : hash(String(value))
  }
}

/** HAProxy configuration manual, balance uri. */
function uriText({ lengthMax, depthMax, whole, pathOnly }: UriKey): Text<RequestFacts> {
  return ({ url, pathq }) => {
    const uri = pathOnly ? pathq : url
    if (uri === null) return null
    const end = lengthMax === 0 ? uri.length : Math.min(uri.length, lengthMax)
    let depth = 0
    for (let at = 0; at < end; at++) {
      const character = uri[at]
      // The slash behind the last directory that counts does not count itself.
      if (character === '/' && depth++ === depthMax && depthMax > 0) return uri.slice(0, at)
      if (character === '?' && !whole) return uri.slice(0, at)
    }
    return uri.slice(0, end)
  }
}

/** HAProxy configuration manual, balance hdr. */
function headerText(name: string, domainOnly: boolean): Text<RequestFacts> {
  return (facts) => {
    const value = headerValueAt(facts, name, 'list', 1)
    return value === null || !domainOnly ? value : domainOf(value)
  }
}

/** Of `www.example.com` the part before the last one, `example`; of a name without dots all. */
function domainOf(host: string): string {
  const end = host.lastIndexOf('.')
  if (end < 0) return host
  return host.slice(host.lastIndexOf('.', end - 1) + 1, end)
}
