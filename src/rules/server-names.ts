import type { Mode } from '../model/config.ts'
import type { TextProblem } from '../model/language.ts'
import type { ServerNameConfig } from '../model/outgoing-tls.ts'
import type { RequestFacts, SessionFacts } from './facts.ts'
import { REQUEST_PHASE, SESSION_PHASE } from './language/phases.ts'
import { compileSample, sampleProblem } from './samples/sample-text.ts'
import { lowerAscii, type Sample } from './samples/samples.ts'

/** The name of a host, as TLS takes it: no IP address (RFC 6066 section 3). */
const NAME = /^[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?$/
const ADDRESS = /^\d+\.\d+\.\d+\.\d+$/

/**
 * Reads `sni`: a name as it is or as `str(NAME)`, or an expression that gives one. A word that is
 * the name of a fetch, such as `ssl_fc_sni`, is an expression.
 */
export function readSni(text: string, mode: Mode): ServerNameConfig | TextProblem {
  const constant = /^str\(([^(),"']*)\)$/.exec(text)?.[1]
  const word = text.replace(/,.*/s, '')
  const isWord = !REQUEST_PHASE.fetches.has(word) && !SESSION_PHASE.fetches.has(word)
  const fixed = constant ?? (isWord && !/[(,]/.test(text) ? text : null)
  if (fixed !== null) {
    const name = serverNameIn(fixed)
    if (name !== null) return { kind: 'name', name }
    const hint = 'Write a name such as app.example, or an expression such as req.hdr(host).'
    return { offset: 0, message: 'this is not the name of a host', hint }
  }
  const problem =
    mode === 'tcp' ? sampleProblem(text, SESSION_PHASE) : sampleProblem(text, REQUEST_PHASE)
  return problem ?? { kind: 'expression', text }
}

/**
 * Compiles what a request asks the servers of a backend in `mode http` for.
 *
 * @throws SluiceError `config-invalid` for a text that {@link readSni} refuses
 */
export function compileRequestName(text: string): (facts: RequestFacts) => string | null {
  return nameOf(compileSample(text, REQUEST_PHASE))
}

/** The same for a session in `mode tcp`. */
export function compileSessionName(text: string): (facts: SessionFacts) => string | null {
  return nameOf(compileSample(text, SESSION_PHASE))
}

function nameOf<F>({ value }: Sample<F>): (facts: F) => string | null {
  return (facts) => {
    const found = value(facts)
    return found === null ? null : serverNameIn(String(found))
  }
}

/**
 * The name of a host that a text gives, in lower case: without the port and the last dot that a
 * Host header may have. Null where it is none, or an IP address, which TLS asks nobody for.
 */
function serverNameIn(text: string): string | null {
  const name = lowerAscii(text).replace(/\.?(:\d*)?$/, '')
  return NAME.test(name) && !ADDRESS.test(name) ? name : null
}
