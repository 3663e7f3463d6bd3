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
