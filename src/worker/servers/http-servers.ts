import { forwardRequestText } from '../../http/h1/forward.ts'
import type { RequestEdits } from '../../http/head-edits.ts'
import type { RequestHead } from '../../http/request-head.ts'
import type { ResponseOwner, ServerStream } from '../streams/server-stream.ts'
import type { Lender } from './connector.ts'
import { H1ServerStream } from './h1-server-stream.ts'
import type { ResponseServices } from './server-services.ts'

/**
 * What turns the connections to servers of `mode http` into streams for one exchange. All servers
 * speak HTTP/1.1.
 */
export function httpServersFor(
  owner: ResponseOwner,
  services: ResponseServices,
): Lender<ServerStream> {
  return new H1ServerStream(services, owner)
}

/**
 * A request head as servers are sent it, in latin1. Written before a server is known, and kept for
 * as many tries as there are: HTTP/1.1 text is also what another version would read it from.
 */
export function writeRequestHead(head: RequestHead, edits: RequestEdits): string {
  return forwardRequestText(head, edits)
}
