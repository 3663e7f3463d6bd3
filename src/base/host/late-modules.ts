import type * as crypto from 'node:crypto'
import type * as http2 from 'node:http2'
import type * as tls from 'node:tls'

/*
 * Modules of Node.js that most daemons have no use for. As imports they would be loaded at every
 * start, in each thread: 10 to 20 ms of processor time and 1.5 to 3 MiB each (Node 20).
 */

/** `node:tls`, loaded when it is asked for first. */
export function nodeTls(): typeof tls {
  return process.getBuiltinModule('node:tls')
}

/** `node:crypto`, loaded when it is asked for first. */
export function nodeCrypto(): typeof crypto {
  return process.getBuiltinModule('node:crypto')
}

/** `node:http2`, loaded when it is asked for first. */
export function nodeHttp2(): typeof http2 {
  return process.getBuiltinModule('node:http2')
}
