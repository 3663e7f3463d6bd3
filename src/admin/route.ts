import { inSlices, type Steps } from '../base/work-slices.ts'
import type { Caller } from '../operations/operated-node.ts'
import type { Method, RouteName } from './access.ts'

/** An answer, ready to be sent. */
export interface Answer {
  readonly status: number
  /** Null: it has no body. */
  readonly contentType: string | null
  /** What is long in pieces, which are sent one after the other. */
  readonly body: string | readonly string[]
  /** Seconds after which the same may be asked again. */
  readonly retryAfterSec?: number
}

/** What a route is asked, and by whom. */
export interface Question extends Caller {
  /** What stands in the path where the route has a place to fill, decoded. */
  readonly parts: readonly string[]
  readonly query: URLSearchParams
  /** JSON, or the text of a body in YAML; undefined where the request has none. */
  readonly body: unknown
  readonly isYaml: boolean
}

/** Answers one method of one path. */
export type Handler = (question: Question) => Answer | Promise<Answer>

/**
 * One path, or all paths of one form. What is not GET changes what the cluster agrees on, and is
 * forwarded to its leader, unless it is of the node alone.
 */
export interface Route extends Partial<Readonly<Record<Method, Handler>>> {
  /** Who may ask what is in the table of access.ts. */
  readonly name: RouteName
  readonly path: RegExp
  /** What it changes is of the asked node alone. */
  readonly isOfNode?: true
  /** Its body is the text of a config, in YAML too. */
  readonly takesConfig?: true
}

/** An answer in JSON. */
export function json(body: object, status = 200): Answer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(body)}\n` }
}

/** Entries of a list that are made to JSON in one step. */
const ENTRIES_PER_PIECE = 100

/** An answer in JSON: an object with one list, which may be long. It is made in slices. */
export async function listJson(name: string, list: readonly object[]): Promise<Answer> {
  return { status: 200, contentType: 'application/json', body: await inSlices(writing(name, list)) }
}

function* writing(name: string, list: readonly object[]): Steps<string[]> {
  const pieces = [`{${JSON.stringify(name)}:[`]
  for (let from = 0; from < list.length; from += ENTRIES_PER_PIECE) {
    const entries = JSON.stringify(list.slice(from, from + ENTRIES_PER_PIECE)).slice(1, -1)
    pieces.push(from === 0 ? entries : `,${entries}`)
    yield
  }
  pieces.push(']}\n')
  return pieces
}

/** An answer in plain text. */
export function text(body: Answer['body'], contentType = 'text/plain; charset=utf-8'): Answer {
  return { status: 200, contentType, body }
}

/** It is done, and there is nothing to say. */
export const NO_CONTENT: Answer = { status: 204, contentType: null, body: '' }
